import os
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bottle.errors import BottleError
from bottle.launch.clients import Client, Clients, listening, peer_uid
from bottle.launch.frames import Data, Exit, Frame, FrameReader, Hello, Resize, encode
from bottle.terminal import TerminalSize

SIZE = TerminalSize(rows=24, columns=80)


@pytest.fixture
def pair() -> Iterator[tuple[Client, socket.socket]]:
    near, far = socket.socketpair()
    far.settimeout(20)
    client = Client(near)
    yield client, far
    client.close()
    far.close()


def test_output_waits_for_hello(pair: tuple[Client, socket.socket]) -> None:
    client, far = pair
    client.send(b"before")
    assert not client.waiting
    far.sendall(encode(Hello(SIZE)) + encode(Data(b"typed")))

    assert client.read() == b"typed"
    assert client.size == SIZE
    client.send(b"output")
    assert client.flush()
    assert list(FrameReader().feed(far.recv(100))) == [Data(b"output")]


@pytest.mark.parametrize(
    "frames",
    [[Data(b"x")], [Resize(SIZE)], [Hello(SIZE), Hello(SIZE)], [Exit(0)], [Hello(SIZE), Exit(0)]],
)
def test_frames_out_of_turn_end_a_client(pair: tuple[Client, socket.socket], frames: list[Frame]) -> None:
    client, far = pair
    far.sendall(b"".join(map(encode, frames)))

    assert client.read() is None


def test_nothing_sent_is_no_input_and_an_end_is_told_apart(pair: tuple[Client, socket.socket]) -> None:
    client, far = pair

    assert client.read() == b""
    far.shutdown(socket.SHUT_WR)
    assert client.read() is None


def test_a_slow_client_costs_bounded_memory_and_its_frames_stay_whole(
    pair: tuple[Client, socket.socket],
) -> None:
    client, far = pair
    far.sendall(encode(Hello(SIZE)))
    client.read()
    for _ in range(1000):
        client.send(b"x" * 65536)
        client.flush()
    assert client.missed

    reader, received = FrameReader(), list[Frame]()
    while not client.caught_up:
        received += reader.feed(far.recv(1 << 20))
        client.flush()
    client.resume()
    client.send(b"newest")
    client.end(3)
    client.flush()
    while Exit(3) not in received:
        received += reader.feed(far.recv(1 << 20))

    assert received[-2:] == [Data(b"newest"), Exit(3)]
    assert sum(len(frame.data) for frame in received if isinstance(frame, Data)) < 3 << 20


def test_a_vanished_client_is_noticed(pair: tuple[Client, socket.socket]) -> None:
    client, far = pair
    far.sendall(encode(Hello(SIZE)))
    client.read()
    far.close()
    client.send(b"output")

    assert not client.flush()


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="bb-") as name:
        yield Path(name)


def connected(clients: Clients, path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(20)
    connection.connect(os.fspath(path))
    clients.accept()
    return connection


def test_the_socket_is_private_and_goes_away(folder: Path) -> None:
    path = folder / "run" / "attach.sock"
    with listening(path, uid=os.getuid()) as clients:
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        with connected(clients, path) as connection:
            assert peer_uid(connection) == os.getuid()
            assert len(clients.attached) == 1

    assert not path.exists()


def test_another_user_is_not_let_in(folder: Path) -> None:
    path = folder / "attach.sock"
    with listening(path, uid=os.getuid() + 1) as clients, connected(clients, path) as connection:
        assert clients.attached == []
        assert connection.recv(1) == b""


def test_the_number_of_clients_is_bounded(folder: Path) -> None:
    path = folder / "attach.sock"
    with listening(path, uid=os.getuid()) as clients:
        connections = [connected(clients, path) for _ in range(40)]

        assert len(clients.attached) == 32
        for connection in connections:
            connection.close()


def test_a_socket_left_by_a_killed_session_is_replaced(folder: Path) -> None:
    path = folder / "attach.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(os.fspath(path))
    with listening(path, uid=os.getuid()) as clients, connected(clients, path):
        assert len(clients.attached) == 1


def test_a_path_that_is_too_long_is_said_in_words(folder: Path) -> None:
    path = folder / ("x" * 120)
    with pytest.raises(BottleError, match="no socket for `bottle attach`"), listening(path, uid=0):
        pass
