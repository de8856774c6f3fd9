"""Starts probes, inside a bottle or as a process of the host, and reads what they tell."""

import json
import os
import pkgutil
import select
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import IO, Any

from attrs import define, field

from bottle.backends.base import ExecRequest, Running, Streams
from bottle.errors import EnvironmentLacksError
from bottle.launch.launcher import LiveBottle
from bottle.plan import WORKSPACE
from bottle.proc import Command, Process, spawn, wait
from bottle.selftest.catalogue import sources
from bottle.selftest.outcome import Report, reports

Run = tuple[str, Any]
Line = Mapping[str, Any]
"""An attack's module and its aim; a line that a probe printed."""

_PATIENCE = 120.0  # seconds without a word
_OUTSIDE_SECONDS = 300.0
_NOT_FOUND = 127
_LONGEST = 2000
_OWN_MOUNTS = ("unshare", "--mount", "--fork")
_AS_ROOT = ("unshare", "--user", "--map-root-user", "--mount", "--net", "--fork")


def _boot() -> str:
    text = pkgutil.get_data("bottle.selftest", "boot.py")
    assert text is not None
    return text.decode()


def _python(program: str) -> tuple[str, ...]:
    return program, "-I", "-c", _boot()


@contextmanager
def _bundle(runs: Sequence[Run]) -> Iterator[IO[bytes]]:
    """The probes as data: their sources and what they aim at."""
    with TemporaryFile() as file:
        document = {"sources": sources([module for module, _ in runs]), "runs": runs}
        file.write(json.dumps(document).encode())
        file.seek(0)
        yield file


def inside(live: LiveBottle, runs: Sequence[Run]) -> Iterator[Line]:
    """Runs them beside the agent, as it would itself. Where they end early, the last line says `ended`."""
    read, write = os.pipe2(os.O_CLOEXEC)
    with _bundle(runs) as bundle, TemporaryFile() as errors, open(read, "rb", 0) as output:  # noqa: PTH123 - a descriptor
        streams = Streams(stdin=bundle.fileno(), stdout=write, stderr=errors.fileno())
        request = ExecRequest(argv=_python("python3"), env=live.env, cwd=str(WORKSPACE), streams=streams)
        try:
            running = live.bottle.start(request)
        finally:
            os.close(write)
        for line in _lines(output.fileno()):
            yield line
            if "over" in line:
                running.wait()
                return
        yield {"ended": _how(running, errors)}


def _how(running: Running, errors: IO[bytes]) -> str:
    """Raises EnvironmentLacksError where the sandbox has no Python to run probes with."""
    running.kill()
    status = running.wait()
    if status == _NOT_FOUND:
        raise EnvironmentLacksError(
            "the sandbox has no python3, which the attacks run on", hint="sudo apt-get install -y python3"
        )
    errors.seek(0)
    return f"the probe ended with {status}: {errors.read().decode(errors='replace')[-_LONGEST:]}"


def _lines(output: int) -> Iterator[Line]:
    """Until the stream ends, or nothing comes for too long."""
    received = b""
    while select.select([output], [], [], _PATIENCE)[0]:
        data = os.read(output, 65536)
        if not data:
            return
        *whole, received = (received + data).split(b"\n")
        yield from (json.loads(line) for line in whole if line.startswith(b"{"))


@define
class Outside:
    """The same probes as a process of the host, begun and not yet waited for."""

    runs: Sequence[Run]
    _wrapper: tuple[str, ...]
    _process: Process = field(repr=False)
    _output: IO[bytes] = field(repr=False)
    _errors: IO[bytes] = field(repr=False)

    @classmethod
    @contextmanager
    def begun(cls, runs: Sequence[Run], *, as_root: bool = False) -> Iterator["Outside"]:
        """What they mount ends with them. `as_root`: with the rights of root over namespaces of their own."""
        wrapper = _AS_ROOT if as_root else _OWN_MOUNTS if os.geteuid() == 0 else ()
        with _bundle(runs) as bundle, TemporaryFile() as output, TemporaryFile() as errors:
            command = Command(argv=(*wrapper, *_python(sys.executable)), cwd="/", timeout=None)
            process = spawn(command, stdin=bundle, stdout=output, stderr=errors, new_session=True)
            try:
                yield cls(runs, wrapper, process, output, errors)
            finally:
                process.kill()
                process.wait()

    def reports(self) -> dict[str, Report]:
        """Waits for the end."""
        status = wait(self._process, _OUTSIDE_SECONDS)
        self._output.seek(0)
        self._errors.seek(0)
        lines = [json.loads(line) for line in self._output.read().splitlines() if line.startswith(b"{")]
        if not any("over" in line for line in lines):
            told = self._errors.read().decode(errors="replace")[-_LONGEST:]
            lines.append({"ended": f"the probe ended with {status}: {told}"})
        return reports([module for module, _ in self.runs], lines)
