"""The documentation as tests read it: fenced blocks, inline code, links and tables of Markdown files."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import field, frozen

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^ *```(\S*) *$")
_INLINE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.*)$")


@frozen(kw_only=True)
class Block:
    """A fenced block; `language` is empty where none is named, `line` counts from 1."""

    document: Path
    line: int
    language: str
    lines: Sequence[str]

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}"


@frozen(kw_only=True)
class Document:
    """A Markdown file. `prose`: (number, line) of all that stands outside of fenced blocks."""

    path: Path
    blocks: Sequence[Block] = field(repr=False)
    prose: Sequence[tuple[int, str]] = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> "Document":
        blocks: list[Block] = []
        prose: list[tuple[int, str]] = []
        inside: list[str] | None = None
        language, begun = "", 0
        for number, line in enumerate(path.read_text().splitlines(), 1):
            fence = _FENCE.match(line)
            if fence and inside is None:
                inside, language, begun = [], fence.group(1), number
            elif fence and inside is not None:
                blocks.append(Block(document=path, line=begun, language=language, lines=tuple(inside)))
                inside = None
            elif inside is not None:
                inside.append(line)
            else:
                prose.append((number, line))
        if inside is not None:
            raise ValueError(f"{path}:{begun}: the block does not end")
        return cls(path=path, blocks=tuple(blocks), prose=tuple(prose))

    def inline(self) -> Iterator[tuple[int, str]]:
        """Each piece of inline code, with its line."""
        for number, line in self.prose:
            yield from ((number, code) for code in _INLINE.findall(line))

    def links(self) -> Iterator[tuple[int, str]]:
        for number, line in self.prose:
            yield from ((number, target) for target in _LINK.findall(_INLINE.sub("", line)))

    def anchors(self) -> set[str]:
        """What headings can be linked as."""
        headings = (_HEADING.match(line) for _, line in self.prose)
        return {_slug(heading.group(1)) for heading in headings if heading}

    def section(self, title: str) -> "Document":
        """What stands below the heading `title`, up to the next one of any level."""
        starts = [number for number, line in self.prose if _HEADING.match(line)]
        begin = next(n for n, line in self.prose if (m := _HEADING.match(line)) and m.group(1) == title)
        end = next((number for number in starts if number > begin), 1 << 30)
        return Document(
            path=self.path,
            blocks=tuple(block for block in self.blocks if begin < block.line < end),
            prose=tuple((number, line) for number, line in self.prose if begin < number < end),
        )

    def headings(self) -> list[str]:
        return [match.group(1) for _, line in self.prose if (match := _HEADING.match(line))]

    def first_column(self) -> list[str]:
        """The inline code in the first cell of each table row."""
        rows = (line for _, line in self.prose if line.startswith("|"))
        return [code for row in rows for code in _INLINE.findall(row.split("|")[1])]


def documents() -> list[Document]:
    """Everything that is written for users and contributors; decisions are only looked at for their links."""
    paths = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [Document.read(path) for path in paths]


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
