"""Mutations fit the sources; `make mutations` runs them."""

import pytest

from attacks.mutations import MUTATIONS, Mutation
from bottle.selftest.catalogue import assaults
from support.engine.model import REPOSITORY


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_what_is_mutated_occurs_exactly_once(mutation: Mutation) -> None:
    text = (REPOSITORY / mutation.file).read_text()

    assert text.count(mutation.old) == 1


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_what_must_notice_it_is_an_attack(mutation: Mutation) -> None:
    assert {str(one) for one in assaults(mutation.red)} == set(mutation.red)


def test_every_mutation_stands_in_the_document() -> None:
    text = (REPOSITORY / "docs" / "security" / "mutations.md").read_text()

    assert [one.name for one in MUTATIONS if f"| {one.name} |" not in text] == []
    assert len({one.name for one in MUTATIONS}) == len(MUTATIONS) >= 15
