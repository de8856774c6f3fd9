from pathlib import Path

import pytest

from bottle.manifest.first import ACCOUNTS, FirstManifests
from bottle.manifest.problems import InvalidManifestError
from bottle.manifest.schema import GitUser
from bottle.manifest.structure import Structurer
from bottle.paths import Paths
from bottle.providers import PROVIDERS

STRUCTURER = Structurer(user_home=Path("/home/op"), cwd=Path("/"), templates=tuple(PROVIDERS))
PATHS = Paths.from_environment({"HOME": "/home/op"}, uid=1, cwd=Path("/"))
NAMES = ["Ada", 'A: "B" # c', "'", "{x}", "Zoë Ångström 😀", "- x", "yes", "back\\slash"]


def test_each_provider_has_an_account() -> None:
    assert sorted(ACCOUNTS) == sorted(PROVIDERS)


@pytest.mark.parametrize("provider", ACCOUNTS)
@pytest.mark.parametrize("name", NAMES)
def test_whatever_was_answered_is_read_back(provider: str, name: str) -> None:
    draft = FirstManifests(
        provider=provider,
        bottle="b",
        agent="a",
        credential="MY_TOKEN" if ACCOUNTS[provider].variables else None,
        git_user=GitUser(name=name, email="a@b.example"),
        hosts=("pypi.org", "*.example.com"),
    )
    draft.check(STRUCTURER, PATHS)
    bottle, doubts = STRUCTURER.bottle("b", Path("/b.md"), draft.bottle_text().encode())
    agent, _ = STRUCTURER.agent("a", Path("/a.md"), draft.agent_text().encode())

    assert doubts == ()
    assert agent.bottle == "b"
    assert bottle.agent_provider.template == provider
    assert bottle.agent_provider.auth_token == ("MY_TOKEN" if provider == "claude" else None)
    assert bottle.git_gate.user == draft.git_user
    hosts = [spec.route.host for spec in bottle.egress.routes]
    assert hosts == (["api.openai.com"] if provider == "codex" else []) + ["pypi.org", "*.example.com"]


def test_a_login_is_lent_in_place_of_a_variable() -> None:
    draft = FirstManifests(provider="codex", bottle="b", agent="a", credential=None, host_login=True)
    bottle, doubts = STRUCTURER.bottle("b", Path("/b.md"), draft.bottle_text().encode())

    assert doubts == ()
    assert bottle.agent_provider.forward_host_credentials
    assert bottle.egress.routes == ()
    assert "the OpenAI API and what Codex needs of chatgpt.com, and nothing else." in draft.bottle_text()


@pytest.mark.parametrize("hosts", [("bad_host!",), ("a.example", "a.example"), ("x\ny: z",)])
def test_what_no_manifest_may_hold_is_refused(hosts: tuple[str, ...]) -> None:
    draft = FirstManifests(provider="shell", bottle="b", agent="a", credential=None, hosts=hosts)
    with pytest.raises(InvalidManifestError):
        draft.check(STRUCTURER, PATHS)


@pytest.mark.parametrize(
    ("provider", "hosts", "meaning"),
    [
        ("shell", (), "nothing."),
        ("shell", ("a.example",), "a.example, and nothing else."),
        ("claude", (), "the Anthropic API, and nothing else."),
        ("codex", ("a.example",), "the OpenAI API, a.example, and nothing else."),
    ],
)
def test_the_body_says_what_it_means(provider: str, hosts: tuple[str, ...], meaning: str) -> None:
    draft = FirstManifests(provider=provider, bottle="b", agent="a", credential="X", hosts=hosts)

    assert draft.bottle_text().endswith(f"---\nWhat this bottle may reach: {meaning}\n")
