"""Broken manifests with the exact lines they must produce, and valid ones that must load."""

from pathlib import Path

import pytest

from bottle.manifest.problems import InvalidManifestError
from bottle.manifest.structure import Structurer

CORPUS = Path(__file__).parent / "corpus"
STRUCTURER = Structurer(
    user_home=Path("/home/op"), cwd=Path("/home/op/project"), templates=("claude", "codex", "shell")
)
READERS = {"bottles": STRUCTURER.bottle, "agents": STRUCTURER.agent}
BROKEN = sorted((*CORPUS.glob("bottles/*.md"), *CORPUS.glob("agents/*.md")))
VALID = sorted(CORPUS.glob("valid/*/*.md"))


@pytest.mark.parametrize("file", BROKEN, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_broken_file_is_answered_with_every_problem_and_its_position(file: Path) -> None:
    read = READERS[file.parent.name]

    with pytest.raises(InvalidManifestError) as raised:
        read(file.stem, Path(file.name), file.read_bytes())

    assert str(raised.value) == file.with_suffix(".expected").read_text(encoding="utf-8").rstrip("\n")
    assert raised.value.exit_code == 3


@pytest.mark.parametrize("file", VALID, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_valid_file_loads_without_a_warning(file: Path) -> None:
    read = READERS[file.parent.name]

    _, warnings = read(file.stem, file, file.read_bytes())

    assert warnings == ()


def test_the_corpus_is_whole() -> None:
    """Both folders are found, and no expectation lacks its manifest."""
    expected = {file.with_suffix(".md") for file in CORPUS.glob("*/*.expected")}

    assert expected == set(BROKEN)
    assert len(BROKEN) >= 70
    assert len(VALID) >= 5
