"""A live bottle as an operator has it, for attacks on the operator's own commands."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from attrs import field, frozen

from bottle.proc import run
from support.operator_terminal import OperatorTerminal
from support.project import BottleProject


@frozen(kw_only=True)
class LiveBottle:
    """A bottle at a terminal."""

    project: BottleProject
    identity: str
    terminal: OperatorTerminal = field(repr=False)

    def execute(self, *argv: str, stdin: bytes | None = None) -> tuple[int, str, str]:
        """(status, output, errors) of `bottle exec`."""
        command = self.project.command("exec", self.identity, "--", *argv)
        done = run(command, stdin=stdin, check=False)
        return done.code, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


@contextmanager
def live(project: BottleProject) -> Iterator[LiveBottle]:
    """A running bottle of the project's agent `shell`."""
    with project.terminal("start", "--yes", "shell", columns=200) as terminal:
        terminal.type(b"echo up-$((40+2))\n")
        terminal.expect(b"up-42\r", timeout=180)
        (row,) = json.loads(project.run("list", "--json").out)["data"]
        yield LiveBottle(project=project, identity=row["identity"], terminal=terminal)
        project.run("stop", row["identity"])
