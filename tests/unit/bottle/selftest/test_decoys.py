import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bottle.selftest.decoys import Decoys, host_addresses


@pytest.fixture
def decoys(tmp_path: Path) -> Iterator[Decoys]:
    with Decoys(tmp_path, f"unit-{tmp_path.name}") as made:
        yield made


def test_every_visit_is_counted(decoys: Decoys) -> None:
    with socket.create_connection(("127.0.0.1", decoys.ports.four)) as visitor:
        assert visitor.recv(100) == b"a service of the host\r\n"
    for address in (str(decoys.path), f"\0{decoys.abstract}"):
        with socket.socket(socket.AF_UNIX) as visitor:
            visitor.connect(address)
            assert visitor.recv(100)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as visitor:
        visitor.sendto(b"hello", ("127.0.0.1", decoys.ports.datagram_four))
        assert visitor.recv(100) == b"hello"

    assert decoys.visits == 4


def test_nobody_on_another_machine_reaches_them(decoys: Decoys) -> None:
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]

    assert f"00000000:{decoys.ports.four:04X}" not in listening
    assert f"0100007F:{decoys.ports.four:04X}" in listening


def test_the_addresses_of_this_machine_begin_with_loopback() -> None:
    assert host_addresses()[:2] == ["127.0.0.1", "::1"]
