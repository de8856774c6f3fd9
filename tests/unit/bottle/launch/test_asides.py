import pytest

from bottle.launch.asides import Asides


@pytest.mark.parametrize(("waits", "meanwhile"), [(False, ["one", "two"]), (True, [])])
def test_texts_are_said_at_once_or_in_the_end(*, waits: bool, meanwhile: list[str]) -> None:
    said: list[str] = []
    with Asides(said.append, waits=waits) as aside:
        aside("one")
        aside("two")
        assert said == meanwhile

    assert said == ["one", "two"]
