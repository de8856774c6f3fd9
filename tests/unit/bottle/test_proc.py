import os
import sys
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest

from bottle.errors import BottleError, EnvironmentLacksError
from bottle.proc import (
    DEVNULL,
    PIPE,
    Command,
    CommandFailed,
    end,
    next_line,
    reading,
    run,
    spawn,
    wait,
    writing,
)

ENVIRONMENT_SECRET = "in-the-environment"


def test_both_streams_are_captured() -> None:
    done = run(Command(argv=("sh", "-c", "echo out; echo err >&2")))

    assert (done.code, done.text, done.stdout, done.stderr) == (0, "out", b"out\n", b"err\n")


def test_input_comes_from_bytes_or_a_file_or_nowhere(tmp_path: Path) -> None:
    cat = Command(argv=("cat",))
    with TemporaryFile() as file:
        file.write(b"from a file")
        file.seek(0)

        assert run(cat, stdin=file).stdout == b"from a file"
    assert run(cat, stdin=b"typed").stdout == b"typed"
    assert run(cat, stdin=b"").stdout == b""
    assert run(cat).stdout == b""


def test_lines_are_taken_one_by_one() -> None:
    process = spawn(Command(argv=("sh", "-c", "echo one; echo two; printf cut")), stdin=PIPE, stdout=PIPE)
    assert process.stdout is not None
    output = process.stdout.fileno()

    assert [next_line(output, 20) for _ in range(3)] == [b"one\n", b"two\n", b""]
    end(process)


def test_a_line_that_does_not_come_is_not_waited_for() -> None:
    process = spawn(Command(argv=("cat",)), stdin=PIPE, stdout=PIPE)
    assert process.stdout is not None

    assert next_line(process.stdout.fileno(), 0.01) == b""
    end(process)


def test_a_failure_shows_command_code_and_the_end_of_its_complaint() -> None:
    command = Command(
        argv=("sh", "-c", "head -c 9000 /dev/zero | tr '\\0' x >&2; echo 'the end' >&2; exit 7"),
        env={**os.environ, "SECRET": ENVIRONMENT_SECRET},
    )
    with pytest.raises(CommandFailed) as caught:
        run(command)

    assert caught.value.completed is not None
    assert caught.value.completed.code == 7
    assert "exited with 7\n" in caught.value.message
    assert caught.value.message.endswith("the end")
    assert len(caught.value.message) < 4200


def test_no_form_of_a_command_shows_its_environment() -> None:
    command = Command(argv=("sh", "-c", "exit 1"), env={"SECRET": ENVIRONMENT_SECRET})
    with pytest.raises(CommandFailed) as caught:
        run(command)

    assert ENVIRONMENT_SECRET not in repr(command) + str(command) + str(caught.value)


def test_unchecked_the_code_is_the_answer() -> None:
    assert run(Command(argv=("false",)), check=False).code == 1
    assert run(Command(argv=("sh", "-c", "kill -9 $$")), check=False).code == -9


def test_what_does_not_end_in_time_is_killed_and_said_so() -> None:
    with pytest.raises(CommandFailed, match=r"`sleep 600` did not end within 0\.1 s") as caught:
        run(Command(argv=("sleep", "600"), timeout=0.1))

    assert caught.value.completed is None


def spawned(command: Command) -> None:
    spawn(command, stdin=DEVNULL)


@pytest.mark.parametrize("start", [run, spawned])
def test_a_program_that_is_not_there(start: object) -> None:
    assert callable(start)
    with pytest.raises(EnvironmentLacksError, match="'no-such-program' is not installed"):
        start(Command(argv=("no-such-program", "--version")))


@pytest.mark.parametrize("start", [run, spawned])
def test_a_program_that_cannot_be_run_is_not_called_missing(start: object, tmp_path: Path) -> None:
    assert callable(start)
    text = tmp_path / "text"
    text.write_text("no program")
    text.chmod(0o600)
    with pytest.raises(BottleError, match="cannot be run: Permission denied") as caught:
        start(Command(argv=(str(text),)))

    assert not isinstance(caught.value, EnvironmentLacksError)


@pytest.mark.parametrize("start", [run, spawned])
def test_neither_is_one_whose_directory_is_missing(start: object, tmp_path: Path) -> None:
    assert callable(start)
    with pytest.raises(BottleError, match=rf"cannot be run in {tmp_path}/gone: No such file"):
        start(Command(argv=("true",), cwd=str(tmp_path / "gone")))


def test_an_argument_list_that_is_too_long_is_an_error_in_words() -> None:
    with pytest.raises(BottleError, match="Argument list too long"):
        run(Command(argv=("true", "x" * 10_000_000)))


def test_wait_tells_running_from_ended() -> None:
    process = spawn(Command(argv=("cat",)), stdin=PIPE, stdout=DEVNULL)

    assert wait(process, 0.01) is None
    end(process)
    assert wait(process) == 0


def test_end_closes_the_input_and_is_gentle_to_who_listens() -> None:
    process = spawn(Command(argv=("sh", "-c", "cat >/dev/null; exit 5")), stdin=PIPE, stdout=PIPE)
    end(process)

    assert process.returncode == 5
    assert process.stdout is not None
    assert process.stdout.closed
    end(process)


def test_end_kills_who_does_not_listen() -> None:
    process = spawn(Command(argv=("sleep", "600")), stdin=PIPE)
    end(process, patience=0.01)

    assert process.returncode == -9


def test_a_new_session_is_out_of_the_terminal_s_reach() -> None:
    code = "import os; print(os.getsid(0) == os.getpid())"
    process = spawn(Command(argv=(sys.executable, "-c", code)), stdout=PIPE, new_session=True)
    assert process.stdout is not None

    assert process.stdout.read() == b"True\n"
    end(process)


def test_what_a_command_prints_can_be_read_as_it_comes() -> None:
    with reading(Command(argv=("sh", "-c", "echo one; echo two"))) as stream:
        assert stream.readline() == b"one\n"
        assert stream.read() == b"two\n"
    with (
        pytest.raises(CommandFailed, match=r"exited with 3\nbecause"),
        reading(Command(argv=("sh", "-c", "echo because >&2; exit 3"))) as stream,
    ):
        assert stream.read() == b""


def test_what_a_command_reads_can_be_written_as_it_is_made(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with writing(Command(argv=("sh", "-c", 'cat >"$0"', str(target)))) as stream:
        stream.write(b"text")
    assert target.read_bytes() == b"text"
    with (
        pytest.raises(CommandFailed, match="exited with 3"),
        writing(Command(argv=("sh", "-c", "exit 3"))) as stream,
    ):
        stream.write(bytes(1 << 20))


@pytest.mark.parametrize("beside", [reading, writing])
def test_a_command_beside_us_ends_with_an_exception(beside: Any) -> None:
    with pytest.raises(RuntimeError, match="enough"), beside(Command(argv=("sleep", "1000"))):
        raise RuntimeError("enough")
