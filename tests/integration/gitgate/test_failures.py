"""When something on the way is not as it should be: a clear error, nothing half done."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

from bottle_sidecar.egress.proxy import MAX_CONNECTIONS
from support.gitgate import GateLab, Remote, Work
from support.sshd import Sshd, git, keygen

KINDS = ("ed25519", "rsa", "ecdsa")
_CUTS_THE_LINE = """#!/bin/sh
pid=$$
until grep -q '^Name:.sshd' /proc/$pid/status; do
    pid=$(sed -n 's/^PPid:.//p' /proc/$pid/status)
done
kill -9 $pid
exit 1
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """Another sshd, with a host key of each type, which these tests stop and start."""
    with Sshd(tmp_path_factory.mktemp("other-sshd"), kinds=KINDS) as started:
        for name in (*KINDS, "moved"):
            started.bare(name)
        yield started


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, server: Sshd) -> Iterator[GateLab]:
    wrong = keygen(tmp_path_factory.mktemp("keys") / "wrong").with_suffix(".pub").read_text()
    repos = [server.declared(kind, kind=kind) for kind in KINDS]
    repos.append(evolve(server.declared("moved"), host_key=" ".join(wrong.split()[:2])))
    with GateLab(tmp_path_factory.mktemp("gate") / "lab", repos, server.key) as started:
        yield started


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_of_host_key_can_be_pinned(lab: GateLab, server: Sshd, kind: str) -> None:
    assert lab.git("ls-remote", server.url(kind)).code == 0


def test_another_host_key_than_the_pinned_one(lab: GateLab, server: Sshd) -> None:
    done = lab.git("ls-remote", server.url("moved"), check=False)

    assert done.code != 0
    text = done.stderr.decode()
    assert "does not show the host key that is pinned in the manifest" in text
    assert "host_key of git-gate.repos.moved" in text


def test_an_upstream_that_cannot_be_reached_serves_nothing_old(tmp_path: Path) -> None:
    with Sshd(tmp_path / "sshd") as server:
        bare, url = server.bare("shut"), server.url("shut")
        with GateLab(tmp_path / "lab", [server.declared("shut")], server.key) as lab:
            work = Remote(lab=lab, url=url, bare=bare).seeded()
            work.commit("b", "b\n")
            server.stop()
            cloned = lab.git("clone", "--quiet", url, str(lab.folder / "never"), check=False)
            pushed = work.push("origin", "HEAD:main")
            server.start()
            again = work.push("origin", "HEAD:main")

    assert cloned.code != 0
    assert pushed.code != 0
    for done in (cloned, pushed):
        assert f"bot-bottle: {server.host}:{server.port} cannot be used: " in done.stderr.decode()
        assert "Connection refused" in done.stderr.decode()
    assert again.code == 0, again.stderr.decode()


def test_a_key_that_the_upstream_does_not_know(tmp_path: Path, server: Sshd) -> None:
    stranger = keygen(tmp_path / "stranger")
    with GateLab(tmp_path / "lab", [server.declared("rsa")], stranger) as lab:
        done = lab.git("ls-remote", server.url("rsa"), check=False)

    assert done.code != 0
    assert f"does not accept the key for user {server.user}" in done.stderr.decode()


def test_a_sidecar_that_dies_in_the_middle_of_a_push(tmp_path: Path, server: Sshd) -> None:
    """Nothing of it arrives, none of its programs stays, and another sidecar takes the same push."""
    bare = server.bare("killed")
    waiting = bare / "hooks" / "pre-receive"
    waiting.parent.mkdir(exist_ok=True)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    waiting.write_text(f"#!/bin/sh\necho started > {fifo}\nread line < {fifo}.never || exit 1\n")
    waiting.chmod(0o755)
    os.mkfifo(f"{fifo}.never")
    with GateLab(tmp_path / "lab", [server.declared("killed")], server.key) as lab:
        work = lab.clone(server.url("killed"))
        work.commit("a", "a\n")
        outcome: list[int] = []
        pushing = threading.Thread(target=lambda: outcome.append(work.push("origin", "HEAD:main").code))
        pushing.start()
        fifo.read_text()
        agents = _programs("ssh-agent -D -a " + str(lab.folder), patience=1)
        os.kill(lab.sidecar.process.pid, signal.SIGKILL)
        pushing.join()
        lab.sidecar.process.wait()
    waiting.unlink()
    Path(f"{fifo}.never").write_text("")

    assert outcome[0] != 0
    assert agents
    assert _programs(str(lab.folder)) == []
    assert git("-C", str(bare), "for-each-ref").text == ""
    with GateLab(tmp_path / "next", [server.declared("killed")], server.key) as lab:
        again = Work(lab, work.folder).push("origin", "HEAD:main")
        assert again.code == 0, again.stderr.decode()


def test_a_connection_to_the_upstream_that_dies_in_the_middle_of_a_push(lab: GateLab, server: Sshd) -> None:
    remote = Remote(lab=lab, url=server.url("ecdsa"), bare=server.repos / "ecdsa.git")
    hook = remote.bare / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(_CUTS_THE_LINE)
    hook.chmod(0o755)
    work = remote.clone()
    work.commit("a", "a\n")

    cut = work.push("origin", "HEAD:main")
    refs = remote.refs()
    hook.unlink()
    again = work.push("origin", "HEAD:main")

    assert cut.code != 0
    assert f"bot-bottle: {server.host}:{server.port} cannot be used: " in cut.stderr.decode()
    assert "HEAD -> main (it was not forwarded)" in cut.stderr.decode()
    assert refs == {}
    assert again.code == 0, again.stderr.decode()
    assert set(remote.refs()) == {"refs/heads/main"}
    assert not list(lab.scratch.glob("push-*"))


def test_what_a_killed_sidecar_left_in_the_shared_copy_is_in_nobody_s_way(
    tmp_path: Path, server: Sshd
) -> None:
    bare = server.bare("shared")
    cache = tmp_path / "cache"
    with GateLab(tmp_path / "first", [server.declared("shared")], server.key, cache=cache) as lab:
        Remote(lab=lab, url=server.url("shared"), bare=bare).seeded()
        lab.clone(server.url("shared"))
    (mirror,) = cache.glob("*.git")
    for name in ("packed-refs.lock", "HEAD.lock", "refs/heads/main.lock"):
        (mirror / name).write_text("")
    (mirror / "config").unlink()

    with GateLab(tmp_path / "second", [server.declared("shared")], server.key, cache=cache) as lab:
        work = lab.clone(server.url("shared"))
        work.commit("b", "b\n")
        assert work.push().code == 0


def test_a_client_that_goes_away_leaves_nothing(lab: GateLab, server: Sshd) -> None:
    place = server.url("ed25519").replace("ssh://", "http://gate.bottle/")
    with lab.sidecar.connect() as connection:
        head = f"POST {place}/git-receive-pack HTTP/1.1\r\nHost: gate.bottle\r\n"
        kind = "Content-Type: application/x-git-receive-pack-request\r\nContent-Length: 100000\r\n\r\n"
        order = f"{'0' * 40} {'1' * 40} refs/heads/x\0report-status".encode()
        connection.sendall((head + kind).encode() + b"%04x%s0000PACK" % (len(order) + 4, order))
        while not list(lab.scratch.glob("push-*/quarantine.git/objects")):
            assert lab.sidecar.process.poll() is None

    while list(lab.scratch.glob("push-*")):
        assert lab.sidecar.process.poll() is None
    assert not [
        line for line in lab.sidecar.log.read_text().splitlines() if json.loads(line)["event"] == "fault"
    ]


@pytest.mark.parametrize("start", [b"", b"G", b"CONNECT api.exam"])
def test_those_who_say_too_little_and_go_away_take_nobody_s_place(lab: GateLab, start: bytes) -> None:
    """Until enough has come, nobody knows whether a connection is for the gate."""
    for _ in range(MAX_CONNECTIONS + 1):
        with lab.sidecar.connect() as connection:
            connection.sendall(start)
    assert lab.sidecar.request("other.test").status == 403


def _programs(text: str, patience: int = 100) -> list[str]:
    """Command lines of this machine that name `text`; those that end at this moment are given time."""
    found: list[str] = []
    for _ in range(patience):
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if text in line:
                found.append(line)
        if not found:
            return []
        threading.Event().wait(0.1)
    return found
