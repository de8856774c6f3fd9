"""The real agents with each kind of credential, as manifests before mock APIs."""

from attrs import frozen

from support.agent_apis import ANTHROPIC_HOST, OPENAI_HOST, AgentApis

TOKEN = "sk-real-token-0d1c7be2f4a94c5e"
VARIABLE = "REAL_TOKEN"


@frozen(kw_only=True)
class Kind:
    """An agent with one kind of credential. `auth`: of the manifest's route; None: by `auth_token`."""

    template: str
    host: str
    header: str
    value: str
    auth: str | None

    def manifests(self, apis: AgentApis, host: str) -> dict[str, str]:
        address = f"{host}:{apis.server(self.host).port}"
        reached = f"host: {self.host}, address: '{address}', ca_file: {apis.authority.certificate}"
        auth = f", auth: {self.auth}" if self.auth else ""
        token = "" if self.auth else f", auth_token: {VARIABLE}"
        return {
            "agents/coder.md": "---\nbottle: coder\n---\nAnswer like a cat.\n",
            "bottles/coder.md": (
                f"---\nagent_provider: {{template: {self.template}{token}}}\negress:\n  routes:\n"
                f"    - {{{reached}{auth}}}\n"
                "---\n"
            ),
        }


KINDS = {
    "claude-subscription": Kind(
        template="claude", host=ANTHROPIC_HOST, header="authorization", value=f"Bearer {TOKEN}", auth=None
    ),
    "claude-api-key": Kind(
        template="claude",
        host=ANTHROPIC_HOST,
        header="x-api-key",
        value=TOKEN,
        auth=f"{{scheme: 'header:x-api-key', token_ref: {VARIABLE}}}",
    ),
    "codex-api-key": Kind(
        template="codex",
        host=OPENAI_HOST,
        header="authorization",
        value=f"Bearer {TOKEN}",
        auth=f"{{scheme: Bearer, token_ref: {VARIABLE}}}",
    ),
}
