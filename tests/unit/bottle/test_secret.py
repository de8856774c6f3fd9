import pytest
from attrs import asdict

from bottle.secret import Secret, SecretValues

VALUE = "s3cr3t-value"


@pytest.mark.parametrize("show", [repr, str, lambda secret: f"{secret}", lambda secret: f"{secret!s:>20}"])
def test_no_form_of_a_secret_shows_it(show: object) -> None:
    assert callable(show)

    assert VALUE not in show(Secret(VALUE))


def test_a_format_that_it_does_not_know_is_refused_rather_than_shown() -> None:
    with pytest.raises(TypeError):
        format(Secret(VALUE), ">20")


def test_reveal_gives_it_and_equal_values_are_equal() -> None:
    assert Secret(VALUE).reveal() == VALUE
    assert Secret(VALUE) == Secret(VALUE)
    assert (bool(Secret("")), bool(Secret(VALUE))) == (False, True)


def values() -> SecretValues:
    return SecretValues(
        tokens={"TOKEN": Secret("token-value")},
        env={"NAME": Secret("env-value")},
        placeholders={"TOKEN": "placeholder-value"},
        upstream_proxy=Secret("http://me:proxy-value@proxy:3128"),
    )


def test_the_values_of_a_launch_can_be_printed() -> None:
    shown = repr(values()) + str(values())

    assert "-value" not in shown
    assert "TOKEN" in shown


def test_texts_are_all_that_no_output_may_contain() -> None:
    assert set(values().texts()) == {"token-value", "env-value", "http://me:proxy-value@proxy:3128"}


def test_as_a_dictionary_the_secret_is_still_a_private_matter() -> None:
    """asdict opens every attrs class; nothing that prints may use it on secrets."""
    assert asdict(values(), recurse=False)["tokens"] == {"TOKEN": Secret("token-value")}
