"""How an agent's one way out is made, and what the probe beside it found: two forms, one contract."""

import json
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from importlib.resources import files
from typing import Protocol

from bottle import proc
from bottle.backends.docker import argv
from bottle.backends.docker.engine import Engine, EngineError, last_lines
from bottle.backends.docker.names import Names
from bottle.backends.errors import IsolationError

_SECONDS = 90.0
_END_SECONDS = 10.0


class ExitMaker(Protocol):
    def open(self) -> None:
        """Makes the way out of a running sandbox; the sidecar may still be starting."""

    def findings(self) -> Sequence[str]:
        """What the probe found wrong, in words; after `open`, with the sidecar ready."""

    def close(self) -> None: ...


class HandedOver:
    """The listening socket is born in the agent's network namespace and served by the sidecar."""

    def __init__(self, engine: Engine, listener: Sequence[str]) -> None:
        self._engine = engine
        self._listener = listener
        self._process: proc.Process | None = None
        self._found: Sequence[str] | None = None

    def open(self) -> None:
        """Starts the listener, which waits for the sidecar, hands its socket over, and then probes."""
        with tempfile.TemporaryFile() as errors:
            process = self._process = proc.spawn(
                self._engine.command(*self._listener),
                stdin=proc.DEVNULL,
                stdout=proc.PIPE,
                stderr=errors,
                new_session=True,
            )
            assert process.stdout is not None
            answer = proc.next_line(process.stdout.fileno(), _SECONDS)
            code = 0 if answer else proc.wait(process, _END_SECONDS)
            errors.seek(0)
            said = errors.read()
        self._found = read_findings(proc.Completed(code=code or 0, stdout=answer, stderr=said))

    def findings(self) -> Sequence[str]:
        return ["no probe has run"] if self._found is None else self._found

    def close(self) -> None:
        """The engine's clean-up after the listener is not waited for until now."""
        _end(self._process)


class Forwarded:
    """A forwarder inside joins the proxy's address to the sidecar's socket file; it needs python3."""

    def __init__(self, engine: Engine, names: Names, addresses: Sequence[str]) -> None:
        self._engine = engine
        self._names = names
        self._addresses = addresses
        self._forwarder: proc.Process | None = None

    def open(self) -> None:
        source = files("bottle.backends.docker").joinpath("forwarder.py").read_text()
        self._forwarder = proc.spawn(
            self._engine.command(*argv.forwarder(self._names, source)),
            stdin=proc.PIPE,
            stdout=proc.PIPE,
            stderr=proc.DEVNULL,
            new_session=True,
        )
        assert self._forwarder.stdout is not None
        if proc.next_line(self._forwarder.stdout.fileno(), _SECONDS).strip() != argv.UP.encode():
            raise EngineError(
                "the forwarder in the sandbox did not start", hint="the agent's image needs python3"
            )

    def findings(self) -> Sequence[str]:
        source = files("bottle_sidecar").joinpath("probe.py").read_text()
        arguments = argv.probe(self._names, source, self._addresses)
        return read_findings(self._engine.run(*arguments, timeout=_SECONDS, check=False))

    def close(self) -> None:
        _end(self._forwarder)


def _end(process: proc.Process | None) -> None:
    """Closes the streams that we hold, upon which it ends; by force where it does not. Idempotent."""
    if process is None:
        return
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()
    if proc.wait(process, _END_SECONDS) is None:
        process.kill()
        process.wait()


def read_findings(completed: proc.Completed) -> Sequence[str]:
    """What the probe printed. Raises EngineError where it did not run, IsolationError without an answer."""
    try:
        return [str(finding) for finding in json.loads(completed.stdout)["findings"]]
    except (ValueError, KeyError, TypeError):
        if completed.code:
            raise EngineError(f"the sandbox's exit could not be made:\n{last_lines(completed)}") from None
        raise IsolationError(
            "the isolation probe gave no readable answer", hint=last_lines(completed)
        ) from None
