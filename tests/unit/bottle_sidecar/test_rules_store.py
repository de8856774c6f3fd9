"""The compiled rules are used where they fit, and made anew where they do not."""

import json
import stat
from pathlib import Path

import pytest

from bottle_sidecar.policy.dlp.rules import RuleData, RuleDataError, RuleSet
from bottle_sidecar.rules_store import FOLDER, RulesStore

GITHUB = b"ghp_" + b"k3Zx9QwLm7Tr2Vb8Nc4Hd6Jf1Gs5Pa0YeUiO"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rules")
    document = json.loads((FOLDER / "rules.json").read_text())
    document["rules"] = [rule for rule in document["rules"] if rule["id"] == "github-pat"]
    (folder / "rules.json").write_text(json.dumps(document))
    return folder


def test_what_was_built_is_loaded(folder: Path) -> None:
    RulesStore(folder).build()
    built = next(folder.glob("*.hyperscan"))

    assert stat.S_IMODE(built.stat().st_mode) == 0o644
    assert built.read_bytes().endswith(RulesStore(folder).load().database)
    assert [hit.rule for hit in RulesStore(folder).rules().found(GITHUB)] == ["github-pat"]


@pytest.mark.parametrize(
    "spoil", [lambda data: b"\0" * 32 + data[32:], lambda data: data[:60], lambda _: b""]
)
def test_what_does_not_fit_is_made_anew(folder: Path, spoil: object) -> None:
    RulesStore(folder).build()
    built = next(folder.glob("*.hyperscan"))
    assert callable(spoil)
    built.write_bytes(spoil(built.read_bytes()))

    assert [hit.rule for hit in RulesStore(folder).rules().found(GITHUB)] == ["github-pat"]


def test_without_a_build_they_are_made(folder: Path) -> None:
    for built in folder.glob("*.hyperscan"):
        built.unlink()

    assert RulesStore(folder).rules().names() == ["github-pat"]


def test_a_broken_database_is_refused(folder: Path) -> None:
    document = (folder / "rules.json").read_bytes()

    with pytest.raises(RuleDataError):
        RuleSet(lambda: RuleData(document=document, database=b"not one")).names()
