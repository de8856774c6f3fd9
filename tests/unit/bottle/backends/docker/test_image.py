from pathlib import Path

import pytest
from attrs import evolve

from bottle.assets import Assets
from bottle.backends.docker.image import agent_recipe, build_arguments, proxy_arguments, sidecar_recipe
from bottle.errors import EnvironmentLacksError
from bottle.plan import AgentProgram, NpmPackage

PACKAGE = NpmPackage(
    name={"x86_64": "@vendor/cli-x64"},
    version="1.2.3",
    binaries={"bin/{machine}/cli": "cli", "rg": "rg"},
    integrity={"x86_64": "sha512-AAAA=="},
    suffix={"x86_64": "-linux"},
)
PROGRAM = AgentProgram(template="cli", argv=("cli",), package=PACKAGE)


@pytest.fixture
def assets(tmp_path: Path) -> Assets:
    (tmp_path / "agent.Dockerfile").write_text("FROM x")
    return Assets(root=tmp_path, digest="d1")


def test_the_agents_build(assets: Assets) -> None:
    recipe = agent_recipe(assets, "base:1", PROGRAM, "x86_64")

    assert build_arguments(recipe, {}) == (
        *("build", "--force-rm", "--tag", recipe.tag, "--label", "bot-bottle.image=bot-bottle-agent-cli"),
        *("--build-arg", "BASE_IMAGE=base:1", "--build-arg", "NPM=yes"),
        *("--build-arg", "PACKAGE=@vendor/cli-x64@1.2.3-linux"),
        *("--build-arg", "INTEGRITY=sha512-AAAA==", "--build-arg", "BINARIES=bin/x86_64/cli=cli rg=rg"),
    )


def test_the_shell_has_no_package(assets: Assets) -> None:
    recipe = agent_recipe(assets, "base:1", AgentProgram(template="shell", argv=("sh",)), "x86_64")

    assert recipe.arguments == {"BASE_IMAGE": "base:1"}
    assert recipe.tag.startswith("bot-bottle-agent-shell:")


def test_every_input_of_the_agents_image_is_in_its_tag(assets: Assets) -> None:
    def tag(package: NpmPackage = PACKAGE, base: str = "base:1") -> str:
        return agent_recipe(assets, base, evolve(PROGRAM, package=package), "x86_64").tag

    changed = [
        tag(evolve(PACKAGE, version="1.2.4")),
        tag(evolve(PACKAGE, integrity={"x86_64": "sha512-BBBB=="})),
        tag(evolve(PACKAGE, binaries={"bin/cli": "cli"})),
        tag(base="base:2"),
    ]
    before = tag()
    (assets.root / "agent.Dockerfile").write_text("FROM y")

    assert len({before, tag(), *changed}) == 6


def test_the_sidecars_sources_are_in_its_tag_alone(assets: Assets) -> None:
    other = evolve(assets, digest="d2")

    assert sidecar_recipe(assets, "b").tag != sidecar_recipe(other, "b").tag
    assert sidecar_recipe(assets, "b").tag != sidecar_recipe(assets, "c").tag
    assert agent_recipe(assets, "b", PROGRAM, "x86_64").tag == agent_recipe(other, "b", PROGRAM, "x86_64").tag


def test_a_machine_that_the_vendor_does_not_serve(assets: Assets) -> None:
    with pytest.raises(EnvironmentLacksError, match="riscv64"):
        agent_recipe(assets, "b", PROGRAM, "riscv64")


def test_proxies_go_by_name_since_their_values_hold_passwords() -> None:
    environ = {"HTTPS_PROXY": "http://me:secret@proxy", "no_proxy": "localhost", "HTTP_PROXY": ""}

    assert proxy_arguments(environ) == ("--build-arg", "HTTPS_PROXY", "--build-arg", "no_proxy")
