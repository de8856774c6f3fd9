"""The place where attacks run: one live bottle with a neighbour, and a host full of things to reach."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import field, frozen

from attacks.kit import BROKEN, THROUGH
from bottle.proc import Command, run
from support.operator_terminal import OperatorTerminal
from support.project import BottleProject

HERE = Path(__file__).parent
_PACKAGE = "attacks"
_BOOT = """
import json, sys, types
bundle = json.load(sys.stdin)
for name, source in bundle["sources"].items():
    sys.modules[name] = module = types.ModuleType(name)
    module.__path__ = []
    exec(compile(source, name, "exec"), module.__dict__)
sys.modules["attacks.kit"].main(bundle["claim"], bundle["aims"])
"""
_SECONDS = 600.0


@frozen(kw_only=True)
class Attempted:
    """How one attempt of an attack ended."""

    attempt: str
    outcome: str
    detail: str

    def __str__(self) -> str:
        return f"{self.attempt}: {self.outcome}{': ' if self.detail else ''}{self.detail}"


@frozen(kw_only=True)
class Report:
    """What an attack came to, in order. `complaint`: what the probe printed where it broke down."""

    attempts: tuple[Attempted, ...] = ()
    complaint: str = ""

    def that_are(self, outcome: str) -> list[str]:
        return [str(attempt) for attempt in self.attempts if attempt.outcome == outcome]

    @property
    def through(self) -> list[str]:
        return self.that_are(THROUGH)

    @property
    def broken(self) -> list[str]:
        return self.that_are(BROKEN) + ([self.complaint] if self.complaint else [])


def bundle(claim: str, aims: Mapping[str, Any]) -> bytes:
    """The probe as data: its sources and what it aims at."""
    sources = {
        _PACKAGE: "",
        **{f"{_PACKAGE}.{name}": (HERE / f"{name}.py").read_text() for name in ("kit", "shots")},
        claim: (HERE / "claims" / f"{claim.rpartition('.')[2]}.py").read_text(),
    }
    return json.dumps({"claim": claim, "sources": sources, "aims": aims}).encode()


def reports(names: Iterable[str], output: str, complaint: str) -> dict[str, Report]:
    """From the lines that a probe printed. An attack that printed none has nothing but the complaint."""
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    found = {}
    for name in names:
        attempts = [Attempted(attempt=line["attempt"], outcome=line["outcome"], detail=line["detail"])
                    for line in lines if line["attack"] == name]  # fmt: skip
        found[name] = Report(
            attempts=tuple(attempts), complaint=complaint if not attempts or complaint else ""
        )
    return found


@frozen(kw_only=True)
class LiveBottle:
    """A bottle at a terminal, as an operator has it."""

    project: BottleProject
    identity: str
    terminal: OperatorTerminal = field(repr=False)

    def execute(self, *argv: str, stdin: bytes | None = None) -> tuple[int, str, str]:
        """(status, output, errors) of `bottle exec`."""
        command = self.project.command("exec", self.identity, "--", *argv)
        done = run(command, stdin=stdin, check=False)
        return done.code, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")

    def attack(self, claim: str, aims: Mapping[str, Any]) -> dict[str, Report]:
        code, output, errors = self.execute("python3", "-I", "-c", _BOOT, stdin=bundle(claim, aims))
        return reports(aims, output, f"the probe ended with {code}: {errors[-2000:]}" if code else "")


def attack_without_a_bottle(claim: str, aims: Mapping[str, Any]) -> dict[str, Report]:
    """The same probe as a process of the host; what it mounts ends with it."""
    argv = ("unshare", "--mount", "--fork", sys.executable, "-I", "-c", _BOOT)
    done = run(Command(argv=argv, timeout=_SECONDS), stdin=bundle(claim, aims), check=False)
    complaint = f"the probe ended with {done.code}: {done.stderr.decode()[-2000:]}" if done.code else ""
    return reports(aims, done.stdout.decode(), complaint)


@contextmanager
def live(project: BottleProject) -> Iterator[LiveBottle]:
    """A running bottle of the project's agent `shell`."""
    before = _identities(project)
    with project.terminal("start", "--yes", "shell", columns=200) as terminal:
        terminal.type(b"echo up-$((40+2))\n")
        terminal.expect(b"up-42\r", timeout=180)
        (identity,) = _identities(project) - before
        found = LiveBottle(project=project, identity=identity, terminal=terminal)
        yield found
        project.run("stop", identity)


def _identities(project: BottleProject) -> set[str]:
    return {row["identity"] for row in json.loads(project.run("list", "--json").out)["data"]}


def masked(value: str) -> str:
    """As the probes unmask it, so that no value lies in a bottle because it is searched for."""
    return bytes(byte ^ 0x5A for byte in value.encode()).hex()
