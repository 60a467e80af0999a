"""Installs the peers into the folder .installed and builds opcall and its benches."""

import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
FOLDER = HERE / ".installed"
APERTURE = "0.2.0"

# The variable names another program that takes cargo's arguments.
CARGO = os.environ.get("CARGO", "cargo")


@dataclasses.dataclass
class Installed:
    """Paths of programs; empty where there is none."""

    benches: str
    opcall: str
    python: str
    node: str
    aperture: str
    curl: str
    versions: dict


def everything(say, opcall, benches):
    """Installs what can be; builds opcall and its benches unless paths of theirs are given."""
    work = FOLDER / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    python, node, aperture = python_peers(say), node_peers(say), cargo_peer(say)
    benches = benches or built(REPOSITORY / "benches" / "Cargo.toml", "opcall-benches")
    opcall = opcall or built(REPOSITORY / "Cargo.toml", "opcall")
    installed = Installed(benches, opcall, python, node, aperture, shutil.which("curl") or "", {})
    installed.versions = versions(installed)
    return installed


def ran(say, what, command, **more):
    """Whether a command succeeded; says it when it did not."""
    try:
        subprocess.run([str(word) for word in command], check=True, stdout=sys.stderr, **more)
    except (OSError, subprocess.CalledProcessError) as error:
        say(f"skipped: {what}: {error}")
        return False
    return True


def python_peers(say):
    python = FOLDER / "python" / "bin" / "python"
    if not python.exists() and not ran(say, "Python peers", [sys.executable, "-m", "venv", FOLDER / "python"]):
        return ""
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]
    return str(python) if ran(say, "Python peers", [*install, HERE / "requirements.txt"]) else ""


def node_peers(say):
    folder = FOLDER / "node"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "package.json", folder)
    node = shutil.which("node") or ""
    # The scripts that the packages run while they are installed are for browsers and editors.
    install = ["npm", "install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"]
    return node if node and ran(say, "Node peers", install, cwd=folder) else ""


def cargo_peer(say):
    program = FOLDER / "cargo" / "bin" / "aperture"
    install = [CARGO, "install", "--quiet", "--locked", "--root", FOLDER / "cargo", "--features", "openapi31"]
    done = program.exists() or ran(say, "aperture-cli", [*install, f"aperture-cli@{APERTURE}"], cwd=REPOSITORY)
    return str(program) if done else ""


def built(manifest, name):
    """The path of a program that cargo builds."""
    command = [CARGO, "build", "--release", "--locked", "--manifest-path", manifest, "--bin", name]
    command.append("--message-format=json-render-diagnostics")
    lines = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, cwd=REPOSITORY).stdout.splitlines()
    messages = [json.loads(line) for line in lines if line.startswith("{")]
    return next(message["executable"] for message in messages if message.get("executable"))


def versions(installed):
    """What was measured, by name."""
    pins = dict(line.split("==") for line in (HERE / "requirements.txt").read_text().split())
    pins |= json.loads((HERE / "package.json").read_text())["dependencies"]
    names = ("crowdstrike-falconpy", "aiopenapi3", "openapi-client-axios", "axios", "swagger-client")
    found = {name: pins[name] for name in names}
    lock = (REPOSITORY / "benches" / "Cargo.lock").read_text()
    found["reqwest"] = re.search(r'name = "reqwest"\nversion = "(.*)"', lock)[1]
    found["aperture-cli"] = APERTURE
    for name in ("opcall", "curl", "python", "node"):
        if program := getattr(installed, name):
            told = subprocess.run([program, "--version"], text=True, stdout=subprocess.PIPE).stdout
            found[name] = re.search(r"\d+(\.\d+)+", told)[0]
    return found
