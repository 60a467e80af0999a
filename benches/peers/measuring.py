"""The server that all call, and what a process takes from its start to its end."""

import dataclasses
import json
import os
import signal
import subprocess

# Seconds of wall time after which a process is ended, when it uses too little of the processor to reach that limit.
PATIENCE = 300

# The limit of processor time that `measure` of the benches sets.
LIMIT = 60


@dataclasses.dataclass
class Command:
    """What is run: a program with its arguments, and the variables it needs beside a path and a home."""

    arguments: list
    environment: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Taken:
    """Seconds of processor and wall time and peak kilobytes; or why there are none, and what the process told."""

    cpu: float = 0.0
    wall: float = 0.0
    kilobytes: int = 0
    failure: str = ""
    told: str = ""


class Measure:
    """Runs commands through the small program of the benches that measures them, one after the other."""

    def __init__(self, benches, home):
        self.benches, self.home = benches, home

    def __call__(self, command):
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home)} | command.environment
        arguments = [self.benches, "measure", *map(str, command.arguments)]
        process = subprocess.Popen(
            arguments, env=environment, cwd=self.home, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        try:
            out, told = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return Taken(failure=f"over {PATIENCE} s of waiting")
        found = json.loads(out)
        taken = Taken(found["cpu"], found["wall"], found["kilobytes"], told=told[-2000:])
        if found["code"] != 0:
            taken.failure = failure(found["cpu"], told)
        return taken


def failure(cpu, told):
    # The system counts towards the limit by its clock ticks, which can be ahead of what it says in the end.
    if cpu > LIMIT * 0.9:
        return f"over {LIMIT} s"
    return "out of memory" if "heap out of memory" in told or "MemoryError" in told else "fails"


class Server:
    """The server of the benches, for as long as a `with` block lasts."""

    def __init__(self, benches):
        self.process = subprocess.Popen(
            [benches, "serve"], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def __enter__(self):
        return "http://" + self.process.stdout.readline().strip()

    def __exit__(self, *_):
        self.process.communicate("")
