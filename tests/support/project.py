"""An operator with manifests and the `bottle` program, as tests use them: from outside, for real."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from attrs import field, frozen

from bottle.proc import DEVNULL, Command, Completed, Process, run, spawn
from support.operator_terminal import LEADER, OperatorTerminal

PROGRAM = (sys.executable, "-m", "bottle")
_SECONDS = 600.0


@frozen(kw_only=True)
class Outcome:
    """How a `bottle` command ended. `out` and `err` are decoded."""

    code: int
    out: str
    err: str

    @classmethod
    def of(cls, completed: Completed) -> "Outcome":
        return cls(
            code=completed.code,
            out=completed.stdout.decode(errors="replace"),
            err=completed.stderr.decode(errors="replace"),
        )


@frozen(kw_only=True)
class BottleProject:
    """A home, a working directory, and an environment. `program` is what is run as `bottle`."""

    folder: Path
    environ: Mapping[str, str] = field(repr=False)
    program: tuple[str, ...] = PROGRAM

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def cwd(self) -> Path:
        return self.folder / "work"

    def write(self, files: Mapping[str, str]) -> None:
        """Manifests by their path below the home, such as `agents/coder.md`."""
        for name, text in files.items():
            path = self.home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def command(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Command:
        self.cwd.mkdir(parents=True, exist_ok=True)
        env = {**self.environ, "BOT_BOTTLE_HOME": str(self.home), **(environ or {})}
        return Command(argv=(*self.program, *arguments), env=env, cwd=str(self.cwd), timeout=_SECONDS)

    def run(self, *arguments: str, **environ: str) -> Outcome:
        """Runs `bottle` without a terminal, to its end."""
        return Outcome.of(run(self.command(*arguments, environ=environ), check=False))

    def kept(self) -> list[str]:
        """The identities of the bottles that are kept, as `list` shows them."""
        return [line.split("\t")[0] for line in self.run("list", "kept").out.splitlines()]

    def discard_kept(self) -> None:
        """What a test leaves on purpose goes with its operator."""
        if identities := self.kept():
            outcome = self.run("discard", "--yes", *identities)
            assert outcome.code == 0, outcome.err

    def spawn(self, *arguments: str, stdout: int | IO[bytes], **environ: str) -> Process:
        """Starts `bottle` without a terminal and returns at once; both streams go to `stdout`."""
        command = self.command(*arguments, environ=environ)
        return spawn(command, stdin=DEVNULL, stdout=stdout, stderr=stdout, new_session=True)

    def terminal(
        self, *arguments: str, rows: int = 24, columns: int = 80, **environ: str
    ) -> OperatorTerminal:
        """Runs `bottle` on a terminal of its own."""
        command = self.command(*arguments, environ=environ)
        return OperatorTerminal(
            *LEADER, *command.argv, rows=rows, columns=columns, env=command.env, cwd=command.cwd
        )


def operator_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The test's environment without what would steer `bottle`, plus `extra`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BOT_BOTTLE_")}
    return {**kept, **(extra or {})}


def shell_agent(routes: Sequence[str] = (), name: str = "shell", **keys: str) -> dict[str, str]:
    """Manifests of a shell agent with these routes (YAML flow mappings) and further bottle keys."""
    lines = [f"{key}: {value}" for key, value in keys.items()]
    declared = "".join(f"\n    - {route}" for route in routes) or " []"
    bottle = "\n".join(
        ["---", "agent_provider: {template: shell}", f"egress:\n  routes:{declared}", *lines, "---", ""]
    )
    return {f"agents/{name}.md": f"---\nbottle: {name}\n---\n", f"bottles/{name}.md": bottle}
