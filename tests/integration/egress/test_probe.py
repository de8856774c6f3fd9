"""The proof of isolation, run where there is isolation and where there is none."""

import json
import socket
import sys
from pathlib import Path

from bottle import proc
from bottle_sidecar import probe
from bottle_sidecar.control.protocol import Exit, Start, to_json
from bottle_sidecar.policy.document import Policy
from support.sidecar import IDENTITY, PACKAGES, command

ISOLATED = ("unshare", "--user", "--map-root-user", "--net")
HOST_ADDRESS = "192.0.2.2"


def listen_within(path: Path, *arguments: str, prefix: tuple[str, ...] = ISOLATED) -> proc.Completed:
    """The one-shot in a fresh network namespace, against a sidecar outside of it."""
    with proc.spawn(command(), stdin=proc.PIPE, stdout=proc.PIPE, stderr=proc.DEVNULL) as sidecar:
        assert sidecar.stdin is not None
        assert sidecar.stdout is not None
        start = Start(identity=IDENTITY, policy=Policy(), exit=Exit(handover=str(path)))
        sidecar.stdin.write(json.dumps(to_json(start)).encode() + b"\n")
        sidecar.stdin.flush()
        assert sidecar.stdout.readline()
        argv = (*prefix, sys.executable, "-m", "bottle_sidecar.listener", str(path), *arguments)
        return proc.run(proc.Command(argv=argv, env={"PYTHONPATH": PACKAGES}), check=False)


def test_an_isolated_namespace_has_no_way_out_but_the_sidecar(tmp_path: Path) -> None:
    done = listen_within(tmp_path / "exit.sock", HOST_ADDRESS, "--identity", IDENTITY)
    assert (done.code, json.loads(done.stdout)) == (0, {"findings": []})


def test_the_sidecar_of_another_bottle_is_a_finding(tmp_path: Path) -> None:
    done = listen_within(tmp_path / "exit.sock", "--identity", "other-abcde")
    (finding,) = json.loads(done.stdout)["findings"]
    assert IDENTITY in finding


def test_without_isolation_everything_is_found(tmp_path: Path) -> None:
    done = listen_within(tmp_path / "exit.sock", "--port", "0", prefix=())
    findings = json.loads(done.stdout)["findings"]
    up = [name for _, name in socket.if_nameindex() if name != "lo" and probe.is_up(name)]
    assert {f"the network interface {name} is up" for name in up} <= set(findings)
    assert "does not answer" in findings[-1]


def test_no_sidecar_is_an_error_and_not_a_clean_result(tmp_path: Path) -> None:
    argv = (*ISOLATED, sys.executable, "-m", "bottle_sidecar.listener", str(tmp_path / "absent.sock"))
    done = proc.run(proc.Command(argv=argv, env={"PYTHONPATH": PACKAGES}), check=False)
    assert done.code == 1
    assert not done.stdout
    assert b"cannot be made" in done.stderr
    assert b"Traceback" not in done.stderr


def test_the_probe_alone_needs_the_sidecar() -> None:
    argv = (*ISOLATED, sys.executable, "-m", "bottle_sidecar.probe", "--json", HOST_ADDRESS)
    done = proc.run(proc.Command(argv=argv, env={"PYTHONPATH": PACKAGES}), check=False)
    (finding,) = json.loads(done.stdout)["findings"]
    assert done.code == 1
    assert f"127.0.0.1:{probe.PORT}" in finding


def test_a_second_listener_in_the_namespace_is_found() -> None:
    program = (
        "import socket; from bottle_sidecar import probe, listener\n"
        "a = listener.open_listener(4000)\n"
        "b = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); b.bind(('127.0.0.1', 53))\n"
        "c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); c.bind(('127.0.0.11', 53))\n"
        "print('\\n'.join(probe.run()))"
    )
    argv = (*ISOLATED, sys.executable, "-c", program)
    done = proc.run(proc.Command(argv=argv, env={"PYTHONPATH": PACKAGES}))
    assert "something else waits on tcp port 4000" in done.text
    assert "something else waits on udp port 53" in done.text
    assert "a resolver waits at 127.0.0.11" in done.text
