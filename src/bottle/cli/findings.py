"""What this machine has already: agents, credentials, a git identity. Presence and kinds, never values."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from attrs import field, frozen

from bottle.errors import BottleError
from bottle.manifest.files import is_file, is_folder
from bottle.manifest.first import ACCOUNTS
from bottle.manifest.schema import GitUser
from bottle.paths import Paths
from bottle.proc import Command, run

_MOST = 1 << 20
_GIT_SECONDS = 5.0


class CodexLogin(StrEnum):
    """What Codex's own auth.json holds."""

    CHATGPT = "a ChatGPT login"
    API_KEY = "an API key"
    UNKNOWN = "a login of an unknown kind"


@frozen(kw_only=True)
class Findings:
    """`programs`: by provider, where its CLI is. `variables`: names that are set and not empty."""

    programs: Mapping[str, str] = field(factory=dict)
    variables: frozenset[str] = frozenset()
    claude_folder: Path | None = None
    codex_login: CodexLogin | None = None
    git_user: GitUser = field(factory=GitUser)

    @classmethod
    def of(cls, environ: Mapping[str, str], paths: Paths) -> "Findings":
        found = {name: shutil.which(name, path=environ.get("PATH")) for name in ACCOUNTS if name != "shell"}
        claude = paths.user_home / ".claude"
        git_name, git_email = (_git(key, environ, paths) for key in ("user.name", "user.email"))
        codex = Path(environ.get("CODEX_HOME") or paths.user_home / ".codex")
        return cls(
            programs={name: path for name, path in found.items() if path},
            variables=frozenset(name for name, value in environ.items() if value.strip()),
            claude_folder=claude if is_folder(claude) else None,
            codex_login=_codex_login(codex / "auth.json"),
            git_user=GitUser(name=git_name, email=git_email),
        )

    def credentials(self, provider: str) -> tuple[str, ...]:
        """The provider's usual variables, those that are set first."""
        return tuple(sorted(ACCOUNTS[provider].variables, key=lambda name: name not in self.variables))

    def provider(self) -> str:
        """The one that most probably works: with a credential, else with its CLI here, else the first."""
        ready = [name for name in ACCOUNTS if self.has_variable(name) or self.has_login(name)]
        return next(iter((*ready, *self.programs, *ACCOUNTS)))

    def has_variable(self, provider: str) -> bool:
        """Whether one of the provider's usual variables is set."""
        return bool(self.variables.intersection(ACCOUNTS[provider].variables))

    def has_login(self, provider: str) -> bool:
        """Whether the operator's own login seems to be one that can be lent to this provider's agent."""
        return provider == "codex" and self.codex_login is CodexLogin.CHATGPT

    def lines(self) -> Iterator[str]:
        """In words, one finding a line."""
        for provider, account in ACCOUNTS.items():
            if provider in self.programs:
                yield f"the program {provider} ({self.programs[provider]})"
            yield from (f"the variable {name}" for name in account.variables if name in self.variables)
        if self.claude_folder:
            yield f"settings of Claude Code ({self.claude_folder})"
        if self.codex_login:
            yield f"{self.codex_login.value} of Codex (auth.json)"


def _codex_login(file: Path) -> CodexLogin | None:
    if not is_file(file):
        return None
    with suppress(OSError, ValueError, RecursionError), file.open("rb") as stream:
        login = json.loads(stream.read(_MOST))
        if isinstance(login, dict):
            if login.get("auth_mode") == "chatgpt" or login.get("tokens"):
                return CodexLogin.CHATGPT
            if login.get("OPENAI_API_KEY"):
                return CodexLogin.API_KEY
    return CodexLogin.UNKNOWN


def _git(key: str, environ: Mapping[str, str], paths: Paths) -> str | None:
    command = Command(
        argv=("git", "config", "--get", key), env=environ, cwd=str(paths.cwd), timeout=_GIT_SECONDS
    )
    try:
        value = run(command, check=False).text
    except BottleError:  # no git, or one that hangs: there is nothing to offer then
        return None
    return value if value.isprintable() and value else None
