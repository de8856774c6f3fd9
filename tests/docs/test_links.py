"""Links inside the documentation lead somewhere, and every page can be reached."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.documents import ROOT, Document, documents

_OUTSIDE = ("http://", "https://", "mailto:")
_STARTS = (ROOT / "README.md", ROOT / "CONTRIBUTING.md")


def _internal(document: Document) -> Iterator[tuple[int, str]]:
    return (found for found in document.links() if not found[1].startswith(_OUTSIDE))


def _problem(document: Document, target: str) -> str | None:
    name, _, anchor = target.partition("#")
    path = document.path.parent / name if name else document.path
    if not path.exists():
        return f"{target}: there is no {path}"
    if anchor and anchor not in Document.read(path).anchors():
        return f"{target}: {path} has no such heading"
    return None


@pytest.mark.parametrize("document", documents(), ids=lambda document: str(document.path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Document) -> None:
    problems = [
        f"line {line}: {problem}"
        for line, target in _internal(document)
        if (problem := _problem(document, target))
    ]

    assert not problems


def _pages_linked_from(path: Path) -> Iterator[Path]:
    for _, target in _internal(Document.read(path)):
        found = (path.parent / target.partition("#")[0]).resolve()
        if found.suffix == ".md" and found.is_file():
            yield found


def test_every_page_can_be_reached() -> None:
    reached = set(_STARTS)
    pending = list(_STARTS)
    while pending:
        new = set(_pages_linked_from(pending.pop())) - reached
        reached |= new
        pending += new
    pages = {document.path for document in documents() if "decisions" not in document.path.parts}

    assert pages - reached == set()
