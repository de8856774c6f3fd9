"""Addresses in every spelling."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.shots import Shot, fire, get


@attack(
    aim="proxy",
    source="O. Tsai, A New Era of SSRF, Black Hat USA 2017",
    expects="refused with 403",
    control="gullible",
    outside=True,
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Tunnels to an address, spelled in every way that some resolver understands."""
    addresses = (
        b"127.0.0.1", b"0.0.0.0", b"10.0.0.1", b"169.254.169.254", b"2130706433", b"017700000001",
        b"0x7f000001",
        b"0x7f.1", b"127.1", b"127.0.0.1.", b"[::1]", b"[::]", b"[::ffff:127.0.0.1]", b"[::ffff:7f00:1]",
        b"[64:ff9b::7f00:1]", b"[2002:7f00:1::]", b"[fe80::1%25eth0]", b"[fd00:ec2::254]", b"1.1.1.1",
        b"8.8.8.8",
    )  # fmt: skip
    for address in addresses:
        shot = Shot(get(b"/forbidden", address), address + b":443", None)
        yield address.decode(), partial(fire, aim, shot)
        clear = Shot(get(b"http://" + address + b"/forbidden", address), None)
        yield f"{address.decode()} in the clear", partial(fire, aim, clear)
