"""Codex."""

import json

from bottle.errors import BottleError
from bottle.plan import NpmPackage, SeedFile
from bottle.providers.base import AgentContext, AgentSetup, Provider, ProviderConfig
from bottle.providers.environment import common_environment, common_files
from bottle_sidecar.policy.document import Route

_HOST = "api.openai.com"
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
        """Without a credential: that one comes with the manifest's route for the same host."""
        self.refuse(config, "auth_token")
        if config.forward_host_credentials:
            raise BottleError(
                "agent_provider.forward_host_credentials is not available in this version",
                hint=f"give codex an API key: a route with `host: {_HOST}` and "
                "`auth: {scheme: Bearer, token_ref: OPENAI_API_KEY}`",
            )
        return (Route(host=_HOST, provider_api=True, origin="provider codex"),)

    def setup(self, context: AgentContext) -> AgentSetup:
        self.refuse_remote_control(context)
        prompt = context.prompt_file()
        auth_file = _auth_file(context)
        config = SeedFile(path=context.home / ".codex" / "config.toml", content=_config(context).encode())
        return AgentSetup(
            argv=_argv(context, prompt),
            env=common_environment(context),
            files=tuple(file for file in (*common_files(context), prompt, config, auth_file) if file),
            trees=context.skill_trees(".codex/skills"),
            warnings=() if auth_file or _KEY_VARIABLE in context.manifest_env else (_NO_CREDENTIAL,),
        )


_NO_CREDENTIAL = (
    f"nothing brings a credential for {_HOST}: Codex will ask to sign in; "
    f"add `auth: {{scheme: Bearer, token_ref: NAME}}` to a route for {_HOST}"
)


def _auth_file(context: AgentContext) -> SeedFile | None:
    """The placeholder, in the file that alone counts as logged in (the CLI ignores OPENAI_API_KEY)."""
    auth = context.auth(_HOST)
    if auth is None:
        return None
    login = {"auth_mode": "apikey", "OPENAI_API_KEY": context.placeholders[auth.token_ref]}
    return SeedFile(path=context.home / ".codex" / "auth.json", content=json.dumps(login).encode())


def _config(context: AgentContext) -> str:
    """`~/.codex/config.toml`: quiet, no daemon that outlives the session, the workspace trusted.

    Model discovery is off since it would send the key, and so the placeholder, to chatgpt.com.

    A JSON string is a TOML basic string, save for DEL and for the surrogate pairs that
    `ensure_ascii` would make.
    """
    workspace = json.dumps(str(context.workspace), ensure_ascii=False).replace("\x7f", "\\u007f")
    return f'{_QUIET_CONFIG}\n[projects.{workspace}]\ntrust_level = "trusted"\n'


def _argv(context: AgentContext, prompt: SeedFile | None) -> tuple[str, ...]:
    """Options may follow `resume --last`, in both modes; the message comes last, behind `--`."""
    headless = context.task is not None
    return (
        "codex",
        *(("exec",) if headless else ()),
        *(("resume", "--last") if context.resume else ()),
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
