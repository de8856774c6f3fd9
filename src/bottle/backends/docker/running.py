"""A process inside a bottle, driven by `docker exec` on a terminal or streams that we own."""

import fcntl
import os
import secrets
import signal
import struct
import termios
import tty
from collections.abc import Mapping, Sequence
from contextlib import suppress

from bottle import proc
from bottle.backends.base import ExecRequest, Running
from bottle.backends.docker import argv
from bottle.backends.docker.engine import Engine
from bottle.backends.docker.names import Names
from bottle.errors import BottleError
from bottle.terminal import TerminalSize

_KILL_SECONDS = 10.0
_STEERING_PREFIXES = ("DOCKER", "GO", "LD_", "SSL_", "SSH_", "XDG_")
_STEERING = frozenset(
    {"PATH", "HOME", "TMPDIR", "TERM", "ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}
)


class DockerRunning(Running):
    """`process` is the CLI; the process inside is known by `token`."""

    def __init__(
        self, *, engine: Engine, names: Names, token: str, process: proc.Process, master: int | None
    ) -> None:
        self.master = master
        self._engine = engine
        self._names = names
        self._token = token
        self._process = process

    @property
    def process(self) -> proc.Process:
        """The CLI."""
        return self._process

    def wait(self) -> int:
        code = self._process.wait()
        return code if code >= 0 else 128 - code

    def resize(self, size: TerminalSize) -> None:
        """The CLI has no controlling terminal, so that it must be told that the size changed."""
        if self.master is not None:
            set_size(self.master, size)
            self._process.send_signal(signal.SIGWINCH)

    def kill(self) -> None:
        if self._process.poll() is None:
            self._engine.run(*argv.kill(self._names, self._token), timeout=_KILL_SECONDS, check=False)
            if proc.wait(self._process, _KILL_SECONDS) is None:
                self._process.kill()
                self._process.wait()


def start(engine: Engine, names: Names, request: ExecRequest, image_env: Sequence[str]) -> DockerRunning:
    """The environment goes through a pipe that the CLI reads as a file: never in an argv, never on disk."""
    token = secrets.token_hex(8)
    env = argv.env_file(request.env)
    refuse_steering(env.inherited, engine.environ)
    reading, writing = os.pipe()
    try:
        arguments = argv.execute(
            names,
            request,
            token=token,
            env_path=f"/dev/fd/{reading}",
            inherited=tuple(env.inherited),
            image_env=image_env,
        )
        command = proc.Command(
            argv=(engine.program, *arguments), env={**engine.environ, **env.inherited}, timeout=None
        )
        process, master = _spawn(command, request, reading)
    except BaseException:
        os.close(writing)
        raise
    finally:
        os.close(reading)
    with suppress(BrokenPipeError), os.fdopen(writing, "wb") as stream:  # it ended: `wait` says how
        stream.write(env.lines)
    return DockerRunning(engine=engine, names=names, token=token, process=process, master=master)


def _spawn(command: proc.Command, request: ExecRequest, descriptor: int) -> tuple[proc.Process, int | None]:
    if request.terminal is None:
        streams = request.streams
        stdin, stdout, stderr = (
            (streams.stdin, streams.stdout, streams.stderr) if streams else (proc.DEVNULL,) * 3
        )
        process = proc.spawn(
            command, stdin=stdin, stdout=stdout, stderr=stderr, pass_fds=(descriptor,), new_session=True
        )
        return process, None
    master, slave = os.openpty()
    try:
        set_size(master, request.terminal)
        tty.setraw(slave)  # what is typed before the CLI has done so itself must not be echoed here
        process = proc.spawn(
            command, stdin=slave, stdout=slave, stderr=slave, pass_fds=(descriptor,), new_session=True
        )
    except BaseException:
        os.close(master)
        raise
    finally:
        os.close(slave)
    return process, master


def set_size(terminal: int, size: TerminalSize) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", size.rows, size.columns, 0, 0))


def refuse_steering(inherited: Mapping[str, str], environ: Mapping[str, str]) -> None:
    """Raises BottleError for a variable that only the CLI's own environment can carry, and that steers it."""
    for name in inherited:
        if name in environ or name.upper() in _STEERING or name.upper().startswith(_STEERING_PREFIXES):
            raise BottleError(
                f"the variable {name} holds a line break or is longer than the docker CLI can pass on",
                hint="give it a value of one line, or use --backend native",
            )
