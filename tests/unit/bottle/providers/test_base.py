from pathlib import PurePosixPath

import pytest

from bottle.errors import ManifestError
from bottle.plan import AGENT_HOME, SeedFile
from bottle.providers.base import AgentContext, AgentSetup, CredentialKind, ProviderConfig
from bottle.providers.shell import ShellProvider
from bottle.secret import Secret
from bottle_sidecar.policy.document import Auth, AuthScheme, Route

AUTH = Auth(scheme=AuthScheme.BEARER, token_ref="TOKEN")


def test_auth_is_that_of_the_very_host() -> None:
    context = AgentContext(
        routes=(
            Route(host="*.example.com", auth=AUTH),
            Route(host="a.example.com"),
            Route(host="b", auth=AUTH),
        )
    )

    assert context.auth("b") == AUTH
    assert context.auth("a.example.com") is None
    assert context.auth("example.com") is None


def test_prompt_file_exists_only_with_a_prompt() -> None:
    assert AgentContext().prompt_file() is None
    file = AgentContext(prompt="Zoë\n").prompt_file()
    assert file is not None
    assert (file.path, file.content) == (AGENT_HOME / ".bot-bottle/prompt.md", "Zoë\n".encode())


def test_refuse_names_the_key_and_the_provider() -> None:
    with pytest.raises(ManifestError, match="auth_token is not for the provider 'shell'"):
        ShellProvider().refuse(ProviderConfig(auth_token="X"), "auth_token")


def test_credential_is_a_bearer_token_where_the_provider_knows_no_better() -> None:
    assert ShellProvider().credential_kind(Secret("anything")) is CredentialKind.SUBSCRIPTION


def test_setup_tells_which_placeholders_it_gives() -> None:
    file = SeedFile(path=PurePosixPath("/home/agent/f"), content=b"key=in-file")
    setup = AgentSetup(argv=("x",), env={"KEY": "in-env"}, files=(file,))
    assert [setup.gives(text) for text in ("in-file", "in-env", "nowhere")] == [True, True, False]
