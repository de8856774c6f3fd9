"""Every manifest that the documentation shows is one that the program reads."""

import re
from pathlib import Path

import pytest
from attrs import frozen

from bottle.manifest.catalog import Catalog
from bottle.paths import Paths
from bottle.providers import PROVIDERS
from support.documents import Block, documents

_NAMES_BOTTLE = re.compile(r"^bottle: *(\S+)", re.MULTILINE)
_PARENT = re.compile(r"^extends: *(\S+)", re.MULTILINE)
_EMPTY = "---\nagent_provider: {template: shell}\n---\n"


def _manifests() -> list[Block]:
    """`text` blocks show the form and not a manifest."""
    found = [block for document in documents() for block in document.blocks]
    return [block for block in found if block.text.startswith("---\n") and block.language != "text"]


@frozen
class Home:
    folder: Path

    def write(self, kind: str, name: str, text: str) -> None:
        path = self.folder / kind / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    @property
    def catalog(self) -> Catalog:
        environ = {"HOME": str(self.folder), "BOT_BOTTLE_HOME": str(self.folder)}
        paths = Paths.from_environment(environ, uid=1000, cwd=self.folder / "elsewhere")
        return Catalog(paths, templates=tuple(PROVIDERS))


def test_there_are_many() -> None:
    assert len(_manifests()) > 15


@pytest.mark.parametrize("block", _manifests(), ids=str)
def test_it_is_read(block: Block, tmp_path: Path) -> None:
    home = Home(tmp_path)
    bottle = _NAMES_BOTTLE.search(block.text)
    parent = _PARENT.search(block.text)
    for named in (bottle, parent):
        if named:
            home.write("bottles", named.group(1), _EMPTY)
    home.write("agents" if bottle else "bottles", "shown", block.text)

    if bottle:
        assert home.catalog.agent("shown").manifest.bottle == bottle.group(1)
    else:
        assert home.catalog.bottle("shown").manifest.name == "shown"
