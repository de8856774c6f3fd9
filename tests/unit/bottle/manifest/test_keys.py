import re
from pathlib import Path

import pytest

from bottle.manifest import keys
from bottle.manifest.keys import Keys, hint_for


@pytest.mark.parametrize(
    ("unknown", "table", "hint"),
    [
        ("hots", keys.ROUTE, "did you mean 'host'?"),
        ("Host", keys.ROUTE, "did you mean 'host'?"),
        ("git_gate", keys.BOTTLE, "did you mean 'git-gate'?"),
        ("hostKey", keys.GIT_REPO, "did you mean 'host_key'?"),
        ("tls_passthrough", keys.ROUTE, "did you mean 'egress.routes[].pipelock.tls_passthrough'?"),
        ("routes", keys.BOTTLE, "did you mean 'egress.routes'?"),
        ("memory", keys.BOTTLE, "did you mean 'resources.memory'?"),
        ("token", keys.AUTH, "did you mean 'token_ref'?"),
        ("zzz", keys.BUDGET, "valid keys: usd, tokens, requests"),
    ],
)
def test_an_unknown_key_is_told_what_was_meant(unknown: str, table: Keys, hint: str) -> None:
    assert hint_for(unknown, table, keys.BOTTLE_TABLES) == hint


def test_a_long_table_is_not_listed() -> None:
    table = Keys(names=tuple("abcdefghijkl"))

    assert hint_for("zzz", table, [table]) is None


def test_full_paths() -> None:
    assert keys.BUDGET.full() == ["budget.usd", "budget.tokens", "budget.requests"]
    assert "extends" in keys.BOTTLE.full()


def test_an_agent_is_refused_every_key_of_a_bottle_but_the_commit_identity() -> None:
    assert set(keys.AGENT.refused) == set(keys.BOTTLE.names) - {"git-gate"}
    assert keys.AGENT_GIT_GATE.names == ("user",)
    assert set(keys.AGENT_GIT_GATE.refused) == {"repos"}


REFERENCE = Path(__file__).parents[4] / "docs" / "reference" / "manifest.md"


@pytest.mark.parametrize(
    "table", [*keys.BOTTLE_TABLES, *keys.AGENT_TABLES], ids=lambda table: table.path or "root"
)
def test_each_key_stands_in_the_reference(table: Keys) -> None:
    reference = REFERENCE.read_text(encoding="utf-8")
    names = [*table.full(), *(f"{table.path}.{name}" for name in table.refused if table.path)]

    assert [name for name in names if f"`{name}`" not in reference] == []


def test_the_reference_names_no_key_that_does_not_exist() -> None:
    known = {full for table in (*keys.BOTTLE_TABLES, *keys.AGENT_TABLES) for full in table.full()}
    rows = re.findall(r"^\| (`[^|]+`) \|", REFERENCE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    dotted = {name for row in rows for name in re.findall(r"`([a-z-_]+\.[a-z_.<>\[\]-]+)`", row)}

    assert dotted - known == {"egress.routes[].role"}
