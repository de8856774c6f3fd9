"""The forwarder as it runs inside: a program of its own, by its source."""

import select
import socket
import struct
import sys
import threading
from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path

from bottle import proc

SOURCE = files("bottle.backends.docker").joinpath("forwarder.py").read_text()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def answer(server: socket.socket) -> None:
    """Answers one connection with what it sent, once the sender has ended its half."""
    connection, _ = server.accept()
    with connection:
        connection.sendall(b"<" + b"".join(iter(lambda: connection.recv(65536), b"")) + b">")


def test_it_joins_both_halves_and_ends_with_its_input(tmp_path: Path) -> None:
    path, port, sent = str(tmp_path / "s"), free_port(), b"x" * 300_000
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        thread = threading.Thread(target=answer, args=(server,))
        thread.start()
        command = proc.Command(argv=(sys.executable, "-c", SOURCE, path, str(port)))
        process = proc.spawn(command, stdin=proc.PIPE, stdout=proc.PIPE)
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            assert b"".join(iter(lambda: client.recv(65536), b"")) == b"<" + sent + b">"
        process.stdin.close()
        assert process.wait(timeout=20) == 0
        process.stdout.close()
        thread.join()


def test_it_brings_no_more_at_once_than_the_sidecar_serves(tmp_path: Path) -> None:
    path, port = str(tmp_path / "s"), free_port()
    with socket.socket(socket.AF_UNIX) as server, ExitStack() as ends:
        server.bind(path)
        server.listen(1000)
        command = proc.Command(argv=(sys.executable, "-c", SOURCE, path, str(port)))
        process = proc.spawn(command, stdin=proc.PIPE, stdout=proc.PIPE)
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        for _ in range(300):
            ends.enter_context(socket.create_connection(("127.0.0.1", port)))
        for _ in range(256):
            ends.enter_context(server.accept()[0])
        assert not select.select([server], [], [], 0.3)[0]
        ends.close()
        for _ in range(44):
            server.accept()[0].close()
        process.stdin.close()
        assert process.wait(timeout=20) == 0
        process.stdout.close()


def test_a_reset_reaches_the_other_side(tmp_path: Path) -> None:
    """Else the place of a connection that is gone stays taken, until the sidecar gives it up."""
    path, port = str(tmp_path / "s"), free_port()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        command = proc.Command(argv=(sys.executable, "-c", SOURCE, path, str(port)))
        process = proc.spawn(command, stdin=proc.PIPE, stdout=proc.PIPE)
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"x")
            joined, _ = server.accept()
            joined.settimeout(20)
            assert joined.recv(1) == b"x"
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with joined:
            assert joined.recv(1) == b""
        process.stdin.close()
        assert process.wait(timeout=20) == 0
        process.stdout.close()


def test_without_a_sidecar_the_connection_just_ends(tmp_path: Path) -> None:
    port = free_port()
    command = proc.Command(argv=(sys.executable, "-c", SOURCE, str(tmp_path / "none"), str(port)))
    process = proc.spawn(command, stdin=proc.PIPE, stdout=proc.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    with socket.create_connection(("127.0.0.1", port)) as client:
        assert client.recv(1) == b""
    process.stdin.close()
    assert process.wait(timeout=20) == 0
    process.stdout.close()
