import io
import os
import re
import sys
import time
from typing import TextIO

import pytest

from bottle.cli.console import Console
from bottle.cli.render import Result
from bottle.errors import BottleError, ManifestError
from bottle.proc import Command, run


class FakeTty(io.StringIO):
    """Text output that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def console(stderr: TextIO, **environ: str) -> Console:
    return Console.from_environment(environ, stdout=io.StringIO(), stderr=stderr)


@pytest.mark.parametrize(
    ("stream", "environ", "colored"),
    [
        (FakeTty(), {"TERM": "xterm"}, True),
        (FakeTty(), {"TERM": "xterm", "NO_COLOR": ""}, True),
        (FakeTty(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (FakeTty(), {"TERM": "dumb"}, False),
        (FakeTty(), {}, False),
        (io.StringIO(), {"TERM": "xterm"}, False),
    ],
)
def test_colour_only_on_a_terminal_and_never_against_no_color(
    stream: io.StringIO, environ: dict[str, str], *, colored: bool
) -> None:
    console(stream, **environ).warn("careful")

    assert stream.getvalue() == ("\x1b[1;33mwarning:\x1b[0m careful\n" if colored else "warning: careful\n")


def test_an_error_says_where_what_and_the_mend() -> None:
    stream = io.StringIO()
    console(stream).error(
        ManifestError("unknown key 'hots'", location="dev.md:3:5", hint="bottle edit bottle dev")
    )

    assert stream.getvalue() == "error: dev.md:3:5: unknown key 'hots'\nhint: bottle edit bottle dev\n"


def test_an_error_cannot_drive_the_terminal() -> None:
    stream = io.StringIO()
    console(stream).error(BottleError("\x1b]0;title\x07", hint="\x1b[2J"))

    assert stream.getvalue() == "error: \\x1b]0;title\\x07\nhint: \\x1b[2J\n"


def test_a_step_off_a_terminal_is_a_plain_line_when_it_starts() -> None:
    stream = io.StringIO()
    with console(stream).progress.step("building the image"):
        assert stream.getvalue() == "building the image ...\n"

    assert stream.getvalue() == "building the image ...\n"


def test_a_failed_step_says_so() -> None:
    stream = io.StringIO()
    with pytest.raises(ZeroDivisionError), console(stream).step("building"):
        raise ZeroDivisionError

    assert re.fullmatch(r"building \.\.\.\nbuilding: not finished \(\d\.\d s\)\n", stream.getvalue())


@pytest.mark.parametrize("environ", [{"TERM": "xterm"}, {"TERM": "xterm", "NO_COLOR": "1"}])
def test_on_a_terminal_a_spinner_turns_and_is_gone_afterwards(environ: dict[str, str]) -> None:
    stream = FakeTty()
    progress = console(stream, **environ)
    with progress.step("outer [b]step[/b]"), progress.step("inner"):
        progress.note("a note")
        end = time.monotonic() + 20
        while "inner" not in stream.getvalue() and time.monotonic() < end:
            pass
    shown = stream.getvalue()

    assert "outer [b]step[/b]" in shown
    assert "inner" in shown
    assert "a note" in shown
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1
    if "NO_COLOR" in environ:
        assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", shown)


def test_what_is_counted_is_shown_on_a_terminal_alone() -> None:
    stream, plain, told = FakeTty(), io.StringIO(), iter(range(10**9))
    with console(stream, TERM="xterm").counting("copying", lambda: f"[b]{next(told)}[/b] files"):
        end = time.monotonic() + 20
        while "[b]1[/b] files" not in stream.getvalue() and time.monotonic() < end:
            pass
    with console(plain).counting("copying", str):
        pass

    assert "copying" in stream.getvalue()
    assert "[b]1[/b] files" in stream.getvalue()
    assert plain.getvalue() == ""


def test_a_result_goes_to_stdout_and_its_warnings_to_stderr() -> None:
    stdout, stderr = io.StringIO(), io.StringIO()
    speaker = Console.from_environment({}, stdout=stdout, stderr=stderr)
    result = Result(data=[["a", "b"]], table=[["a", "b"]], warnings=("old file",))

    speaker.result(result, as_json=False)
    assert (stdout.getvalue(), stderr.getvalue()) == ("a\tb\n", "warning: old file\n")


def test_a_json_result_holds_its_warnings() -> None:
    stdout, stderr = io.StringIO(), io.StringIO()
    speaker = Console.from_environment({}, stdout=stdout, stderr=stderr)

    speaker.result(Result(data=None, warnings=("old file",)), as_json=True)
    assert '"old file"' in stdout.getvalue()
    assert stderr.getvalue() == ""


def test_rich_is_not_loaded_without_a_spinner() -> None:
    code = (
        "import sys, io; from bottle.cli.console import Console; from bottle.errors import BottleError\n"
        "console = Console.from_environment({}, stdout=sys.stdout, stderr=sys.stderr)\n"
        "with console.step('x'): console.error(BottleError('y'))\n"
        "print('rich' in sys.modules)"
    )
    done = run(Command(argv=(sys.executable, "-c", code), env=dict(os.environ)))

    assert done.text == "False"


def test_it_can_speak_to_a_file_from_then_on() -> None:
    terminal, file = FakeTty(), io.StringIO()
    speaker = console(terminal, TERM="xterm")
    speaker.speak_to(file, plain=True)
    with speaker.step("working"):
        speaker.error(BottleError("broken"))

    assert terminal.getvalue() == ""
    assert file.getvalue() == "working ...\nerror: broken\n"
