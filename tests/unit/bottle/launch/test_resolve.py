import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve, field

from bottle.errors import EnvironmentLacksError, ManifestError, UsageError
from bottle.launch.keeping import Kept, record_of
from bottle.launch.resolve import DEFAULT_LIMITS, LaunchOptions, Question, Resolved, Resolver
from bottle.launch.selection import Choice
from bottle.manifest.catalog import Catalog
from bottle.paths import Paths
from bottle.plan import (
    EnvSource,
    EnvVariable,
    GitIdentityField,
    Keep,
    Provenance,
    Trust,
    Workspace,
    WorkspaceMode,
)
from bottle.providers import PROVIDERS
from bottle.secret import Secret
from bottle.state.honeytokens import Honeytokens
from bottle.state.identity import is_identity
from bottle_sidecar.policy.budget import Budget
from bottle_sidecar.policy.document import AuthScheme
from support import logins

CHOICE = Choice(name="native", reason="because")
VALUE = "s3cr3t-v4lue"
SHELL = "---\nagent_provider: {template: shell}\n"


@define
class Host:
    """An operator's home and directory with manifests in them."""

    folder: Path
    environ: dict[str, str] = field(factory=dict)

    def agent(self, text: str, *, cwd: bool = False) -> Path:
        root = self.folder / "work" / ".bot-bottle" if cwd else self.folder / "home"
        return _written(root / "agents" / "dev.md", text)

    def bottle(self, text: str, name: str = "dev") -> Path:
        return _written(self.folder / "home" / "bottles" / f"{name}.md", text)

    def resolver(self) -> Resolver:
        paths = Paths(
            user_home=self.folder / "user",
            home=self.folder / "home",
            cache=self.folder,
            runtime=self.folder,
            cwd=self.folder / "work",
        )
        providers = {name: provider() for name, provider in PROVIDERS.items()}
        catalog = Catalog(paths, templates=tuple(PROVIDERS))
        return Resolver(catalog=catalog, providers=providers, paths=paths, environ=self.environ)

    def resolve(self, **options: Any) -> Resolved:
        return self.resolver().resolve("dev", CHOICE, LaunchOptions(**options))

    def inspect(self) -> Resolved:
        return self.resolver().inspect("dev", CHOICE)


def _written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def host(tmp_path: Path) -> Host:
    made = Host(tmp_path)
    (tmp_path / "work").mkdir()
    made.agent("---\nbottle: dev\n---\nBe brief.\n")
    made.bottle(f"{SHELL}---\n")
    return made


def env(resolved: Resolved) -> Mapping[str, EnvVariable]:
    return {each.name: each for each in resolved.plan.env}


def own_env(resolved: Resolved) -> Mapping[str, EnvSource]:
    return {
        name: each.source for name, each in env(resolved).items() if each.source is not EnvSource.PROVIDER
    }


def test_the_least_manifest_gives_a_bottle_that_may_do_nothing(host: Host) -> None:
    made = host.resolve()
    plan = made.plan

    assert is_identity(plan.identity)
    assert plan.identity.startswith("dev-")
    assert (plan.agent, plan.bottle, plan.agent_trust) == ("dev", "dev", Trust.HOME)
    assert (plan.backend, plan.backend_reason) == ("native", "because")
    assert plan.policy.routes == ()
    assert plan.limits == DEFAULT_LIMITS
    assert (plan.workspace, plan.interactive, plan.supervise) == (None, True, False)
    assert plan.program.argv == ("bash", "--login")
    assert (made.questions, made.warnings, own_env(made)) == ((), (), {})
    assert any(file.content == b"Be brief." for file in plan.seed_files)


def test_each_resolving_is_a_bottle_of_its_own(host: Host) -> None:
    host.bottle(f"{SHELL}egress: {{routes: [{{host: a.b, auth: {{scheme: Bearer, token_ref: T}}}}]}}\n---\n")
    host.environ["T"] = VALUE
    first, second = host.resolve(), host.resolve()

    assert first.plan.identity != second.plan.identity
    assert first.secrets.placeholders["T"] != second.secrets.placeholders["T"]


def test_the_options_of_the_command_line(host: Host) -> None:
    plan = host.resolve(workspace=WorkspaceMode.PRIVATE, task="echo hi", arguments=("a", "b")).plan

    assert plan.workspace == Workspace(source=host.folder / "work")
    assert not plan.interactive
    assert plan.program.argv == ("bash", "-c", "--", "echo hi", "bash", "a", "b")
    with pytest.raises(UsageError, match="--remote-control"):
        host.resolve(remote_control=True)


def test_an_agent_of_the_current_directory_wins_and_is_marked(host: Host) -> None:
    file = host.agent("---\nbottle: dev\n---\n", cwd=True)
    plan = host.resolve().plan

    assert (plan.agent_trust, plan.agent_file) == (Trust.CWD, file)


def test_limits_replace_the_defaults_one_by_one(host: Host) -> None:
    host.bottle(f"{SHELL}resources: {{cpus: 0.5, memory: 512MiB}}\n---\n")
    limits = host.resolve().plan.limits

    assert (limits.cpus, limits.memory) == (0.5, 512 << 20)
    assert (limits.pids, limits.disk) == (DEFAULT_LIMITS.pids, DEFAULT_LIMITS.disk)


# Environment


ENV = "env:\n  LITERAL: plain\n  HOSTED: pre-${FROM}-${FROM}${OTHER}\n  ASKED: '?the key'\n  BARE: '?'\n"


def test_each_kind_of_variable_has_its_source_and_only_literals_have_their_value_in_the_plan(
    host: Host,
) -> None:
    host.bottle(f"{SHELL}{ENV}---\n")
    host.environ.update(FROM=VALUE, OTHER="o")
    made = host.resolve()

    assert own_env(made) == {
        "LITERAL": EnvSource.LITERAL,
        "HOSTED": EnvSource.HOST,
        "ASKED": EnvSource.PROMPT,
        "BARE": EnvSource.PROMPT,
    }
    assert {name: env(made)[name].value for name in own_env(made)} == {
        "LITERAL": "plain", "HOSTED": None, "ASKED": None, "BARE": None
    }  # fmt: skip
    assert made.secrets.env == {"HOSTED": Secret(f"pre-{VALUE}-{VALUE}o")}
    assert made.questions == (
        Question(variable="ASKED", message="the key"),
        Question(variable="BARE", message="value of BARE"),
    )


def test_the_answers_join_the_values(host: Host) -> None:
    host.bottle(f"{SHELL}{ENV}---\n")
    host.environ.update(FROM="a", OTHER="b")
    made = host.resolve()
    secrets = made.answered({"ASKED": Secret(VALUE), "BARE": Secret("")})

    assert secrets.env == {"HOSTED": Secret("pre-a-ab"), "ASKED": Secret(VALUE), "BARE": Secret("")}
    assert VALUE not in repr(secrets)


@pytest.mark.parametrize(("value", "state"), [(None, "not set"), ("", "empty")])
def test_a_variable_that_the_host_lacks_is_named_with_its_place_and_mend(
    host: Host, value: str | None, state: str
) -> None:
    file = host.bottle(f"{SHELL}env:\n  HOSTED: x-${{FROM}}\n---\n")
    if value is not None:
        host.environ["FROM"] = value
    with pytest.raises(EnvironmentLacksError, match=f"the variable FROM is {state}") as caught:
        host.resolve()

    assert caught.value.location == f"{file}:4:11"
    assert caught.value.hint == "export FROM=..."


def test_a_manifest_s_variable_wins_over_the_provider_s(host: Host) -> None:
    host.bottle(f"{SHELL}env: {{LANG: de_DE.UTF-8}}\n---\n")
    made = host.resolve()

    assert env(made)["LANG"] == EnvVariable(name="LANG", source=EnvSource.LITERAL, value="de_DE.UTF-8")
    assert len([each for each in made.plan.env if each.name == "LANG"]) == 1


def test_of_the_host_s_environment_nothing_comes_along_but_the_terminal_s_kind(host: Host) -> None:
    host.environ.update(
        TERM="xterm", COLORTERM="truecolor", AWS_SECRET=VALUE, SSH_AUTH_SOCK="/x", PATH="/mine"
    )
    made = host.resolve()
    values = {name: each.value for name, each in env(made).items()}

    assert (values["TERM"], values["COLORTERM"]) == ("xterm", "truecolor")
    assert "/mine" not in values.values()
    assert not {"AWS_SECRET", "SSH_AUTH_SOCK"} & set(values)


# Routes and tokens

ROUTED = f"""{SHELL}egress:
  routes:
    - host: a.example.com
      auth: {{scheme: Bearer, token_ref: TOKEN_A}}
    - host: b.example.com
      auth: {{scheme: "header:X-Key", token_ref: TOKEN_B}}
    - host: c.example.com
      auth: {{scheme: token, token_ref: TOKEN_A}}
---
"""


def test_each_token_ref_is_one_secret_and_one_placeholder_which_the_agent_holds(host: Host) -> None:
    host.bottle(ROUTED)
    host.environ.update(TOKEN_A=VALUE, TOKEN_B="other")
    made = host.resolve()

    assert made.secrets.tokens == {"TOKEN_A": Secret(VALUE), "TOKEN_B": Secret("other")}
    assert own_env(made) == {"TOKEN_A": EnvSource.PLACEHOLDER, "TOKEN_B": EnvSource.PLACEHOLDER}
    for name, placeholder in made.secrets.placeholders.items():
        assert env(made)[name].value == placeholder
        assert placeholder.startswith("bottle-placeholder-")
    assert len(set(made.secrets.placeholders.values())) == 2


def test_no_value_is_in_the_plan_or_in_what_can_be_printed(host: Host) -> None:
    host.bottle(ROUTED)
    host.environ.update(TOKEN_A=VALUE, TOKEN_B="other")
    resolver = host.resolver()
    made = resolver.resolve("dev", CHOICE, LaunchOptions())
    files = b"".join(file.content for file in made.plan.seed_files)
    values = [each.value or "" for each in made.plan.env]

    assert VALUE not in repr(made) + repr(resolver) + repr(made.plan.policy)
    assert VALUE.encode() not in files
    assert not any(VALUE in value for value in values)
    assert not any(placeholder in repr(made) for placeholder in made.secrets.placeholders.values())


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "TOKEN_B is not set"),
        ("", "TOKEN_B is empty"),
        ("with\nbreak", "line break or control character"),
        (" padded ", "starts or ends with a space"),
        ("täst€", "outside Latin-1"),
    ],
)
def test_a_token_that_is_missing_or_cannot_be_sent_is_named_never_shown(
    host: Host, value: str | None, says: str
) -> None:
    file = host.bottle(ROUTED)
    host.environ["TOKEN_A"] = "a"
    if value is not None:
        host.environ["TOKEN_B"] = value
    with pytest.raises(EnvironmentLacksError, match=says) as caught:
        host.resolve()

    assert (caught.value.location, caught.value.hint) == (f"{file}:8:49", "export TOKEN_B=...")
    if value:
        assert value not in str(caught.value)


def test_basic_needs_a_user(host: Host) -> None:
    host.bottle(f"{SHELL}egress: {{routes: [{{host: a.b, auth: {{scheme: basic, token_ref: T}}}}]}}\n---\n")
    host.environ["T"] = VALUE
    with pytest.raises(EnvironmentLacksError, match="not user:token"):
        host.resolve()


def test_a_token_that_the_manifest_also_gives_to_the_agent_is_warned_of(host: Host) -> None:
    file = host.bottle(ROUTED.replace("egress:", "env: {LEAK: '${TOKEN_A}'}\negress:", 1))
    host.environ.update(TOKEN_A=VALUE, TOKEN_B="other")
    (warning,) = host.resolve().warnings

    assert warning == f"{file}:3:13: the agent gets the value of TOKEN_A, which a route injects, too"


def test_to_look_only_nothing_needs_to_be_set(host: Host) -> None:
    host.bottle(ROUTED.replace("egress:", "env: {HOSTED: '${FROM}'}\negress:", 1))
    host.environ["TOKEN_B"] = "bad\nvalue"
    made = host.inspect()

    assert [warning.split(": ", 1)[1] for warning in made.warnings] == [
        "the variable TOKEN_A is not set in your environment",
        "the value of TOKEN_B has a line break or control character",
        "the variable FROM is not set in your environment",
    ]
    assert [route.host for route in made.plan.policy.routes] == [
        "a.example.com",
        "b.example.com",
        "c.example.com",
    ]


def test_a_ca_file_is_read_and_its_text_is_the_route_s(host: Host) -> None:
    ca = _written(host.folder / "ca.pem", "PEM")
    host.bottle(f"{SHELL}egress: {{routes: [{{host: a.b, ca_file: {ca}}}]}}\n---\n")
    (route,) = host.resolve().plan.policy.routes

    assert route.ca_pem == "PEM"


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_ca_file_that_cannot_be_read_is_named_with_its_place(host: Host, content: bytes | None) -> None:
    ca = host.folder / "ca.pem"
    if content:
        ca.write_bytes(content)
    file = host.bottle(f"{SHELL}egress:\n  routes:\n    - host: a.b\n      ca_file: {ca}\n---\n")
    with pytest.raises(EnvironmentLacksError, match=f"the CA file {ca} cannot be read") as caught:
        host.resolve()

    assert caught.value.location == f"{file}:6:16"


# Providers

CLAUDE = "---\nagent_provider:\n  auth_token: OAUTH\n"


def test_a_provider_brings_its_route_and_its_credential(host: Host) -> None:
    host.bottle(f"{CLAUDE}---\n")
    host.environ["OAUTH"] = "sk-ant-oat-1"
    made = host.resolve()
    (route,) = made.plan.policy.routes

    assert (route.host, route.origin) == ("api.anthropic.com", "provider claude")
    assert route.auth is not None
    assert (route.auth.scheme, route.auth.token_ref) == (AuthScheme.BEARER, "OAUTH")
    assert made.secrets.tokens == {"OAUTH": Secret("sk-ant-oat-1")}
    assert env(made)["CLAUDE_CODE_OAUTH_TOKEN"].value == made.secrets.placeholders["OAUTH"]
    assert "OAUTH" not in env(made)


def test_an_api_key_is_told_by_its_prefix(host: Host) -> None:
    host.bottle(f"{CLAUDE}---\n")
    host.environ["OAUTH"] = "sk-ant-api03-x"
    made = host.resolve()
    (route,) = made.plan.policy.routes

    assert route.auth is not None
    assert (route.auth.scheme, route.auth.header) == (AuthScheme.HEADER, "x-api-key")
    assert env(made)["ANTHROPIC_API_KEY"].value == made.secrets.placeholders["OAUTH"]


def test_a_manifest_narrows_the_provider_s_route(host: Host) -> None:
    host.bottle(
        f"{CLAUDE}egress:\n  routes:\n    - host: API.anthropic.com\n      path_allowlist: [/v1]\n"
        "      address: 127.0.0.1:9\n---\n"
    )
    host.environ["OAUTH"] = "x"
    (route,) = host.resolve().plan.policy.routes

    assert (route.path_allowlist, route.address) == (("/v1",), "127.0.0.1:9")
    assert route.auth is not None
    assert route.origin == "provider claude, manifest"


def test_two_sources_of_a_credential_are_an_error_at_the_route(host: Host) -> None:
    file = host.bottle(
        f"{CLAUDE}egress:\n  routes:\n    - host: other.com\n    - host: api.anthropic.com\n"
        "      auth: {scheme: Bearer, token_ref: MINE}\n---\n"
    )
    host.environ.update(OAUTH="x", MINE="y")
    with pytest.raises(ManifestError, match="both bring a credential") as caught:
        host.resolve()

    assert str(caught.value).startswith(f"{file}:7:7  egress.routes[1]: ")
    assert "provider claude" in str(caught.value)


def test_a_route_may_bring_the_credential_where_the_provider_has_none(host: Host) -> None:
    host.bottle(
        "---\negress:\n  routes:\n    - host: api.anthropic.com\n"
        "      auth: {scheme: 'header:x-api-key', token_ref: KEY}\n---\n"
    )
    host.environ["KEY"] = "k"
    made = host.resolve()

    assert made.secrets.tokens == {"KEY": Secret("k")}
    assert env(made)["ANTHROPIC_API_KEY"].value == made.secrets.placeholders["KEY"]


def test_the_provider_s_missing_token_points_at_auth_token(host: Host) -> None:
    file = host.bottle(f"{CLAUDE}---\n")
    with pytest.raises(EnvironmentLacksError, match="OAUTH is not set") as caught:
        host.resolve()

    assert caught.value.location == f"{file}:3:15"
    assert [warning for warning in host.inspect().warnings if "OAUTH" in warning] == [
        f"{file}:3:15: the variable OAUTH is not set in your environment"
    ]


FORWARD = "---\nagent_provider:\n  template: codex\n  forward_host_credentials: true\n"


def test_login_of_the_host_is_lent(host: Host) -> None:
    access = logins.access_token(expires=time.time() + 240 * logins.HOUR)
    logins.write(host.folder / "user" / ".codex" / "auth.json", logins.auth_json(access))
    host.bottle(f"{FORWARD}---\n")
    made = host.resolve()

    assert {route.host for route in made.plan.policy.routes} == {"api.openai.com", "chatgpt.com"}
    assert made.secrets.tokens == {"chatgpt-login": Secret(access)}
    placeholder = made.secrets.placeholders["chatgpt-login"]
    (file,) = (file for file in made.plan.seed_files if file.path.name == "auth.json")
    assert json.loads(file.content)["tokens"]["access_token"] == placeholder
    assert placeholder != host.resolve().secrets.placeholders["chatgpt-login"]
    assert made.plan.program.check == ("codex", "login", "status")
    assert made.lent
    assert made.lent.login.token == Secret(access)
    assert (made.warnings, own_env(made)) == ((), {})
    assert access not in repr(made)


def test_login_that_ends_soon_is_lent_with_a_warning(host: Host) -> None:
    host.environ["CODEX_HOME"] = str(host.folder / "codex")
    access = logins.access_token(expires=time.time() + 2 * logins.HOUR)
    logins.write(host.folder / "codex" / "auth.json", logins.auth_json(access))
    host.bottle(f"{FORWARD}---\n")
    (warning,) = host.resolve().warnings

    assert f"the login in {host.folder}/codex/auth.json ends in 1 h 59 min" in warning


@pytest.mark.parametrize(
    ("login", "says"),
    [
        (None, "there is none"),
        ({"auth_mode": "apikey", "OPENAI_API_KEY": "sk-1"}, "it is not a login with ChatGPT"),
        (logins.auth_json(logins.access_token(expires=1)), "its access token has expired"),
    ],
)
def test_login_that_cannot_be_lent_is_refused_with_the_command_that_mends_it(
    host: Host, login: object, says: str
) -> None:
    if login:
        logins.write(host.folder / "user" / ".codex" / "auth.json", login)
    file = host.bottle(f"{FORWARD}---\n")
    with pytest.raises(EnvironmentLacksError, match=says) as caught:
        host.resolve()

    assert (caught.value.location, caught.value.hint) == (f"{file}:4:29", "codex login --device-auth")
    (warning,) = host.inspect().warnings
    assert says in warning


def test_login_and_a_key_for_the_same_host_are_a_conflict(host: Host) -> None:
    access = logins.access_token(expires=time.time() + 240 * logins.HOUR)
    logins.write(host.folder / "user" / ".codex" / "auth.json", logins.auth_json(access))
    route = "{host: api.openai.com, auth: {scheme: Bearer, token_ref: T}}"
    host.bottle(f"{FORWARD}egress: {{routes: [{route}]}}\n---\n")
    host.environ["T"] = VALUE

    with pytest.raises(ManifestError, match="both bring a credential; keep one"):
        host.resolve()


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        (
            "template: shell\n  auth_token: X",
            "4:15",
            "agent_provider.auth_token: is for the template 'claude' only",
        ),
        (
            "template: claude\n  forward_host_credentials: true",
            "4:29",
            "agent_provider.forward_host_credentials: is for the template 'codex' only",
        ),
        ("template: shell\n  version: 1.2.3", "4:12", "agent_provider.version: .* installs nothing"),
        (
            "template: claude\n  version: latest",
            "4:12",
            "agent_provider.version: 'latest' is not an exact version",
        ),
    ],
)
def test_a_key_that_the_provider_does_not_have_is_named_at_its_place(
    host: Host, text: str, place: str, says: str
) -> None:
    file = host.bottle(f"---\nagent_provider:\n  {text}\n---\n")
    host.environ["X"] = "x"
    with pytest.raises(ManifestError, match=says) as caught:
        host.resolve()

    assert str(caught.value).startswith(f"{file}:{place}  ")


def test_another_version_of_the_agent_is_taken_without_a_pinned_checksum(host: Host) -> None:
    host.bottle("---\nagent_provider: {template: claude, version: 2.0.1, dockerfile: /x/Dockerfile}\n---\n")
    program = host.resolve().plan.program

    assert program.package is not None
    assert (program.package.version, program.package.integrity) == ("2.0.1", {})
    assert program.dockerfile == Path("/x/Dockerfile")


# Agent: skills, git


def test_skills_are_folders_of_the_user_s(host: Host) -> None:
    host.agent("---\nbottle: dev\nskills: [review]\n---\n")
    folder = host.folder / "user" / ".claude" / "skills" / "review"
    folder.mkdir(parents=True)
    (tree,) = host.resolve().plan.seed_trees

    assert tree.source == folder
    assert str(tree.target) == "/home/agent/.claude/skills/review"


def test_a_skill_that_is_not_there_stops_the_launch_at_its_place(host: Host) -> None:
    file = host.agent("---\nbottle: dev\nskills:\n  - review\n---\n")
    _written(host.folder / "user" / ".claude" / "skills" / "review", "a file")
    with pytest.raises(ManifestError, match=r"skills\[0\]: there is no folder .*/review") as caught:
        host.resolve()

    assert str(caught.value).startswith(f"{file}:4:5  ")
    assert "install the skill" in str(caught.value)


@pytest.mark.parametrize("name", ["../../.ssh", "/etc", "..", ".", "a/b", ""])
def test_a_skill_is_never_a_path(host: Host, name: str) -> None:
    """The agent file may come from a cloned repository."""
    host.agent(f"---\nbottle: dev\nskills: ['{name}']\n---\n", cwd=True)
    (host.folder / "user" / ".ssh").mkdir(parents=True)
    with pytest.raises(ManifestError, match="not the name of a skill"):
        host.resolve()


def test_each_git_field_says_where_it_is_from(host: Host) -> None:
    host.agent("---\nbottle: dev\ngit-gate: {user: {name: Agent}}\n---\n")
    host.bottle(f"{SHELL}git-gate: {{user: {{name: Bottle, email: b@x}}}}\n---\n")
    identity = host.resolve().plan.git_identity

    assert identity.name == GitIdentityField(value="Agent", provenance=Provenance.AGENT)
    assert identity.email == GitIdentityField(value="b@x", provenance=Provenance.BOTTLE)


KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nQUJD\n-----END OPENSSH PRIVATE KEY-----\n"
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


def with_upstream(host: Host, key: str | None = KEY, push: str = "{delete: false}") -> Path:
    identity = host.folder / "id"
    if key is not None:
        identity.write_text(key)
    url = "url: 'ssh://git@git.example.com:2222/a.git'"
    repo = f"{{{url}, identity: '{identity}', host_key: '{HOST_KEY}', push: {push}}}"
    return host.bottle(f"{SHELL}git-gate: {{repos: {{a: {repo}}}}}\n---\n")


def test_git_upstreams_are_in_the_plan_and_their_keys_beside_it(host: Host) -> None:
    with_upstream(host)
    resolved = host.resolve()

    (upstream,) = resolved.plan.git_upstreams
    assert (upstream.name, upstream.url) == ("a", "ssh://git@git.example.com:2222/a.git")
    assert upstream.host_key == HOST_KEY
    assert not upstream.push.delete
    assert resolved.secrets.git_keys["a"].reveal() == KEY
    assert KEY in list(resolved.secrets.texts())
    assert "QUJD" not in repr(resolved)
    assert resolved.warnings == ()


def test_an_identity_that_is_not_there_is_a_lack_with_its_place(host: Host) -> None:
    file = with_upstream(host, key=None)

    with pytest.raises(EnvironmentLacksError, match="cannot be read: No such file") as caught:
        host.resolve()

    assert str(caught.value.location).startswith(f"{file}:3:")
    assert "No such file" in host.inspect().warnings[0]


def test_what_this_version_does_not_serve_is_said(host: Host) -> None:
    file = host.bottle(f"{SHELL}supervise: true\n---\n")

    assert host.resolve().warnings == (f"{file}: supervise is accepted but not served by this version",)


PASSED_THROUGH = """egress:
  routes:
    - host: "*.openai.com"
      pipelock: {tls_passthrough: true}
"""


def test_the_budget_is_part_of_the_policy(host: Host) -> None:
    host.bottle(f"{SHELL}budget: {{usd: 12.50, requests: 5}}\n---\n")

    assert host.resolve().plan.policy.budget == Budget(usd_micro=12_500_000, requests=5)


def test_a_budget_that_cannot_be_kept_is_an_error_at_its_place(host: Host) -> None:
    file = host.bottle(f"{SHELL}{PASSED_THROUGH}budget: {{usd: 1}}\n---\n")
    with pytest.raises(ManifestError, match=r"what is spent at \*\.openai\.com cannot be read") as caught:
        host.resolve()

    assert str(caught.value).startswith(f"{file}:7:9")


def test_warnings_of_the_files_come_along(host: Host) -> None:
    (host.folder / "work" / ".bot-bottle" / "bottles").mkdir(parents=True)

    assert any("never from the current directory" in warning for warning in host.resolve().warnings)


# Inheritance, as the plan shows it


def test_a_child_s_egress_replaces_the_parent_s_and_its_env_joins(host: Host) -> None:
    host.bottle(
        f"{SHELL}env: {{A: parent, B: parent}}\negress: {{routes: [{{host: parent.com}}]}}\n---\n", "base"
    )
    host.bottle("---\nextends: base\nenv: {B: child}\negress: {routes: [{host: child.com}]}\n---\n")
    made = host.resolve()

    assert [route.host for route in made.plan.policy.routes] == ["child.com"]
    assert {name: env(made)[name].value for name in ("A", "B")} == {"A": "parent", "B": "child"}
    assert made.plan.program.template == "shell"


def test_an_error_in_an_inherited_value_points_at_the_file_that_has_it(host: Host) -> None:
    parent = host.bottle(f"{SHELL}env:\n  HOSTED: ${{FROM}}\n---\n", "base")
    host.bottle("---\nextends: base\n---\n")
    with pytest.raises(EnvironmentLacksError) as caught:
        host.resolve()

    assert caught.value.location == f"{parent}:4:11"


# The host's own proxy


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
def test_the_host_s_proxy_is_handed_on_as_a_secret(host: Host, name: str) -> None:
    host.environ.update({name: f"http://me:{VALUE}@proxy:3128", "NO_PROXY": "intern"})
    made = host.resolve()

    assert made.secrets.upstream_proxy == Secret(f"http://me:{VALUE}@proxy:3128")
    assert made.secrets.no_proxy == "intern"
    assert VALUE not in repr(made)
    assert not any(VALUE in (each.value or "") for each in made.plan.env)


def test_without_one_there_is_none(host: Host) -> None:
    assert host.resolve().secrets.upstream_proxy is None
    assert DEFAULT_LIMITS.cpus <= float(os.cpu_count() or 1)


TWO_TOKENS = (
    f"{SHELL}egress:\n  routes:\n"
    "    - {host: a.b, auth: {scheme: Bearer, token_ref: ONE}}\n"
    "    - {host: c.d, auth: {scheme: Bearer, token_ref: TWO}}\n---\n"
)


def kept_by(resolved: Resolved) -> Kept:
    """What a launch of it would have kept."""
    secrets = resolved.secrets
    held = Honeytokens(placeholders={"ONE": secrets.placeholders["ONE"]}, decoys=secrets.decoys)
    return Kept(record=record_of(resolved.plan), honeytokens=held)


def test_a_resume_has_the_same_identity_and_honeytokens_and_todays_credentials(host: Host) -> None:
    host.bottle(TWO_TOKENS)
    host.environ = {"ONE": VALUE, "TWO": VALUE}
    first = host.resolve(keep=True)
    host.environ = {"ONE": "another-v4lue", "TWO": VALUE}
    again = host.resolver().resume(kept_by(first), CHOICE, LaunchOptions())

    assert (again.plan.identity, again.plan.resume, again.plan.keep) == (
        first.plan.identity,
        True,
        Keep.ALWAYS,
    )
    assert (first.plan.resume, first.plan.interactive) == (False, True)
    assert again.secrets.placeholders["ONE"] == first.secrets.placeholders["ONE"]
    assert again.secrets.placeholders["TWO"] not in first.secrets.placeholders.values()
    assert again.secrets.decoys == first.secrets.decoys
    assert again.secrets.tokens["ONE"].reveal() == "another-v4lue"


def test_a_resume_looks_where_the_bottle_was_started(host: Host) -> None:
    host.environ = {"ONE": VALUE, "TWO": VALUE}
    host.bottle(TWO_TOKENS)
    there = host.folder / "there"
    _written(there / ".bot-bottle" / "agents" / "dev.md", "---\nbottle: dev\n---\nIts own.\n")
    kept = kept_by(host.resolve())
    workspace = Workspace(source=there, mode=WorkspaceMode.COPY)
    kept = evolve(kept, record=evolve(kept.record, cwd=str(there)), workspace=workspace)
    plan = host.resolver().resume(kept, CHOICE, LaunchOptions(task="go on")).plan

    assert (plan.agent_trust, plan.cwd, plan.interactive) == (Trust.CWD, there, False)
    assert plan.workspace == workspace
