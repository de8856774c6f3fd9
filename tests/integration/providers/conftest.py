"""A lab per test; the real CLIs once per session."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from attrs import evolve

from bottle.providers import PROVIDERS
from bottle.providers.base import AgentContext, ProviderConfig
from bottle_sidecar.policy.document import Auth
from support.agent_apis import agent_apis
from support.agent_programs import bubblewrap, installed
from support.cell import Cell, InstalledProgram
from support.provider_lab import PLACEHOLDER, SIDECAR, TOKEN, TOKEN_REF, MakeLab, ProviderLab, short_folder
from support.scripts import Script


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "integration/providers" in item.nodeid:
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session")
def programs() -> dict[str, InstalledProgram]:
    """By template. The first time, this downloads some 350 MB."""
    missing = [program for program in ("npm", "tmux", "git", "curl") if shutil.which(program) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    packages = {name: provider.package for name, provider in PROVIDERS.items()}
    return {name: installed(name, package) for name, package in packages.items() if package}


@pytest.fixture
def sidecar_command() -> tuple[str, ...]:
    return SIDECAR


@pytest.fixture
def make_lab(
    tmp_path: Path, programs: dict[str, InstalledProgram], sidecar_command: tuple[str, ...]
) -> Iterator[MakeLab]:
    """`make_lab(template, auth, script)`: a lab, and the context of a launch in it.

    `auth` None: no credential. The cell is furnished by the first that the test sets up.
    """
    with ExitStack() as stack:

        def make(
            template: str, auth: Auth | None, script: Script | None = None
        ) -> tuple[ProviderLab, AgentContext]:
            run = stack.enter_context(short_folder())
            apis = stack.enter_context(agent_apis(tmp_path / "ca", required_token=TOKEN, script=script))
            routes = PROVIDERS[template]().routes(ProviderConfig())
            routes = tuple(evolve(route, auth=auth) for route in routes)
            cell = Cell(
                folder=tmp_path / "cell",
                run=run,
                bubblewrap=bubblewrap(programs["codex"]),
                program=programs.get(template),
            )
            lab = ProviderLab(cell=cell, apis=apis, routes=routes, sidecar=sidecar_command)
            return lab, AgentContext(routes=routes, placeholders={TOKEN_REF: PLACEHOLDER})

        yield make


@pytest.fixture
def skill(tmp_path: Path) -> Path:
    folder = tmp_path / "skills" / "knitting"
    folder.mkdir(parents=True)
    (folder / "SKILL.md").write_text(
        "---\nname: knitting\ndescription: Use for purl stitch questions\n---\nKnit one, purl one.\n"
    )
    return folder
