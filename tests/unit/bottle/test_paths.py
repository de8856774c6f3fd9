import os
import sys
from pathlib import Path

import pytest

from bottle.errors import EnvironmentLacksError
from bottle.paths import Paths
from bottle.proc import Command, run

CWD = Path("/src/here")


def paths(**environ: str) -> Paths:
    return Paths.from_environment(environ, uid=1234, cwd=CWD)


def test_all_stands_below_the_home_by_default() -> None:
    found = paths(HOME="/home/me")

    assert found == Paths(
        user_home=Path("/home/me"),
        home=Path("/home/me/.bot-bottle"),
        cache=Path("/home/me/.cache/bot-bottle"),
        runtime=Path("/tmp/bot-bottle-1234"),
        cwd=CWD,
    )
    assert found.bottles == Path("/home/me/.bot-bottle/bottles")
    assert found.agents == Path("/home/me/.bot-bottle/agents")
    assert found.state == Path("/home/me/.bot-bottle/state")
    assert found.skills == Path("/home/me/.claude/skills")
    assert found.cwd_agents == CWD / ".bot-bottle" / "agents"


def test_the_variables_move_each_part() -> None:
    found = paths(HOME="/h", BOT_BOTTLE_HOME="/b", XDG_CACHE_HOME="/c", XDG_RUNTIME_DIR="/r")

    assert (found.home, found.cache, found.runtime) == (
        Path("/b"),
        Path("/c/bot-bottle"),
        Path("/r/bot-bottle"),
    )
    assert found.attach_socket("dev-abcde") == Path("/r/bot-bottle/dev-abcde/attach.sock")


def test_manifests_can_come_from_elsewhere_than_the_state() -> None:
    found = Paths(user_home=CWD, home=CWD / "h", cache=CWD, runtime=CWD, cwd=CWD, manifests=CWD / "m")

    assert (found.agents, found.state) == (CWD / "m" / "agents", CWD / "h" / "state")


def test_a_relative_home_is_seen_from_the_current_directory() -> None:
    assert paths(HOME="/h", BOT_BOTTLE_HOME="mine").home == CWD / "mine"
    assert paths(HOME="h").user_home == CWD / "h"


@pytest.mark.parametrize("variable", ["XDG_CACHE_HOME", "XDG_RUNTIME_DIR"])
@pytest.mark.parametrize("value", ["", "relative/path"])
def test_a_base_directory_that_is_not_absolute_is_ignored(variable: str, value: str) -> None:
    assert paths(HOME="/h", **{variable: value}) == paths(HOME="/h")


def test_without_home_the_user_database_is_asked() -> None:
    assert paths().user_home == Path.home() if "HOME" not in os.environ else paths().user_home.is_absolute()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become a user that the database lacks")
def test_a_user_without_any_home_is_told_what_to_set() -> None:
    code = (
        "import os; from pathlib import Path; from bottle.paths import Paths\n"
        "from bottle.errors import EnvironmentLacksError\n"
        "os.setuid(54321)\n"
        "try: Paths.from_environment({}, uid=54321, cwd=Path('/'))\n"
        "except EnvironmentLacksError as error: print(error, '|', error.hint)"
    )
    done = run(Command(argv=(sys.executable, "-c", code), env={}))

    assert done.text == "this user has no home folder | export HOME=/path/of/one"
    assert EnvironmentLacksError.exit_code == 4
