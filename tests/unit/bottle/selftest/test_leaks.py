from bottle.selftest.leaks import ENVIRON, PLAIN, facts

WHERE = {"proxy": ("10.0.0.1", 1), "host": "a.test", "plain": "b.test", "wild": "c.test"}


def test_what_is_harmless_is_of_the_same_make() -> None:
    found = facts(WHERE, "placeholder")
    secret, harmless = found["secrets"], found["harmless"]

    assert set(secret) == set(harmless)
    assert set(secret["shaped"]) == set(harmless["shaped"])
    for name in ("word", "phrase"):
        assert len(secret[name]) == len(harmless[name])
        assert secret[name] != harmless[name]


def test_every_secret_is_witnessed_and_nothing_harmless_is() -> None:
    found = facts(WHERE, "placeholder")
    harmless = repr(found["harmless"])

    assert {found["secrets"]["word"], found["secrets"]["phrase"]} == set(ENVIRON.values())
    assert set(PLAIN.values()) == {*ENVIRON.values(), *found["secrets"]["shaped"].values()}
    assert not any(value in harmless for value in (*PLAIN.values(), "placeholder"))
    assert found["secrets"]["baits"] == ["placeholder"]
