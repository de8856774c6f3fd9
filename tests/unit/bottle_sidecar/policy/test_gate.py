import pytest
from attrs import evolve

from bottle_sidecar.policy import gate
from bottle_sidecar.policy.gate import NO_OBJECT, Address, GateRepo, PushRules, RefUpdate, Target

A, B = "a" * 40, "b" * 40
REPO = GateRepo(
    name="one", user="git", host="git.example.com", path="/team/one.git", host_key="ssh-ed25519 AAAA"
)
OTHER = evolve(REPO, name="two", port=2222, path="/two")
REPOS = (REPO, OTHER)


def update(ref: str, old: str = A, new: str = B) -> RefUpdate:
    return RefUpdate(old=old, new=new, ref=ref)


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("git@git.example.com/team/one.git", "one"),
        ("git@git.example.com/team/one", "one"),
        ("git@git.example.com:22/team/one.git/", "one"),
        ("git@GIT.example.com//team/one.git", "one"),
        ("git@git.example.com:2222/two.git", "two"),
        ("git@git.example.com/two", None),
        ("git@git.example.com:2222/team/one", None),
        ("git@git.example.com/team/one/../two", None),
        ("git@git.example.com/team/ONE", None),
        ("git@git.example.com/team/one2", None),
        ("git@git.example.com/team", None),
        ("root@git.example.com/team/one", None),
        ("git.example.com/team/one", None),
        ("git@git.example.com:/team/one", None),
        ("git@git.example.com:x/team/one", None),
        ("git@git.example.com:999999/team/one", None),
        ("git@git.example.com/team/one\n", None),
        ("git@git.example.com/", None),
        ("@git.example.com/team/one", None),
        ("", None),
    ],
)
def test_only_the_whole_name_of_a_declared_upstream_finds_it(place: str, name: str | None) -> None:
    found = gate.find(REPOS, place)

    assert (found.name if found else None) == name


def test_an_ipv6_host_stands_in_brackets() -> None:
    repo = evolve(REPO, host="::1", port=2222)

    assert repo.url == "ssh://git@[::1]:2222/team/one.git"
    assert gate.find([repo], "git@[::1]:2222/team/one") is repo
    assert repo.known_host == "[::1]:2222 ssh-ed25519 AAAA\n"


def test_a_default_port_is_left_out() -> None:
    assert REPO.url == "ssh://git@git.example.com/team/one.git"
    assert REPO.known_host == "git.example.com ssh-ed25519 AAAA\n"
    assert Address.parse("git@git.example.com/x") == Address(
        user="git", host="git.example.com", port=22, path="x"
    )


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/git@h/a/info/refs", Target(place="git@h/a", service="info/refs")),
        ("/git%40h/a%20b/git-upload-pack", Target(place="git@h/a b", service="git-upload-pack")),
        ("/git@h/a/git-receive-pack", Target(place="git@h/a", service="git-receive-pack")),
        ("/git@h/a/info/lfs/objects/batch", Target(place="git@h/a", service="info/lfs")),
        ("/git@h/a/HEAD", None),
        ("/info/refs", None),
        ("", None),
    ],
)
def test_a_path_names_a_repository_and_a_service(path: str, target: Target | None) -> None:
    assert Target.parse(path) == target


@pytest.mark.parametrize(
    "ref",
    [
        "refs/heads/main",
        "refs/heads/a/b",
        "refs/tags/v1.0",
        "refs/notes/x",
        "refs/heads/caf\udce9",
    ],
)
def test_refs_that_git_takes(ref: str) -> None:
    assert gate.malformed(update(ref)) is None


@pytest.mark.parametrize(
    "ref",
    [
        "", "HEAD", "main", "refs/main", "refs/heads/", "refs/heads/a b", "refs/heads/a\n",
        "refs/heads/a\x7f",
        "refs/heads/a..b", "refs/heads/.a", "refs/heads/a.lock", "refs/heads/a.lock/b", "refs/heads/a.",
        "refs/heads//a", "refs/heads/a~1", "refs/heads/a^", "refs/heads/a:b", "refs/heads/a?", "refs/heads/*",
        "refs/heads/[a", "refs/heads/a\\b", "refs/heads/a@{1}", "refs/../x/y", "-refs/heads/a",
    ],
)  # fmt: skip
def test_refs_that_are_none(ref: str) -> None:
    assert gate.malformed(update(ref)) == "not a valid ref name"


@pytest.mark.parametrize(
    "oid", ["", "a" * 39, "a" * 41, "A" * 40, "g" * 40, "--all", "main", "a" * 40 + "\n"]
)
def test_object_ids_that_are_none(oid: str) -> None:
    assert gate.malformed(update("refs/heads/x", new=oid)) == "not an object id"
    assert gate.malformed(update("refs/heads/x", old=oid)) == "not an object id"


@pytest.mark.parametrize(
    ("refs", "ref", "allowed"),
    [
        (None, "refs/anything/x", True),
        ((), "refs/heads/main", False),
        (("main",), "refs/heads/main", True),
        (("main",), "refs/tags/main", True),
        (("main",), "refs/heads/main2", False),
        (("agent/*",), "refs/heads/agent/x/y", True),
        (("refs/heads/*",), "refs/tags/v1", False),
        (("refs/heads/agent/*",), "refs/heads/agent", False),
    ],
)
def test_refs_narrow(refs: tuple[str, ...] | None, ref: str, *, allowed: bool) -> None:
    assert (gate.refusal(PushRules(refs=refs), update(ref)) is None) == allowed


def test_deletions_can_be_forbidden() -> None:
    deletion = update("refs/heads/x", new=NO_OBJECT)

    assert deletion.deletes
    assert not deletion.creates
    assert gate.refusal(PushRules(), deletion) is None
    assert "push.delete" in str(gate.refusal(PushRules(delete=False), deletion))
    assert gate.refusal(PushRules(delete=False), update("refs/heads/x")) is None


def test_paths_that_need_a_yes() -> None:
    rules = PushRules(paths_ask=(".github/*", "*.lock"))

    assert gate.asks(rules, ".github/workflows/ci.yml")
    assert gate.asks(rules, "deep/down/uv.lock")
    assert not gate.asks(rules, "src/app.py")


def test_what_is_shown_drives_no_terminal() -> None:
    assert gate.shown("a\x1b[2J\udce9é") == "a\\x1b[2J\\xe9é"
