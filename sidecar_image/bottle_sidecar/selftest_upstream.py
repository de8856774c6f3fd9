"""The servers of `bottle selftest`, beside the sidecar: one with TLS, one without.

The one argument is the host name or address to serve on. The first line of standard input is a JSON object:
`names` to serve, `redirects` (path -> location), and `fallback`, the text that stands for a credential where
none came. It is answered with one line: both addresses, the CA, and a certificate with key for the host's
own use. From then on each request is one JSON line, and each further line of input is answered with
`{"synced": ...}`: whatever arrived before has been told by then. The program ends with its standard input.
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

from bottle_sidecar.throwaway import ThrowAwayCertificate

_LONGEST_TOLD = 65536  # bytes of one request
_PIECE = 3
WEBSOCKET = "/websocket"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


class Upstream:
    """Answers requests as an obliging server would: redirects, and gives back the credential that it got."""

    def __init__(self, redirects: Mapping[str, str], fallback: str) -> None:
        self._redirects = redirects
        self._fallback = fallback

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One connection. What cannot be read as a request is told, too."""
        connection, received = h11.Connection(h11.SERVER), bytearray()
        try:
            while await _request(connection, reader, received):
                target = _tell(received)
                if target == WEBSOCKET:
                    await self._converse(reader, writer, received)
                    break
                for piece in self._answer(connection, target, received):
                    writer.write(piece)
                    await writer.drain()
                if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                    break
                connection.start_next_cycle()
                received = bytearray(connection.trailing_data[0])
        except (OSError, h11.ProtocolError):
            _tell(received)
        finally:
            writer.close()

    @staticmethod
    async def _converse(reader: StreamReader, writer: StreamWriter, received: bytearray) -> None:
        """Switches to a WebSocket, tells all that comes, and answers it with one message of text."""
        key = _value(received, b"sec-websocket-key").encode()
        accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
        writer.write(_SWITCHED + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        while data := await reader.read(_LONGEST_TOLD):
            _tell(data)
            writer.write(b"\x81\x08answered")

    def _answer(
        self, connection: h11.Connection, target: str, received: bytes | bytearray
    ) -> Iterator[bytes]:
        status, headers, pieces = self._content(target, _credential(received) or self._fallback)
        head = [*headers, ("transfer-encoding", "chunked")]
        response = h11.Response(
            status_code=status, headers=[(name.encode(), value.encode()) for name, value in head]
        )
        yield connection.send(response) or b""
        for piece in pieces:
            yield connection.send(h11.Data(data=piece)) or b""
        yield connection.send(h11.EndOfMessage()) or b""

    def _content(self, target: str, credential: str) -> tuple[int, list[tuple[str, str]], list[bytes]]:
        """Status, headers, and the body in the pieces in which it is sent."""
        text = credential.encode()
        if target in self._redirects:
            return 302, [("location", self._redirects[target])], []
        if target == "/v1/echo":
            return 200, [], [text]
        if target == "/v1/echo-header":
            return 200, [("x-credential", credential)], []
        if target == "/v1/echo-pieces":
            return 200, [], [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
        return 200, [], [b"answered"]


async def _request(connection: h11.Connection, reader: StreamReader, received: bytearray) -> bool:
    """Reads a request to its end; false where the connection ends instead. Its bytes come to `received`."""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            data = await reader.read(65536)
            received += data[: _LONGEST_TOLD - len(received)]
            connection.receive_data(data)
        elif isinstance(event, h11.EndOfMessage):
            return True
        elif not isinstance(event, (h11.Request, h11.Data)):
            return False


def _credential(received: bytes | bytearray) -> str:
    return _value(received, b"authorization")


def _value(received: bytes | bytearray, name: bytes) -> str:
    """Of the first header line with that name, "" without."""
    lines = received.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    values = [line.partition(b":")[2].strip() for line in lines if line.lower().startswith(name + b":")]
    return values[0].decode("latin-1") if values else ""


def _tell(received: bytes | bytearray) -> str:
    """Prints the request as it came in; its target."""
    text = received.decode("latin-1")
    if text:
        _say({"request": text})
    words = text.partition("\r\n")[0].split(" ")
    return words[1] if len(words) > 1 else ""


def _say(line: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


async def main() -> None:
    loop = asyncio.get_running_loop()
    settings = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    certificate = ThrowAwayCertificate(settings["names"])
    upstream = Upstream(settings["redirects"], settings["fallback"])
    host = socket.gethostbyname(sys.argv[1])
    secured = await asyncio.start_server(upstream.serve, host, 0, ssl=certificate.context())
    plain = await asyncio.start_server(upstream.serve, host, 0)
    address, plain_address = (f"{host}:{one.sockets[0].getsockname()[1]}" for one in (secured, plain))
    own = ThrowAwayCertificate(["selftest.test"]).with_key
    _say({"address": address, "plain_address": plain_address, "ca_pem": certificate.pem, "host_pem": own})
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        await asyncio.sleep(0)
        _say({"synced": line.strip()})


if __name__ == "__main__":
    asyncio.run(main())
