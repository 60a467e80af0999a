"""The peers, and how each is asked to do the work that is measured.

A work is a function that gives a command. `call`, `at_once` and `resolve` take how often it is done in one process and
are run with two counts, so that the start of the process is not in what one of them takes.
"""

import dataclasses
import json
import os
import pathlib
import subprocess
import typing

from installing import FOLDER, HERE, REPOSITORY
from measuring import Command

WIDTH = 64
PATH = "/installation-tokens/queries/tokens/v1"
ARGUMENTS = {"limit": 5, "offset": 0, "sort": "created_timestamp|desc", "filter": "status:'valid'"}
QUERY = "limit=5&offset=0&sort=created_timestamp%7Cdesc&filter=status%3A%27valid%27"
TOKEN = "a-token-of-some-length-0123456789abcdef0123456789"
WORK = FOLDER / "work"

Work = typing.Optional[typing.Callable[..., Command]]


@dataclasses.dataclass
class Peer:
    """What is measured, and the two counts of each work that is done more than once."""

    name: str
    counts: dict
    call: Work = None
    at_once: Work = None
    resolve: Work = None
    cold: Work = None
    signing_in: Work = None
    load: Work = None


class Setting:
    """What the peers need: the programs, the server's address, the documents."""

    def __init__(self, installed, url):
        self.installed, self.url = installed, url
        self.small = WORK / "installation_tokens.json"
        if installed.python:
            self.write_small()

    def write_small(self):
        """The document of the call that is measured, in JSON, with this server and a scheme for the token."""
        source = REPOSITORY / "specs" / "falcon" / "installation_tokens.yaml"
        read = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))"
        text = subprocess.run(
            [self.installed.python, "-c", read, source], check=True, stdout=subprocess.PIPE, text=True
        ).stdout
        document = json.loads(text)
        document["servers"] = [{"url": self.url}]
        document["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"bearer": []}]
        self.small.write_text(json.dumps(document))

    def documents(self):
        """The documents that are loaded: the small one, a made one, and those of the folder that a variable names."""
        made = WORK / "made.json"
        with made.open("w") as file:
            subprocess.run([self.installed.benches, "document", "1600"], check=True, stdout=file)
        folder = os.environ.get("OPCALL_DOCUMENTS")
        others = sorted(pathlib.Path(folder).glob("*.json")) if folder else []
        small = [self.small] if self.installed.python else []
        return sorted([*small, made, *others], key=lambda file: file.stat().st_size)


def peers(setting):
    """All that could be installed."""
    installed = setting.installed
    found = [reqwest(setting), opcall_library(setting), opcall_program(setting)]
    if installed.curl:
        found.append(curl(setting))
    if installed.node and installed.python:
        # It takes some thousand calls until the interpreter has compiled what they need.
        warm = {"call": (6_000, 10_000), "at_once": (5_120, 8_960), "resolve": (5_000, 25_000)}
        found.append(of_node(setting, "openapi-client-axios", warm | {"resolve": (20_000, 220_000)}))
        found.append(of_node(setting, "swagger-client", warm))
    if installed.python:
        found += [falconpy(setting, "session"), falconpy(setting, ""), aiopenapi3(setting)]
    if installed.aperture and installed.python:
        found.append(aperture(setting))
    return found


def reqwest(setting):
    def way(name, rest=setting.url):
        return lambda count: Command([setting.installed.benches, "way", name, count, rest])

    counts = {"call": (1_000, 41_000), "at_once": (1_280, 41_600), "resolve": (10_000, 810_000)}
    return Peer(
        "raw reqwest",
        counts,
        call=way("call-by-hand"),
        at_once=way("call-by-hand-at-once"),
        resolve=way("build-by-hand"),
        cold=lambda: way("call-by-hand")(1),
        load=lambda count, document: way("parse", document)(count),
    )


def opcall_library(setting):
    def way(name, rest=setting.url):
        return lambda count: Command([setting.installed.benches, "way", name, count, rest])

    counts = {"call": (1_000, 41_000), "at_once": (1_280, 41_600), "resolve": (10_000, 810_000)}
    return Peer(
        "opcall, library",
        counts,
        call=way("call"),
        at_once=way("call-at-once"),
        resolve=way("resolve"),
        cold=lambda: way("call")(1),
        load=lambda count, document: way("load", document)(count),
    )


def opcall_program(setting):
    address = {"FALCON_BASE_URL": setting.url}
    with_token = address | {"FALCON_ACCESS_TOKEN": TOKEN}
    with_secret = address | {"FALCON_CLIENT_ID": "an-id", "FALCON_CLIENT_SECRET": "a-secret"}
    items = [f"{name}={value}" for name, value in ARGUMENTS.items()]

    def batch(*options):
        def command(count):
            file = WORK / f"opcall-{count}.ndjson"
            line = json.dumps({"operation": "tokens_query", "params": ARGUMENTS})
            file.write_text(f"{line}\n" * count)
            return Command([setting.installed.opcall, "batch", file, *options], with_token)

        return command

    return Peer(
        "opcall, program",
        {"call": (1_000, 21_000), "at_once": (1_280, 21_120), "resolve": (1_000, 41_000)},
        call=batch("--concurrency", 1),
        at_once=batch("--concurrency", WIDTH),
        resolve=batch("--concurrency", 1, "--dry-run"),
        cold=lambda: Command([setting.installed.opcall, "tokens_query", *items], with_token),
        signing_in=lambda: Command([setting.installed.opcall, "tokens_query", *items], with_secret),
    )


def curl(setting):
    address = f"{setting.url}{PATH}?{QUERY}"
    program = [setting.installed.curl, "--silent", "--fail", "--output", "/dev/null"]
    program += ["--header", f"authorization: Bearer {TOKEN}"]
    # A fragment is not sent: the numbers behind it only say how often.
    wide = ["--parallel", "--parallel-max", WIDTH]
    return Peer(
        "curl",
        {"call": (1_000, 21_000), "at_once": (1_280, 21_120)},
        call=lambda count: Command([*program, f"{address}#[1-{count}]"]),
        at_once=lambda count: Command([*program, *wide, f"{address}#[1-{count}]"]),
        cold=lambda: Command([*program, address]),
    )


def of_node(setting, name, counts):
    script = HERE / f"with_{name.replace('-', '_')}.cjs"
    path = {"NODE_PATH": str(FOLDER / "node" / "node_modules")}

    def run(*arguments):
        return Command([setting.installed.node, script, *arguments], path)

    return Peer(
        name,
        counts,
        call=lambda count: run("call", count, 1, setting.url, setting.small),
        at_once=lambda count: run("call", count, WIDTH, setting.url, setting.small),
        resolve=lambda count: run("resolve", count, setting.small),
        cold=lambda: run("call", 1, 1, setting.url, setting.small),
        load=lambda count, document: run("load", count, document),
    )


def falconpy(setting, how):
    def run(count, width, how):
        script = HERE / "with_falconpy.py"
        return Command([setting.installed.python, script, "call", count, width, setting.url, how])

    return Peer(
        "FalconPy, with a session" if how else "FalconPy",
        {"call": (200, 1_700), "at_once": (320, 1_280)},
        call=lambda count: run(count, 1, how),
        at_once=lambda count: run(count, WIDTH, how),
        cold=lambda: run(1, 1, how),
        signing_in=None if how else lambda: run(1, 1, "login"),
    )


def aiopenapi3(setting):
    def run(*arguments):
        return Command([setting.installed.python, HERE / "with_aiopenapi3.py", *arguments])

    return Peer(
        "aiopenapi3",
        {"call": (20, 120), "at_once": (64, 192)},
        call=lambda count: run("call", count, 1, setting.url, setting.small),
        at_once=lambda count: run("call", count, WIDTH, setting.url, setting.small),
        cold=lambda: run("call", 1, 1, setting.url, setting.small),
        load=lambda count, document: run("load", count, document),
    )


def aperture(setting):
    folder = {"APERTURE_CONFIG_DIR": str(WORK / "aperture"), "APERTURE_BASE_URL": setting.url, "PEER_TOKEN": TOKEN}
    program = setting.installed.aperture
    items = [word for name, value in ARGUMENTS.items() for word in (f"--{name}", str(value))]
    operation = ["installation-tokens", "tokens-query", *items]

    def load(count, document):
        return Command([program, "config", *(["add", "--force", "loaded", document] if count else ["list"])], folder)

    def batch(*options):
        def command(count):
            file = WORK / f"aperture-{count}.json"
            file.write_text(json.dumps({"operations": [{"args": operation}] * count}))
            return Command([program, "api", "tokens", "--batch-file", file, *options], folder)

        return command

    secret = ["set-secret", "tokens", "bearer", "--env", "PEER_TOKEN"]
    for words in (["add", "--force", "tokens", setting.small], secret):
        subprocess.run(
            [program, "config", *words], env=os.environ | folder, check=True, stdout=subprocess.DEVNULL
        )
    return Peer(
        "aperture-cli",
        {"call": (200, 2_200), "at_once": (640, 3_840), "resolve": (500, 10_500)},
        call=batch("--batch-concurrency", "1"),
        at_once=batch("--batch-concurrency", WIDTH),
        resolve=batch("--batch-concurrency", "1", "--dry-run"),
        cold=lambda: Command([program, "api", "tokens", *operation], folder),
        load=load,
    )
