"""The model APIs of the agents, as TLS servers of our own with a CA of their own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import evolve, frozen

from bottle_sidecar.policy.document import Route
from support.api_server import ApiServer
from support.certificates import CertificateAuthority
from support.mock_anthropic import AnthropicHandler
from support.mock_openai import OpenaiHandler
from support.scripts import Script

ANTHROPIC_HOST = "api.anthropic.com"
OPENAI_HOST = "api.openai.com"
CHATGPT_HOST = "chatgpt.com"


@frozen(kw_only=True)
class AgentApis:
    """Both APIs, each under its real name's certificate."""

    authority: CertificateAuthority
    anthropic: ApiServer
    openai: ApiServer

    def server(self, host: str) -> ApiServer:
        return {ANTHROPIC_HOST: self.anthropic, OPENAI_HOST: self.openai, CHATGPT_HOST: self.openai}[host]

    def redirected(self, route: Route, address: str = "127.0.0.1") -> Route:
        """The route, dialled at its mock at `address` instead of at the real host."""
        return evolve(route, address=f"{address}:{self.server(route.host).port}", ca_pem=self.authority.pem)


MakeApis = Callable[[Script], AgentApis]
"""Serves both APIs with a script, for the length of a test."""


@contextmanager
def agent_apis(
    folder: Path, *, required_token: str, script: Script | None = None, host: str = "127.0.0.1"
) -> Iterator[AgentApis]:
    """Serves both on free ports of `host`, for clients that bring `required_token`."""
    authority = CertificateAuthority.create(folder, "mock upstream CA")
    certificate = authority.issue(ANTHROPIC_HOST, OPENAI_HOST, CHATGPT_HOST, "localhost", "IP:127.0.0.1")
    spoken = script or Script()
    with (
        ApiServer(
            AnthropicHandler, certificate, script=spoken, required_token=required_token, host=host
        ) as anthropic,
        ApiServer(
            OpenaiHandler, certificate, script=spoken, required_token=required_token, host=host
        ) as openai,
    ):
        yield AgentApis(authority=authority, anthropic=anthropic, openai=openai)
