"""Ways around the gate, by clients that are not git: what is not declared stays out of reach."""

import asyncio
import re
import socket
import zlib
from hashlib import sha1
from pathlib import Path

import pytest

from bottle_sidecar.gate.contents import Contents, ContentsError
from bottle_sidecar.gate.git import Git
from support.gitgate import GateLab, Remote, Work
from support.sidecar import WAIT, Reply, read_reply
from support.sshd import Sshd, git

ZERO = "0" * 40


@pytest.fixture(scope="module")
def target(lab: GateLab, sshd: Sshd) -> tuple[Remote, Work]:
    """A repository with one commit, beside one on the same host that is not declared."""
    sshd.bare("undeclared")
    remote = Remote(lab=lab, url=sshd.url("target"), bare=sshd.bare("target"))
    return remote, remote.seeded()


def place(url: str) -> str:
    return url.removeprefix("ssh://")


def ask(lab: GateLab, target: str, body: bytes | None = None, **headers: str) -> Reply:
    """One request, byte for byte as given; no client tidies the path."""
    with socket.create_connection(("127.0.0.1", lab.sidecar.port), timeout=WAIT) as connection:
        method = "GET" if body is None else "POST"
        fields = {"Host": "gate.bottle", "Content-Length": str(len(body or b"")), **headers}
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
        connection.sendall(f"{method} http://gate.bottle/{target} HTTP/1.1\r\n{lines}\r\n".encode())
        connection.sendall(body or b"")
        return read_reply(connection, method=method)


def packet(text: bytes) -> bytes:
    return b"%04x%s" % (len(text) + 4, text)


def push(remote: Remote, *orders: tuple[str, str, bytes], pack: bytes = b"") -> str:
    """A push as only somebody would make it who writes the protocol by hand; what the gate answers."""
    lines = [f"{old} {new} ".encode() + ref for old, new, ref in orders]
    lines[0] += b"\0report-status side-band-64k"
    body = b"".join(map(packet, lines)) + b"0000" + pack
    kind = "application/x-git-receive-pack-request"
    reply = ask(remote.lab, f"{place(remote.url)}/git-receive-pack", body, Content_Type=kind)
    return re.sub(r"\n?[0-9a-f]{4}[\x01\x02]?", "\n", reply.body.decode(errors="replace"))


def crafted(*objects: tuple[int, bytes]) -> bytes:
    """A pack of whole objects: (type, content)."""
    data = b"PACK" + (2).to_bytes(4, "big") + len(objects).to_bytes(4, "big")
    for kind, content in objects:
        size, first = len(content) >> 4, (kind << 4) | (len(content) & 15)
        header = []
        while size:
            header.append(first | 0x80)
            first, size = size & 0x7F, size >> 7
        data += bytes([*header, first]) + zlib.compress(content)
    return data + sha1(data, usedforsecurity=False).digest()


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url.replace("target.git", "undeclared.git"),
        lambda url: url.replace("target.git", "target.git/../undeclared.git"),
        lambda url: url.replace("target.git", "target.git/%2e%2e/undeclared.git"),
        lambda url: url.replace("target.git", "target2.git"),
        lambda url: url.replace("127.0.0.1", "localhost"),
        lambda url: url.replace("127.0.0.1:", "127.0.0.1:1"),
        lambda url: url.replace("@", "x@"),
        lambda url: url.partition("@")[2],
        lambda url: f"--upload-pack=id/{url}",
        lambda url: f"-oProxyCommand=id@{url.partition('@')[2]}",
        lambda url: "ext::sh -c id".replace(" ", "%20"),
        lambda url: "file:///etc",
        lambda url: "etc/passwd",
        lambda url: url.partition("/")[0] + "/../../../../etc",
        lambda url: url + "%00",
        lambda url: url + "%0a",
    ],
)  # fmt: skip
def test_nothing_but_what_is_declared_is_served(target: tuple[Remote, Work], change: object) -> None:
    assert callable(change)
    lab, named = target[0].lab, place(target[0].url)
    looked = len(list(lab.scratch.glob("mirrors/*")))

    for service in ("git-upload-pack", "git-receive-pack"):
        reply = ask(lab, f"{change(named)}/info/refs?service={service}")
        assert b"is not declared" in reply.body, reply
        kind = f"application/x-{service}-request"
        reply = ask(lab, f"{change(named)}/{service}", b"0000", Content_Type=kind)
        assert b"is not declared" in reply.body, reply

    assert len(list(lab.scratch.glob("mirrors/*"))) == looked
    assert ask(lab, f"{named}/info/refs?service=git-upload-pack").body.startswith(b"001e# service=")


@pytest.mark.parametrize(
    ("target_of", "status"),
    [
        ("{}/HEAD", 404), ("{}/objects/info/packs", 404), ("{}/info/refs", 403), ("{}/config", 404),
        ("{}/info/refs?service=git-upload-archive", 403), ("{}/git-upload-archive", 404), ("", 404),
    ],
)  # fmt: skip
def test_no_other_service_is_offered(target: tuple[Remote, Work], target_of: str, status: int) -> None:
    reply = ask(target[0].lab, target_of.format(place(target[0].url)))

    assert reply.status == status
    assert b"bot-bottle" in reply.body


@pytest.mark.parametrize(
    "ref",
    [
        b"refs/heads/a\x1b[2J", b"refs/heads/a\nb", b"refs/heads/../../config", b"HEAD", b"refs/heads/a b",
        b"refs/heads/-x\x7f", b"../hooks/pre-receive", b"refs/heads/a.lock", b"refs/heads/:main",
        b"refs/heads/*", b"--upload-pack=id",
    ],
)  # fmt: skip
def test_names_that_are_no_refs(target: tuple[Remote, Work], ref: bytes) -> None:
    remote, work = target
    before = remote.refs()

    said = push(remote, (ZERO, work.head, ref), pack=crafted())

    assert "not a valid ref name" in said
    assert "\x1b[2J" not in said.split("ng ")[0]
    assert remote.refs() == before


def test_objects_that_are_no_ids(target: tuple[Remote, Work]) -> None:
    assert "not an object id" in push(target[0], ("--all", "main", b"refs/heads/x"), pack=crafted())


def test_a_pack_that_is_broken(target: tuple[Remote, Work]) -> None:
    remote, work = target
    whole = crafted((3, b"hello"))
    for pack in (b"", b"PACK", whole[:-5], whole[:-20] + b"x" * 20, b"PACK" + b"\xff" * 40):
        assert "unpack " in (said := push(remote, (ZERO, work.head, b"refs/heads/x"), pack=pack))
        assert "ng refs/heads/x the pack was not taken" in said
    assert "refs/heads/x" not in remote.refs()


@pytest.mark.parametrize("tree", ["a" * 40, "4b825dc642cb6eb9a060e54bf8d69288fbee4905"])
def test_history_with_holes(target: tuple[Remote, Work], tree: str) -> None:
    """A commit whose tree is nowhere."""
    remote = target[0]
    commit = f"tree {tree}\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\n\nx\n".encode()
    oid = sha1(b"commit %d\0" % len(commit) + commit, usedforsecurity=False).hexdigest()

    said = push(remote, (ZERO, oid, b"refs/heads/x"), pack=crafted((1, commit)))

    assert "it cannot be looked into" in said
    assert "refs/heads/x" not in remote.refs()


def test_another_repository_s_objects_are_out_of_reach(
    target: tuple[Remote, Work], other_remote: Remote
) -> None:
    remote, work = target
    secret = other_remote.seeded()
    secret.commit("only-here", "there\n")
    assert secret.push("origin", "HEAD:main").code == 0

    assert "it cannot be looked into" in push(remote, (ZERO, secret.head, b"refs/heads/y"), pack=crafted())
    fetched = work.git("fetch", "origin", secret.head, check=False)

    assert fetched.code != 0
    assert "refs/heads/y" not in remote.refs()


def test_what_was_refused_cannot_be_fetched_or_built_upon(
    target: tuple[Remote, Work], tmp_path: Path
) -> None:
    remote, seeded = target
    work = seeded.copy(tmp_path / "work")
    work.commit("leak", "ghp_" + "Z1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8" + "\n")
    assert work.push("origin", "HEAD:main").code != 0

    assert seeded.git("fetch", "origin", work.head, check=False).code != 0
    assert "it cannot be looked into" in push(remote, (ZERO, work.head, b"refs/heads/z"), pack=crafted())


def test_a_huge_list_of_refs(target: tuple[Remote, Work]) -> None:
    head = target[1].head
    orders = [(ZERO, head, b"refs/heads/%06d" % number) for number in range(20_000)]

    assert "bytes of orders: push fewer refs at once" in push(target[0], *orders, pack=crafted())


@pytest.mark.parametrize("kind", [1, 2, 4])
def test_a_bomb_of_what_git_holds_in_memory(target: tuple[Remote, Work], kind: int) -> None:
    """A commit, folder or tag that says it has two gigabytes: the machine's memory is not taken."""
    remote, work = target
    first, rest, header = (kind << 4), (2 * 1024**3) >> 4, []
    while rest:
        header.append(first | 0x80)
        first, rest = rest & 0x7F, rest >> 7
    pack = b"PACK" + (2).to_bytes(4, "big") + (1).to_bytes(4, "big")
    pack += bytes([*header, first]) + zlib.compress(bytes(1024**2))
    pack += sha1(pack, usedforsecurity=False).digest()

    said = push(remote, (ZERO, work.head, b"refs/heads/bomb"), pack=pack)

    assert "unpack Out of memory" in said
    assert "ng refs/heads/bomb" in said


def test_what_unpacks_to_too_much_is_not_looked_into(target: tuple[Remote, Work]) -> None:
    work = target[1]
    contents = Contents(Git(folder=work.folder / ".git"), [work.head], [], most=100)

    async def look() -> None:
        await contents.collect()
        async for _, content in contents.objects():
            async for _ in content:
                pass

    with pytest.raises(ContentsError, match="unpacks to more than 100 bytes"):
        asyncio.run(look())


def test_hooks_and_settings_in_the_pushed_tree_run_nowhere(
    target: tuple[Remote, Work], tmp_path: Path
) -> None:
    work = target[1].copy(tmp_path / "work")
    mark = tmp_path / "ran"
    for name in ("hooks/pre-receive", "hooks/update", ".git-hooks/pre-push"):
        work.commit(name, f"#!/bin/sh\ntouch {mark}\n")
    work.commit(".gitattributes", "* filter=x diff=x\n")
    work.commit(".gitconfig", f'[filter "x"]\n\tsmudge = touch {mark}\n[core]\n\tfsmonitor = touch {mark}\n')

    done = work.push("origin", "HEAD:refs/heads/hooked")

    assert done.code == 0, done.stderr.decode()
    assert not mark.exists()


def test_git_and_ssh_urls_end_at_the_gate(target: tuple[Remote, Work]) -> None:
    """What the bottle's git is told to rewrite; without that there is no way out at all."""
    lab = target[0].lab
    done = lab.git("ls-remote", "ssh://git@github.com/some/where", check=False)

    assert done.code != 0
    assert "git@github.com/some/where is not declared. Declared are: ssh://" in done.stderr.decode()


def test_a_tunnel_to_the_gate_s_host_is_no_way_in(target: tuple[Remote, Work]) -> None:
    reply = target[0].lab.sidecar.request("gate.bottle", "/")

    assert reply.status == 403
    assert git("--version").code == 0
