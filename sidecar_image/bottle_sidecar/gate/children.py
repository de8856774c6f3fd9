"""The programs that the gate starts: none outlives the sidecar, none can take the machine's memory."""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL as DEVNULL  # noqa: PLC0414 - for those who start programs
from asyncio.subprocess import PIPE as PIPE  # noqa: PLC0414
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import IO

from attrs import field, frozen

READ = 256 * 1024  # bytes that wait in a pipe's reader
ENDS_WITH_PARENT = ("setpriv", "--pdeathsig=KILL")
_TOLD = 64 * 1024  # bytes of a program's complaints that are kept


class ChildError(Exception):
    """A program ended with an error; `said` is what it wrote to its standard error."""

    def __init__(self, program: str, code: int, said: str) -> None:
        super().__init__(f"{program} ended with {code}: {said.strip()}")
        self.said = said


@frozen(kw_only=True)
class Call:
    """A program to start. `memory`: bytes of its own that it may allocate. `env` is its whole environment."""

    argv: Sequence[str]
    env: Mapping[str, str] = field(repr=False)
    cwd: str = "/"
    memory: int | None = None

    @property
    def confined(self) -> Sequence[str]:
        """The kernel ends the program with the sidecar, whatever ends that."""
        limits = ("--core=0", *((f"--data={self.memory}",) if self.memory else ()))
        return ("prlimit", *limits, *ENDS_WITH_PARENT, *self.argv)


@asynccontextmanager
async def started(
    call: Call,
    *,
    stdin: int | IO[bytes] = DEVNULL,
    stdout: int | IO[bytes] = PIPE,
    stderr: int | IO[bytes] = PIPE,
) -> AsyncIterator[Process]:
    """A running program; it and what it started are ended with the block, however that ends."""
    process = await asyncio.create_subprocess_exec(
        *call.confined,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env=dict(call.env),
        cwd=call.cwd,
        limit=READ,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        transport = process._transport  # type: ignore[attr-defined]  # noqa: SLF001 - else its pipes stay open until collected
        transport.close()


async def run(call: Call, *, stdin: bytes = b"") -> bytes:
    """The whole output. Raises ChildError for a status other than 0."""
    async with started(call, stdin=PIPE if stdin else DEVNULL) as process:
        output, said = await process.communicate(stdin or None)
        if process.returncode:
            raise failure(call, process.returncode, said)
    return output


@asynccontextmanager
async def reading(call: Call, *, stdin: int | IO[bytes] = DEVNULL) -> AsyncIterator[asyncio.StreamReader]:
    """A program's output as it comes; the block reads it to its end. Raises ChildError where it failed."""
    async with started(call, stdin=stdin) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        telling = asyncio.create_task(gathered(process.stderr))
        try:
            yield process.stdout
            said = await telling
        finally:
            telling.cancel()
        if await process.wait():
            raise failure(call, process.returncode, said)


def failure(call: Call, code: int | None, said: bytes) -> ChildError:
    program = call.argv[1] if call.argv[0] == "git" and len(call.argv) > 1 else call.argv[0]
    return ChildError(program, code or 0, said[-_TOLD:].decode(errors="replace"))


async def gathered(reader: asyncio.StreamReader) -> bytes:
    """The last of what a stream says, read to its end so that its writer never waits."""
    said = b""
    while data := await reader.read(READ):
        said = (said + data)[-_TOLD:]
    return said
