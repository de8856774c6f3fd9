"""What a test may not leave behind, as comparable snapshots."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from attrs import field, frozen

from bottle.proc import Command, run
from support.engine.model import Engine

LABEL = "bot-bottle.identity"
THREAD_SECONDS = 5
OWN_VARIABLES = frozenset({"PYTEST_CURRENT_TEST"})


@frozen(kw_only=True)
class ProcessState:
    """The test process's environment, directory, children and threads."""

    environ: dict[str, str]
    cwd: str
    children: frozenset[int]
    threads: frozenset[threading.Thread]

    @classmethod
    def now(cls) -> Self:
        return cls(
            environ={name: value for name, value in os.environ.items() if name not in OWN_VARIABLES},
            cwd=str(Path.cwd()),
            children=frozenset(_children()),
            threads=frozenset(threading.enumerate()),
        )

    def left_since(self, before: Self) -> list[str]:
        """What is there now and was not `before`, in words; threads that are ending get time to."""
        names = {*self.environ, *before.environ}
        changed = sorted(name for name in names if self.environ.get(name) != before.environ.get(name))
        left = [f"environment variable {name}" for name in changed]
        if self.cwd != before.cwd:
            left.append(f"the current directory is {self.cwd}")
        left += [f"child process {pid}: {_command(pid)}" for pid in sorted(self.children - before.children)]
        for thread in self.threads - before.threads:
            thread.join(THREAD_SECONDS)
            if thread.is_alive():
                left.append(f"thread {thread.name}")
        return left


@frozen(kw_only=True)
class EngineState:
    """Everything of the product that the engine holds."""

    resources: frozenset[str] = field(factory=frozenset)

    @classmethod
    def now(cls, engine: Engine) -> Self:
        listings = (("ps", "--all"), ("network", "ls"), ("volume", "ls"))
        return cls(
            resources=frozenset(
                f"docker {listing[0]} {line}" for listing in listings for line in _labelled(engine, listing)
            )
        )

    def left_since(self, before: Self) -> list[str]:
        return sorted(self.resources - before.resources)


def _labelled(engine: Engine, listing: tuple[str, ...]) -> Iterator[str]:
    argv = ("docker", *listing, "--quiet", "--filter", f"label={LABEL}")
    yield from run(Command(argv=argv, env=engine.environment())).text.splitlines()


def _children() -> Iterator[int]:
    for path in Path("/proc/self/task").glob("*/children"):
        try:
            yield from map(int, path.read_text().split())
        except FileNotFoundError:  # the thread has ended
            continue


def _command(pid: int) -> str:
    """A process that has ended has no arguments any more."""
    arguments = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return arguments.strip() or "ended, but nobody waited for it"
