"""A push that would publish a secret is refused whole, wherever in it the secret is."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from support.gitgate import SECRET, GateLab, Remote, Work
from support.sshd import Sshd, git

TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
Dirty = Callable[[Work], None]
Where = tuple[Dirty, str]


def in_a_file(work: Work) -> None:
    work.commit("src/app.py", f"a = 1\n\nkey = '{TOKEN}'\n")


def removed_later(work: Work) -> None:
    in_a_file(work)
    work.commit("src/app.py", "a = 1\n")


def in_a_message(work: Work) -> None:
    work.commit("a", "a\n", f"use {TOKEN} for now")


def in_a_tag(work: Work) -> None:
    work.commit("a", "a\n")
    work.git("tag", "--annotate", "v1", "--message", f"release, token {TOKEN}")


def in_a_file_name(work: Work) -> None:
    work.commit(f"notes/{TOKEN}.txt", "nothing\n")


def in_a_binary(work: Work) -> None:
    work.commit(
        "image.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40 + b"\0" + TOKEN.encode() + b"\0\xff"
    )


def in_a_merge(work: Work) -> None:
    work.git("checkout", "--quiet", "-b", "side")
    work.commit("side", "s\n")
    work.git("checkout", "--quiet", "main")
    work.commit("a", "a\n")
    work.git("merge", "--quiet", "--no-commit", "side")
    work.commit("a", f"a {TOKEN}\n", "merge")


def in_a_submodule_url(work: Work) -> None:
    work.commit(".gitmodules", f'[submodule "x"]\n\tpath = x\n\turl = https://x:{TOKEN}@github.com/o/x.git\n')


def in_a_path_that_is_not_utf8(work: Work) -> None:
    with open(bytes(work.folder) + b"/caf\xe9.txt", "wb") as file:  # noqa: PTH123 - no text names it
        file.write(f"t = {TOKEN}\n".encode())
    work.git("add", "--all")
    work.git("commit", "--quiet", "--message", "odd")


def with_an_allow_comment(work: Work) -> None:
    work.commit(".gitleaks.toml", "[allowlist]\nregexes = ['.*']\n")
    work.commit("src/app.py", f"key = '{TOKEN}'  # gitleaks:allow\n")
    work.commit(".gitleaksignore", "src/app.py:github-pat:1\n")


def a_known_one(work: Work) -> None:
    work.commit("config.yml", f"x: 1\nvalue: {SECRET}\n")


def a_known_one_encoded(work: Work) -> None:
    work.commit("config.bin", b"\0\0" + SECRET.encode().hex().encode())


def hidden_by_a_replacement(work: Work) -> None:
    """A replace ref shows a clean object where a dirty one is."""
    clean = work.git("hash-object", "-w", "--stdin").text.strip()
    in_a_file(work)
    dirty = work.git("rev-parse", "HEAD:src/app.py").text.strip()
    work.git("replace", dirty, clean)


PLACES: list[tuple[Dirty, str]] = [
    (in_a_file, "github-pat: src/app.py, line 3, commit "),
    (removed_later, "github-pat: src/app.py, line 3, commit "),
    (in_a_message, "github-pat: the commit's message or author, commit "),
    (in_a_tag, "github-pat: the tag v1"),
    (in_a_file_name, "github-pat: a file's name in notes, commit "),
    (in_a_binary, "github-pat: image.png, line "),
    (in_a_merge, "github-pat: a, line 1, commit "),
    (in_a_submodule_url, "github-pat: .gitmodules, line 3, commit "),
    (in_a_path_that_is_not_utf8, "github-pat: caf\\xe9.txt, line 1, commit "),
    (with_an_allow_comment, "github-pat: src/app.py, line 1, commit "),
    (a_known_one, "known-secret: config.yml, line 2, commit "),
    (a_known_one_encoded, "known-secret: config.bin, line 1, commit "),
    (hidden_by_a_replacement, "github-pat: src/app.py, line 3, commit "),
]


@pytest.fixture(scope="module")
def shared(lab: GateLab, sshd: Sshd) -> tuple[Remote, Work]:
    """A repository that no push of these tests may change."""
    remote = Remote(lab=lab, url=sshd.url("secrets"), bare=sshd.bare("secrets"))
    return remote, remote.seeded()


@pytest.mark.parametrize(("dirty", "said"), PLACES, ids=[dirty.__name__ for dirty, _ in PLACES])
def test_it_is_found(shared: tuple[Remote, Work], tmp_path: Path, dirty: Dirty, said: str) -> None:
    remote, seeded = shared
    work = seeded.copy(tmp_path / "work")
    before, objects = remote.refs(), remote.objects()
    dirty(work)

    pushed = work.push("origin", "HEAD:refs/heads/new", "HEAD:main", "refs/tags/*", "refs/replace/*")

    text = pushed.stderr.decode()
    assert pushed.code != 0, text
    assert said in text
    assert "a secret was found" in text
    assert TOKEN not in text
    assert SECRET not in text
    assert remote.refs() == before
    assert remote.objects() == objects
    assert list(remote.lab.scratch.glob("push-*")) == []
    log = remote.lab.sidecar.log.read_text()
    assert TOKEN not in log
    assert SECRET not in log
    event = json.loads(log.splitlines()[-1])
    assert (event["event"], event["verdict"]) == ("push", "refused")


def test_a_ref_s_name_counts(shared: tuple[Remote, Work]) -> None:
    pushed = shared[1].push("origin", f"HEAD:refs/heads/{TOKEN}")

    assert pushed.code != 0
    assert "github-pat: a ref's name or an option" in pushed.stderr.decode()


def test_what_the_upstream_has_already_is_no_finding(remote: Remote) -> None:
    """Who changes another line of a file with an old token in it publishes nothing new."""
    work = remote.clone()
    text = f"first = 1\nkey = '{TOKEN}'\n"
    work.commit("old.py", text)
    work.git("push", "--quiet", str(remote.bare), "HEAD:main")
    work.git("fetch", "--quiet")

    work.commit("old.py", text + "last = 2\n")
    done = work.push("origin", "HEAD:main")
    assert done.code == 0, done.stderr.decode()

    work.commit("new.py", f"'{TOKEN[:-1]}Z'\n")
    assert work.push("origin", "HEAD:main").code != 0


def test_only_what_is_new_is_looked_into(remote: Remote) -> None:
    """Ten thousand clean commits pass; the one after them is scanned alone."""
    stream = [b"blob\nmark :1\ndata 6\nhello\n\n"]
    for number in range(10_000):
        message = f"commit {number}"
        stream.append(
            f"commit refs/heads/main\ncommitter T <t@example.com> {1_700_000_000 + number} +0000\n"
            f"data {len(message)}\n{message}\nM 100644 inline f{number % 50}\n"
            f"data {len(str(number))}\n{number}\n".encode()
        )
    work = remote.clone()
    git("-C", str(work.folder), "fast-import", "--quiet", stdin=b"".join(stream))

    done = work.push("--progress", "origin", "main")
    assert done.code == 0, done.stderr.decode()
    assert "looking for secrets in 10000 new commits" in done.stderr.decode()
    work.git("reset", "--quiet", "--hard", "main")
    work.commit("one", "more\n")
    again = work.push("--progress", "origin", "HEAD:main")

    assert again.code == 0
    assert "looking for secrets in 1 new commits" in again.stderr.decode()
