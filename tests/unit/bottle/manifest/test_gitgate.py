import base64
from pathlib import Path

import pytest

from bottle.manifest import gitgate
from bottle.manifest.problems import Invalid
from bottle.manifest.schema import GitGate, GitUser
from bottle.manifest.structure import Structurer
from bottle_sidecar.policy.gate import PushRules

STRUCTURER = Structurer(user_home=Path("/home/op"), cwd=Path("/cwd"))
ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
UPSTREAM = gitgate.ssh_url("ssh://git@git.example.com/a.git")
OTHER_PORT = gitgate.ssh_url("ssh://git@git.example.com:2222/a.git")


def load(*lines: str) -> GitGate:
    text = "\n".join(["---", "git-gate:", *(f"  {line}" for line in lines), "---", ""])
    manifest, _ = STRUCTURER.bottle("b", Path("/home/op/.bot-bottle/bottles/b.md"), text.encode())
    return manifest.git_gate


def repo(*push: str) -> GitGate:
    lines = [
        "repos:",
        "  app:",
        "    url: ssh://git@git.example.com/a.git",
        "    identity: ~/.ssh/key",
        f"    host_key: {ED25519}",
    ]
    return load(*lines, *(f"    {line}" for line in push))


@pytest.mark.parametrize(
    ("text", "user", "host", "port", "path"),
    [
        ("ssh://git@github.com/team/app.git", "git", "github.com", 22, "/team/app.git"),
        ("ssh://git@GitHub.com:22/team/app", "git", "github.com", 22, "/team/app"),
        ("ssh://a.b_c@host:2222/~me/x", "a.b_c", "host", 2222, "/~me/x"),
        ("ssh://git@192.0.2.7/x", "git", "192.0.2.7", 22, "/x"),
        ("ssh://git@[2001:db8::1]:2222/x", "git", "2001:db8::1", 2222, "/x"),
    ],
)
def test_urls(text: str, user: str, host: str, port: int, path: str) -> None:
    url = gitgate.ssh_url(text)

    assert (url.text, url.user, url.host, url.port, url.path) == (text, user, host, port, path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "git@github.com:a/b",
        "github.com:a",
        "https://git@github.com/a",
        "git+ssh://git@github.com/a",
        "/local/path",
        "ssh://github.com/a",
        "ssh://@github.com/a",
        "ssh://git:pw@github.com/a",
        "ssh://-x@github.com/a",
        "ssh://git@-oProxyCommand=x/a",
        "ssh://git@/a",
        "ssh://git@host",
        "ssh://git@host/",
        "ssh://git@host:x/a",
        "ssh://git@host:0/a",
        "ssh://git@host:65536/a",
        "ssh://git@host/a b",
        "ssh://git@host/a\nb",
        "ssh://git@host/é",
        "ssh://git@host/a?b",
        "ssh://git@host/a#b",
        "ssh://git@host/a/../b",
        "ssh://git@host/./a",
        "ssh://git@host/%2e",
        "ssh://git@host/'a",
        "ssh://git@host/$(x)",
        "ssh://git@host/a;b",
        "ssh://git@[::1/a",
        "ssh://g@t@host/a",
    ],
)
def test_urls_that_are_none(text: str) -> None:
    with pytest.raises(Invalid):
        gitgate.ssh_url(text)


@pytest.mark.parametrize("text", ["https://u:hunter2@h/a", "ssh://u:hunter2@h/a", "https://hunter2@h/a"])
def test_a_credential_in_a_url_is_not_repeated(text: str) -> None:
    with pytest.raises(Invalid) as raised:
        gitgate.ssh_url(text)

    assert "hunter2" not in raised.value.message + (raised.value.hint or "")


@pytest.mark.parametrize(
    "text",
    [
        ED25519,
        f"  {ED25519}  me@laptop  ",
        f"git.example.com {ED25519}",
        f"other.example,GIT.example.com {ED25519}",
        f"[git.example.com]:22 {ED25519} comment",
    ],
)
def test_host_keys(text: str) -> None:
    assert gitgate.pinned_key(text, UPSTREAM) == ED25519


def test_a_host_key_for_another_port_is_listed_in_brackets() -> None:
    assert gitgate.pinned_key(f"[git.example.com]:2222 {ED25519}", OTHER_PORT) == ED25519
    with pytest.raises(Invalid):
        gitgate.pinned_key(f"git.example.com {ED25519}", OTHER_PORT)


def test_the_host_of_a_key_is_not_compared_where_the_url_is_wrong() -> None:
    assert gitgate.pinned_key(f"any.example {ED25519}", None) == ED25519


def _blob(*parts: bytes) -> str:
    return base64.b64encode(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ssh-ed25519",
        "SHA256:abc",
        f"git.example.org {ED25519}",
        f"|1|a|b {ED25519}",
        f"@revoked * {ED25519}",
        "@",
        f"{ED25519}\n{ED25519}",
        "ssh-ed25519 !!!!",
        "ssh-ed25519 AAAA",
        ED25519[:-4],
        ED25519.replace("ssh-ed25519", "ssh-rsa"),
        "ssh-ed25519 " + _blob(b"ssh-ed25519"),
        "ssh-ed25519 " + _blob(),
        "ssh-dss " + _blob(b"ssh-dss", b"x"),
    ],
)
def test_host_keys_that_are_none(text: str) -> None:
    with pytest.raises(Invalid):
        gitgate.pinned_key(text, UPSTREAM)


def test_a_repository() -> None:
    app = repo().repos["app"]

    assert app.name == "app"
    assert app.identity == Path("/home/op/.ssh/key")
    assert app.host_key == ED25519
    assert app.push is None


@pytest.mark.parametrize(
    ("lines", "rules"),
    [
        (["push: {}"], PushRules()),
        (["push: {refs: []}"], PushRules(refs=())),
        (["push: {refs: [main], force: false}"], PushRules(refs=("main",), force=False)),
        (["push: {delete: false, force: true}"], PushRules(delete=False)),
        (["push: {paths_ask: ['.github/*']}"], PushRules(paths_ask=(".github/*",))),
    ],
)
def test_push_rules(lines: list[str], rules: PushRules) -> None:
    assert repo(*lines).repos["app"].push == rules


@pytest.mark.parametrize(
    ("line", "user"),
    [
        ("user: {name: Ada}", GitUser(name="Ada")),
        ("user: {email: a@b}", GitUser(email="a@b")),
        ("user: {name: '', email: a@b}", GitUser(email="a@b")),
        ("user: {name: '  Ada L. ', email: ''}", GitUser(name="Ada L.")),
        ("repos: {}", GitUser()),
    ],
)
def test_commit_identity(line: str, user: GitUser) -> None:
    assert load(line).user == user
