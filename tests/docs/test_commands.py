"""Every `bottle ...` that the documentation shows is a command line that the program takes."""

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from bottle.cli.main import cli
from support.command_line import command_context
from support.documents import ROOT, Block, Document, documents

_SHELLS = {"sh", "console"}
_ENDS = {"|", "||", "&&", ";", "&", ">", ">>", "<", "2>&1"}
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


def _shown() -> Iterator[tuple[str, str]]:
    """(place, command line) of each line of a shell block, and of inline code that has an argument."""
    for document in documents():
        if "decisions" in document.path.parts:
            continue
        for block in document.blocks:
            yield from _commands(block)
        for number, code in document.inline():
            if code.startswith("bottle "):
                yield f"{document.path.relative_to(ROOT)}:{number}", code


def _commands(block: Block) -> Iterator[tuple[str, str]]:
    if block.language not in _SHELLS:
        return
    for line in "\n".join(block.lines).replace("\\\n", " ").splitlines():
        command = line.removeprefix("$ ")
        if block.language == "console" and command == line:
            continue  # what the command printed
        yield str(block), command


def _arguments(command: str) -> list[str] | None:
    """What stands behind `bottle`, up to the next command of the shell; None where it is another program."""
    words = shlex.split(command, comments=True)
    while words and _ASSIGNMENT.match(words[0]):
        del words[0]
    if not words or words[0] != "bottle":
        return None
    end = next((at for at, word in enumerate(words) if word in _ENDS), len(words))
    return words[1:end]


CASES = [
    pytest.param(arguments, id=f"{place} {' '.join(arguments)}")
    for place, command in _shown()
    if (arguments := _arguments(command))
]


def _parse(arguments: list[str]) -> None:
    """Raises click.UsageError. `bottle NAME` alone names a command, and is no command line."""
    if arguments[0] in {"--help", "--version"}:
        return
    root = command_context()
    name, command, rest = cli.resolve_command(root, arguments)
    assert command is not None
    if rest and rest != ["--help"]:
        command.make_context(name, rest, root)


@pytest.mark.parametrize("arguments", CASES)
def test_it_is_taken(arguments: list[str]) -> None:
    _parse(arguments)


def test_there_are_many() -> None:
    assert len(CASES) > 60


@pytest.mark.parametrize(
    "wrong", ["bottle strat coder", "bottle start --yess coder", "bottle list everything"]
)
def test_a_wrong_one_would_be_seen(wrong: str) -> None:
    arguments = _arguments(wrong)
    assert arguments is not None

    with pytest.raises(click.UsageError):
        _parse(arguments)


class TestReference:
    DOCUMENT = Document.read(ROOT / "docs" / "reference" / "cli.md")

    def test_every_command_has_its_section(self) -> None:
        names = cli.list_commands(command_context())

        assert self.DOCUMENT.headings()[2:] == [f"`bottle {name}`" for name in names]

    @pytest.mark.parametrize("name", cli.list_commands(command_context()))
    def test_it_shows_the_usage_and_every_option(self, name: str) -> None:
        section = self.DOCUMENT.section(f"`bottle {name}`")
        context = command_context()
        command = cli.get_command(context, name)
        assert command is not None
        usage = [
            f"bottle {name}",
            *command.collect_usage_pieces(click.Context(command, parent=context)),
        ]
        options = [option for option in command.params if isinstance(option, click.Option)]

        assert section.blocks[0].text == f"{' '.join(usage)}\n"
        assert section.first_column() == [word for option in options for word in option.opts]
        assert len(section.blocks) > 1, "there is no example"
