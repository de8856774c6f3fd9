from bottle.manifest.schema import EnvTemplate, HostVariable, Resources
from bottle.plan import Limits

DEFAULT = Limits(cpus=2.0, memory=4 << 30, pids=512, disk=10 << 30)


def test_limits_are_the_default_where_nothing_is_said() -> None:
    assert Resources().limits(DEFAULT) == DEFAULT


def test_limits_that_are_given_win() -> None:
    given = Resources(cpus=0.5, memory=1 << 30, pids=64, disk=1 << 30)

    assert given.limits(DEFAULT) == Limits(cpus=0.5, memory=1 << 30, pids=64, disk=1 << 30)


def test_a_template_never_shows_more_than_names() -> None:
    template = EnvTemplate(parts=("x", HostVariable(name="A")))

    assert template.variables == ("A",)
    assert template.render({"A": "1", "B": "2"}) == "x1"
