"""Tables of the documentation against what they describe."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bottle import errors
from bottle.errors import BottleError
from bottle.selftest.catalogue import assaults
from bottle.selftest.report import as_data
from bottle_sidecar.policy.decide import Rule
from support.attacks import results
from support.command_line import CommandLine
from support.documents import ROOT, Document

DOCS = ROOT / "docs"
SOURCES = [*(ROOT / "src").rglob("*.py"), *(ROOT / "sidecar_image").rglob("*.py")]
AGENT = {
    "bottles/shell.md": "---\nagent_provider: {template: shell}\n---\n",
    "agents/shell.md": "---\nbottle: shell\n---\n",
}
JSON = Document.read(DOCS / "reference" / "json-output.md")


@pytest.fixture
def command_line(tmp_path: Path) -> CommandLine:
    found = CommandLine(folder=tmp_path)
    found.write(AGENT)
    return found


def _sources() -> str:
    return "\n".join(path.read_text() for path in SOURCES)


def _data(command_line: CommandLine, *arguments: str) -> Any:
    document = json.loads(command_line.run(*arguments, "--json").out)
    assert set(document) == {"version", "data", "warnings"}
    return document["data"]


class TestJson:
    def test_list_available(self, command_line: CommandLine) -> None:
        (row,) = _data(command_line, "list", "available")

        assert list(row) == JSON.section("`bottle list available`").first_column()

    def test_list_active(self, command_line: CommandLine) -> None:
        with command_line.live():
            (row,) = _data(command_line, "list", "active")

        assert list(row) == JSON.section("`bottle list active`").first_column()

    def test_info(self, command_line: CommandLine) -> None:
        data = _data(command_line, "info", "shell")

        assert set(data) == set(JSON.section("`bottle info`").first_column())

    def test_why(self, command_line: CommandLine) -> None:
        data = _data(command_line, "why", "shell", "https://example.com/")

        assert list(data) == JSON.section("`bottle why`").first_column()

    def test_doctor(self, command_line: CommandLine) -> None:
        row, *_ = _data(command_line, "doctor")

        assert list(row) == JSON.section("`bottle doctor`").first_column()

    def test_selftest(self) -> None:
        data = as_data(results())
        named = JSON.section("`bottle selftest`").first_column()

        assert named == [*data, *data["outcomes"][0]]

    def test_cleanup(self, command_line: CommandLine) -> None:
        (command_line.paths.state / "shell-ab2cd").mkdir(parents=True)
        (row,) = _data(command_line, "cleanup", "--yes")

        assert list(row) == JSON.section("`bottle cleanup`").first_column()


def test_every_exit_code_is_explained() -> None:
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, BottleError)
    ]
    rows = [
        line for _, line in Document.read(DOCS / "reference" / "exit-codes.md").prose if line.startswith("|")
    ]
    codes = {code for row in rows if (code := row.split("|")[1].strip()).isdigit()}

    assert codes == {"0", *(str(kind.exit_code) for kind in kinds)}


def test_every_variable_of_ours_is_explained() -> None:
    section = Document.read(DOCS / "reference" / "environment-variables.md").section("Of the program")
    named = {word for word in section.first_column() if word.startswith("BOT_BOTTLE_")}
    build_argument = {"BOT_BOTTLE_AGENT_IMAGE"}

    assert named | build_argument == set(re.findall(r'"(BOT_BOTTLE_[A-Z_]+)"', _sources()))


def test_every_code_of_a_refusal_is_explained() -> None:
    named = set(Document.read(DOCS / "how-to" / "debug-a-refusal.md").section("The codes").first_column())
    emitted = {rule.value for rule in Rule} | set(
        re.findall(r'"((?:request|upstream|tunnel)\.[a-z-]+)"', _sources())
    )

    assert emitted - named == set()


def test_every_proof_of_the_threat_model_is_there() -> None:
    document = Document.read(DOCS / "explanation" / "threat-model.md")
    named = [code for _, code in document.inline() if code.endswith(".py")]

    assert named
    assert [name for name in named if not (ROOT / "tests" / name).is_file()] == []


def test_every_claim_of_the_attack_suite_stands_in_the_threat_model() -> None:
    text = (DOCS / "explanation" / "threat-model.md").read_text()
    claims = sorted({assault.claim for assault in assaults()})

    assert [name for name in claims if f"`bottle selftest --only {name}`" not in text] == []


def test_every_attack_is_listed_with_what_it_tries_and_its_source() -> None:
    text = (DOCS / "security" / "attacks.md").read_text()
    rows = [f"| `{one.name}` | {one.attack.tries} | {one.attack.source} |" for one in assaults()]

    assert [row for row in rows if row not in text] == []
    assert "| not run |" not in text


def test_the_architecture_names_what_there_is() -> None:
    document = Document.read(DOCS / "explanation" / "architecture.md")
    named = {code for _, code in document.inline() if code.endswith(".py")}
    roots = (ROOT / "src" / "bottle", ROOT / "sidecar_image" / "bottle_sidecar", ROOT / "sidecar_image")

    assert sorted(name for name in named if not any((root / name).is_file() for root in roots)) == []


def test_the_layers_are_those_that_are_enforced() -> None:
    (layers,) = (
        block
        for block in Document.read(DOCS / "explanation" / "architecture.md").blocks
        if "bottle_sidecar.policy\n" in block.text
    )
    contract = (ROOT / "pyproject.toml").read_text()
    declared = re.search(r"^layers = \[\n(.*?)^\]", contract, re.MULTILINE | re.DOTALL)
    assert declared
    names = re.findall(r'"(.*)"', declared.group(1))

    assert layers.lines == tuple(name.replace("bottle.", "") for name in names if name != "bottle.__main__")
