import pytest

from bottle.state.identity import is_identity, new_identity


def test_an_identity_is_the_agent_and_five_random_letters() -> None:
    made = {new_identity("my-agent2") for _ in range(200)}

    assert len(made) == 200
    assert all(identity.startswith("my-agent2-") and is_identity(identity) for identity in made)


@pytest.mark.parametrize(
    "text",
    [
        "", "dev", "dev-abcd", "dev-abcdef", "dev-abcd1", "dev-ABCDE", "Dev-abcde", "-abcde", "2dev-abcde",
        "../dev-abcde", "dev/x-abcde", "dev-abcde\n", "dev-abcde/", ".guard", "dev_x-abcde", "d\u00e9v-abcde",
    ],
)  # fmt: skip
def test_anything_else_is_none(text: str) -> None:
    assert not is_identity(text)
