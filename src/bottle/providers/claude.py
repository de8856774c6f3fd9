"""Claude Code."""

import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from bottle.errors import UsageError
from bottle.plan import NpmPackage, SeedFile
from bottle.providers.base import AgentContext, AgentSetup, CredentialKind, Provider, ProviderConfig
from bottle.providers.environment import common_environment, common_files
from bottle.secret import Secret
from bottle_sidecar.policy.document import Auth, AuthScheme, Route

_HOST = "api.anthropic.com"
_API_KEY_HEADER = "x-api-key"
_API_KEY_PREFIX = "sk-ant-api"
_API_KEY_VARIABLE = "ANTHROPIC_API_KEY"
_TOKEN_VARIABLE = "CLAUDE_CODE_OAUTH_TOKEN"  # noqa: S105 - a variable's name
_CREDENTIAL_VARIABLES = frozenset(
    {
        _API_KEY_VARIABLE,
        _TOKEN_VARIABLE,
        "ANTHROPIC_AUTH_TOKEN",
        "CLAUDE_CODE_USE_BEDROCK",
        "CLAUDE_CODE_USE_VERTEX",
    }
)
_APPROVED_KEY_LENGTH = 20  # how much of a key's end `customApiKeyResponses` holds


_NEWEST = """\
for file in $(cd ~/.claude/projects/{folder} 2>/dev/null && ls -t); do
  case $file in
    ????????-????-????-????-????????????.jsonl) exec claude --resume "${{file%.jsonl}}" "$@" ;;
  esac
done
exec claude "$@"
"""


class ClaudeProvider(Provider):
    template = "claude"
    package = NpmPackage(
        name={
            "x86_64": "@anthropic-ai/claude-code-linux-x64",
            "aarch64": "@anthropic-ai/claude-code-linux-arm64",
        },
        version="2.1.330",
        binaries={"claude": "claude"},
        integrity={
            "x86_64": "sha512-9Gn+V7DtJ8M1nztP9CeDVl9g3RtrepI7rOFTyPRRnZe8D6zebIHKmC7OvBauucuAP0X0k85SDN"
            "/LPVZyjsGezQ==",
            "aarch64": "sha512-V4yanAY5EA5UpwwRPtjSfqDbNqAlUJeVn3NYZw2AgmRHjdpSsLtHAzbxRXfkAnbjwTXzE0uedj"
            "QxUY02ARPcsA==",
        },
    )

    def credential_kind(self, credential: Secret) -> CredentialKind:
        """An API key by its prefix; anything else is sent as a bearer token."""
        is_key = credential.reveal().startswith(_API_KEY_PREFIX)
        return CredentialKind.API_KEY if is_key else CredentialKind.SUBSCRIPTION

    def routes(self, config: ProviderConfig) -> tuple[Route, ...]:
        self.refuse(config, "forward_host_credentials")
        return (Route(host=_HOST, auth=_auth(config), provider_api=True, origin="provider claude"),)

    def setup(self, context: AgentContext) -> AgentSetup:
        credential = _credential(context)
        prompt = context.prompt_file()
        home = context.home
        return AgentSetup(
            argv=_argv(context, prompt),
            env={**common_environment(context), **_quiet(context), **credential},
            files=(
                *common_files(context),
                *((prompt,) if prompt else ()),
                SeedFile(path=home / ".claude.json", content=_state(context, credential), once=True),
                SeedFile(
                    path=home / ".claude" / "settings.json",
                    content=json.dumps({"skipDangerousModePermissionPrompt": True}).encode(),
                    once=True,
                ),
            ),
            trees=context.skill_trees(".claude/skills"),
            warnings=_warnings(context, credential),
        )


def _auth(config: ProviderConfig) -> Auth | None:
    if config.auth_token is None:
        return None
    if config.credential is CredentialKind.API_KEY:
        return Auth(scheme=AuthScheme.HEADER, header=_API_KEY_HEADER, token_ref=config.auth_token)
    return Auth(scheme=AuthScheme.BEARER, token_ref=config.auth_token)


def _credential(context: AgentContext) -> Mapping[str, str]:
    """The placeholder in the variable of the real credential's kind.

    The kind decides more than the header: only with a subscription token does the CLI announce
    `oauth-2025-04-20` in `anthropic-beta`, without which the API refuses such a token.
    """
    auth = context.auth(_HOST)
    if auth is None:
        return {}
    variable = _API_KEY_VARIABLE if auth.scheme is AuthScheme.HEADER else _TOKEN_VARIABLE
    return {variable: context.placeholders[auth.token_ref]}


def _argv(context: AgentContext, prompt: SeedFile | None) -> tuple[str, ...]:
    """`--remote-control` takes an optional name, so an option must follow it; `--` shields the task."""
    headless = context.task is not None
    if headless and context.remote_control:
        raise UsageError("--remote-control needs a session at a terminal", hint="use `bottle start`")
    return (
        *(_resuming(context.workspace) if context.resume and not headless else ("claude",)),
        *(("--print",) if headless else ()),
        *(("--remote-control",) if context.remote_control else ()),
        "--dangerously-skip-permissions",
        *(("--append-system-prompt-file", str(prompt.path)) if prompt else ()),
        *(("--continue",) if context.resume and headless else ()),
        *context.arguments,
        *(() if context.task is None else ("--", context.task)),
    )


def _resuming(workspace: PurePosixPath) -> tuple[str, ...]:
    """`claude` on the newest conversation of this workspace, on a new one where there is none yet.

    At a terminal `--continue` passes over conversations that began without one, and ends where it finds none.
    The names are the agent's own files', looked at inside, by its own user.
    """
    folder = re.sub(r"[^A-Za-z0-9]", "-", str(workspace))
    return ("sh", "-c", _NEWEST.format(folder=folder), "claude")


def _quiet(context: AgentContext) -> Mapping[str, str]:
    """Keeps the CLI to the hosts it needs. Remote control asks one of the services this turns off."""
    quiet = {"CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL": "1", "DISABLE_AUTOUPDATER": "1"}
    if not context.remote_control:
        quiet["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"] = "1"
    return quiet


def _state(context: AgentContext, credential: Mapping[str, str]) -> bytes:
    """`~/.claude.json`, in which every first-start question has its answer; the CLI rewrites it."""
    state: dict[str, object] = {
        "hasCompletedOnboarding": True,
        "projects": {str(context.workspace): {"hasTrustDialogAccepted": True}},
    }
    if key := credential.get(_API_KEY_VARIABLE):
        state["customApiKeyResponses"] = {"approved": [key[-_APPROVED_KEY_LENGTH:]], "rejected": []}
    return json.dumps(state).encode()


def _warnings(context: AgentContext, credential: Mapping[str, str]) -> tuple[str, ...]:
    warnings = []
    if not credential and not context.manifest_env & _CREDENTIAL_VARIABLES:
        warnings.append(
            f"nothing brings a credential for {_HOST}: Claude Code will not be logged in; "
            "set agent_provider.auth_token to the name of the variable that holds one"
        )
    if context.remote_control and credential:
        warnings.append(
            "remote control needs a full login: the vendor refuses it to setup tokens and API keys"
        )
    return tuple(warnings)
