"""What an agent does with git every day, through a real gate, against a real sshd."""

import json
from pathlib import Path

import pytest

from support.gitgate import GateLab, Remote, Work
from support.sidecar import read_reply
from support.sshd import Sshd, git


def test_clone_push_pull_and_ls_remote(remote: Remote) -> None:
    work = remote.seeded()
    other = remote.clone()
    assert other.head == work.head
    assert git("-C", str(other.folder), "symbolic-ref", "HEAD").text.strip() == "refs/heads/main"

    other.commit("b", "x\n")
    assert other.push().code == 0
    work.git("pull", "--quiet", "origin", "main")

    assert work.head == other.head == remote.refs()["refs/heads/main"]
    assert other.head in work.git("ls-remote", "origin").text


def test_tags_force_and_deletion(remote: Remote) -> None:
    work = remote.seeded()
    work.git("tag", "--annotate", "v1", "--message", "one")
    work.git("branch", "topic")
    assert work.push("origin", "v1", "topic").code == 0
    work.git("commit", "--quiet", "--amend", "--message", "again")

    plain = work.push("origin", "HEAD:main")
    assert plain.code != 0
    assert b"non-fast-forward" in plain.stderr
    forced = work.push("--force", "origin", "HEAD:main", ":topic")

    assert forced.code == 0, forced.stderr.decode()
    refs = remote.refs()
    assert refs["refs/heads/main"] == work.head
    assert "refs/heads/topic" not in refs
    assert "refs/tags/v1" in refs
    assert work.git("ls-remote", "origin", "topic").text == ""


def test_a_branch_of_what_is_there_sends_nothing_new(remote: Remote) -> None:
    work = remote.seeded()

    assert work.push("origin", "HEAD:refs/heads/same").code == 0

    assert remote.refs()["refs/heads/same"] == work.head


def test_upstream_s_hook_speaks_and_decides(remote: Remote) -> None:
    hook = remote.bare / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        '#!/bin/sh\necho "options: $GIT_PUSH_OPTION_COUNT $GIT_PUSH_OPTION_0"\n'
        'while read old new ref; do case "$ref" in */bad) echo "no bad here"; exit 1;; esac; done\n'
    )
    work = remote.clone()
    work.commit("a", "a\n")
    hook.chmod(0o755)

    good = work.push("--push-option=ci.skip", "origin", "HEAD:main")
    bad = work.push("origin", "HEAD:bad")

    assert good.code == 0
    assert "remote: options: 1 ci.skip" in good.stderr.decode()
    assert bad.code != 0
    assert "remote: no bad here" in bad.stderr.decode()
    assert "HEAD -> bad (pre-receive hook declined)" in bad.stderr.decode()
    assert set(remote.refs()) == {"refs/heads/main"}


def test_atomic_is_all_or_nothing(remote: Remote) -> None:
    hook = remote.bare / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text('#!/bin/sh\ncase "$1" in */bad) exit 1;; esac\n')
    hook.chmod(0o755)
    work = remote.clone()
    work.commit("a", "a\n")

    assert work.push("--atomic", "origin", "HEAD:good", "HEAD:bad").code != 0
    assert remote.refs() == {}
    mixed = work.push("origin", "HEAD:good", "HEAD:bad")

    assert mixed.code != 0
    assert "HEAD -> bad (hook declined)" in mixed.stderr.decode()
    assert set(remote.refs()) == {"refs/heads/good"}


def test_nobody_s_change_is_lost(remote: Remote) -> None:
    """A lease that the client took is kept by the gate, though upstream moves between the two."""
    work = remote.seeded()
    believed = work.head
    other = remote.clone()
    other.commit("b", "b\n")
    assert other.push().code == 0
    work.commit("c", "c\n")

    stale = work.push(f"--force-with-lease=main:{believed}", "origin", "HEAD:main")

    assert stale.code != 0
    assert "stale info" in stale.stderr.decode()
    assert remote.refs()["refs/heads/main"] == other.head


def test_shallow_and_partial_clones(remote: Remote) -> None:
    work = remote.seeded()
    for number in range(3):
        work.commit("file", f"{number}\n")
    assert work.push("origin", "HEAD:main").code == 0

    shallow = remote.clone("--depth=1")
    assert shallow.git("rev-list", "--count", "HEAD").text.strip() == "1"
    shallow.commit("more", "m\n")
    assert shallow.push("origin", "HEAD:main").code == 0
    shallow.git("fetch", "--quiet", "--unshallow")
    assert shallow.git("rev-list", "--count", "HEAD").text.strip() == "5"

    partial = remote.clone("--filter=blob:none", "--no-checkout")
    missing = partial.git("rev-list", "--objects", "--all", "--missing=print").text
    assert "?" in missing
    partial.git("checkout", "--quiet", "main")
    assert (partial.folder / "file").read_text() == "2\n"


def test_submodules_among_declared_repositories(remote: Remote, other_remote: Remote) -> None:
    other_remote.seeded()
    work = remote.seeded()
    work.git("submodule", "--quiet", "add", f"../{other_remote.bare.name}", "sub")
    work.git("commit", "--quiet", "--message", "with a submodule")
    assert work.push("origin", "HEAD:main").code == 0

    whole = remote.clone("--recurse-submodules")

    assert (whole.folder / "sub" / "README").read_text() == "hello\n"


@pytest.fixture(scope="module")
def narrow(lab: GateLab, sshd: Sshd) -> tuple[Remote, Work]:
    remote = Remote(lab=lab, url=sshd.url("narrow"), bare=sshd.bare("narrow"))
    return remote, remote.seeded()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("HEAD:refs/heads/other",), "push.refs of the manifest does not cover this ref"),
        (("HEAD:refs/heads/agent/x", "HEAD:refs/notes/x"), "push.refs of the manifest"),
        ((":refs/heads/main",), "push.delete of the manifest forbids deletions"),
        (("--force", "HEAD:main"), "push.force of the manifest forbids this"),
    ],
)
def test_push_rules_narrow(
    narrow: tuple[Remote, Work], tmp_path: Path, words: tuple[str, ...], reason: str
) -> None:
    remote, seeded = narrow
    before = remote.refs()
    work = seeded.copy(tmp_path / "work")
    work.git("commit", "--quiet", "--amend", "--message", "other")

    pushed = work.push(*words[:-1], "origin", words[-1]) if len(words) == 1 else work.push("origin", *words)

    assert pushed.code != 0
    assert reason in " ".join(pushed.stderr.decode().replace("\nremote:", " ").split())
    assert remote.refs() == before


def test_lfs_is_refused_in_its_own_words(remote: Remote) -> None:
    target = remote.url.replace("ssh://", "http://gate.bottle/") + "/info/lfs/objects/batch"
    with remote.lab.sidecar.connect() as connection:
        head = f"POST {target} HTTP/1.1\r\nHost: gate.bottle\r\nContent-Length: 2\r\n\r\n"
        connection.sendall(head.encode() + b"{}")
        answer = read_reply(connection, method="POST")

    assert answer.status == 501
    assert "carries no LFS objects" in answer.document["message"]


def test_the_operator_sees_what_was_fetched_and_pushed(remote: Remote) -> None:
    remote.seeded()

    name = remote.bare.stem
    lines = map(json.loads, remote.lab.sidecar.log.read_text().splitlines())
    events = [line for line in lines if line.get("repo") == name]
    assert {key: events[-1][key] for key in ("event", "verdict", "ref")} == {
        "event": "push",
        "verdict": "forwarded",
        "ref": "refs/heads/main",
    }
