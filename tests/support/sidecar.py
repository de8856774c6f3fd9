"""A real sidecar process under test; its listener is on the loopback of the test's own namespace."""

import http.client
import json
import os
import socket
import ssl
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from queue import Queue
from types import TracebackType
from typing import Any, Self

from attrs import evolve, field, frozen

import bottle_sidecar
from bottle.proc import Command
from bottle.sidecar.process import SidecarProcess
from bottle_sidecar.control.handover import send_listener
from bottle_sidecar.control.protocol import Ask, Decide, Exit, Notice, Remark, Renew, Start
from bottle_sidecar.policy.budget import Budget
from bottle_sidecar.policy.document import Policy, Route

IDENTITY = "tester-abcde"
WAIT = 20.0  # seconds that anything in these tests may take
PACKAGES = str(Path(bottle_sidecar.__file__).parent.parent)


def command() -> Command:
    return Command(
        argv=(sys.executable, "-W", "error", "-m", "bottle_sidecar"),
        env={**os.environ, "PYTHONPATH": PACKAGES},
    )


@frozen(kw_only=True)
class Reply:
    """An HTTP/1 answer. `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def rule(self) -> str:
        return str(self.document["rule"])


class Sidecar:
    """One bottle's sidecar. `under`: a program, with its arguments, that runs it.

    `questions`: what it asks and tells its operator.
    """

    def __init__(
        self,
        folder: Path,
        *,
        routes: Iterable[Route] = (),
        tokens: Mapping[str, str] | None = None,
        placeholders: Mapping[str, str] | None = None,
        under: tuple[str, ...] = (),
        budget: Budget | None = None,
        **start: Any,
    ) -> None:
        self._handover = folder / "exit.sock"
        self.log = folder / "sidecar.log"
        self.questions: Queue[Ask | Notice] = Queue()
        self._process = SidecarProcess(
            evolve(command(), argv=(*under, *command().argv)),
            Start(
                identity=IDENTITY,
                policy=Policy(routes=tuple(routes), budget=budget or Budget()),
                exit=Exit(handover=str(self._handover)),
                tokens=dict(tokens or {}),
                placeholders=dict(placeholders or {}),
                **start,
            ),
            log=self.log,
            heard=self.questions.put,
        )
        self.ready = self._process.ready
        with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
            self.port = listener.getsockname()[1]
            send_listener(str(self._handover), listener)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self._process.stop()

    def tell(self, message: Renew | Remark | Decide) -> None:
        self._process.tell(message)

    def asked(self) -> Ask:
        """The next question."""
        while not isinstance(message := self.questions.get(timeout=WAIT), Ask):
            pass
        return message

    @property
    def process(self) -> Any:
        return self._process._process

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def told(self, event: str) -> dict[str, Any]:
        """The first line of a kind; it may come a moment after what it tells of."""
        deadline = time.monotonic() + WAIT
        while time.monotonic() < deadline:
            for line in self.events:
                if line["event"] == event:
                    return line
            time.sleep(0.01)
        raise AssertionError(f"no line {event!r} in {self.events}")

    def connect(self) -> socket.socket:
        """A bare connection, as the agent makes it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=WAIT)

    def tunnel(self, host: str, port: int = 443) -> socket.socket:
        """A connection after a successful CONNECT."""
        connection = self.connect()
        connection.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        head = read_head(connection)
        assert head.startswith(b"HTTP/1.1 200 "), head
        return connection

    def secure(
        self, host: str, *, sni: str | None = None, alpn: Sequence[str] = ("http/1.1",)
    ) -> ssl.SSLSocket:
        """TLS through a tunnel to `host`, trusting the bottle's CA alone."""
        context = ssl.create_default_context(cadata=self.ready.ca_certificate)
        context.set_alpn_protocols(list(alpn))
        return context.wrap_socket(self.tunnel(host), server_hostname=sni or host)

    def request(
        self,
        host: str,
        target: str = "/",
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Reply:
        """One HTTP/1.1 request over TLS through a tunnel."""
        with self.secure(host) as connection:
            named = {"Host": host, **(headers or {})}
            if body is not None and not {"Content-Length", "Transfer-Encoding"} & set(named):
                named["Content-Length"] = str(len(body))
            lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
            connection.sendall(f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + (body or b""))
            return read_reply(connection, method=method)

    def raw(self, host: str, request: bytes) -> Reply:
        """Sends bytes as they are inside TLS and reads one answer."""
        with self.secure(host) as connection:
            connection.sendall(request)
            return read_reply(connection)


def read_head(connection: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            break
        head += byte
    return head


def read_reply(connection: socket.socket, *, method: str = "GET") -> Reply:
    answer = http.client.HTTPResponse(connection, method=method)
    answer.begin()
    body = answer.read()
    headers = {name.lower(): value for name, value in answer.getheaders()}
    return Reply(status=answer.status, headers=headers, body=body)


def read_all(connection: socket.socket) -> bytes:
    """Everything until the other side closes, however it does."""
    received = b""
    while True:
        try:
            data = connection.recv(65536)
        except (ConnectionError, ssl.SSLError):
            return received
        if not data:
            return received
        received += data
