import json

import pytest
from attrs import evolve

from bottle.errors import ManifestError, UsageError
from bottle.providers.base import AgentContext, AgentSetup, CredentialKind, ProviderConfig
from bottle.providers.claude import ClaudeProvider
from bottle.secret import Secret
from bottle_sidecar.policy.document import Auth, AuthScheme, Route

HOST = "api.anthropic.com"
PLACEHOLDER = "placeholder-0123456789abcdef0123456789abcdef"
CREDENTIALS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")
PROMPT_FILE = "/home/agent/.bot-bottle/prompt.md"
BYPASS = "--dangerously-skip-permissions"


def _context(scheme: AuthScheme = AuthScheme.BEARER, header: str = "Authorization") -> AgentContext:
    auth = Auth(scheme=scheme, token_ref="TOKEN", header=header)
    return AgentContext(routes=(Route(host=HOST, auth=auth),), placeholders={"TOKEN": PLACEHOLDER})


def _credentials(setup: AgentSetup) -> dict[str, str]:
    return {name: setup.env[name] for name in CREDENTIALS if name in setup.env}


def _json(setup: AgentSetup, path: str) -> object:
    return next(json.loads(file.content) for file in setup.files if str(file.path) == f"/home/agent/{path}")


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("sk-ant-oat01-abc", CredentialKind.SUBSCRIPTION),
        ("sk-ant-api03-abc", CredentialKind.API_KEY),
        ("something else", CredentialKind.SUBSCRIPTION),
        ("x sk-ant-api03-abc", CredentialKind.SUBSCRIPTION),
    ],
)
def test_credential_kind_is_told_by_the_prefix(value: str, kind: CredentialKind) -> None:
    assert ClaudeProvider().credential_kind(Secret(value)) is kind


@pytest.mark.parametrize(
    ("kind", "auth"),
    [
        (CredentialKind.SUBSCRIPTION, Auth(scheme=AuthScheme.BEARER, token_ref="MINE")),
        (CredentialKind.API_KEY, Auth(scheme=AuthScheme.HEADER, header="x-api-key", token_ref="MINE")),
    ],
)
def test_route_injects_in_the_header_of_the_kind(kind: CredentialKind, auth: Auth) -> None:
    config = ProviderConfig(auth_token="MINE", credential=kind)

    assert ClaudeProvider().routes(config) == (
        Route(host=HOST, auth=auth, provider_api=True, origin="provider claude"),
    )


def test_host_credentials_are_for_codex() -> None:
    with pytest.raises(ManifestError, match="forward_host_credentials is not for the provider 'claude'"):
        ClaudeProvider().routes(ProviderConfig(forward_host_credentials=True))


def test_bearer_route_gives_the_placeholder_as_subscription_token() -> None:
    setup = ClaudeProvider().setup(_context())

    assert _credentials(setup) == {"CLAUDE_CODE_OAUTH_TOKEN": PLACEHOLDER}
    assert "customApiKeyResponses" not in str(_json(setup, ".claude.json"))


def test_header_route_gives_the_placeholder_as_approved_key() -> None:
    setup = ClaudeProvider().setup(_context(AuthScheme.HEADER, "x-api-key"))

    assert _credentials(setup) == {"ANTHROPIC_API_KEY": PLACEHOLDER}
    assert _json(setup, ".claude.json") == {
        "hasCompletedOnboarding": True,
        "projects": {"/workspace": {"hasTrustDialogAccepted": True}},
        "customApiKeyResponses": {"approved": [PLACEHOLDER[-20:]], "rejected": []},
    }


def test_settings_accept_the_bypass_mode() -> None:
    settings = _json(ClaudeProvider().setup(_context()), ".claude/settings.json")
    assert settings == {"skipDangerousModePermissionPrompt": True}


def test_session_argv() -> None:
    assert ClaudeProvider().setup(_context()).argv == ("claude", BYPASS)


def test_full_headless_argv() -> None:
    setup = ClaudeProvider().setup(
        AgentContext(prompt="p", task="do it", resume=True, arguments=("--model", "x"))
    )

    assert setup.argv == (
        "claude", "--print", BYPASS, "--append-system-prompt-file", PROMPT_FILE, "--continue",
        "--model", "x", "--", "do it",
    )  # fmt: skip


def test_remote_control_cannot_swallow_an_argument() -> None:
    setup = ClaudeProvider().setup(AgentContext(remote_control=True, arguments=("first message",)))

    assert setup.argv == ("claude", "--remote-control", BYPASS, "first message")


def test_remote_control_needs_a_terminal() -> None:
    with pytest.raises(UsageError, match="at a terminal"):
        ClaudeProvider().setup(AgentContext(remote_control=True, task="x"))


def test_remote_control_may_ask_whether_it_is_allowed_and_the_operator_is_told_of_its_limit() -> None:
    quiet = "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"
    remote = ClaudeProvider().setup(evolve(_context(), remote_control=True))

    assert quiet in ClaudeProvider().setup(_context()).env
    assert quiet not in remote.env
    assert "full login" in "".join(remote.warnings)


def test_credential_of_the_manifests_env_counts() -> None:
    context = AgentContext(routes=(Route(host=HOST),), manifest_env=frozenset({"ANTHROPIC_API_KEY"}))
    assert ClaudeProvider().setup(context).warnings == ()


def test_a_resumed_session_takes_its_newest_conversation_up_inside() -> None:
    setup = ClaudeProvider().setup(AgentContext(prompt="p", resume=True, arguments=("--model", "x")))

    assert setup.argv[:2] == ("sh", "-c")
    assert "cd ~/.claude/projects/-workspace " in setup.argv[2]
    assert setup.argv[3:] == ("claude", BYPASS, "--append-system-prompt-file", PROMPT_FILE, "--model", "x")


def test_what_the_cli_rewrites_is_seeded_once() -> None:
    files = ClaudeProvider().setup(AgentContext(prompt="p")).files

    assert {file.path.name for file in files if file.once} == {".claude.json", "settings.json"}
