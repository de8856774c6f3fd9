"""The built archive, from this checkout and from a copy of it elsewhere."""

import shutil
import sys
from pathlib import Path

import pytest
from attrs import frozen

from bottle.proc import Command, run
from support.engine.model import REPOSITORY

NOT_SOURCES = (".git", ".venv", ".build", "dist", "__pycache__", ".*_cache", ".hypothesis")
BUILD_SECONDS = 300


@frozen(kw_only=True)
class Built:
    archive: Path
    wheel: Path


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(REPOSITORY, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def built_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """From a copy with other times, under a longer path, with nothing built or downloaded before."""
    copy = tmp_path_factory.mktemp("elsewhere") / "a longer path" / "checkout"
    ignore = shutil.ignore_patterns(*NOT_SOURCES)
    shutil.copytree(REPOSITORY, copy, ignore=ignore, copy_function=shutil.copyfile)
    return build(copy, copy / "dist")


def build(checkout: Path, output: Path) -> Built:
    argv = (sys.executable, str(checkout / "build.py"), "--output", str(output))
    run(
        Command(
            argv=argv, cwd=str(output.parent if output.parent.is_dir() else checkout), timeout=BUILD_SECONDS
        )
    )
    return Built(archive=output / "bottle.pyz", wheel=next(output.glob("*.whl")))
