"""A listening socket given from one process to another over a unix socket."""

import asyncio
import socket
import stat
import threading
from pathlib import Path

import pytest

from bottle_sidecar.control.handover import Handover, HandoverError, send_listener


def listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def received(path: Path, *offers: socket.socket) -> tuple[socket.socket, list[str]]:
    """Offers sockets one after the other; the one that was taken, and what the senders were told."""
    handover = Handover(str(path))
    told: list[str] = []

    def offer() -> None:
        for offered in offers:
            try:
                send_listener(str(path), offered)
                told.append("taken")
            except HandoverError as error:
                told.append(str(error))

    sender = threading.Thread(target=offer)
    sender.start()
    taken = asyncio.run(handover.receive())
    sender.join(20)
    return taken, told


def test_a_listener_arrives_and_the_way_in_closes(tmp_path: Path) -> None:
    path = tmp_path / "exit.sock"
    with listener() as ours:
        taken, told = received(path, ours)
        with taken:
            assert taken.getsockname() == ours.getsockname()
    assert told == ["taken"]
    assert not path.exists()


def test_only_the_first(tmp_path: Path) -> None:
    with listener() as first, listener() as second:
        taken, told = received(tmp_path / "exit.sock", first, second)
        with taken:
            assert taken.getsockname() == first.getsockname()
    assert told[0] == "taken"
    assert told[1] != "taken"


def test_what_is_no_exit_is_refused_and_the_wait_goes_on(tmp_path: Path) -> None:
    everywhere = socket.create_server(("0.0.0.0", 0))
    idle = socket.socket()
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    local = socket.socket(socket.AF_UNIX)
    with everywhere, idle, datagrams, local, listener() as right:
        taken, told = received(tmp_path / "exit.sock", everywhere, idle, datagrams, local, right)
        taken.close()
    assert told == [told[0]] * 4 + ["taken"]
    assert "refused" in told[0]


def test_a_visitor_without_a_socket(tmp_path: Path) -> None:
    path = tmp_path / "exit.sock"
    handover = Handover(str(path))

    def visit() -> None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
            connection.send(b"hello")
            assert connection.recv(1) == b"-"
        with listener() as ours:
            send_listener(str(path), ours)

    sender = threading.Thread(target=visit)
    sender.start()
    asyncio.run(handover.receive()).close()
    sender.join(20)


def test_the_socket_is_the_owner_s_alone(tmp_path: Path) -> None:
    path = tmp_path / "exit.sock"
    handover = Handover(str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    handover.close()
    handover.close()
    assert not path.exists()


def test_nobody_waits(tmp_path: Path) -> None:
    with listener() as ours, pytest.raises(HandoverError):
        send_listener(str(tmp_path / "absent.sock"), ours)


def test_a_path_that_cannot_be_bound(tmp_path: Path) -> None:
    with pytest.raises(HandoverError, match="cannot listen"):
        Handover(str(tmp_path / ("x" * 120)))
