import ast
import sys

import pytest

from bottle.errors import UsageError
from bottle.selftest import facts
from bottle.selftest.catalogue import Assault, assaults, sources

ALL = assaults()
STANDARD = {*sys.stdlib_module_names, "bottle"}


def test_attacks_are_found_by_claim_and_by_name() -> None:
    names = [str(one) for one in ALL]

    assert len(names) == len(set(names)) >= 70
    assert [str(one) for one in assaults(["proxy.redirects"])] == ["proxy.redirects"]
    assert {one.claim for one in assaults(["proxy", "sockets.abstract_sockets"])} == {"proxy", "sockets"}


def test_an_unknown_attack_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no attack"):
        assaults(["proxy", "proxy.nothing"])


@pytest.mark.parametrize("assault", ALL, ids=str)
def test_an_attack_says_what_it_is(assault: Assault) -> None:
    attack = assault.attack

    assert assault.says.endswith(".")
    assert attack.tries.endswith((".", "..."))
    assert attack.source
    assert attack.expects


@pytest.mark.parametrize("assault", ALL, ids=str)
def test_what_goes_into_a_bottle_needs_the_standard_library_alone(assault: Assault) -> None:
    """And of this program only what is sent along."""
    sent = sources([assault.module])
    for module, text in sent.items():
        for name in _imported(text):
            assert name.partition(".")[0] in STANDARD, (module, name)
            assert not name.startswith("bottle") or name in sent, (module, name)


def _imported(text: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(node.module or "")
    return found


def test_no_secret_is_sent_along() -> None:
    assert facts.TOKEN not in "".join(sources([one.module for one in ALL]).values())
