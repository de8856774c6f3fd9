"""Which network addresses the proxy never dials, from the IANA special-purpose registries.

The table is our own: `ipaddress.is_global` changed its answers between patch releases of Python. For
IPv6 only global unicast (2000::/3) less its special parts is let through.
"""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from bottle_sidecar.policy.hosts import quoted

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_METADATA = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",
        "169.254.170.2",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "fd00:ec2::254",
        "fd20:ce::254",
        "fe80::a9fe:a9fe",
    )
)
_SPECIAL_V4 = tuple(
    (IPv4Network(network), kind)
    for network, kind in (
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("255.255.255.255/32", "broadcast"),
        ("240.0.0.0/4", "reserved"),
    )
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_SPECIAL_V6 = tuple(
    (IPv6Network(network), kind)
    for network, kind in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::ffff:0:0/96", "IPv4-mapped"),
        ("::ffff:0:0:0/96", "IPv4-translated"),
        ("::/96", "IPv4-compatible"),
        ("64:ff9b::/96", "NAT64"),
        ("64:ff9b:1::/48", "local NAT64"),
        ("100::/64", "discard-only"),
        ("2001::/32", "Teredo"),
        ("2001:2::/48", "benchmarking"),
        ("2001::/23", "reserved"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("3fff::/20", "documentation"),
        ("5f00::/16", "segment routing"),
        ("fc00::/7", "unique local"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})


def refusal(ip: str, allowlist: Sequence[str]) -> str | None:
    """Why `ip` is not dialled, in one clause; None where it may be.

    `allowlist` (a route's `ssrf_ip_allowlist`) lifts the bar for what it lists, with three limits: a
    metadata service must be listed by its very address; an IPv6 form that carries an IPv4 address must
    be listed as that form; and the address it carries is then judged on its own, unless the listed
    entry is the one address. Raises ValueError for a malformed entry.
    """
    if "%" in ip:
        return f"{quoted(ip)} has a zone id"
    try:
        address = ip_address(ip)
    except ValueError:
        return f"{quoted(ip)} is not an IP address"
    return _judge(address, tuple(parse_network(entry) for entry in allowlist))


def parse_network(text: str) -> Network:
    """An entry of `ssrf_ip_allowlist`: an address or a CIDR block without host bits. Raises ValueError."""
    if "%" in text:
        raise ValueError(f"{quoted(text)} has a zone id")
    return ip_network(text)


def _judge(address: Address, allowed: Sequence[Network]) -> str | None:
    kind = _kind(address)
    if kind is None:
        return None
    listed = [network for network in allowed if network.version == address.version and address in network]
    if any(network.num_addresses == 1 for network in listed):
        return None
    if not listed or address in _METADATA:
        return f"{address} is not a public address ({kind})"
    inner = (_judge(carried, allowed) for carried in _carried(address))
    return next((f"{address} carries an IPv4 address: {why}" for why in inner if why is not None), None)


def _kind(address: Address) -> str | None:
    """What is special about an address; None for one of the public internet."""
    if address in _METADATA:
        return "cloud metadata"
    if isinstance(address, IPv4Address):
        return next((kind for network, kind in _SPECIAL_V4 if address in network), None)
    special = next((kind for network, kind in _SPECIAL_V6 if address in network), None)
    if special is None and int(address) >> 32 & 0xFFFFFFFF in _ISATAP:
        return "ISATAP"
    return special or (None if address in _GLOBAL_UNICAST else "reserved")


def _carried(address: Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses that an IPv6 form tunnels or translates to."""
    if isinstance(address, IPv4Address):
        return
    bits = int(address)
    low, kind = bits & 0xFFFFFFFF, _kind(address)
    if kind in ("IPv4-mapped", "IPv4-translated", "IPv4-compatible", "NAT64", "local NAT64", "ISATAP"):
        yield IPv4Address(low)
    elif kind == "6to4":
        yield IPv4Address(bits >> 80 & 0xFFFFFFFF)
    elif kind == "Teredo":
        yield IPv4Address(bits >> 64 & 0xFFFFFFFF)
        yield IPv4Address(low ^ 0xFFFFFFFF)
