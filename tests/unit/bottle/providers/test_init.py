"""What every provider promises, asked of each in the table."""

import re
import tomllib
from pathlib import Path

import pytest
from attrs import evolve

from bottle.errors import EnvironmentLacksError, ManifestError
from bottle.plan import AGENT_HOME, AGENT_PATH, TRUST_STORE, GitIdentity, GitIdentityField, Provenance
from bottle.providers import PROVIDERS
from bottle.providers.base import AgentContext, AgentSetup, Provider, ProviderConfig
from bottle_sidecar.policy.document import Auth, AuthScheme, Route

MACHINES = ("x86_64", "aarch64")
PLACEHOLDER = "placeholder-0123456789abcdef0123456789abcdef"
IDENTITY = GitIdentity(name=GitIdentityField(value="Ada", provenance=Provenance.BOTTLE))


@pytest.fixture(params=sorted(PROVIDERS))
def provider(request: pytest.FixtureRequest) -> Provider:
    return PROVIDERS[request.param]()


@pytest.fixture
def context(provider: Provider) -> AgentContext:
    """A launch with everything: a credential for each host of the provider, prompt, skill, identity."""
    auth = Auth(scheme=AuthScheme.BEARER, token_ref="TOKEN")
    routes = tuple(evolve(route, auth=auth) for route in provider.routes(ProviderConfig()))
    return AgentContext(
        routes=routes,
        placeholders={"TOKEN": PLACEHOLDER},
        prompt="You are a reviewer.",
        skills=(Path("/home/op/.claude/skills/review"),),
        git_identity=IDENTITY,
    )


@pytest.fixture(params=["session", "task", "resumed session", "resumed task"])
def setup(request: pytest.FixtureRequest, provider: Provider, context: AgentContext) -> AgentSetup:
    task = "do it" if "task" in request.param else None
    return provider.setup(evolve(context, task=task, resume="resumed" in request.param))


def test_table_names_each_provider_by_its_template() -> None:
    assert {name: provider.template for name, provider in PROVIDERS.items()} == {
        "claude": "claude",
        "codex": "codex",
        "shell": "shell",
    }


def test_routes_say_who_granted_them_and_are_exact_hosts(provider: Provider) -> None:
    for route in provider.routes(ProviderConfig()):
        assert route.origin == f"provider {provider.template}"
        assert re.fullmatch(r"[a-z0-9.-]+", route.host)
        assert route.auth is None


def test_package_is_pinned_for_each_machine(provider: Provider) -> None:
    if provider.package is None:
        return
    for machine in MACHINES:
        assert re.fullmatch(r"@[a-z-]+/[a-z0-9-]+@\d+\.\d+\.\d+[a-z0-9-]*", provider.package.spec(machine))
        assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", provider.package.integrity[machine])
    assert len(set(provider.package.integrity.values())) == len(MACHINES)


def test_package_puts_the_program_on_path(provider: Provider, setup: AgentSetup) -> None:
    if provider.package is None:
        return
    for machine in MACHINES:
        assert {*setup.argv} & {*provider.package.executables(machine).values()}


def test_package_refuses_other_machines(provider: Provider) -> None:
    if provider.package is None:
        return
    with pytest.raises(EnvironmentLacksError, match="not published for 'riscv64', only for aarch64, x86_64"):
        provider.package.spec("riscv64")


def test_override_keeps_all_but_version_and_checksum(provider: Provider) -> None:
    if provider.package is None:
        with pytest.raises(ManifestError, match="installs nothing"):
            provider.with_version("1.2.3")
        return
    assert provider.with_version("9.8.7") == evolve(provider.package, version="9.8.7", integrity={})
    assert provider.with_version(provider.package.version) == provider.package


@pytest.mark.parametrize(
    "version", ["latest", "^1.0.0", "1.0", "1.0.0 --registry=x", "file:///etc", "", "1.2.3\n"]
)
def test_override_must_be_one_exact_version(provider: Provider, version: str) -> None:
    with pytest.raises(ManifestError):
        provider.with_version(version)


def test_environment_points_every_client_at_the_exit(setup: AgentSetup) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        assert setup.env[name] == "http://127.0.0.1:3128"
    for name in (
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
        "CURL_CA_BUNDLE",
        "GIT_SSL_CAINFO",
        "CODEX_CA_CERTIFICATE",
    ):
        assert setup.env[name] == str(TRUST_STORE)
    assert setup.env["PATH"] == AGENT_PATH
    assert setup.env["HOME"] == str(AGENT_HOME)


def test_files_are_in_the_home_once_each_and_not_for_others_to_write(setup: AgentSetup) -> None:
    paths = [file.path for file in setup.files]
    assert len(paths) == len(set(paths))
    for path in (*paths, *(tree.target for tree in setup.trees)):
        assert path.is_relative_to(AGENT_HOME)
        assert ".." not in path.parts
    assert {file.mode & 0o133 for file in setup.files} == {0}


def test_skill_arrives_under_its_name(setup: AgentSetup) -> None:
    assert [(tree.source.name, tree.target.name) for tree in setup.trees] == [("review", "review")]


def test_prompt_is_a_file_and_not_an_argument(setup: AgentSetup) -> None:
    assert b"You are a reviewer." in {file.content for file in setup.files}
    assert not any("reviewer" in argument for argument in setup.argv)


def test_argv_holds_no_placeholder(setup: AgentSetup) -> None:
    assert not any(PLACEHOLDER in argument for argument in setup.argv)


def test_repr_shows_no_placeholder(setup: AgentSetup, context: AgentContext) -> None:
    assert PLACEHOLDER not in repr(setup)
    assert PLACEHOLDER not in repr(context)


def test_task_is_one_argument_whatever_it_looks_like(provider: Provider, context: AgentContext) -> None:
    for task in ("--help", "-", "a  b\n'c' \"d\" $(e)", ""):
        argv = provider.setup(evolve(context, task=task, prompt="")).argv
        assert argv[argv.index("--") + 1] == task


def test_arguments_of_the_operator_arrive_in_order(provider: Provider, context: AgentContext) -> None:
    arguments = ("--first", "second word")
    for task in (None, "task"):
        argv = provider.setup(evolve(context, task=task, arguments=arguments)).argv
        position = argv.index("--first")
        assert argv[position : position + 2] == arguments


def test_setup_is_the_same_each_time(provider: Provider, context: AgentContext) -> None:
    assert provider.setup(context) == provider.setup(context)


def test_configuration_files_parse(setup: AgentSetup) -> None:
    for file in setup.files:
        if file.path.suffix == ".toml":
            tomllib.loads(file.content.decode())


def test_home_and_workspace_can_lie_elsewhere(provider: Provider, context: AgentContext) -> None:
    home, workspace = AGENT_HOME / "other", AGENT_HOME / 'odd "name"\\é'
    setup = provider.setup(evolve(context, home=home, workspace=workspace))
    assert setup.env["HOME"] == str(home)
    assert all(file.path.is_relative_to(home) for file in setup.files)


def test_without_a_credential_the_operator_is_warned(provider: Provider) -> None:
    routes = provider.routes(ProviderConfig())
    warnings = provider.setup(AgentContext(routes=routes)).warnings
    assert [host for host in (route.host for route in routes) if host not in "".join(warnings)] == []
    assert bool(warnings) == bool(routes)


def test_with_a_credential_there_is_nothing_to_warn_of(setup: AgentSetup) -> None:
    assert setup.warnings == ()


def test_credential_for_another_host_is_not_taken(provider: Provider) -> None:
    other = Route(host="example.com", auth=Auth(scheme=AuthScheme.BEARER, token_ref="OTHER"))
    setup = provider.setup(AgentContext(routes=(other,), placeholders={"OTHER": PLACEHOLDER}))
    assert PLACEHOLDER not in setup.env.values()
    assert not any(PLACEHOLDER.encode() in file.content for file in setup.files)
