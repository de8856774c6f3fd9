"""Drives the native back-end as some user: reads one JSON request a line, answers one line each.

The sidecar's place is taken by a stub that receives the bottle's listener and answers its health check.
"""

import json
import os
import select
import signal
import socket
import sys
import tempfile
import threading
from io import BytesIO
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from attrs import evolve

from bottle.backends.base import BackendContext, ExecRequest, Running, Streams, TerminalSize
from bottle.backends.native.backend import NativeBackend
from bottle.backends.native.bottle import NativeBottle, NativeHost
from bottle.backends.native.places import Places
from bottle.backends.native.venv import SidecarVenv
from bottle.paths import Paths
from bottle.plan import (
    AGENT_PATH,
    AgentProgram,
    GitIdentity,
    LaunchPlan,
    Limits,
    Trust,
    Workspace,
    WorkspaceMode,
)
from bottle_sidecar.policy.document import Policy

ENVIRONMENT = {"PATH": AGENT_PATH, "HOME": "/home/agent", "TERM": "xterm"}
MEMORY = 256 * 1024 * 1024
PIDS = 60
DISK = 64 * 1024 * 1024
_SECONDS = 20.0


class StubExit:
    """Takes the listener as the sidecar does, and answers every connection with the bottle's identity."""

    def __init__(self, path: str, identity: str) -> None:
        self._identity = identity
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(path)
        self._server.listen()
        self._threads = [threading.Thread(target=self._receive, daemon=True)]
        self._threads[0].start()
        self._listener: socket.socket | None = None

    def _receive(self) -> None:
        try:
            connection, _ = self._server.accept()
        except OSError:
            return
        with connection:
            _, descriptors, _, _ = socket.recv_fds(connection, 1, 1)
            self._listener = socket.socket(fileno=descriptors[0])
            connection.send(b"+")
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client:
                client.recv(4096)
                client.sendall(b'HTTP/1.1 200 OK\r\n\r\n{"identity": "%s"}' % self._identity.encode())

    def close(self) -> None:
        for each in (self._server, self._listener):
            if each:
                each.shutdown(socket.SHUT_RDWR)
                each.close()
        for thread in self._threads:
            thread.join()


class Program:
    def __init__(self, base: Path, venv: Path) -> None:
        self._paths = paths = _paths(base)
        self._backend = NativeBackend(BackendContext(paths=paths, environ=os.environ, uid=os.getuid()))
        self._venv = SidecarVenv(packages=venv, sources=base)
        self._bottles: dict[str, NativeBottle] = {}
        self._exits: dict[str, StubExit] = {}
        self._found: SimpleQueue[int | None] = SimpleQueue()
        self._background: list[Running] = []

    def run(self) -> None:
        for line in sys.stdin:
            request = json.loads(line)
            try:
                answer = getattr(self, "do_" + request.pop("do"))(**request)
            except Exception as error:  # noqa: BLE001 - the test decides
                answer = {"error": type(error).__name__, "message": str(error)}
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
        os._exit(0)

    def do_create(
        self, identity: str, kill_after: int | None = None, workspace: list[Any] | None = None
    ) -> dict[str, Any]:
        """`kill_after`: milliseconds until this process kills itself, wherever it may be then.

        `workspace`: folder, mode, patterns of what stays out.
        """
        if kill_after is not None:
            threading.Timer(kill_after / 1000, os.kill, (os.getpid(), signal.SIGKILL)).start()
        bottle = self._bottles[identity] = self._new(identity)
        planned = evolve(plan(identity), workspace=_workspace(*workspace) if workspace else None)
        handover = bottle.sidecar(planned).exit.handover
        assert handover is not None
        self._exits[identity] = StubExit(handover, identity)
        arrival = bottle.create(planned, trust_store="trusted\n")
        bottle.watch(planned, self._found.put)
        return {
            "record": str(Places.of(self._paths, identity).run / "record.json"),
            "running": bottle.running(),
            "how": arrival.how,
            "note": arrival.note,
            "box": str(Places.of(self._paths, identity).box),
        }

    def do_changes(self, identity: str) -> dict[str, Any]:
        """What is told of an overlay, as text."""
        with self._bottles[identity].changes(None) as stream:
            return {"told": stream.read().decode("ascii")}

    def do_background(self, identity: str, script: str) -> dict[str, Any]:
        """Starts a shell script that ends with its sandbox."""
        with Path(os.devnull).open("r+b") as nothing:
            streams = Streams(stdin=nothing.fileno(), stdout=nothing.fileno(), stderr=nothing.fileno())
            request = ExecRequest(
                argv=("sh", "-c", script), env=ENVIRONMENT, cwd="/workspace", streams=streams
            )
            self._background.append(self._bottles[identity].start(request))
        return {}

    def do_overuse(self) -> dict[str, Any]:
        """Waits for what the measuring says."""
        return {"used": self._found.get(timeout=_SECONDS)}

    def do_halt(self, identity: str) -> dict[str, Any]:
        self._bottles[identity].halt()
        return {"running": self._bottles[identity].running()}

    def do_ignore_signals(self) -> dict[str, Any]:
        """As a program finds them that was started by `nohup`, or in the background of a script."""
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
            signal.signal(number, signal.SIG_IGN)
        return {}

    def do_sh(self, identity: str, script: str, *, fresh: bool = False, stdin: str = "") -> dict[str, Any]:
        """Runs a shell script inside; `fresh`: through a handle of its own, as another process would."""
        bottle = self._new(identity) if fresh else self._bottles[identity]
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said:
            given.write(stdin.encode())
            given.seek(0)
            streams = Streams(stdin=given.fileno(), stdout=said.fileno(), stderr=said.fileno())
            request = ExecRequest(
                argv=("sh", "-c", script), env=ENVIRONMENT, cwd="/workspace", streams=streams
            )
            status = bottle.start(request).wait()
            said.seek(0)
            return {"status": status, "output": said.read().decode(errors="replace")}

    def do_directory_stream(self, identity: str) -> dict[str, Any]:
        folder = os.open("/", os.O_RDONLY)
        streams = Streams(stdin=folder, stdout=folder, stderr=folder)
        running = self._bottles[identity].start(
            ExecRequest(argv=("true",), env=ENVIRONMENT, cwd="/", streams=streams)
        )
        return {"status": running.wait()}

    def do_put(self, identity: str, target: str, archive: str) -> dict[str, Any]:
        self._bottles[identity].put(target, BytesIO(bytes.fromhex(archive)))
        return {}

    def do_terminal(self, identity: str, argv: list[str], steps: list[list[Any]]) -> dict[str, Any]:
        """Steps: ["type", text] | ["expect", text] | ["resize", rows, columns] | ["kill"]."""
        running = self._bottles[identity].start(
            ExecRequest(
                argv=tuple(argv),
                env=ENVIRONMENT,
                cwd="/workspace",
                terminal=TerminalSize(rows=24, columns=80),
            )
        )
        assert running.master is not None
        seen = ""
        for kind, *values in steps:
            if kind == "type":
                os.write(running.master, values[0].encode())
            elif kind == "resize":
                running.resize(TerminalSize(rows=values[0], columns=values[1]))
            elif kind == "kill":
                running.kill()
            else:
                text, found = _read_until(running.master, values[0])
                seen += text
                if not found:
                    running.kill()
                    break
        status = running.wait()
        os.close(running.master)
        return {"status": status, "seen": seen}

    def do_suspend(self, identity: str) -> dict[str, Any]:
        bottle = self._bottles.pop(identity, None) or self._new(identity)
        bottle.suspend()
        if identity in self._exits:
            self._exits.pop(identity).close()
        return {}

    def do_remove(self, identity: str) -> dict[str, Any]:
        bottle = self._bottles.pop(identity, None) or self._new(identity)
        bottle.remove()
        if identity in self._exits:
            self._exits.pop(identity).close()
        return {}

    def do_running(self, identity: str) -> dict[str, Any]:
        return {"running": self._new(identity).running()}

    def do_resources(self) -> dict[str, Any]:
        return {entry.identity: entry.describe() for entry in self._backend.resources()}

    def _new(self, identity: str) -> NativeBottle:
        accounts = self._backend._accounts
        host = NativeHost(
            accounts=accounts, venv=self._venv, cli=self._backend._cli, mirrors=self._paths.cache / "git"
        )
        return NativeBottle(Places.of(self._paths, identity), host)


def plan(identity: str) -> LaunchPlan:
    return LaunchPlan(
        identity=identity,
        agent="test",
        agent_file=Path("/agent.md"),
        agent_trust=Trust.HOME,
        bottle="test",
        bottle_file=Path("/bottle.md"),
        backend="native",
        backend_reason="test",
        program=AgentProgram(template="shell", argv=("sh",)),
        env=(),
        seed_files=(),
        seed_trees=(),
        policy=Policy(),
        git_identity=GitIdentity(),
        git_upstreams=(),
        workspace=None,
        limits=Limits(cpus=1.0, memory=MEMORY, pids=PIDS, disk=DISK),
        supervise=False,
        interactive=False,
        cwd=Path("/work"),
    )


def _workspace(source: str, mode: str, *excludes: str) -> Workspace:
    return Workspace(source=Path(source), mode=WorkspaceMode(mode), excludes=excludes)


def _paths(base: Path) -> Paths:
    return Paths(user_home=base, home=base / "h", cache=base / "c", runtime=base / "r", cwd=base)


def _read_until(master: int, wanted: str) -> tuple[str, bool]:
    """What comes up to and with `wanted`; what follows it stays in the terminal for the next step."""
    text = ""
    while wanted not in text:
        if not select.select([master], [], [], _SECONDS)[0]:
            return text, False
        try:
            part = os.read(master, 1)
        except OSError:
            return text, False
        text += part.decode(errors="replace")
    return text, True


if __name__ == "__main__":
    Program(Path(sys.argv[1]), Path(sys.argv[2])).run()
