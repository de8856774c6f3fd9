"""The servers of `bottle selftest`, beside the sidecar: one with TLS, one without, one that is elsewhere.

The one argument is the host name or address to serve on. The first line of standard input is a JSON object:
`names` to serve, `redirects` (path -> location), and `fallback`, the text that stands for a credential where
none came. It is answered with one line: the addresses, the CA, and a certificate with key for the host's
own use. From then on each request is one JSON line, and each further line of input is answered with
`{"synced": ...}`: whatever arrived before has been told by then. The program ends with its standard input.

Connections to the third address are carried over standard input and output, as `{"carried": number, "data":
base64}`, to whoever started the program; without data, that direction has ended.
"""

import asyncio
import base64
import hashlib
import json
import socket
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator, Mapping
from typing import Any

import h11

from bottle_sidecar.selftest_ledger import Ledger
from bottle_sidecar.selftest_talks import Http2Talk, WebSocketTalk
from bottle_sidecar.throwaway import ThrowAwayCertificate

_LONGEST_TOLD = 65536  # bytes of one request
_PIECE = 3
WEBSOCKET = "/websocket"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
_CARRIED = 32768  # bytes at once


class Upstream:
    """Answers requests as an obliging server would: redirects, and gives back the credential that it got."""

    def __init__(self, redirects: Mapping[str, str], fallback: str) -> None:
        self._redirects = redirects
        self._fallback = fallback
        self._ledger = Ledger()

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One connection, in whatever it speaks. What cannot be read as a request is told, too."""
        secured = writer.get_extra_info("ssl_object")
        try:
            if secured is not None and secured.selected_alpn_protocol() == "h2":
                await Http2Talk(self._ledger, _told, self._redirects).serve(reader, writer)
            else:
                await self._http1(reader, writer)
        except OSError:
            pass
        finally:
            writer.close()

    async def _http1(self, reader: StreamReader, writer: StreamWriter) -> None:
        connection, request = h11.Connection(h11.SERVER), Incoming(self._ledger)
        try:
            while await request.read(connection, reader):
                if request.target == WEBSOCKET:
                    request.tell()
                    await self._converse(reader, writer, bytes(request.received))
                    return
                if request.upgrades:
                    request.tell()
                    talk = WebSocketTalk(self._ledger, request.target, _told)
                    await talk.serve(reader, writer, bytes(request.received))
                    return
                request.tell()
                for piece in self._answer(connection, request):
                    writer.write(piece)
                    await writer.drain()
                if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                    return
                connection.start_next_cycle()
                request = Incoming(self._ledger, connection.trailing_data[0])
        except h11.ProtocolError:
            pass
        finally:
            request.tell()

    @staticmethod
    async def _converse(reader: StreamReader, writer: StreamWriter, received: bytes) -> None:
        """Switches to a WebSocket, tells all that comes, and answers it with one message of text."""
        key = _value(received, b"sec-websocket-key").encode()
        accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
        writer.write(_SWITCHED + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        while data := await reader.read(_LONGEST_TOLD):
            _told(data)
            writer.write(b"\x81\x08answered")

    def _answer(self, connection: h11.Connection, request: "Incoming") -> Iterator[bytes]:
        status, headers, pieces = self._content(request)
        head = [*headers, ("transfer-encoding", "chunked")]
        response = h11.Response(
            status_code=status, headers=[(name.encode(), value.encode()) for name, value in head]
        )
        yield connection.send(response) or b""
        for piece in pieces:
            yield connection.send(h11.Data(data=piece)) or b""
        yield connection.send(h11.EndOfMessage()) or b""

    def _content(self, request: "Incoming") -> tuple[int, list[tuple[str, str]], list[bytes]]:
        """Status, headers, and the body in the pieces in which it is sent."""
        target, credential = request.target, _credential(request.received) or self._fallback
        text = credential.encode()
        if target in self._redirects:
            return 302, [("location", self._redirects[target])], []
        if target == "/v1/echo":
            return 200, [], [text]
        if target == "/v1/echo-header":
            return 200, [("x-credential", credential)], []
        if target == "/v1/echo-pieces":
            return 200, [], [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
        if target == "/arrived":
            return 200, [], [self._ledger.answer(bytes(request.body))]
        return 200, [], [b"answered"]


class Incoming:
    """One request over HTTP/1, as far as it came. `received`: its first bytes, `body` those of its body."""

    def __init__(self, ledger: Ledger, begun: bytes = b"") -> None:
        self._ledger = ledger
        self._unrecorded = begun
        self._is_told = False
        self.received = bytearray(begun)
        self.body = bytearray()
        self.upgrades = False

    @property
    def target(self) -> str:
        words = bytes(self.received[:_LONGEST_TOLD]).partition(b"\r\n")[0].decode("latin-1").split(" ")
        return words[1] if len(words) > 1 else ""

    async def read(self, connection: h11.Connection, reader: StreamReader) -> bool:
        """To its end; false where the connection ends instead."""
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                self._record(data := await reader.read(65536))
                connection.receive_data(data)
            elif isinstance(event, h11.EndOfMessage):
                return True
            elif isinstance(event, h11.Data):
                self._ledger.add(self.target, "body", bytes(event.data))
                self.body += event.data[: _LONGEST_TOLD - len(self.body)]
            elif isinstance(event, h11.Request):
                self.upgrades = any(
                    value == b"websocket" for name, value in event.headers if name == b"upgrade"
                )
            else:
                return False

    def _record(self, data: bytes) -> None:
        self.received += data[: _LONGEST_TOLD - len(self.received)]
        self._ledger.add(self.target, "wire", self._unrecorded + data)
        self._unrecorded = b""

    def tell(self) -> None:
        """Prints it as it came in, once."""
        if self.received and not self._is_told:
            _told(bytes(self.received))
        self._is_told = True


class Relay:
    """Connections that somebody else answers."""

    def __init__(self) -> None:
        self._writers: dict[int, StreamWriter] = {}
        self._last = 0

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._last += 1
        number = self._last
        self._writers[number] = writer
        try:
            while data := await reader.read(_CARRIED):
                _say({"carried": number, "data": base64.b64encode(data).decode()})
        except OSError:
            pass
        finally:
            _say({"carried": number, "data": ""})

    async def take(self, number: int, data: bytes) -> None:
        """What is to be answered; nothing ends the connection."""
        writer = self._writers.get(number)
        if writer is None:
            return
        try:
            writer.write(data)
            await writer.drain()
        except OSError:
            data = b""
        if not data:
            del self._writers[number]
            writer.close()


def _credential(received: bytes | bytearray) -> str:
    return _value(received, b"authorization")


def _value(received: bytes | bytearray, name: bytes) -> str:
    """Of the first header line with that name, "" without."""
    lines = received.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    values = [line.partition(b":")[2].strip() for line in lines if line.lower().startswith(name + b":")]
    return values[0].decode("latin-1") if values else ""


def _told(received: bytes) -> None:
    _say({"request": received[:_LONGEST_TOLD].decode("latin-1")})


def _say(line: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


async def main() -> None:
    loop = asyncio.get_running_loop()
    settings = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    certificate = ThrowAwayCertificate(settings["names"])
    upstream = Upstream(settings["redirects"], settings["fallback"])
    host = socket.gethostbyname(sys.argv[1])
    context = certificate.context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    secured = await asyncio.start_server(upstream.serve, host, 0, ssl=context)
    plain = await asyncio.start_server(upstream.serve, host, 0)
    relay = Relay()
    carried = await asyncio.start_server(relay.serve, host, 0)
    servers = {"address": secured, "plain_address": plain, "git_address": carried}
    addresses = {name: f"{host}:{one.sockets[0].getsockname()[1]}" for name, one in servers.items()}
    own = ThrowAwayCertificate(["selftest.test"]).with_key
    _say({**addresses, "ca_pem": certificate.pem, "host_pem": own})
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        if line.startswith("{"):
            told = json.loads(line)
            await relay.take(told["carried"], base64.b64decode(told["data"]))
            continue
        await asyncio.sleep(0)
        _say({"synced": line.strip()})


if __name__ == "__main__":
    asyncio.run(main())
