import json
import tomllib
from pathlib import PurePosixPath

import pytest

from bottle.errors import BottleError, ManifestError, UsageError
from bottle.providers.base import AgentContext, AgentSetup, ProviderConfig
from bottle.providers.codex import CodexProvider
from bottle_sidecar.policy.document import Auth, AuthScheme, Route

HOST = "api.openai.com"
BYPASS = "--dangerously-bypass-approvals-and-sandbox"
READ_PROMPT = "Read and follow the instructions in /home/agent/.bot-bottle/prompt.md"
CONTEXT = AgentContext(
    routes=(Route(host=HOST, auth=Auth(scheme=AuthScheme.BEARER, token_ref="KEY")),),
    placeholders={"KEY": "placeholder"},
)


def _content(setup: AgentSetup, path: str) -> str | None:
    return next((f.content.decode() for f in setup.files if str(f.path) == f"/home/agent/{path}"), None)


def test_route_brings_no_credential_of_its_own() -> None:
    assert CodexProvider().routes(ProviderConfig()) == (
        Route(host=HOST, provider_api=True, origin="provider codex"),
    )


def test_auth_token_is_for_claude() -> None:
    with pytest.raises(ManifestError, match="auth_token is not for the provider 'codex'"):
        CodexProvider().routes(ProviderConfig(auth_token="X"))


def test_forwarding_says_that_it_is_not_there_and_what_is() -> None:
    with pytest.raises(BottleError, match="not available in this version") as caught:
        CodexProvider().routes(ProviderConfig(forward_host_credentials=True))
    assert "token_ref" in str(caught.value.hint)


def test_placeholder_is_the_login() -> None:
    login = _content(CodexProvider().setup(CONTEXT), ".codex/auth.json")
    assert json.loads(login or "") == {"auth_mode": "apikey", "OPENAI_API_KEY": "placeholder"}


def test_without_a_credential_there_is_no_login() -> None:
    assert _content(CodexProvider().setup(AgentContext()), ".codex/auth.json") is None


def test_credential_of_the_manifests_env_counts() -> None:
    assert CodexProvider().setup(AgentContext(manifest_env=frozenset({"CODEX_API_KEY"}))).warnings == ()


@pytest.mark.parametrize("workspace", ["/workspace", '/a "b"\\c', "/é😀", "/del\x7f\ttab"])
def test_config_is_quiet_and_trusts_the_workspace(workspace: str) -> None:
    setup = CodexProvider().setup(AgentContext(workspace=PurePosixPath(workspace)))

    assert tomllib.loads(_content(setup, ".codex/config.toml") or "") == {
        "check_for_update_on_startup": False,
        "analytics": {"enabled": False},
        "otel": {"metrics_exporter": "none"},
        "features": {
            "plugins": False,
            "apps": False,
            "api_key_model_discovery": False,
            "daemon_auto_start": False,
        },
        "projects": {workspace: {"trust_level": "trusted"}},
    }


@pytest.mark.parametrize(
    ("context", "argv"),
    [
        (AgentContext(), ("codex", BYPASS)),
        (AgentContext(prompt="p"), ("codex", BYPASS, "--", READ_PROMPT)),
        (AgentContext(prompt="p", resume=True), ("codex", "resume", "--last", BYPASS)),
        (AgentContext(task="t"), ("codex", "exec", BYPASS, "--skip-git-repo-check", "--", "t")),
        (
            AgentContext(task="t", prompt="p", arguments=("--json",)),
            ("codex", "exec", BYPASS, "--skip-git-repo-check", "--json", "--", f"{READ_PROMPT}\n\nt"),
        ),
        (
            AgentContext(task="t", prompt="p", resume=True),
            ("codex", "exec", "resume", "--last", BYPASS, "--skip-git-repo-check", "--", "t"),
        ),
    ],
)
def test_argv(context: AgentContext, argv: tuple[str, ...]) -> None:
    assert CodexProvider().setup(context).argv == argv


def test_remote_control_is_refused() -> None:
    with pytest.raises(UsageError, match="no --remote-control"):
        CodexProvider().setup(AgentContext(remote_control=True))
