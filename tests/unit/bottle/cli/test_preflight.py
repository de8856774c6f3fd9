from pathlib import Path

import pytest

from bottle.cli.preflight import summary
from bottle.plan import (
    AGENT_HOME,
    AgentProgram,
    EnvSource,
    EnvVariable,
    GitIdentity,
    GitIdentityField,
    Limits,
    NpmPackage,
    Provenance,
    SeedTree,
    Trust,
    Workspace,
    WorkspaceMode,
)
from bottle_sidecar.policy.budget import Budget
from bottle_sidecar.policy.document import Auth, AuthScheme, Policy, Route, Scheme
from bottle_sidecar.policy.gate import GateRepo
from support.plans import plan

ROUTES = (
    Route(
        host="api.example.com",
        methods=("GET", "POST"),
        path_allowlist=("/v1", "/v2"),
        query=(("name", "a*"),),
        auth=Auth(scheme=AuthScheme.BEARER, token_ref="SECRET_REF"),
    ),
    Route(host="h.example.com", auth=Auth(scheme=AuthScheme.HEADER, token_ref="T", header="X-Key")),
    Route(host="plain.example.com", scheme=Scheme.HTTP),
    Route(host="pass.example.com", tls_passthrough=True),
    Route(host="near.example.com", address="127.0.0.1:1", ssrf_ip_allowlist=("10.0.0.0/8",), ca_pem="PEM"),
)
FULL = plan(
    agent_trust=Trust.CWD,
    agent_file=Path("/src/.bot-bottle/agents/dev.md"),
    program=AgentProgram(
        template="claude",
        argv=("claude",),
        package=NpmPackage(name={}, version="2.1.3", binaries={}, integrity={}),
        dockerfile=Path("/x/Dockerfile"),
    ),
    env=(
        EnvVariable(name="LITERAL", source=EnvSource.LITERAL, value="the-value"),
        EnvVariable(name="HOSTED", source=EnvSource.HOST),
        EnvVariable(name="TOKEN", source=EnvSource.PLACEHOLDER, value="the-value"),
        EnvVariable(name="PATH", source=EnvSource.PROVIDER, value="the-value"),
    ),
    seed_trees=(SeedTree(source=Path("/me/.claude/skills/review"), target=AGENT_HOME / "x"),),
    policy=Policy(routes=ROUTES, budget=Budget(usd_micro=12_500_000, tokens=2_000_000, requests=500)),
    git_identity=GitIdentity(
        name=GitIdentityField(value="Ann", provenance=Provenance.AGENT),
        email=GitIdentityField(value="a@b", provenance=Provenance.BOTTLE),
    ),
    git_upstreams=(
        GateRepo(
            name="repo",
            user="git",
            host="git.example.com",
            port=2222,
            path="/r.git",
            host_key="ssh-ed25519 A",
        ),
    ),
    workspace=Workspace(source=Path("/work")),
    limits=Limits(cpus=0.5, memory=1536 << 20, pids=10, disk=100),
)


def test_everything_that_a_start_will_do_is_said() -> None:
    assert summary(FULL).splitlines() == [
        "identity    dev-abcde",
        "agent       dev  (/src/.bot-bottle/agents/dev.md)  FROM THE CURRENT DIRECTORY, not from your home",
        "provider    claude 2.1.3  (image from /x/Dockerfile)",
        "bottle      dev",
        "backend     fake  (the only one)",
        "env         LITERAL, HOSTED, TOKEN",
        "skills      review",
        "git user    Ann (agent), a@b (bottle)",
        "git         repo -> git.example.com:2222",
        "routes      api.example.com [auth:Bearer] GET POST /v1 /v2 ?name=a* (manifest)",
        "            h.example.com [auth:header:X-Key] (manifest)",
        "            http://plain.example.com (manifest)",
        "            pass.example.com [tls passthrough: not inspected] (manifest)",
        "            near.example.com at 127.0.0.1:1 may resolve to 10.0.0.0/8 (manifest)",
        "workspace   a private copy of /work",
        "limits      0.5 cpus, 1.5 GiB memory, 10 processes, 100 B disk",
        "budget      12.5 dollars, 2000000 tokens, 500 requests",
    ]


@pytest.mark.parametrize(
    ("workspace", "shown"),
    [
        (
            Workspace(source=Path("/work"), excludes=("a", "b")),
            "a private copy of /work, without what .bottleignore names",
        ),
        (Workspace(source=Path("/work"), mode=WorkspaceMode.COPY), "a private copy of /work"),
        (
            Workspace(source=Path("/work"), mode=WorkspaceMode.MOUNT),
            (
                "/work ITSELF, no copy: the agent changes and deletes your files at once, programs of yours "
                "will run what it wrote, and the disk limit does not count it"
            ),
        ),
    ],
)
def test_what_a_workspace_gives_up_is_said(workspace: Workspace, shown: str) -> None:
    assert f"workspace   {shown}" in summary(plan(workspace=workspace)).splitlines()


def test_never_a_value_nor_a_reference() -> None:
    assert "the-value" not in summary(FULL)
    assert "SECRET_REF" not in summary(FULL)


def test_what_is_absent_is_said_to_be() -> None:
    assert summary(plan()).splitlines()[5:] == [
        "env         none",
        "skills      none",
        "git user    none",
        "git         none",
        "routes      none",
        "workspace   empty",
        "limits      2 cpus, 4 GiB memory, 1024 processes, 20 GiB disk",
    ]


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1 << 40, "1 TiB"), (5000 << 40, "5000 TiB")],
)
def test_sizes_have_the_unit_that_fits(size: int, shown: str) -> None:
    limits = Limits(cpus=1, memory=size, pids=1, disk=1)

    assert f"{shown} memory" in summary(plan(limits=limits))
