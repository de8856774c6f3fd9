"""Addresses in every spelling."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.shots import Shot, fire, get

_DIGITS = str.maketrans("0123456789.", "\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19\u3002")
_ADDRESSES = (
    b"127.0.0.1", b"0.0.0.0", b"10.0.0.1", b"172.16.0.1", b"192.168.0.1", b"169.254.169.254", b"100.64.0.1",
    b"192.0.0.1", b"192.0.2.1", b"198.18.0.1", b"198.51.100.1", b"203.0.113.1", b"224.0.0.1", b"240.0.0.1",
    b"255.255.255.255", b"1.1.1.1", b"8.8.8.8",
    b"2130706433", b"017700000001", b"0x7f000001", b"0x7f.1", b"0X7F.0.0.1", b"0177.0.0.1", b"127.1",
    b"127.0.1",
    b"0x7f.0.0.01", b"127.0.0.1.", b"127.0.0.1..", b"0", b"00", b"0x0", b"4294967295",
    b"18446744071562067969",
    b"127.0.0.0x1", b"%31%32%37.0.0.1", b"127%2e0%2e0%2e1", b"127.0.0.1%00", b"127.0.0.1%2523",
    "127.0.0.1".translate(_DIGITS).encode(), "127\uff0e0\uff0e0\uff0e1".encode(),
    "127\uff610\uff610\uff611".encode(), "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460".encode(),
    "\u0661\u0662\u0667.\u0660.\u0660.\u0661".encode(), b"xn--127-0-0-1.",
    b"[::1]", b"[::]", b"::1", b"[0:0:0:0:0:0:0:1]", b"[::1%25lo]", b"[::1%lo]", b"[::ffff:127.0.0.1]",
    b"[::ffff:7f00:1]", b"[::ffff:0:127.0.0.1]", b"[::127.0.0.1]", b"[::7f00:1]", b"[64:ff9b::7f00:1]",
    b"[64:ff9b::127.0.0.1]", b"[64:ff9b:1::7f00:1]", b"[2002:7f00:1::]", b"[2001:0:7f00:1::]",
    b"[2001:0:101:101::80ff:fffe]", b"[2001:db8::5efe:7f00:1]", b"[2606:4700::200:5efe:7f00:1]",
    b"[fe80::5efe:127.0.0.1]", b"[fe80::1]", b"[fe80::1%25eth0]", b"[fec0::1]", b"[fc00::1]",
    b"[fd00:ec2::254]",
    b"[ff02::1]", b"[100::1]", b"[2001:2::1]", b"[2001:db8::1]", b"[3fff::1]", b"[5f00::1]",
    b"[2606:4700:4700::1111]", b"[127.0.0.1]", b"[v1.127.0.0.1]", b"[::1", b"[::1]x", b"a@127.0.0.1",
)  # fmt: skip


@attack(
    aim="proxy",
    source="O. Tsai, A New Era of SSRF, Black Hat USA 2017; RFC 6890; CVE-2021-29921 (octal parts)",
    expects="refused with 403",
    control="gullible",
    outside=True,
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Tunnels to an address, spelled in every way that some resolver understands."""
    for address in _ADDRESSES:
        shot = Shot(get(b"/forbidden", address), address + b":443", None)
        yield repr(address.decode()), partial(fire, aim, shot)
        clear = Shot(get(b"http://" + address + b"/forbidden", address), None)
        yield f"{address.decode()!r} in the clear", partial(fire, aim, clear)
