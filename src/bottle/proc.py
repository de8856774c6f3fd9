"""The only module that spawns processes."""

import os
import shlex
import subprocess  # noqa: TID251 - this is the one place
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from select import select
from typing import IO

from attrs import field, frozen

from bottle.errors import BottleError, EnvironmentLacksError


@frozen(kw_only=True)
class Command:
    """A program to run. `argv` never holds a secret. `env` None inherits. `timeout` in seconds."""

    argv: tuple[str, ...]
    env: Mapping[str, str] | None = field(default=None, repr=False)
    cwd: str | None = None
    timeout: float | None = 60.0

    def __str__(self) -> str:
        return shlex.join(self.argv)


@frozen(kw_only=True)
class Completed:
    code: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        return self.stdout.decode(errors="replace").strip()


class CommandFailed(BottleError):  # noqa: N818 - reads as the event it is
    """A command ended with a non-zero code, or not within its time."""

    def __init__(self, command: Command, completed: Completed | None) -> None:
        self.completed = completed
        if completed is None:
            outcome, detail = f"did not end within {command.timeout:g} s", ""
        else:
            outcome = f"exited with {completed.code}"
            detail = "\n" + completed.stderr.decode(errors="replace").strip()[-4000:]
        super().__init__(f"`{command}` {outcome}{detail}")


def run(command: Command, *, stdin: bytes | IO[bytes] | None = None, check: bool = True) -> Completed:
    """Runs to the end and captures both streams.

    Raises CommandFailed for a non-zero code (where `check`) or an exceeded timeout,
    EnvironmentLacksError where the program does not exist, BottleError where it cannot be run.
    """
    try:
        done = subprocess.run(
            command.argv,
            env=command.env,
            cwd=command.cwd,
            timeout=command.timeout,
            capture_output=True,
            check=False,
            input=stdin if isinstance(stdin, bytes) else None,
            stdin=None if isinstance(stdin, bytes) else stdin or subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise CommandFailed(command, None) from None
    except OSError as error:
        raise _not_started(command, error) from None
    completed = Completed(code=done.returncode, stdout=done.stdout, stderr=done.stderr)
    if check and completed.code:
        raise CommandFailed(command, completed)
    return completed


def _not_started(command: Command, error: OSError) -> BottleError:
    program = command.argv[0]
    if isinstance(error, FileNotFoundError) and error.filename == program:
        return EnvironmentLacksError(f"the program '{program}' is not installed")
    place = f" in {command.cwd}" if command.cwd else ""
    return BottleError(f"the program '{program}' cannot be run{place}: {error.strerror}")


def spawn(
    command: Command,
    *,
    stdin: int | IO[bytes] | None = None,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
    pass_fds: Sequence[int] = (),
    new_session: bool = False,
) -> "Process":
    """Starts and returns at once. None for a stream inherits it; PIPE and DEVNULL as in this module."""
    try:
        return subprocess.Popen(
            command.argv,
            env=command.env,
            cwd=command.cwd,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=tuple(pass_fds),
            start_new_session=new_session,
        )
    except OSError as error:
        raise _not_started(command, error) from None


@contextmanager
def reading(command: Command, *, stdin: int | IO[bytes] | None = None) -> Iterator[IO[bytes]]:
    """Runs it beside us, and yields what it prints as it comes.

    Where the context ends by itself, so must the command: raises CommandFailed for a non-zero code. Where an
    exception ends it, the command is killed.
    """
    with _beside(command, stdin=DEVNULL if stdin is None else stdin, stdout=PIPE) as process:
        assert process.stdout is not None
        with process.stdout:
            yield process.stdout


@contextmanager
def writing(command: Command) -> Iterator[IO[bytes]]:
    """The same, for what it reads; what it prints is dropped."""
    with _beside(command, stdin=PIPE, stdout=DEVNULL) as process:
        assert process.stdin is not None
        with suppress(BrokenPipeError), process.stdin:  # its exit status says why
            yield process.stdin


@contextmanager
def _beside(command: Command, *, stdin: int | IO[bytes], stdout: int | IO[bytes]) -> Iterator["Process"]:
    with tempfile.TemporaryFile() as said:
        process = spawn(command, stdin=stdin, stdout=stdout, stderr=said)
        try:
            yield process
        except BaseException:
            process.kill()
            process.wait()
            raise
        if code := process.wait():
            said.seek(0)
            raise CommandFailed(command, Completed(code=code, stdout=b"", stderr=said.read()))


def wait(process: "Process", timeout: float | None = None) -> int | None:
    """The exit code, or None where the process still runs after `timeout` seconds."""
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        return None


def next_line(output: int, patience: float) -> bytes:
    """The next line of what a process writes, and not a byte more, so that the rest waits for the next call.

    Empty where it ends instead, or writes nothing for `patience` seconds.
    """
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select([output], [], [], patience)
        byte = os.read(output, 1) if ready else b""
        if not byte:
            return b""
        line += byte
    return line


def end(process: "Process", patience: float = 5.0) -> None:
    """Closes the input that `spawn` piped, waits `patience` seconds, then kills; no error where it ended."""
    if process.stdin:
        with suppress(OSError):
            process.stdin.close()
    if wait(process, patience) is None:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()


Process = subprocess.Popen[bytes]
PIPE = subprocess.PIPE
DEVNULL = subprocess.DEVNULL
