from pathlib import PurePosixPath

import pytest
from attrs import exceptions

from bottle.errors import EnvironmentLacksError
from bottle.plan import AGENT_HOME, EnvSource, EnvVariable, NpmPackage, SeedFile
from support.plans import plan

PACKAGE = NpmPackage(
    name={"x86_64": "cli-x64", "aarch64": "cli-arm64"},
    version="1.2.3",
    binaries={"bin/{machine}/cli": "cli"},
    integrity={},
    suffix={"aarch64": "-arm"},
)


def test_a_package_is_named_by_machine() -> None:
    assert PACKAGE.spec("x86_64") == "cli-x64@1.2.3"
    assert PACKAGE.spec("aarch64") == "cli-arm64@1.2.3-arm"
    assert PACKAGE.executables("x86_64") == {"bin/x86_64/cli": "cli"}


def test_a_machine_that_it_is_not_published_for_is_an_error_with_the_known_ones() -> None:
    with pytest.raises(EnvironmentLacksError, match="not published for 'riscv64', only for aarch64, x86_64"):
        PACKAGE.spec("riscv64")


def test_a_plan_is_a_value() -> None:
    assert plan() == plan()
    assert plan() != plan(agent="other")
    with pytest.raises(exceptions.FrozenInstanceError):
        plan().agent = "other"  # type: ignore[misc]


def test_a_printed_plan_shows_no_value_and_no_file() -> None:
    made = plan(
        env=(EnvVariable(name="NAME", source=EnvSource.LITERAL, value="the-value"),),
        seed_files=(SeedFile(path=AGENT_HOME / "f", content=b"the-value"),),
    )

    assert "NAME" in repr(made)
    assert "the-value" not in repr(made)


def test_the_agent_s_home_is_where_its_seed_files_go() -> None:
    assert PurePosixPath("/home/agent") == AGENT_HOME
