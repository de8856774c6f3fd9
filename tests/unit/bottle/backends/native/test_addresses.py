"""The host's addresses, from the kernel's tables."""

from pathlib import Path

from bottle.backends.native import addresses

_FIB = """\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     |-- 127.0.0.1
        /32 host LOCAL
     |-- 192.0.2.2
        /32 host LOCAL
     |-- 192.0.2.255
        /32 link BROADCAST
"""


def test_addresses_of_interfaces_without_loopback(tmp_path: Path) -> None:
    (tmp_path / "fib_trie").write_text(_FIB)
    (tmp_path / "if_inet6").write_text(
        "00000000000000000000000000000001 01 80 10 80       lo\n"
        "fe80000000000000000000000000abcd 02 40 20 80     eth0\n"
    )

    assert addresses.of_host(tmp_path) == ("192.0.2.2", "fe80::abcd")


def test_a_kernel_without_tables_has_none(tmp_path: Path) -> None:
    assert addresses.of_host(tmp_path) == ()
