import pytest

from bottle.backends.base import Availability
from bottle.errors import EnvironmentLacksError, UsageError
from bottle.launch.selection import VARIABLE, BackendSelection, Choice
from support.fakes import FakeBackend

HERE = Availability(usable=True, detail="engine 29 answers")
GONE = Availability(usable=False, detail="no engine", hint="start docker")
BARRED = Availability(usable=False, detail="no namespaces", hint="sudo sysctl")


def selection(docker: Availability, native: Availability, gvisor: Availability = GONE) -> BackendSelection:
    found = {"docker": docker, "native": native, "gvisor": gvisor}
    return BackendSelection({name: FakeBackend(found=each) for name, each in found.items()})


@pytest.mark.parametrize(
    ("docker", "native", "choice"),
    [
        (HERE, HERE, Choice(name="docker", reason="engine 29 answers")),
        (GONE, HERE, Choice(name="native", reason="engine 29 answers; not docker: no engine")),
    ],
)
def test_docker_is_taken_where_an_engine_answers_else_native_and_it_says_why(
    docker: Availability, native: Availability, choice: Choice
) -> None:
    assert selection(docker, native).choose(None, {}) == choice
    assert selection(docker, native).choose(None, {VARIABLE: ""}) == choice


def test_the_option_comes_before_the_variable() -> None:
    chosen = selection(HERE, HERE).choose("native", {VARIABLE: "docker"})

    assert chosen == Choice(name="native", reason="asked for by --backend; engine 29 answers")
    assert (
        selection(HERE, HERE).choose(None, {VARIABLE: "native"}).reason.startswith(f"asked for by {VARIABLE}")
    )


def test_gvisor_is_never_chosen_unasked() -> None:
    with pytest.raises(EnvironmentLacksError):
        selection(GONE, BARRED, HERE).choose(None, {})

    assert selection(GONE, BARRED, HERE).choose("gvisor", {}).name == "gvisor"


def test_one_that_was_asked_for_and_cannot_run_is_an_error_not_another_one() -> None:
    with pytest.raises(EnvironmentLacksError, match="'native' cannot run here: no namespaces") as caught:
        selection(HERE, BARRED).choose("native", {})

    assert caught.value.hint == "sudo sysctl"


def test_where_none_can_run_every_reason_is_told() -> None:
    with pytest.raises(EnvironmentLacksError, match="docker: no engine; native: no namespaces") as caught:
        selection(GONE, BARRED).choose(None, {})

    assert caught.value.hint == "sudo sysctl"


@pytest.mark.parametrize("environ", [{}, {VARIABLE: "podman"}])
def test_an_unknown_name_is_a_usage_error_with_the_known_ones(environ: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="no backend 'podman'") as caught:
        selection(HERE, HERE).choose(None if environ else "podman", environ)

    assert caught.value.hint == "one of: docker, native, gvisor"


def test_a_kept_bottle_goes_on_where_it_was_or_not_at_all() -> None:
    backends = {
        "docker": FakeBackend(),
        "native": FakeBackend(found=Availability(usable=False, detail="gone")),
    }
    selection = BackendSelection(backends)

    assert selection.again("docker").reason == "as before; it is here"
    with pytest.raises(EnvironmentLacksError, match="'native' cannot run here: gone"):
        selection.again("native")
