"""A second terminal at a running session."""

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bottle.launch.frames import Data, Exit, FrameReader, Hello, encode
from bottle.terminal import TerminalSize
from support.operator_terminal import PROGRAM, OperatorTerminal, attached, session

SHELL = ("bash", "--norc", "-i")
PROMPT = rb"\$ \Z"
CAT = ("sh", "-c", "echo ready; exec cat")
DETACH = b"\x10\x11"
PAINTER = """
import os, signal
def paint(*_):
    size = os.get_terminal_size()
    print(f"painted {size.lines}x{size.columns}.", flush=True)
signal.signal(signal.SIGWINCH, paint)
print("\\033[?1049h\\033[?2004hready", flush=True)
while os.read(0, 100).strip() != b"end":
    print("heard", flush=True)
raise SystemExit(6)
"""
COUNTER = """
import os, signal, tty
signal.signal(signal.SIGWINCH, lambda *_: os.write(1, b"painted"))
tty.setraw(0)
os.write(1, b"ready")
count = 0
while count < 100_000:
    count += len(os.read(0, 1000))
print(count)
"""


@pytest.fixture
def path() -> Iterator[Path]:
    with TemporaryDirectory(prefix="bb-") as folder:
        yield Path(folder) / "run" / "attach.sock"


def test_both_terminals_see_and_type_and_learn_the_status(path: Path) -> None:
    with session(*SHELL, socket=path) as owner:
        owner.expect(PROMPT)
        with attached(path) as other:
            other.expect(rb"\$ ")
            other.type(b"echo from the oth''er\r")
            other.expect(rb"from the other")
            owner.expect(rb"from the other")
            owner.type(b"echo from the own''er\r")
            other.expect(rb"from the owner")
            other.type(b"exit 11\r")

            assert other.wait() == 11
            assert owner.wait() == 11
            assert other.attributes() == other.attributes_before
            assert owner.attributes() == owner.attributes_before
    assert not path.exists()


def test_only_the_operator_may_open_the_socket(path: Path) -> None:
    with session(*CAT, socket=path) as owner:
        owner.expect(rb"ready")
        owner.type(b"hello\r")
        owner.expect(rb"hello\r\nhello")

        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700


def test_detach_keys_leave_the_agent_running(path: Path) -> None:
    with session(sys.executable, "-c", PAINTER, socket=path) as owner:
        owner.expect(rb"ready")
        with attached(path) as other:
            other.expect(rb"painted")
            other.type(DETACH)

            assert other.wait() == 0
            assert other.attributes() == other.attributes_before
            assert other.output.endswith(b"\x1b[?2004l\x1b[?1049l\x1b[m")
        owner.type(b"hello\r")
        owner.expect(rb"heard")


def test_what_was_typed_before_leaving_arrives(path: Path) -> None:
    with session(sys.executable, "-c", PAINTER, socket=path) as owner:
        owner.expect(rb"ready")
        with attached(path) as other:
            other.expect(rb"painted")
            other.type(b"x" * 3000 + b"\r" + DETACH)

            assert other.wait() == 0
        owner.expect(rb"heard")


def test_an_attached_terminal_gets_the_modes_and_a_repaint(path: Path) -> None:
    with session(sys.executable, "-c", PAINTER, socket=path, rows=30, columns=90) as owner:
        owner.expect(rb"ready")
        with attached(path, rows=30, columns=90) as other:
            other.expect(rb"\x1b\[\?1049h\x1b\[\?2004h.*painted 30x90\.")


def test_the_size_is_the_smallest_of_all(path: Path) -> None:
    with session(sys.executable, "-c", PAINTER, socket=path, rows=50, columns=100) as owner:
        owner.expect(rb"ready")
        with attached(path, rows=30, columns=120) as wide:
            owner.expect(rb"painted 30x100\.")
            with attached(path, rows=40, columns=70):
                owner.expect(rb"painted 30x70\.")
            owner.expect(rb"painted 30x100\.")
            wide.resize(rows=45, columns=60)
            owner.expect(rb"painted 45x60\.")
            wide.type(DETACH)
            assert wide.wait() == 0
        owner.expect(rb"painted 50x100\.")
        owner.resize(rows=20, columns=40)
        owner.expect(rb"painted 20x40\.")


def test_a_killed_client_is_forgotten(path: Path) -> None:
    with session(sys.executable, "-c", PAINTER, socket=path, rows=50, columns=100) as owner:
        owner.expect(rb"ready")
        with attached(path, rows=20, columns=20) as other:
            owner.expect(rb"painted 20x20\.")
            other.process.kill()
            owner.expect(rb"painted 50x100\.")
        owner.type(b"end\r")

        assert owner.wait() == 6


def test_a_client_outlives_a_killed_session_with_its_terminal_restored(path: Path) -> None:
    with session(sys.executable, "-c", PAINTER, socket=path) as owner:
        owner.expect(rb"ready")
        with attached(path) as other:
            other.expect(rb"painted")
            owner.process.kill()

            assert other.wait() == 1
            assert b"without an exit status" in other.output
            assert other.attributes() == other.attributes_before


def test_a_signal_ends_a_client_alone(path: Path) -> None:
    with session(*CAT, socket=path) as owner:
        owner.expect(rb"ready")
        owner.type(b"one\r")
        owner.expect(rb"one\r\none")
        with attached(path) as other:
            other.type(b"two\r")
            owner.expect(rb"two\r\ntwo")
            other.process.send_signal(signal.SIGTERM)

            assert other.wait() == 143
        owner.type(b"three\r")
        owner.expect(rb"three\r\nthree")


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="http"),
        pytest.param(b"\x00" * 100, id="zeros"),
        pytest.param(b"\x02\xff\xff\xff\xff", id="huge"),
        pytest.param(encode(Data(b"x")), id="no-hello"),
        pytest.param(b"\x01\x00\x00\x00\x05\x63\x00\x10\x00\x10", id="version"),
    ],
)
def test_garbage_on_the_socket_is_cut_off_and_reaches_nobody(path: Path, garbage: bytes) -> None:
    with session(*CAT, socket=path) as owner:
        owner.expect(rb"ready")
        owner.type(b"one\r")
        owner.expect(rb"one\r\none")
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect(os.fspath(path))
            connection.sendall(garbage)
            assert connection.recv(100) == b""
        owner.type(b"two\r")
        owner.expect(rb"two\r\ntwo")


def test_a_client_that_reads_nothing_stalls_nobody(path: Path) -> None:
    script = "read x; head -c 20000000 /dev/zero | tr '\\0' x; echo end of flood; read y; exit 8"
    with session("sh", "-c", script, socket=path) as owner, stalled_client(path) as client:
        owner.type(b"go\r")
        owner.expect(rb"xend of flood")
        owner.type(b"end\r")
        begun = time.monotonic()

        assert owner.wait() == 8
        assert time.monotonic() - begun < 15
        received, status = everything(client)
        assert 0 < len(received) < 4_000_000
        assert status in {None, 8}


def test_a_client_that_missed_output_goes_on_with_the_newest(path: Path) -> None:
    script = "read x; head -c 20000000 /dev/zero | tr '\\0' x; echo end of flood; cat; exit 8"
    with session("sh", "-c", script, socket=path) as owner, stalled_client(path) as client:
        owner.type(b"go\r")
        owner.expect(rb"xend of flood")
        reader = FrameReader()
        while b"newest" not in some_output(client, reader):
            owner.type(b"newest\r")
        owner.type(b"\x04")

        assert owner.wait() == 8
        assert everything(client, reader)[1] == 8


def test_two_clients_that_read_get_a_flood_whole(path: Path) -> None:
    script = (
        "echo ready; stty -echo; head -n 2; head -c 300000 /dev/zero | tr '\\0' x; echo end; read x; exit 8"
    )
    with session("sh", "-c", script, socket=path) as owner:
        owner.expect(rb"ready")
        with attached(path) as one, attached(path) as two:
            for terminal in (one, two):
                while terminal.attributes() == terminal.attributes_before:
                    terminal.read(0.02)
            one.type(b"one\r")
            owner.expect(rb"one\r\n")
            two.type(b"two\r")
            for terminal in (owner, one, two):
                terminal.expect(rb"xend")
                assert terminal.output.count(b"x") == 300_000
            owner.type(b"end\r")

            assert [terminal.wait() for terminal in (owner, one, two)] == [8, 8, 8]


def test_a_paste_from_an_attached_terminal_arrives_whole(path: Path) -> None:
    with session(sys.executable, "-c", COUNTER, socket=path) as owner:
        owner.expect(rb"ready")
        with attached(path) as other:
            other.expect(rb"painted")
            other.type(b"0123456789" * 10_000)
            other.expect(rb"100000")

            assert other.wait() == owner.wait() == 0


def test_a_session_needs_no_terminal_of_its_own(path: Path) -> None:
    script = "head -c 1000000 /dev/zero | tr '\\0' x; echo up >&3; read x; exit 8"
    with OperatorTerminal(
        "sh", "-c", f'exec {" ".join(PROGRAM)} run --no-terminal --socket {path} -- sh -c "$0"', script
    ) as owner:
        while not path.exists():
            owner.read(0.02)
        with attached(path) as other:
            other.type(b"end\r")

            assert other.wait() == 8
        assert owner.wait() == 8


def test_attaching_to_nothing_says_so(path: Path) -> None:
    with attached(path) as other:
        assert other.wait() == 1
        assert b"no session can be reached" in other.output
        assert other.attributes() == other.attributes_before


@contextmanager
def stalled_client(path: Path) -> Iterator[socket.socket]:
    """A client that says hello and then reads nothing of its own accord."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        while True:
            try:
                connection.connect(os.fspath(path))
                break
            except OSError:
                time.sleep(0.02)
        connection.sendall(encode(Hello(TerminalSize(rows=24, columns=80))))
        yield connection


def some_output(connection: socket.socket, reader: FrameReader) -> bytes:
    """What has been sent so far; empty where nothing comes for a moment."""
    connection.settimeout(0.2)
    try:
        frames = list(reader.feed(connection.recv(65536)))
    except TimeoutError:
        return b""
    finally:
        connection.settimeout(20)
    return b"".join(frame.data for frame in frames if isinstance(frame, Data))


def everything(connection: socket.socket, reader: FrameReader | None = None) -> tuple[bytes, int | None]:
    """What was sent until the connection closed: the output, and the exit status if there was one."""
    reader = reader or FrameReader()
    received, status = bytearray(), None
    while data := connection.recv(65536):
        for frame in reader.feed(data):
            if isinstance(frame, Data):
                received += frame.data
            if isinstance(frame, Exit):
                status = frame.status
    return bytes(received), status
