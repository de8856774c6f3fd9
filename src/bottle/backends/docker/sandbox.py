"""Bringing an agent's container up while its sidecar starts: the slow calls, side by side."""

import select
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from bottle import proc
from bottle.backends.docker.argv import UP
from bottle.backends.docker.engine import Engine, EngineError
from bottle.backends.docker.exits import ExitMaker

_UP_SECONDS = 120.0
_END_SECONDS = 20.0
_GRACE_SECONDS = 5.0


Check = Callable[[], Sequence[str]]


class Holder:
    """The sandbox's first process, seen from its owner: it lives as long as our end of its input is open."""

    def __init__(self, engine: Engine, arguments: Sequence[str]) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `close`
        try:
            self._process = proc.spawn(
                engine.command(*arguments),
                stdin=proc.PIPE,
                stdout=proc.PIPE,
                stderr=self._errors,
                new_session=True,
            )
        except BaseException:
            self._errors.close()
            raise

    def await_up(self) -> None:
        """Returns when the sandbox runs. Raises EngineError with what the engine said."""
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], _UP_SECONDS)
        if not ready:
            raise EngineError(f"the engine did not start the sandbox within {_UP_SECONDS:g} s")
        if self._process.stdout.readline().decode().strip() != UP:
            code = proc.wait(self._process, _END_SECONDS)
            self._errors.seek(0)
            said = self._errors.read().decode(errors="replace").strip()[-2000:]
            raise EngineError(f"the sandbox did not start (docker exited with {code}):\n{said}")

    def await_end(self) -> None:
        """Returns when the sandbox has ended, by whatever cause."""
        self._process.wait()

    def close(self) -> None:
        """Lets the sandbox end; by force where the CLI does not follow. Idempotent."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        if proc.wait(self._process, _END_SECONDS) is None:
            self._process.kill()
            self._process.wait()

    def release(self) -> None:
        """Gives back what `await_up` reads from; after nobody reads any more."""
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._errors.close()


class Sandbox:
    """An agent's container on its way up, its exit after it, and `checks` of it, which tell what is wrong.

    Everything starts at construction, while the sidecar starts: an ExitMaker waits for it by itself.
    """

    def __init__(self, holder: Holder, exit_maker: ExitMaker, checks: Sequence[Check]) -> None:
        self._holder = holder
        self._exit_maker = exit_maker
        self._entered: list[proc.Process] = []
        self._pool = ThreadPoolExecutor(max_workers=3 + len(checks), thread_name_prefix="sandbox")
        self._pool.submit(self._end_what_entered)
        self._up: Future[None] = self._pool.submit(holder.await_up)
        self._opened: Future[None] = self._pool.submit(self._open_exit)
        self._checks = [self._pool.submit(self._after_up, check) for check in checks]

    def _open_exit(self) -> None:
        self._up.result()
        self._exit_maker.open()

    def _after_up(self, check: Check) -> Sequence[str]:
        self._up.result()
        return check()

    def entered(self, process: proc.Process) -> None:
        """Takes note of a CLI whose process is inside, to be ended with the sandbox."""
        self._entered = [known for known in self._entered if known.poll() is None] + [process]

    def _end_what_entered(self) -> None:
        """An engine may not tell a CLI that the sandbox is gone (gVisor without memory): it would hang."""
        self._holder.await_end()
        for process in self._entered:
            if proc.wait(process, _GRACE_SECONDS) is None:
                process.kill()

    def findings(self) -> Sequence[str]:
        """What the checks and the probe found wrong; with the sidecar ready. Raises what they raise."""
        checked = [finding for check in self._checks for finding in check.result()]
        self._opened.result()
        return [*checked, *self._exit_maker.findings()]

    def stop(self) -> None:
        """Lets the container end. Whatever still waits for it fails; what waits in it must be removed."""
        self._holder.close()

    def close(self) -> bool:
        """After `stop` and the removal of the containers: joins all. Says whether anything was under way."""
        waited_for: list[Future[Any]] = [self._up, self._opened, *self._checks]
        under_way = not all(future.done() for future in waited_for)
        self._pool.shutdown(wait=True)
        self._exit_maker.close()
        self._holder.release()
        return under_way
