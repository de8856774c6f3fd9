"""The process: what it says at start, what it locks, and that it ends with its owner."""

import json
import os
import resource
import signal
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bottle import proc
from bottle.sidecar.process import SidecarError
from bottle_sidecar.control.protocol import Exit, Ready, Start, from_json, to_json
from bottle_sidecar.policy.document import Auth, AuthScheme, Policy, Route
from support.egress import Begin, MakeRoute, Serve
from support.sidecar import IDENTITY, WAIT, command, read_all, read_reply
from support.upstreams import Answer, Seen

HOST = "api.test"


def talk(start: dict[str, object] | bytes) -> proc.Completed:
    """Gives a sidecar its first line and closes its stdin."""
    line = start if isinstance(start, bytes) else json.dumps(start).encode() + b"\n"
    return proc.run(command(), stdin=line, check=False)


def start_message(folder: Path, **changes: object) -> dict[str, object]:
    exit_ = Exit(handover=str(folder / "exit.sock"))
    return {**to_json(Start(identity=IDENTITY, policy=Policy(), exit=exit_)), **changes}


def test_it_is_ready_and_then_ends_with_its_owner(tmp_path: Path) -> None:
    done = talk(start_message(tmp_path))
    assert done.code == 0
    ready = from_json(json.loads(done.stdout))
    assert isinstance(ready, Ready)
    assert ready.ca_certificate.strip() in ready.trust_store
    assert ready.trust_store.count("BEGIN CERTIFICATE") > 20
    assert b"PRIVATE" not in done.stdout
    assert not (tmp_path / "exit.sock").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"not json\n", "Expecting value"),
        (b"[]\n", "not a JSON object"),
        (b'{"kind": "nonsense"}\n', "unknown control message"),
        (b'{"kind": "start"}\n', "malformed start message"),
        (
            b'{"kind": "ready", "ca_certificate": "", "ca_fingerprint": "", "trust_store": ""}\n',
            "expected a start",
        ),
    ],
)
def test_nonsense_fails_with_a_reason(line: bytes, message: str) -> None:
    done = talk(line)
    answer = json.loads(done.stdout)
    assert (done.code, answer["kind"]) == (1, "failed")
    assert message in answer["message"]
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 99}, "version 99"),
        ({"exit": {"handover": None, "unix": None}}, "either a handover or a unix"),
        ({"exit": {"handover": "/nowhere/at/all", "unix": None}}, "cannot listen at /nowhere/at/all"),
        ({"upstream_proxy": "socks5://u:hunter2@h:1"}, "host's proxy must be"),
    ],
)
def test_what_cannot_work_fails_with_a_reason(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    done = talk(start_message(tmp_path, **changes))
    assert (done.code, json.loads(done.stdout)["kind"]) == (1, "failed")
    assert message in json.loads(done.stdout)["message"]
    assert b"hunter2" not in done.stdout + done.stderr


def test_shutdown_before_start(tmp_path: Path) -> None:
    assert talk(b'{"kind": "shutdown"}\n').code == 0
    assert talk(b"").code == 0


def test_an_unreadable_ca_fails(start: Begin) -> None:
    with pytest.raises(SidecarError, match=r"api.test.*CA|CA certificate"):
        start(Route(host=HOST, ca_pem="-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"))


def test_a_missing_token_fails_and_names_its_reference(start: Begin) -> None:
    with pytest.raises(SidecarError, match=r"route api.test: the value of T is empty"):
        start(Route(host=HOST, auth=Auth(scheme=AuthScheme.BEARER, token_ref="T")))


async def endless(seen: Seen) -> Answer:
    async def body() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65536

    return Answer(body=body())


def test_its_owner_s_death_ends_a_transfer_within_a_second(start: Begin, serve: Serve, to: MakeRoute) -> None:
    sidecar = start(to(HOST, serve(HOST, handler=endless)))
    with sidecar.secure(HOST) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: api.test\r\n\r\n")
        assert connection.recv(1000)
        sidecar.process.stdin.close()
        began = time.monotonic()
        assert sidecar.process.wait(WAIT) == 0
        assert time.monotonic() - began < 1.0 + 4.0  # a second, and what a busy machine adds
        read_all(connection)
    with pytest.raises(ConnectionError):
        sidecar.connect().close()


def test_ctrl_c_is_not_for_it(start: Begin) -> None:
    sidecar = start()
    os.kill(sidecar.process.pid, signal.SIGINT)
    assert sidecar.request("other.test").status == 403


def test_it_is_locked_down(start: Begin) -> None:
    pid = start().process.pid
    assert resource.prlimit(pid, resource.RLIMIT_CORE) == (0, 0)
    status = Path(f"/proc/{pid}/status").read_text()
    assert "NoNewPrivs:\t1" in status
    assert "Umask:\t0077" in status
    assert Path(f"/proc/{pid}").stat().st_uid == 0  # not dumpable: its files in /proc are root's


def test_no_secret_in_what_others_can_see(start: Begin) -> None:
    token = "sk-real-0123456789abcdef"
    route = Route(host=HOST, auth=Auth(scheme=AuthScheme.BEARER, token_ref="T"))
    pid = start(route, tokens={"T": token}).process.pid
    for name in ("cmdline", "environ"):
        assert token.encode() not in Path(f"/proc/{pid}/{name}").read_bytes()


def test_its_own_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    with proc.spawn(command(), stdin=proc.PIPE, stdout=proc.PIPE, stderr=proc.DEVNULL) as process:
        message = to_json(Start(identity=IDENTITY, policy=Policy(), exit=Exit(unix=str(path))))
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(message).encode() + b"\n")
        process.stdin.flush()
        assert process.stdout.readline()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(WAIT)
            connection.connect(str(path))
            connection.sendall(b"GET http://sidecar.bottle/health HTTP/1.1\r\nHost: sidecar.bottle\r\n\r\n")
            assert read_reply(connection).status == 200
        process.stdin.close()
        assert process.wait(WAIT) == 0
    assert not path.exists()


def test_connections_that_say_nothing_do_not_keep_others_out(start: Begin) -> None:
    sidecar = start()
    idle = [sidecar.connect() for _ in range(200)]
    try:
        for connection in idle[:100]:
            connection.sendall(b"GET http://x/ HTTP/1.1\r\nHo")
        assert sidecar.request("other.test").status == 403
    finally:
        for connection in idle:
            connection.close()


def test_running_out_of_descriptors_does_not_kill_it(start: Begin) -> None:
    sidecar = start()
    resource.prlimit(sidecar.process.pid, resource.RLIMIT_NOFILE, (40, 40))
    crowd = [sidecar.connect() for _ in range(60)]
    for connection in crowd:
        connection.close()
    assert sidecar.request("other.test").status == 403
    assert sidecar.process.poll() is None


def test_half_closed_and_broken_connections(start: Begin, serve: Serve, to: MakeRoute) -> None:
    sidecar = start(to(HOST, serve(HOST)))
    for _ in range(3):
        with sidecar.connect() as connection:
            connection.shutdown(socket.SHUT_WR)
            assert read_all(connection) == b""
        with sidecar.tunnel(HOST) as connection:
            connection.shutdown(socket.SHUT_WR)
            assert read_all(connection) == b""
        with sidecar.secure(HOST) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: api.test\r\nContent-Length: 100\r\n\r\nhalf")
            connection.shutdown(socket.SHUT_WR)
            read_all(connection)
        with sidecar.secure(HOST) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.sendall(b"GET / HTTP/1.1\r\nHost: api.test\r\n\r\n")
    assert sidecar.request(HOST).status == 200
    assert not [event for event in sidecar.events if event["event"] == "fault"]
