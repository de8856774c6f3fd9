"""What of a filter can be decided is kept; the rest never discards anything."""

import pytest
from tools.filters import Alternatives, Filter

SECRET = 'finding["secret"]'


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (f"entropy({SECRET}) <= 3.5", [[{"entropy": 3.5, "or_equal": True}]]),
        (f"// a remark\nentropy({SECRET}) < 3", [[{"entropy": 3.0, "or_equal": False}]]),
        (f'matchesAny({SECRET}, [`a\\d`, "b\\\\c"])', [[{"matches": ["a\\d", "b\\c"], "of": "secret"}]]),
        ('!containsAny(finding["line"], ["x"])', [[{"contains": ["x"], "of": "line", "not": True}]]),
        (
            f"len({SECRET}) == 8 && (entropy({SECRET}) < 1 || entropy({SECRET}) < 2)",
            [
                [{"length": "==", "than": 8}, {"entropy": 1.0, "or_equal": False}],
                [{"length": "==", "than": 8}, {"entropy": 2.0, "or_equal": False}],
            ],
        ),
        (
            f"!(len({SECRET}) == 8 || len({SECRET}) == 9)",
            [[{"length": "==", "than": 8, "not": True}, {"length": "==", "than": 9, "not": True}]],
        ),
        (f"let short = len({SECRET}) < 8;\nshort", [[{"length": "<", "than": 8}]]),
    ],
)
def test_what_can_be_decided_is_kept(text: str, read: Alternatives) -> None:
    found = Filter(text)

    assert found.read() == read
    assert found.left_out == 0


@pytest.mark.parametrize(
    "text",
    [
        f"tokenRatio({SECRET}) >= 2.5",
        'matchesAny(attributes["path"], [`x`])',
        '!matchesAny(attributes["path"], [`x`])',
        f'matchesAny(attributes["path"], [`x`]) && len({SECRET}) == 8',
        f'let known = matchesAny(attributes["path"], [`x`]);\n!known || (known && len({SECRET}) == 8)',
        f"!(len({SECRET}) == 8 || tokenRatio({SECRET}) >= 2.5)",
    ],
)
def test_what_cannot_be_decided_discards_nothing(text: str) -> None:
    found = Filter(text)

    assert found.read() == []
    assert found.left_out > 0


def test_the_rest_of_an_alternative_stays() -> None:
    text = f"entropy({SECRET}) < 3.5 || tokenRatio({SECRET}) >= 2.5"

    assert Filter(text).read() == [[{"entropy": 3.5, "or_equal": False}]]
