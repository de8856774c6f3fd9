"""What attacks aim at on the host: services that must never be talked to."""

import asyncio
import fcntl
import os
import socket
import struct
import threading
from asyncio import DatagramTransport, StreamReader, StreamWriter
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from attrs import frozen

from bottle.backends.native import addresses

LOOPBACK = ("127.0.0.1", "::1")
_SECONDS = 20.0
_BANNER = b"a service of the host\r\n"
_INTERFACES = Path("/sys/class/net")
_ADDRESS_OF = 0x8915  # SIOCGIFADDR


@frozen(kw_only=True)
class Ports:
    """Of the services on IPv4 addresses, on IPv6 addresses, and for datagrams; 0 where there is no IPv6."""

    four: int
    six: int
    datagram_four: int
    datagram_six: int


class Decoys:
    """Services on loopback, on container bridges and on unix sockets; `visits` counts who came.

    `workspace`: a directory of the host's for a bottle to work on, with a service and a pipe that is read.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.abstract = f"bottle-selftest-{name}"
        self.path = folder / "decoy.sock"
        self.workspace = folder / "workspace"
        self.workspace.mkdir()
        self.in_workspace = self.workspace / "s"
        self.pipe = self.workspace / "p"
        os.mkfifo(self.pipe)
        self._reader = os.open(self.pipe, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
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
        self._thread.join(_SECONDS)
        self._loop.close()
        os.close(self._reader)

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_SECONDS)

    async def _listen(self) -> Ports:
        abstract = socket.socket(socket.AF_UNIX)
        abstract.bind(f"\0{self.abstract}")
        self._servers.append(await asyncio.start_unix_server(self._serve, sock=abstract))
        for path in (self.path, self.in_workspace):
            self._servers.append(await asyncio.start_unix_server(self._serve, path))
            path.chmod(0o666)
        four, six = LOOPBACK
        return Ports(
            four=await self._streams((four, *_bridges())),
            six=await self._streams((six,)),
            datagram_four=await self._echoes((four, *_bridges())),
            datagram_six=await self._echoes((six,)),
        )

    async def _streams(self, hosts: Sequence[str]) -> int:
        """The port, which is the same on all of them that are free; 0 where there is none."""
        port = 0
        for host in hosts:
            with suppress(OSError):
                server = await asyncio.start_server(self._serve, host, port)
                self._servers.append(server)
                port = server.sockets[0].getsockname()[1]
        return port

    async def _echoes(self, hosts: Sequence[str]) -> int:
        port = 0
        for host in hosts:
            with suppress(OSError):
                transport, _ = await self._loop.create_datagram_endpoint(lambda: _Echo(self), (host, port))
                self._datagrams.append(transport)
                port = transport.get_extra_info("sockname")[1]
        return port

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


def _bridges() -> list[str]:
    """IPv4 addresses of this machine at which containers reach it."""
    found = []
    for folder in sorted(_INTERFACES.glob("*/bridge")):
        with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
            request = struct.pack("256s", folder.parent.name.encode())
            found.append(socket.inet_ntoa(fcntl.ioctl(made.fileno(), _ADDRESS_OF, request)[20:24]))
    return found


def host_addresses() -> list[str]:
    """Every address of this machine; link-local ones with their interface."""
    links = _link_local()
    others = [one for one in addresses.of_host() if not one.startswith("fe80:")]
    return [*LOOPBACK, *others, *links]


def _link_local(table: Path = Path("/proc/net/if_inet6")) -> list[str]:
    lines = table.read_text().splitlines() if table.is_file() else []
    fields = [line.split() for line in lines if line.startswith("fe80")]
    return [f"{socket.inet_ntop(socket.AF_INET6, bytes.fromhex(entry[0]))}%{entry[-1]}" for entry in fields]
