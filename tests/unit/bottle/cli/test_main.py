"""The border of the program, from outside: whatever a user does to it, it answers in words."""

import os
import shlex
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from bottle.proc import Command, Completed, run
from support.command_line import CommandLine
from support.project import PROGRAM, shell_agent

BOTTLE = shlex.join(PROGRAM)
SITE = os.pathsep.join(path for path in sys.path if path)


def sh(command_line: CommandLine, script: str, **environ: str) -> Completed:
    """Runs a shell line in which $BOTTLE is the program."""
    env = {**command_line.environ, "BOTTLE": BOTTLE, **environ}
    return run(Command(argv=("bash", "-c", script), env=env, cwd=str(command_line.folder)), check=False)


def in_words(done: Completed) -> bool:
    said = done.stdout + done.stderr
    return b"Traceback" not in said and b"a bug in bottle" not in said and b"Exception ignored" not in said


def test_the_version(command_line: CommandLine) -> None:
    outcome = command_line.run("--version")

    assert (outcome.code, outcome.out, outcome.err) == (0, f"bottle {version('bot-bottle')}\n", "")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("list",), 0),
        (("stop", "dev-abcde"), 1),
        (("why", "shell", "https://a.b/"), 1),
        (("list", "nothing"), 2),
        (("list", "--no-such-option"), 2),
        (("info",), 2),
        (("nothing",), 2),
        (("run", "shell"), 2),
        (("exec", "dev-abcde"), 2),
        (("start", "shell", "--backend", "podman"), 2),
        (("info", "nobody"), 3),
        (("info", "broken"), 3),
    ],
)
def test_exit_codes(command_line: CommandLine, arguments: tuple[str, ...], code: int) -> None:
    command_line.write({**shell_agent(), "agents/broken.md": "---\nbotle: x\n---\n"})
    outcome = command_line.run(*arguments)

    assert outcome.code == code
    if code:
        assert outcome.err.startswith("error: ") or arguments[0] == "why"


def test_exit_code_4_says_what_mends(command_line: CommandLine) -> None:
    outcome = command_line.run("run", "shell", "true")

    assert outcome.code == 4
    assert outcome.err.endswith("hint: run `bottle init`\n")


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("$BOTTLE list available --json >/dev/full", 1),
        ("$BOTTLE completion bash >/dev/full", 1),
        ("$BOTTLE --version >/dev/full", 1),
        ("$BOTTLE list available 2>/dev/full", 0),
        ("$BOTTLE nothing 2>/dev/full", 2),
        ("$BOTTLE list available --json >&-", 0),
        ("$BOTTLE nothing >&- 2>&- <&-", 2),
        ("$BOTTLE start shell --dry-run >&- 2>&- <&-", 0),
        ("$BOTTLE info nobody 2>&-", 3),
        ("set -o pipefail; $BOTTLE list available --json | true", 1),
        ("set -o pipefail; $BOTTLE --help | true", 1),
        ("set -o pipefail; $BOTTLE nothing |& true", 2),
    ],
)
def test_streams_that_are_full_closed_or_unread(command_line: CommandLine, script: str, code: int) -> None:
    command_line.write(shell_agent())
    # A reader that is gone before the first byte, not perhaps after it.
    done = sh(command_line, script.replace("| true", "| exec 0<&-").replace("|& true", "|& exec 0<&-"))

    assert in_words(done)
    assert done.code in {code, 0} if "pipefail" in script else done.code == code


def test_a_full_stdout_is_named(command_line: CommandLine) -> None:
    command_line.write(shell_agent())

    assert sh(command_line, "$BOTTLE list available >/dev/full").stderr == b"error: No space left on device\n"


def test_a_file_opened_later_never_takes_the_place_of_a_closed_stream(command_line: CommandLine) -> None:
    """Else the state guard would be descriptor 1, and the next result would be written into it."""
    with command_line.live():
        done = sh(command_line, "$BOTTLE list active >&-; $BOTTLE list active")
        guard = (command_line.paths.state / ".guard").read_bytes()

    assert done.stdout.startswith(b"dev-abcde\t")
    assert guard == b""


def test_a_directory_that_is_gone(command_line: CommandLine) -> None:
    done = sh(command_line, "mkdir gone; cd gone; rmdir ../gone; $BOTTLE list")

    assert (done.code, done.stderr) == (
        4,
        b"error: the current directory does not exist any more\nhint: cd ~\n",
    )
    assert sh(command_line, "mkdir gone; cd gone; rmdir ../gone; $BOTTLE --version").code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        r"info $'\xff\xfe'", r"stop $'\xff'", r"start $'\xff' --dry-run", r"why shell $'https://x\xff/'",
        r"cp $'\xff:x' y", r"build $'\xff'", r"$'\xff'", r"list $'\xff'", r"run shell --backend $'\xff' x",
    ],
)  # fmt: skip
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_arguments_that_are_no_utf_8(command_line: CommandLine, arguments: str, locale: str) -> None:
    command_line.write(shell_agent())
    done = sh(command_line, f"$BOTTLE {arguments}", LC_ALL=locale, PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")

    assert in_words(done)
    assert done.code in {1, 2, 3}
    assert b"\xff" not in done.stderr


def test_an_environment_that_is_no_utf_8(command_line: CommandLine) -> None:
    command_line.write(shell_agent(env="{X: '${ODD}'}"))
    done = sh(
        command_line,
        r"export ODD=$'\xff' TERM=$'\xfe' BOT_BOTTLE_HOME=$HOME/.bot-bottle$'\xfd'; "
        r'cp -r $HOME/.bot-bottle "$BOT_BOTTLE_HOME"; '
        r"$BOTTLE info shell --json && $BOTTLE start shell --dry-run",
    )

    assert in_words(done)
    assert done.code == 0
    assert b"\xff" not in done.stdout + done.stderr


def test_letters_that_the_terminal_s_encoding_lacks(command_line: CommandLine) -> None:
    command_line.write(shell_agent(["{host: a.b, path_allowlist: [/v1]}"]))
    command_line.write({"agents/shell.md": "---\nbottle: ein-gefäß\n---\n"})
    done = sh(command_line, "$BOTTLE list available", PYTHONIOENCODING="ascii")

    assert in_words(done)
    assert done.code == 0


@pytest.mark.parametrize("environ", [{"HOME": ""}, {"HOME": "/no/such/home"}, {"HOME": "relative"}])
def test_odd_homes(command_line: CommandLine, environ: dict[str, str]) -> None:
    done = sh(command_line, "$BOTTLE list; $BOTTLE list available", **environ)

    assert in_words(done)
    assert done.code in {0, 4}


def as_stranger(command_line: CommandLine, code: str) -> Completed:
    """Runs `main` as a user who owns nothing here. Modules are read first: they may lie in root's home."""
    program = (
        "import os, sys; import bottle.cli.main as border\n"
        "import bottle.cli.listing, bottle.cli.maintenance, bottle.cli.manifests, bottle.cli.run\n"
        "import bottle.cli.console, ruamel.yaml, tempfile, codecs\n"
        "for name in ('ascii', 'latin-1', 'utf-8-sig', 'unicode_escape'): codecs.lookup(name)\n"
        f"sys.argv = ['bottle']\nos.setgid(54321); os.setuid(54321)\n{code}"
    )
    env = {**command_line.environ, "PYTHONPATH": SITE}
    return run(Command(argv=(sys.executable, "-c", program), env=env, cwd="/"), check=False)


@pytest.mark.skipif(os.getuid() != 0, reason="becomes another user")
@pytest.mark.parametrize("locked", ["home", "state", "manifests"])
def test_folders_that_may_not_be_entered_or_written(command_line: CommandLine, locked: str) -> None:
    command_line.write(shell_agent())
    for folder in (command_line.folder, *command_line.folder.parents[:2]):
        folder.chmod(0o755)
    paths = command_line.paths
    paths.state.mkdir()
    {"home": paths.home, "state": paths.state, "manifests": paths.bottles}[locked].chmod(0o700)
    commands = (
        "list",
        "list available",
        "init --provider shell --force",
        "cleanup",
        "info shell",
        "build shell",
    )
    code = (
        f"for command in {commands!r}:\n"
        "    print(command, border.main(command.split(), os.environ), file=sys.stderr)"
    )
    done = as_stranger(command_line, code)
    codes = {
        line.rpartition(" ")[2] for line in done.stderr.decode().splitlines() if line.startswith(commands)
    }

    assert in_words(done), done.stderr
    assert done.code == 0
    assert codes <= {"0", "1", "3", "4"}
    assert done.stderr.count(b"error: ") >= 2


def test_a_bug_leaves_a_report_and_no_traceback(command_line: CommandLine) -> None:
    """A result that no program of ours can print stands for a bug."""
    environ = {**command_line.environ, "MY_TOKEN": "the-secret-value"}
    code = (
        "import sys; from bottle.cli.main import main\n"
        "class Broken:\n"
        "    def write(self, text): raise ZeroDivisionError('with the-secret-value')\n"
        "    def flush(self): pass\n"
        "    def isatty(self): return False\n"
        "sys.stdout = Broken()\n"
        f"sys.exit(main(['doctor', '--json'], {environ!r}))"
    )
    done = run(Command(argv=(sys.executable, "-c", code)), check=False)
    (report,) = command_line.paths.state.glob("crash-*.txt")

    assert done.code == 1
    assert b"this is a bug in bottle (ZeroDivisionError)" in done.stderr
    assert b"Traceback" not in done.stderr
    assert "Traceback" in report.read_text()
    assert "the-secret-value" not in report.read_text() + done.stderr.decode()


def test_a_full_disk_is_told_in_words(command_line: CommandLine) -> None:
    command_line.write(shell_agent())
    done = sh(command_line, "ulimit -f 0; trap '' XFSZ; $BOTTLE init --provider codex 2>&1 | cat")

    assert b"cannot be written: File too large" in done.stdout
    assert in_words(done)


def test_a_full_disk_under_a_launch_is_told_in_words_and_leaves_nothing(command_line: CommandLine) -> None:
    command_line.write(shell_agent())
    done = sh(command_line, "ulimit -f 0; trap '' XFSZ; $BOTTLE run shell true 2>&1 | cat")

    assert b"error: " in done.stdout
    assert in_words(done)
    assert command_line.store.entries() == []


def test_no_color_is_honoured_and_colour_is_for_terminals_only(
    command_line: CommandLine, tmp_path: Path
) -> None:
    for environ in ({}, {"NO_COLOR": "1"}):
        done = sh(command_line, "$BOTTLE nothing", TERM="xterm", **environ)

        assert b"\x1b" not in done.stderr
