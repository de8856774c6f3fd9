import json
import tomllib
from pathlib import Path, PurePosixPath

import pytest
from attrs import evolve

from bottle.errors import ManifestError, UsageError
from bottle.paths import Paths
from bottle.providers.base import AgentContext, AgentSetup, ProviderConfig
from bottle.providers.chatgpt import ChatGptLogin
from bottle.providers.codex import CodexProvider
from bottle_sidecar.policy.decide import Request, decide
from bottle_sidecar.policy.document import Auth, AuthScheme, Policy, Route
from support import logins

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


def test_login_of_the_host_is_for_both_of_the_vendor_s_hosts() -> None:
    api, chatgpt = CodexProvider().routes(ProviderConfig(forward_host_credentials=True))

    assert (api.host, chatgpt.host) == (HOST, "chatgpt.com")
    assert api.auth == chatgpt.auth == Auth(scheme=AuthScheme.BEARER, token_ref="chatgpt-login")
    assert api.provider_api
    assert chatgpt.provider_api


@pytest.mark.parametrize(
    ("path", "granted"),
    [
        ("/backend-api/codex/responses", True),
        ("/backend-api/wham/accounts/check", True),
        ("/backend-api/wham/tasks", False),
        ("/backend-api/conversations", False),
        ("/backend-api/codex/../conversations", False),
        ("/", False),
    ],
)
def test_of_the_operator_s_account_only_what_codex_needs_is_granted(path: str, *, granted: bool) -> None:
    policy = Policy(routes=CodexProvider().routes(ProviderConfig(forward_host_credentials=True)))
    asked = Request(
        method="GET",
        scheme="https",
        connect_host="chatgpt.com",
        connect_port=443,
        sni="chatgpt.com",
        authority="chatgpt.com",
        target=path,
    )
    assert decide(policy, asked).allowed is granted


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({}, "/user/.codex/auth.json"),
        ({"CODEX_HOME": ""}, "/user/.codex/auth.json"),
        ({"CODEX_HOME": "/elsewhere"}, "/elsewhere/auth.json"),
        ({"CODEX_HOME": "here"}, "/project/here/auth.json"),
    ],
)
def test_login_lies_where_codex_keeps_it(environ: dict[str, str], path: str) -> None:
    folder = Path("/user")
    paths = Paths(user_home=folder, home=folder, cache=folder, runtime=folder, cwd=Path("/project"))
    assert CodexProvider().login_file(environ, paths) == Path(path)


def test_login_of_the_host_is_checked_and_its_placeholder_is_in_the_bottle() -> None:
    login = ChatGptLogin.parse(
        json.dumps(logins.auth_json(logins.access_token(expires=2_000_000_000))).encode(), now=1.0
    )
    routes = CodexProvider().routes(ProviderConfig(forward_host_credentials=True))
    context = AgentContext(routes=routes, placeholders={"chatgpt-login": "a.b.c"}, login=login)
    setup = CodexProvider().setup(context)

    assert setup.check == ("codex", "login", "status")
    assert _content(setup, ".codex/auth.json") == login.document("a.b.c").decode()
    assert setup.warnings == ()
    (warning,) = CodexProvider().setup(evolve(context, manifest_env=frozenset({"CODEX_API_KEY"}))).warnings
    assert "Codex takes that" in warning


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
        (
            AgentContext(prompt="p", resume=True),
            ("codex", "resume", "--last", "--include-non-interactive", BYPASS),
        ),
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


def test_what_the_cli_rewrites_is_seeded_once_and_its_login_each_time() -> None:
    auth = Auth(scheme=AuthScheme.BEARER, token_ref="KEY")
    route = Route(host="api.openai.com", auth=auth)
    files = CodexProvider().setup(AgentContext(routes=(route,), placeholders={"KEY": "p"})).files

    assert {file.path.name: file.once for file in files} == {
        ".profile": False, ".gitconfig": False, "config.toml": True, "auth.json": False
    }  # fmt: skip
