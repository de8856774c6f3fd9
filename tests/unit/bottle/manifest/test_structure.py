from pathlib import Path

import pytest

from bottle.manifest import keys
from bottle.manifest.problems import InvalidManifestError, Location, Position
from bottle.manifest.schema import AgentManifest, AgentProvider, BottleManifest, Budget, GitUser, Resources
from bottle.manifest.structure import Structurer

FILE = Path("/home/op/.bot-bottle/bottles/dev.md")
CORPUS = Path(__file__).parent / "corpus"
ANY_TEMPLATE = Structurer(user_home=Path("/home/op"), cwd=Path("/cwd"))


def bottle(*lines: str, structurer: Structurer = ANY_TEMPLATE) -> BottleManifest:
    manifest, _ = structurer.bottle("dev", FILE, "\n".join(["---", *lines, "---", "Notes."]).encode())
    return manifest


def agent(*lines: str, body: str = "") -> AgentManifest:
    manifest, _ = ANY_TEMPLATE.agent("helper", FILE, "\n".join(["---", *lines, "---", body]).encode())
    return manifest


def test_an_empty_bottle_has_every_default() -> None:
    manifest = bottle()

    assert manifest.name == "dev"
    assert manifest.declared == frozenset()
    assert manifest.agent_provider == AgentProvider(template="claude")
    assert manifest.egress.routes == ()
    assert (manifest.supervise, manifest.resources, manifest.budget) == (False, Resources(), Budget())


def test_every_key_is_declared_when_it_stands_there() -> None:
    manifest, _ = ANY_TEMPLATE.bottle("x", FILE, (CORPUS / "valid/bottles/every-key.md").read_bytes())

    assert manifest.declared == {*keys.BOTTLE.names, "git-gate.repos"}
    assert {route.route.host for route in manifest.egress.routes} >= {"api.example.com", "*.example.com"}


def test_the_example_of_every_key_leaves_none_out() -> None:
    manifest, _ = ANY_TEMPLATE.bottle("x", FILE, (CORPUS / "valid/bottles/every-key.md").read_bytes())
    generic = {
        ".".join(f"{part}" for part in path)
        .replace("egress.routes.0", "egress.routes[]")
        .replace("git-gate.repos.app", "git-gate.repos.<name>")
        for path in manifest.places.locations
    }

    assert {full for table in keys.BOTTLE_TABLES for full in table.full()} <= generic


def test_a_later_error_can_point_at_any_value() -> None:
    places = bottle("env:", "  A: ${X}", "egress:", "  routes:", "    - host: a.example.com").places

    assert places.at("env", "A") == Location(file=FILE, position=Position(3, 6))
    assert str(places.at("egress", "routes", 0, "host")) == f"{FILE}:6:13"
    assert str(places.at("egress", "routes", 0, "ca_file")) == f"{FILE}:6:7"


def test_paths_start_where_they_should() -> None:
    provider = bottle("agent_provider: {dockerfile: images/Dockerfile}").agent_provider

    assert provider.dockerfile == Path("/cwd/images/Dockerfile")


def test_any_template_will_do_where_none_is_known() -> None:
    assert bottle("agent_provider: {template: opencode}").agent_provider.template == "opencode"


def test_a_template_must_be_known_where_some_are() -> None:
    structurer = Structurer(user_home=Path("/h"), cwd=Path("/c"), templates=("claude", "shell"))

    assert (
        bottle("agent_provider: {template: shell}", structurer=structurer).agent_provider.template == "shell"
    )
    with pytest.raises(InvalidManifestError) as raised:
        bottle("agent_provider: {template: clade, forward_host_credentials: true}", structurer=structurer)
    assert [problem.message for problem in raised.value.problems] == ["unknown template 'clade'"]


def test_keys_of_one_provider_are_accepted_with_that_provider() -> None:
    codex = bottle("agent_provider: {template: codex, forward_host_credentials: true}").agent_provider
    claude = bottle("agent_provider: {auth_token: TOKEN}").agent_provider

    assert codex.forward_host_credentials
    assert claude.auth_token == "TOKEN"


def test_a_version_keeps_its_text() -> None:
    assert bottle("agent_provider: {version: 2.1.197}").agent_provider.version == "2.1.197"


def test_warnings_do_not_fail_a_bottle() -> None:
    _, warnings = ANY_TEMPLATE.bottle("x", FILE, b"---\negress: {routes: [{host: '*.com'}]}\n---\n")

    assert [str(warning) for warning in warnings] == [
        f"{FILE}:2:26  egress.routes[0].host: '*.com' allows every host of a whole top-level domain"
    ]


def test_an_agent() -> None:
    manifest = agent("bottle: dev", "skills: [a, b]", "git-gate: {user: {email: a@b}}", body="\n Hello.\n\n")

    assert (manifest.name, manifest.bottle, manifest.skills) == ("helper", "dev", ("a", "b"))
    assert manifest.git_user == GitUser(email="a@b")
    assert manifest.prompt == "Hello."
    assert str(manifest.places.at("bottle")) == f"{FILE}:2:9"


@pytest.mark.parametrize("value", ["Read, Grep", "[Read, Grep]", "", "{a: b}", "12", "yes"])
def test_fields_of_the_other_program_are_ignored_whatever_they_hold(value: str) -> None:
    plain = agent("bottle: dev")

    assert agent("bottle: dev", *(f"{name}: {value}" for name in keys.SUBAGENT_FIELDS)) == plain


def test_an_empty_git_gate_of_an_agent_is_nothing() -> None:
    assert agent("bottle: dev", "git-gate: {}").git_user == GitUser()


def test_every_problem_of_an_agent_is_told() -> None:
    with pytest.raises(InvalidManifestError) as raised:
        agent("git-gate: x", "skills: x", "egress: {}")

    assert len(raised.value.problems) == 4
