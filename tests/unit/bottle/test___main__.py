"""`bottle.__main__`; what it makes of odd streams is in cli/test_main.py, from outside."""

import sys

from bottle.proc import Command, run


def test_the_module_and_the_command_are_the_same_program() -> None:
    code = "import sys; from bottle.__main__ import main; sys.argv = ['bottle', '--version']; main()"
    as_module = run(Command(argv=(sys.executable, "-m", "bottle", "--version")))
    as_command = run(Command(argv=(sys.executable, "-c", code)))

    assert as_module.text.startswith("bottle ")
    assert as_module == as_command


def test_the_exit_status_is_the_command_s() -> None:
    assert run(Command(argv=(sys.executable, "-m", "bottle", "nothing")), check=False).code == 2
