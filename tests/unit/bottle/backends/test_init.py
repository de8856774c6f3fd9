from bottle.backends import BACKENDS


def test_the_table_s_names_are_what_the_backends_call_themselves() -> None:
    assert {name: kind.name for name, kind in BACKENDS.items()} == {name: name for name in BACKENDS}
    assert list(BACKENDS) == ["docker", "native", "gvisor"]
