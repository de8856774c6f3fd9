"""A live bottle's workspace without a sandbox: an upper layer, as an overlay would have left it."""

import os
import sys
from pathlib import Path

from bottle.proc import Command, run
from bottle.state.record import BottleRecord
from bottle.workspace.origin import How, Origin
from support.command_line import CommandLine
from support.operator_terminal import LEADER, OperatorTerminal
from support.project import Outcome

IDENTITY = "dev-abcde"


class LayeredWorkspace:
    """`host`: the directory that it began as; `upper`: what the agent made of it."""

    def __init__(self, command_line: CommandLine, record: BottleRecord) -> None:
        self.command_line = command_line
        self.record = record
        self.host = command_line.folder / "host"
        self.upper = command_line.paths.home / "native" / IDENTITY / "upper"
        self.host.mkdir()
        self.upper.mkdir(parents=True)
        self.started()

    @property
    def state(self) -> Path:
        return self.command_line.paths.state / IDENTITY

    def started(self, how: How = How.OVERLAY) -> None:
        """What is done to the host from now on is not known of."""
        probe = self.state / "probe"
        probe.touch()
        now = probe.stat().st_ctime_ns
        while probe.stat().st_ctime_ns <= now:
            probe.touch()
        Origin(folder=self.state, source=str(self.host), how=how, started_ns=now).write()

    def host_file(self, name: str, text: str = "old\n") -> None:
        (self.host / name).parent.mkdir(parents=True, exist_ok=True)
        (self.host / name).write_text(text)
        self.started()

    def write(self, name: str, text: str | bytes = "new\n", mode: int = 0o644) -> None:
        target = self.upper / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else text.encode())
        target.chmod(mode)

    def remove(self, name: str) -> None:
        (self.upper / name).parent.mkdir(parents=True, exist_ok=True)
        (self.upper / name).unlink(missing_ok=True)
        os.mknod(self.upper / name, 0o020000, 0)

    def command(self, *arguments: str, cwd: Path | None = None, **environ: str) -> Command:
        """`bottle` with `arguments`, of which the first is the command that gets the identity."""
        env = {**self.command_line.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environ}
        argv = (sys.executable, "-m", "bottle", arguments[0], IDENTITY, *arguments[1:])
        return Command(argv=argv, env=env, cwd=str(cwd or self.command_line.folder))

    def run(self, *arguments: str, cwd: Path | None = None, **environ: str) -> Outcome:
        """In a session of its own, as there is no terminal to ask on."""
        command = self.command(*arguments, cwd=cwd, **environ)
        return Outcome.of(
            run(
                Command(argv=("setsid", "--wait", *command.argv), env=command.env, cwd=command.cwd),
                check=False,
            )
        )

    def terminal(self, *arguments: str, **environ: str) -> OperatorTerminal:
        command = self.command(*arguments, cwd=None, **environ)
        return OperatorTerminal(*LEADER, *command.argv, env=command.env, cwd=command.cwd)
