"""A decoy looks like a credential, is used by nothing, and is another one in each bottle."""

import configparser
import re

from bottle.launch.decoy import Decoy, placeholder


def test_it_looks_like_the_real_thing() -> None:
    decoy = Decoy.make()
    profiles = configparser.ConfigParser()
    profiles.read_string(decoy.file.content.decode())
    (name,) = profiles.sections()

    assert name != "default"
    assert re.fullmatch("AKIA[A-Z2-7]{16}", profiles[name]["aws_access_key_id"])
    assert re.fullmatch("[A-Za-z0-9+/]{40}", profiles[name]["aws_secret_access_key"])
    assert set(decoy.values.values()) == set(profiles[name].values())


def test_each_is_another() -> None:
    assert not {*Decoy.make().values.values()} & {*Decoy.make().values.values()}


def test_it_is_not_shown() -> None:
    decoy = Decoy.make()

    assert not any(value in repr(decoy) for value in decoy.values.values())


def test_no_placeholder_comes_twice() -> None:
    assert placeholder().startswith("bottle-placeholder-")
    assert placeholder() != placeholder()


def test_a_kept_bottle_has_the_one_that_it_had() -> None:
    before = Decoy.make()
    again = Decoy.again(before.values)

    assert (again.file, again.values) == (before.file, before.values)
    assert len(Decoy.again({}).values) == 2
