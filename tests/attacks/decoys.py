"""What attacks aim at on the host: services that must never be talked to, files that must never be read."""

import asyncio
import socket
import threading
from asyncio import DatagramTransport, StreamReader, StreamWriter
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from attrs import frozen

from bottle.proc import Command, run

WAIT = 20.0
_BANNER = b"a service of the host\r\n"


@frozen(kw_only=True)
class Ports:
    """Of the services that listen on all IPv4 addresses, on all IPv6 addresses, and for datagrams."""

    four: int
    six: int
    datagram_four: int
    datagram_six: int


class Decoys:
    """Services on every address of this machine and on unix sockets; `visits` counts who came."""

    def __init__(self, folder: Path, name: str) -> None:
        self.abstract = f"bottle-attack-{name}"
        self.path = folder / "decoy.sock"
        self.visits = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="decoys")
        self._servers: list[asyncio.Server] = []
        self._datagrams: list[DatagramTransport] = []

    def __enter__(self) -> Self:
        self._thread.start()
        self.ports = self._call(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT)
        self._loop.close()

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT)

    async def _listen(self) -> Ports:
        abstract = socket.socket(socket.AF_UNIX)
        abstract.bind(f"\0{self.abstract}")
        four, six = [await asyncio.start_server(self._serve, host, 0) for host in ("0.0.0.0", "::")]
        unix = await asyncio.start_unix_server(self._serve, self.path)
        self.path.chmod(0o666)
        self._servers = [four, six, unix, await asyncio.start_unix_server(self._serve, sock=abstract)]
        ports = [server.sockets[0].getsockname()[1] for server in (four, six)]
        for host in ("0.0.0.0", "::"):
            transport, _ = await self._loop.create_datagram_endpoint(lambda: _Echo(self), (host, 0))
            self._datagrams.append(transport)
            ports.append(transport.get_extra_info("sockname")[1])
        return Ports(four=ports[0], six=ports[1], datagram_four=ports[2], datagram_six=ports[3])

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for transport in self._datagrams:
            transport.close()
        await asyncio.sleep(0)

    async def _serve(self, _: StreamReader, writer: StreamWriter) -> None:
        self.visits += 1
        writer.write(_BANNER)
        writer.close()


class _Echo(asyncio.DatagramProtocol):
    def __init__(self, decoys: Decoys) -> None:
        self._decoys = decoys

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._decoys.visits += 1
        self._transport.sendto(data, addr)


def host_addresses() -> list[str]:
    """Every address of this machine; link-local ones with their interface."""
    found = []
    for line in run(Command(argv=("ip", "-o", "address", "show"))).text.splitlines():
        _, interface, family, address, *_ = line.split()
        host = address.partition("/")[0]
        found.append(f"{host}%{interface}" if family == "inet6" and host.startswith("fe80") else host)
    return found
