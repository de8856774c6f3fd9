"""The first bottle and the first agent, as texts."""

import json
from collections.abc import Iterator, Mapping

from attrs import field, frozen

from bottle.manifest.schema import GitUser
from bottle.manifest.structure import Structurer
from bottle.paths import Paths


@frozen(kw_only=True)
class Account:
    """What an agent logs in with: `variables` are the usual names, the preferred one first.

    `api` completes "What this bottle may reach: ...", `login_api` that where the operator's own login is
    lent. `remedy`: how to come by a credential.
    """

    variables: tuple[str, ...] = ()
    api: str = "nothing"
    login_api: str = ""
    remedy: str = ""


ACCOUNTS: Mapping[str, Account] = {
    "claude": Account(
        variables=("CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY"),
        api="the Anthropic API",
        remedy="run `claude setup-token` (it makes a token of your subscription), or make an API key at "
        "https://platform.claude.com",
    ),
    "codex": Account(
        variables=("OPENAI_API_KEY",),
        api="the OpenAI API",
        login_api="the OpenAI API and what Codex needs of chatgpt.com",
        remedy="make an API key at https://platform.openai.com/api-keys",
    ),
    "shell": Account(),
}
"""By provider; the order is that in which they are offered."""


@frozen(kw_only=True)
class FirstManifests:
    """One bottle and the agent that runs in it.

    `bottle`, `agent`: their names. `credential`: the host variable that holds it; None for an agent
    without an account, or where `host_login`, the operator's own, is lent. `hosts`: what may be reached
    besides the provider's API.
    """

    provider: str
    bottle: str
    agent: str
    credential: str | None
    host_login: bool = False
    git_user: GitUser = field(factory=GitUser)
    hosts: tuple[str, ...] = ()

    @classmethod
    def usual(cls, provider: str) -> "FirstManifests":
        """Named after the provider, with its preferred variable."""
        credential = next(iter(ACCOUNTS[provider].variables), None)
        return cls(provider=provider, bottle=provider, agent=provider, credential=credential)

    def check(self, structurer: Structurer, paths: Paths) -> None:
        """Raises InvalidManifestError, as the files would when they are read."""
        bottle, agent = paths.bottles / f"{self.bottle}.md", paths.agents / f"{self.agent}.md"
        structurer.bottle(self.bottle, bottle, self.bottle_text().encode(errors="surrogateescape"))
        structurer.agent(self.agent, agent, self.agent_text().encode())

    def agent_text(self) -> str:
        return f"---\nbottle: {self.bottle}\n---\n"

    def bottle_text(self) -> str:
        return "\n".join(("---", *self._frontmatter(), "---", self._meaning(), ""))

    def _frontmatter(self) -> Iterator[str]:
        yield "agent_provider:"
        yield f"  template: {self.provider}"
        if self.credential and self.provider == "claude":
            yield "  # The variable of YOUR environment that holds it; the agent sees a placeholder only."
            yield f"  auth_token: {self.credential}"
        if self.host_login:
            yield "  # YOUR login on this machine; the agent sees placeholders only."
            yield "  forward_host_credentials: true"
        yield from self._git_user()
        yield from self._egress()

    def _git_user(self) -> Iterator[str]:
        given = {"name": self.git_user.name, "email": self.git_user.email}
        if any(given.values()):
            yield "git-gate:"
            yield "  user:"
            yield from (f"    {key}: {_quoted(value)}" for key, value in given.items() if value)

    def _egress(self) -> Iterator[str]:
        routes = list(self._routes())
        yield "egress:"
        yield from ("  routes:", *routes) if routes else ("  routes: []",)

    def _routes(self) -> Iterator[str]:
        if self.credential and self.provider == "codex":
            yield "    - host: api.openai.com"
            yield "      # token_ref: the variable of YOUR environment; the agent sees a placeholder only."
            yield f"      auth: {{scheme: Bearer, token_ref: {self.credential}}}"
        yield from (f"    - host: {_quoted(host)}" for host in self.hosts)

    def _meaning(self) -> str:
        account = ACCOUNTS[self.provider]
        api = account.login_api if self.host_login else account.api
        reached = [api, *self.hosts] if account.variables else [*self.hosts]
        if not reached:
            return f"What this bottle may reach: {api}."
        return f"What this bottle may reach: {', '.join(reached)}, and nothing else."


def _quoted(text: str) -> str:
    """A double-quoted scalar: JSON's is YAML's, too."""
    return json.dumps(text, ensure_ascii=False)
