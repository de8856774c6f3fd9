import re

import pytest

from bottle import errors
from bottle.errors import (
    BottleError,
    EnvironmentLacksError,
    InterruptedByUser,
    ManifestError,
    UsageError,
)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (BottleError, 1),
        (UsageError, 2),
        (ManifestError, 3),
        (EnvironmentLacksError, 4),
        (InterruptedByUser, 130),
    ],
)
def test_each_kind_has_its_exit_code_and_stands_in_the_drawn_tree(kind: type[BottleError], code: int) -> None:
    assert kind("x").exit_code == code
    assert re.search(rf"{kind.__name__} +{code} ", errors.__doc__ or "")


def test_as_a_text_an_error_is_its_place_and_what_happened() -> None:
    assert str(BottleError("it broke")) == "it broke"
    assert str(BottleError("it broke", location="a.md:1:2", hint="mend it")) == "a.md:1:2: it broke"
