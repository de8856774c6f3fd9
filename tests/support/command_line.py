"""The command line, called as `bottle.__main__` calls it, in a home of the test's own."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import click
from attrs import evolve, frozen

from bottle.cli.main import cli, main
from bottle.launch.keeping import record_of
from bottle.paths import Paths
from bottle.state.record import BottleRecord, Phase
from bottle.state.store import StateStore
from support.plans import plan
from support.project import Outcome


def command_context() -> click.Context:
    """The root's, as the program makes it: click keeps the help option of the first one it is given."""
    return click.Context(cli, info_name="bottle", **cli.context_settings)


@frozen(kw_only=True)
class CommandLine:
    """Runs commands in this process; `folder` holds the home, the cache and the runtime folder."""

    folder: Path

    @property
    def environ(self) -> Mapping[str, str]:
        return {
            "HOME": str(self.folder),
            "XDG_RUNTIME_DIR": str(self.folder / "run"),
            "PATH": "/usr/bin:/bin",
            "BOT_BOTTLE_BACKEND": "native",
        }

    @property
    def paths(self) -> Paths:
        return Paths.from_environment(self.environ, uid=0, cwd=Path.cwd())

    @property
    def store(self) -> StateStore:
        return StateStore(self.paths.state, self.paths.runtime)

    def write(self, files: Mapping[str, str]) -> None:
        """Manifests by their path below the home, such as `agents/coder.md`."""
        for name, text in files.items():
            path = self.paths.home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def run(self, *arguments: str, **environ: str) -> Outcome:
        """Without a terminal; the streams of this process are put back afterwards."""
        out, err = StringIO(), StringIO()
        before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = out, err
        try:
            code = main(arguments, {**self.environ, **environ})
        finally:
            sys.stdout, sys.stderr = before
        return Outcome(code=code, out=out.getvalue(), err=err.getvalue())

    def kept(self, **changes: Any) -> BottleRecord:
        """A bottle that was kept, as far as the state folder goes."""
        ended = {"phase": Phase.KEPT, "status": 143, "cwd": str(self.folder)}
        with self.live(**{**ended, **changes}) as record:
            self.store.preserve(record.identity)
        return record

    @contextmanager
    def live(self, **changes: Any) -> Iterator[BottleRecord]:
        """A bottle that this process owns, as far as the state folder goes."""
        record = evolve(record_of(plan(backend="native")), **{"phase": Phase.RUNNING, **changes})
        with self.store.claim(record):
            yield record
