from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bottle_sidecar.policy.addresses import parse_network, refusal

SPECIAL = {
    "loopback": "127.0.0.1",
    "all of loopback": "127.255.255.254",
    "unspecified": "0.0.0.0",
    "this network": "0.1.2.3",
    "private 10": "10.0.0.1",
    "private 172.16": "172.16.0.1",
    "private 172.31": "172.31.255.255",
    "private 192.168": "192.168.1.1",
    "carrier-grade NAT": "100.64.0.1",
    "carrier-grade NAT, last": "100.127.255.255",
    "link-local": "169.254.1.1",
    "metadata": "169.254.169.254",
    "container metadata": "169.254.170.2",
    "metadata in shared space": "100.100.100.200",
    "metadata in reserved space": "192.0.0.192",
    "platform address": "168.63.129.16",
    "reserved": "192.0.0.8",
    "documentation 1": "192.0.2.1",
    "documentation 2": "198.51.100.1",
    "documentation 3": "203.0.113.1",
    "6to4 relay": "192.88.99.1",
    "benchmarking": "198.19.255.255",
    "multicast": "224.0.0.1",
    "class E": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "v6 loopback": "::1",
    "v6 unspecified": "::",
    "v4-mapped loopback": "::ffff:127.0.0.1",
    "v4-mapped public": "::ffff:8.8.8.8",
    "v4-translated": "::ffff:0:127.0.0.1",
    "v4-compatible": "::127.0.0.1",
    "v4-compatible public": "::8.8.8.8",
    "NAT64": "64:ff9b::10.0.0.1",
    "NAT64 public": "64:ff9b::8.8.8.8",
    "local NAT64": "64:ff9b:1::10.0.0.1",
    "discard": "100::1",
    "Teredo": "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "ORCHID": "2001:20::1",
    "v6 benchmarking": "2001:2::1",
    "v6 documentation": "2001:db8::1",
    "6to4": "2002:7f00:1::1",
    "6to4 public": "2002:808:808::1",
    "new documentation": "3fff::1",
    "segment routing": "5f00::1",
    "unique local": "fd12:3456::1",
    "unique local fc": "fc00::1",
    "v6 metadata": "fd00:ec2::254",
    "other v6 metadata": "fd20:ce::254",
    "v6 link-local": "fe80::1",
    "v6 site-local": "fec0::1",
    "v6 multicast": "ff02::1",
    "ISATAP": "2a00:1450::5efe:10.0.0.1",
    "ISATAP, universal": "2a00:1450::200:5efe:8.8.8.8",
    "unassigned": "4000::1",
    "zone id": "fe80::1%eth0",
    "zone id on public": "2606:4700::1%1",
    "no address": "example.com",
    "leading zero": "127.0.0.01",
    "integer": "2130706433",
}


@pytest.mark.parametrize("ip", SPECIAL.values(), ids=SPECIAL.keys())
def test_special_addresses_are_refused(ip: str) -> None:
    assert refusal(ip, ()) is not None


PUBLIC = (
    "8.8.8.8 1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 172.15.255.255 172.32.0.0 192.0.1.1 "
    "198.17.255.255 198.20.0.0 223.255.255.255 2606:4700::1111 2a00:1450:4001::200e 2001:200::1 3ffe::1"
)


@pytest.mark.parametrize("ip", PUBLIC.split())
def test_public_addresses_are_dialled(ip: str) -> None:
    assert refusal(ip, ()) is None


@pytest.mark.parametrize(
    ("ip", "allowlist"),
    [
        ("127.0.0.1", ["127.0.0.1"]),
        ("10.1.2.3", ["192.168.0.0/16", "10.0.0.0/8"]),
        ("fd12::1", ["fd12::/16"]),
        ("169.254.169.254", ["169.254.169.254"]),
        ("fd00:ec2::254", ["fd00:ec2::254/128"]),
        ("::ffff:10.0.0.1", ["::ffff:10.0.0.1"]),
        ("::ffff:10.0.0.1", ["::ffff:0:0/96", "10.0.0.0/8"]),
        ("64:ff9b::8.8.8.8", ["64:ff9b::/96"]),
        ("2002:808:808::1", ["2002::/16"]),
        ("2001:0:808:808:8000:63bf:f7f7:f7f7", ["2001::/32"]),
        ("2a00::5efe:8.8.8.8", ["2a00::/64"]),
        ("fe80::2", ["fe80::/10"]),
    ],
)
def test_what_is_listed_is_dialled(ip: str, allowlist: list[str]) -> None:
    assert refusal(ip, allowlist) is None


@pytest.mark.parametrize(
    ("ip", "allowlist"),
    [
        ("10.0.0.1", ["10.0.0.2", "fd00::/8"]),
        ("169.254.169.254", ["169.254.0.0/16"]),
        ("169.254.169.254", ["0.0.0.0/0"]),
        ("fd00:ec2::254", ["fd00::/8"]),
        ("::ffff:10.0.0.1", ["10.0.0.0/8"]),
        ("::ffff:10.0.0.1", ["10.0.0.1"]),
        ("::ffff:10.0.0.1", ["::ffff:0:0/96"]),
        ("::ffff:169.254.169.254", ["::ffff:0:0/96", "169.254.0.0/16"]),
        ("64:ff9b::7f00:1", ["64:ff9b::/96"]),
        ("64:ff9b:1::7f00:1", ["64:ff9b:1::/48"]),
        ("2002:7f00:1::1", ["2002::/16"]),
        ("2001:0:7f00:1:8000:63bf:f7f7:f7f7", ["2001::/32"]),
        ("2001:0:808:808:8000:63bf:80ff:fffe", ["2001::/32"]),
        ("2a00::5efe:10.0.0.1", ["2a00::/64"]),
        ("::7f00:1", ["::/0"]),
        ("fe80::1%eth0", ["fe80::/10"]),
    ],
)
def test_an_allowlist_lifts_only_what_it_lists(ip: str, allowlist: list[str]) -> None:
    assert refusal(ip, allowlist) is not None


def test_the_reason_names_address_and_kind() -> None:
    assert refusal("10.0.0.5", ()) == "10.0.0.5 is not a public address (private)"
    assert refusal("64:ff9b::a00:5", ["64:ff9b::/96"]) == (
        "64:ff9b::a00:5 carries an IPv4 address: 10.0.0.5 is not a public address (private)"
    )
    assert refusal("a\nb", ()) == "'a\\nb' is not an IP address"


@pytest.mark.parametrize(
    "text", ["", "10.0.0.1/8", "10.0.0.0/33", "example.com", "fe80::1%eth0", "fe80::%1/64"]
)
def test_malformed_networks_are_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the text is the standard library's
        parse_network(text)


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_nothing_that_python_calls_private_is_public(address: IPv4Address) -> None:
    if address.is_private or address.is_multicast or address.is_reserved or address.is_loopback:
        assert refusal(str(address), ()) is not None


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_no_ipv6_form_of_an_address_is_public(address: IPv4Address) -> None:
    low = int(address)
    for form in (
        0xFFFF << 32 | low,
        low,
        0x64FF9B << 96 | low,
        0x2002 << 112 | low << 80,
        0x20010000 << 96 | low,
    ):
        assert refusal(str(IPv6Address(form)), ()) is not None
