"""Looks for a way out of an agent's network namespace, from inside it: the launch-time proof of isolation.

Standard library only; runs as a program (`python -m bottle_sidecar.probe`) or in a process that has
already entered the namespace (`run`). Everything it tries is non-blocking: in a tight namespace every
attempt fails at once, and one that does not is itself a finding.
"""

import argparse
import errno
import fcntl
import json
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

PORT = 3128
_TIMEOUT = 5.0  # seconds for the sidecar's own answer
_SIOCGIFFLAGS = 0x8913
_IFF_UP = 1
_LISTEN = "0A"
_LOOPBACK_V4 = 127
_OUTSIDE = (
    "169.254.169.254",
    "169.254.170.2",
    "10.0.0.1",
    "172.17.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "8.8.8.8",
    "2001:4860:4860::8888",
    "fd00:ec2::254",
    "::ffff:8.8.8.8",
)
_RESOLVERS = ("127.0.0.53", "127.0.0.11")
_PORTS = (53, 80)
_SHUT = frozenset(
    {
        errno.ENETUNREACH,
        errno.EHOSTUNREACH,
        errno.EADDRNOTAVAIL,
        errno.EACCES,
        errno.EPERM,
        errno.EAFNOSUPPORT,
        errno.ENETDOWN,
        errno.EINVAL,
    }
)


def run(addresses: Sequence[str] = (), *, port: int = PORT, identity: str | None = None) -> list[str]:
    """Every way out that was found, in words for the operator; empty where there is none but the sidecar.

    `addresses`: those of the host, to be tried as well. `identity`: the bottle whose sidecar must answer
    at 127.0.0.1:`port`; None for any.
    """
    return [
        *_interfaces(),
        *_routes(),
        *_listeners(port),
        *_reachable(dict.fromkeys([*_OUTSIDE, *addresses, *_nameservers()])),
        *_resolvers(),
        *_sidecar(port, identity),
    ]


def _interfaces() -> Iterator[str]:
    for _, name in socket.if_nameindex():
        if name != "lo" and is_up(name):
            yield f"the network interface {name} is up"


def is_up(interface: str) -> bool:
    """Whether an interface is up; True where that cannot be told."""
    request = struct.pack("16sh14x", interface.encode()[:15], 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        try:
            answer = fcntl.ioctl(control, _SIOCGIFFLAGS, request)
        except OSError:
            return True
    return bool(struct.unpack("16sh14x", answer)[1] & _IFF_UP)


def _routes() -> Iterator[str]:
    for line in _lines("/proc/net/route")[1:]:
        yield f"there is a route through {line.split()[0]}"
    for line in _lines("/proc/net/ipv6_route"):
        if line.split()[-1] != "lo":
            yield f"there is an IPv6 route through {line.split()[-1]}"


def _listeners(port: int) -> Iterator[str]:
    """Anything that waits on the loopback interface besides the sidecar's listener."""
    for kind in ("tcp", "tcp6", "udp", "udp6"):
        for line in _lines(f"/proc/net/{kind}")[1:]:
            fields = line.split()
            number = int(fields[1].rpartition(":")[2], 16)
            waiting = kind.startswith("udp") or fields[3] == _LISTEN
            if waiting and number and not (kind == "tcp" and number == port):
                yield f"something else waits on {kind} port {number}"


def _reachable(addresses: Iterator[str] | dict[str, None]) -> Iterator[str]:
    for address in addresses:
        if _is_loopback(address):
            continue
        for number in _PORTS:
            for kind, word in ((socket.SOCK_STREAM, "TCP"), (socket.SOCK_DGRAM, "UDP")):
                problem = _attempt(address, number, kind)
                if problem is not None:
                    yield f"{word} to {address} port {number} {problem}"


def _attempt(address: str, port: int, kind: socket.SocketKind) -> str | None:
    """What is wrong with how a connection attempt went; None where it failed at once, as it must."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        attempt = socket.socket(family, kind)
    except OSError:
        return None
    with attempt:
        attempt.setblocking(False)
        try:
            attempt.connect((address, port))
        except OSError as error:
            if error.errno in _SHUT:
                return None
            return (
                "was refused by the far side"
                if error.errno == errno.ECONNREFUSED
                else "does not fail at once"
            )
    return "is possible"


def _nameservers() -> list[str]:
    fields = [line.split() for line in _lines("/etc/resolv.conf")]
    return [entry[1].partition("%")[0] for entry in fields if len(entry) > 1 and entry[0] == "nameserver"]


def _resolvers() -> Iterator[str]:
    """Local resolvers, which would carry names out of the bottle."""
    for address in dict.fromkeys([*_RESOLVERS, *filter(_is_loopback, _nameservers())]):
        if ":" not in address and _answers(address):
            yield f"a resolver waits at {address}"


def _answers(address: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as attempt:
        attempt.settimeout(_TIMEOUT)
        if attempt.connect_ex((address, 53)) == 0:
            return True
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attempt:
        attempt.setblocking(False)
        try:
            attempt.connect((address, 53))
            attempt.send(b"\0" * 12)
            attempt.recv(1)
        except BlockingIOError:
            return True
        except OSError:
            return False
    return True


def _sidecar(port: int, identity: str | None) -> Iterator[str]:
    request = (
        b"GET http://sidecar.bottle/health HTTP/1.1\r\nHost: sidecar.bottle\r\nConnection: close\r\n\r\n"
    )
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT) as connection:
            connection.sendall(request)
            answer = b"".join(iter(lambda: connection.recv(4096), b""))
        found = json.loads(answer.partition(b"\r\n\r\n")[2])["identity"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        yield f"the sidecar does not answer at 127.0.0.1:{port}: {error}"
        return
    if identity is not None and found != identity:
        yield f"the sidecar at 127.0.0.1:{port} is the one of {found}"


def _is_loopback(address: str) -> bool:
    return address == "::1" or address.startswith(f"{_LOOPBACK_V4}.")


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bottle_sidecar.probe", description=__doc__.partition("\n")[0])
    parser.add_argument("addresses", nargs="*", help="addresses of the host, to be tried as well")
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--identity", default=None)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    findings = run(options.addresses, port=options.port, identity=options.identity)
    if options.json:
        sys.stdout.write(json.dumps({"findings": findings}) + "\n")
    else:
        sys.stdout.writelines(f"{finding}\n" for finding in findings)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
