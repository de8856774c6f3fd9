from pathlib import Path

from bottle.backends.docker.names import Names, operator_of
from bottle.paths import Paths


def paths(home: str) -> Paths:
    return Paths.from_environment({"HOME": home}, uid=1, cwd=Path("/"))


def test_operators_differ_by_home() -> None:
    assert operator_of(paths("/a")) == operator_of(paths("/a"))
    assert operator_of(paths("/a")) != operator_of(paths("/b"))


def test_all_names_follow_from_the_identity() -> None:
    names = Names(identity="dev-1", operator="o", backend="docker")
    found = {names.agent, names.sidecar, names.listener, names.home, names.workspace, names.trust, names.exit}

    assert len(found) == 7
    assert all(name.startswith("bot-bottle-dev-1") for name in found)


def test_a_volume_is_born_with_its_labels() -> None:
    names = Names(identity="dev-1", operator="o", backend="docker")

    option, fields = names.volume("v", "/t", "readonly")

    assert option == "--mount"
    assert fields.split(",") == [
        *("type=volume", "source=v", "target=/t", "readonly"),
        *("volume-label=bot-bottle.identity=dev-1", "volume-label=bot-bottle.home=o"),
        "volume-label=bot-bottle.backend=docker",
    ]
