"""Codex."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from bottle.paths import Paths
from bottle.plan import NpmPackage, SeedFile
from bottle.providers.base import AgentContext, AgentSetup, Provider, ProviderConfig
from bottle.providers.chatgpt import ChatGptLogin
from bottle.providers.environment import common_environment, common_files
from bottle_sidecar.policy.document import Auth, AuthScheme, Route

_HOST = "api.openai.com"
_CHATGPT_HOST = "chatgpt.com"
_CHATGPT_PATHS = (
    "/backend-api/codex",
    "/backend-api/wham/accounts/check",
    "/backend-api/wham/settings/user",
    "/backend-api/wham/usage",
)
_ORIGIN = "provider codex"
_VENDOR = "vendor/{machine}-unknown-linux-musl"
_KEY_VARIABLE = "CODEX_API_KEY"
_QUIET_CONFIG = """\
check_for_update_on_startup = false

[analytics]
enabled = false

[otel]
metrics_exporter = "none"

[features]
plugins = false
apps = false
api_key_model_discovery = false
daemon_auto_start = false
"""


class CodexProvider(Provider):
    template = "codex"
    login_command = "codex login --device-auth"
    package = NpmPackage(
        name={"x86_64": "@openai/codex", "aarch64": "@openai/codex"},
        version="0.169.0",
        suffix={"x86_64": "-linux-x64", "aarch64": "-linux-arm64"},
        binaries={
            f"{_VENDOR}/bin/codex": "codex",
            f"{_VENDOR}/bin/codex-code-mode-host": "codex-code-mode-host",
            f"{_VENDOR}/codex-path/rg": "rg",
        },
        integrity={
            "x86_64": "sha512-o05NyAOCDygSPRo1yinzxvkRSdmsZyBD9E7mbpmjRanSfM8lypqWtQgEo4XfNkwhuCR2aFu8ml"
            "GOsQGFXVbVww==",
            "aarch64": "sha512-NZ/DaQUpcQmxmqee7Z9uC1rzw3GhSbooawcaTe1LN5Yk+WlinUKGdTXJgClRT/9ogQEEM9TWxY"
            "zvxPfj5G/xFg==",
        },
    )

    def routes(self, config: ProviderConfig) -> tuple[Route, ...]:
        """Without a login to lend, no credential: that one comes with the manifest's route for the same host.

        Of chatgpt.com, which is all of the operator's account, what Codex cannot do without.
        """
        self.refuse(config, "auth_token")
        if not config.forward_host_credentials:
            return (Route(host=_HOST, provider_api=True, origin=_ORIGIN),)
        auth = Auth(scheme=AuthScheme.BEARER, token_ref=ChatGptLogin.token_ref)
        chatgpt = Route(
            host=_CHATGPT_HOST,
            path_allowlist=_CHATGPT_PATHS,
            auth=auth,
            provider_api=True,
            origin=_ORIGIN,
        )
        return (Route(host=_HOST, auth=auth, provider_api=True, origin=_ORIGIN), chatgpt)

    def login_file(self, environ: Mapping[str, str], paths: Paths) -> Path:
        folder = environ.get("CODEX_HOME")
        return (paths.cwd / folder if folder else paths.user_home / ".codex") / "auth.json"

    def login(self, content: bytes, *, now: float) -> ChatGptLogin:
        return ChatGptLogin.parse(content, now=now)

    def setup(self, context: AgentContext) -> AgentSetup:
        self.refuse_remote_control(context)
        prompt = context.prompt_file()
        auth_file = _auth_file(context)
        config = SeedFile(
            path=context.home / ".codex" / "config.toml", content=_config(context).encode(), once=True
        )
        return AgentSetup(
            argv=_argv(context, prompt),
            env=common_environment(context),
            files=tuple(file for file in (*common_files(context), prompt, config, auth_file) if file),
            trees=context.skill_trees(".codex/skills"),
            check=("codex", "login", "status") if context.login else (),
            warnings=tuple(_warnings(context)),
        )


_NO_CREDENTIAL = (
    f"nothing brings a credential for {_HOST}: Codex will ask to sign in; "
    f"add `auth: {{scheme: Bearer, token_ref: NAME}}` to a route for {_HOST}"
)


_KEY_WINS = f"{_KEY_VARIABLE} is set for the agent: Codex takes that, and not the ChatGPT login"


def _warnings(context: AgentContext) -> Iterator[str]:
    if context.auth(_HOST) is None and _KEY_VARIABLE not in context.manifest_env:
        yield _NO_CREDENTIAL
    if context.login and _KEY_VARIABLE in context.manifest_env:
        yield _KEY_WINS


def _auth_file(context: AgentContext) -> SeedFile | None:
    """The placeholder, in the file that alone counts as logged in (the CLI ignores OPENAI_API_KEY)."""
    auth = context.auth(_HOST)
    if auth is None:
        return None
    placeholder = context.placeholders[auth.token_ref]
    if context.login:
        content = context.login.document(placeholder)
    else:
        content = json.dumps({"auth_mode": "apikey", "OPENAI_API_KEY": placeholder}).encode()
    return SeedFile(path=context.home / ".codex" / "auth.json", content=content)


def _config(context: AgentContext) -> str:
    """`~/.codex/config.toml`: quiet, no daemon that outlives the session, the workspace trusted.

    Model discovery is off since it would send the key, and so the placeholder, to chatgpt.com.

    A JSON string is a TOML basic string, save for DEL and for the surrogate pairs that
    `ensure_ascii` would make.
    """
    workspace = json.dumps(str(context.workspace), ensure_ascii=False).replace("\x7f", "\\u007f")
    return f'{_QUIET_CONFIG}\n[projects.{workspace}]\ntrust_level = "trusted"\n'


def _argv(context: AgentContext, prompt: SeedFile | None) -> tuple[str, ...]:
    """Options may follow `resume --last`, in both modes; the message comes last, behind `--`.

    At a terminal it would pass over conversations that began without one.
    """
    headless = context.task is not None
    return (
        "codex",
        *(("exec",) if headless else ()),
        *(("resume", "--last") if context.resume else ()),
        *(("--include-non-interactive",) if context.resume and not headless else ()),
        "--dangerously-bypass-approvals-and-sandbox",
        *(("--skip-git-repo-check",) if headless else ()),
        *context.arguments,
        *_message(context, prompt),
    )


def _message(context: AgentContext, prompt: SeedFile | None) -> tuple[str, ...]:
    """The first message: to read the prompt (a resumed conversation has it already), then the task."""
    parts = []
    if prompt and not context.resume:
        parts.append(f"Read and follow the instructions in {prompt.path}")
    if context.task is not None:
        parts.append(context.task)
    return ("--", "\n\n".join(parts)) if parts else ()
