"""Names that change their mind, with the system's own resolver and a real name server."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bottle.proc import Command, run
from support.rebinding import ROUNDS

_APART = ("unshare", "--user", "--map-root-user", "--mount", "--net")
_TESTS = Path(__file__).parents[2]

Told = Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """What each name led to."""
    argv = (*_APART, sys.executable, "-m", "support.rebinding", str(tmp_path_factory.mktemp("rebinding")))
    found: Told = json.loads(run(Command(argv=argv, cwd=str(_TESTS), timeout=120.0)).stdout)
    return found


def test_no_private_address_was_ever_dialled(told: Told) -> None:
    assert [name for name, one in told.items() if one["private"]] == []


def test_a_public_name_is_reached(told: Told) -> None:
    """The control: without it nothing above would mean anything."""
    assert told["steady.test"]["statuses"] == [200] * ROUNDS
    assert told["steady.test"]["public"] == ROUNDS


@pytest.mark.parametrize(("name", "passing"), [("flips.test", ROUNDS // 2), ("turns.test", 1)])
def test_the_address_that_was_judged_is_the_one_that_is_dialled(told: Told, name: str, passing: int) -> None:
    """One lookup for each connection, and each answer counts for that connection alone."""
    statuses = told[name]["statuses"]

    assert told[name]["asked"] == ROUNDS
    assert told[name]["public"] == passing
    assert statuses.count(200) == passing
    assert statuses.count(403) == ROUNDS - passing


def test_of_several_addresses_only_the_public_one_is_dialled(told: Told) -> None:
    assert told["mixed.test"]["statuses"] == [200] * ROUNDS
    assert told["mixed.test"]["public"] == ROUNDS


@pytest.mark.parametrize("name", ["alias.test", "alias-of-inside.test"])
def test_an_alias_of_a_private_name(told: Told, name: str) -> None:
    assert told[name]["statuses"] == [403] * ROUNDS


def test_no_form_of_a_special_address_is_dialled(told: Told) -> None:
    forms = {name: one["statuses"] for name, one in told.items() if name.startswith("form-")}

    assert len(forms) > 20
    assert {name: statuses for name, statuses in forms.items() if statuses != [403]} == {}
