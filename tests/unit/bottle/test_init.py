"""The version that the program tells is the one that is published."""

import tomllib
from importlib.metadata import version

from bottle import VERSION
from support.engine.model import REPOSITORY


def test_version_is_the_projects() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]

    assert project["version"] == VERSION
    assert version("bot-bottle") == VERSION
