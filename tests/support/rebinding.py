"""`python -m support.rebinding FOLDER`, as root of network and mount namespaces of its own.

A name server that changes its mind, sites at a public address and at private ones, and a sidecar that
resolves as the system does. Prints what each name led to, as one JSON object.
"""

import json
import os
import socket
import socketserver
import struct
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from pathlib import Path

from bottle.proc import Command, run
from bottle_sidecar.policy.document import Route, Scheme
from support.sidecar import Sidecar, read_reply

PUBLIC, PRIVATE = "93.184.216.34", ("127.0.0.1", "10.9.9.9", "::1")
ROUNDS = 30
_A, _CNAME, _AAAA = 1, 5, 28
_FORMS = (
    "0.0.0.0", "127.0.0.1", "10.9.9.9", "169.254.169.254", "100.64.0.1", "198.18.0.1", "224.0.0.1",
    "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::127.0.0.1", "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1", "2002:7f00:1::1", "2001:0:7f00:1::1", "2606:4700::5efe:7f00:1", "fd00::1", "fec0::1",
    "fe80::1", "ff02::1",
)  # fmt: skip

Record = tuple[int, str]
Zone = Callable[[int], Sequence[Record]]
"""What a name leads to, each time that its IPv4 addresses are asked for."""


def _zones() -> Mapping[str, Zone]:
    forms: dict[str, Zone] = {
        f"form-{number}.test": lambda _, form=form: [_address(form)]  # type: ignore[misc]
        for number, form in enumerate(_FORMS)
    }
    return {
        "steady.test": lambda _: [(_A, PUBLIC)],
        "flips.test": lambda asked: [(_A, PRIVATE[0] if asked % 2 else PUBLIC)],
        "turns.test": lambda asked: [(_A, PRIVATE[1] if asked else PUBLIC)],
        "mixed.test": lambda _: [(_A, PRIVATE[0]), (_A, PUBLIC), (_A, PRIVATE[1]), (_AAAA, "::1")],
        "alias.test": lambda _: [(_CNAME, "localhost"), (_A, PRIVATE[0])],
        "alias-of-inside.test": lambda _: [(_CNAME, "db.internal"), (_A, PRIVATE[1]), (_AAAA, "::1")],
        **forms,
    }


def _address(text: str) -> Record:
    return (_AAAA if ":" in text else _A), text


class NameServer:
    """Answers by `zones`. `asked`: how often for the IPv4 addresses of each name."""

    def __init__(self, zones: Mapping[str, Zone]) -> None:
        self._zones = zones
        self.asked: Counter[str] = Counter()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 53))

    @contextmanager
    def serving(self) -> Iterator[None]:
        thread = threading.Thread(target=self._serve)
        thread.start()
        try:
            yield
        finally:
            self._socket.sendto(b"", self._socket.getsockname())
            thread.join()
            self._socket.close()

    def _serve(self) -> None:
        while True:
            query, sender = self._socket.recvfrom(4096)
            if not query:
                return
            self._socket.sendto(self._answer(query), sender)

    def _answer(self, query: bytes) -> bytes:
        name, end = _name(query)
        (kind,) = struct.unpack_from("!H", query, end)
        zone = self._zones.get(name)
        found = zone(self.asked[name]) if zone else []
        self.asked[name] += kind == _A
        records = [_record(*one) for one in _chain(name, found) if one[1] in {kind, _CNAME}]
        head = query[:2] + struct.pack("!HHHHH", 0x8180 if zone else 0x8183, 1, len(records), 0, 0)
        return head + query[12 : end + 4] + b"".join(records)


def _name(query: bytes) -> tuple[str, int]:
    labels, at = [], 12
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode())
        at += 1 + length
    return ".".join(labels), at + 1


def _chain(name: str, found: Sequence[Record]) -> Iterator[tuple[str, int, str]]:
    """Each record with whose it is: what follows an alias is that of its target."""
    for kind, value in found:
        yield name, kind, value
        name = value if kind == _CNAME else name


def _record(name: str, kind: int, value: str) -> bytes:
    """Without a time to live."""
    data = _labels(value) if kind == _CNAME else ip_address(value).packed
    return _labels(name) + struct.pack("!HHIH", kind, 1, 0, len(data)) + data


def _labels(name: str) -> bytes:
    return b"".join(bytes((len(label),)) + label.encode() for label in name.split(".")) + b"\0"


class Site:
    """An HTTP server at one address, that counts its visitors."""

    def __init__(self, address: str) -> None:
        self.visits = 0
        site = self

        class Server(socketserver.ThreadingTCPServer):
            address_family = socket.AF_INET6 if ":" in address else socket.AF_INET

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                site.visits += 1
                while self.rfile.readline().strip():
                    pass
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

        self._server = Server((address, 80), Handler)

    @contextmanager
    def serving(self) -> Iterator[None]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


def _prepare(folder: Path) -> None:
    """Nothing outside of this process' namespaces changes."""
    for path, text in {
        "/etc/resolv.conf": "nameserver 127.0.0.1\noptions timeout:5 attempts:2\n",
        "/etc/nsswitch.conf": "hosts: files dns\n",
    }.items():
        own = folder / Path(path).name
        own.write_text(text)
        run(Command(argv=("mount", "--bind", str(own), os.path.realpath(path))))
    run(Command(argv=("ip", "link", "set", "lo", "up")))
    for address in (PUBLIC, PRIVATE[1]):
        run(Command(argv=("ip", "address", "add", f"{address}/32", "dev", "lo")))


def _status(sidecar: Sidecar, host: str) -> int:
    with sidecar.connect() as connection:
        head = f"GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode())
        return read_reply(connection).status


def main(folder: Path) -> None:
    _prepare(folder)
    zones = _zones()
    names, public, private = NameServer(zones), Site(PUBLIC), [Site(address) for address in PRIVATE]
    told = {}
    with ExitStack() as stack:
        stack.enter_context(names.serving())
        for site in (public, *private):
            stack.enter_context(site.serving())
        routes = [Route(host=name, scheme=Scheme.HTTP) for name in zones]
        sidecar = stack.enter_context(Sidecar(folder, routes=routes))
        for name in zones:
            before = public.visits
            times = 1 if name.startswith("form-") else ROUNDS
            told[name] = {
                "statuses": [_status(sidecar, name) for _ in range(times)],
                "asked": names.asked[name],
                "public": public.visits - before,
                "private": sum(site.visits for site in private),
            }
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
