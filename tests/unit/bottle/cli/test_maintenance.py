import json
import sys

import pytest

from bottle.proc import Command, run
from support.command_line import CommandLine
from support.project import shell_agent


def half_made(command_line: CommandLine, identity: str = "dev-zzzzz") -> None:
    (command_line.paths.state / identity).mkdir(parents=True)


def test_the_keys_of_doctor_are_pinned(command_line: CommandLine) -> None:
    outcome = command_line.run("doctor", "--json")
    document = json.loads(outcome.out)

    assert outcome.code in {0, 4}
    assert set(document) == {"version", "data", "warnings"}
    assert all(set(row) == {"check", "ok", "detail", "hint"} for row in document["data"])
    assert [row["check"] for row in document["data"]] == [
        "python", "backend docker", "backend native", "backend gvisor"
    ]  # fmt: skip
    assert all(row["ok"] or row["hint"] or row["detail"] for row in document["data"])


def test_doctor_needs_no_manifest_and_is_a_line_for_each_check(command_line: CommandLine) -> None:
    lines = command_line.run("doctor").out.splitlines()

    assert len(lines) == 4
    assert {line.count("\t") for line in lines} == {3}
    assert not command_line.paths.home.exists()


def test_cleanup_of_nothing(command_line: CommandLine) -> None:
    outcome = command_line.run("cleanup", "--json")

    assert (outcome.code, json.loads(outcome.out)["data"], outcome.err) == (0, [], "nothing is left behind\n")


def test_cleanup_lists_removes_and_leaves_the_living(command_line: CommandLine) -> None:
    half_made(command_line)
    with command_line.live():
        outcome = command_line.run("cleanup", "--yes", "--json")
        (row,) = json.loads(outcome.out)["data"]

        assert (outcome.code, set(row)) == (0, {"identity", "what"})
        assert row["identity"] == "dev-zzzzz"
        assert [entry.identity for entry in command_line.store.entries()] == ["dev-abcde"]


def test_cleanup_leaves_what_a_later_version_wrote_and_says_so(command_line: CommandLine) -> None:
    half_made(command_line)
    record = command_line.paths.state / "dev-zzzzz" / "record.json"
    record.write_text('{"schema_version": 9}')
    outcome = command_line.run("cleanup", "--yes")

    assert (outcome.code, outcome.out) == (0, "")
    assert "schema version 9" in outcome.err
    assert record.exists()


def test_build_of_an_unknown_agent_and_for_an_unknown_backend(command_line: CommandLine) -> None:
    command_line.write(shell_agent())

    assert command_line.run("build", "nobody").code == 3
    assert command_line.run("build", "--backend", "podman").code == 2


def test_build_without_any_agent_is_done_at_once(command_line: CommandLine) -> None:
    command_line.write({"agents/broken.md": "---\nbotle: x\n---\n"})

    assert command_line.run("build").code == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_of_each_shell_is_for_bottle(command_line: CommandLine, shell: str) -> None:
    outcome = command_line.run("completion", shell)

    assert outcome.code == 0
    assert "_BOTTLE_COMPLETE" in outcome.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_another_shell_is_a_usage_error(command_line: CommandLine, shell: str) -> None:
    assert command_line.run("completion", shell + "x").code == 2


def completed(command_line: CommandLine, *words: str) -> list[str]:
    """What bash is offered behind `bottle <words>`; the last word is being typed."""
    environ = {
        **command_line.environ,
        "_BOTTLE_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(("bottle", *words)),
        "COMP_CWORD": str(len(words)),
    }
    done = run(Command(argv=(sys.executable, "-m", "bottle"), env=environ, cwd=str(command_line.folder)))
    return [line.partition(",")[2] for line in done.text.splitlines()]


def test_commands_and_options_are_completed(command_line: CommandLine) -> None:
    assert completed(command_line, "st") == ["start", "stop"]
    assert "--json" in completed(command_line, "list", "--")
    assert completed(command_line, "list", "av") == ["available"]


@pytest.mark.parametrize("command", ["start", "run", "info", "why", "build"])
def test_agents_are_completed(command_line: CommandLine, command: str) -> None:
    command_line.write(shell_agent())

    assert completed(command_line, command, "sh") == ["shell"]


@pytest.mark.parametrize("command", ["exec", "attach", "stop", "cp"])
def test_live_bottles_are_completed(command_line: CommandLine, command: str) -> None:
    with command_line.live():
        assert completed(command_line, command, "de") == ["dev-abcde" + (":" if command == "cp" else "")]


@pytest.mark.parametrize("command", ["resume", "discard"])
def test_kept_bottles_are_completed(command_line: CommandLine, command: str) -> None:
    command_line.kept()

    assert completed(command_line, command, "de") == ["dev-abcde"]
    assert completed(command_line, "stop", "de") == []


@pytest.mark.parametrize("words", [("info", "s"), ("stop", "s"), ("start", "--backend", "")])
def test_completing_where_nothing_is_set_up_is_silent(
    command_line: CommandLine, words: tuple[str, ...]
) -> None:
    command_line.paths.home.write_text("a file")
    offered = completed(command_line, *words)

    assert offered == (["docker", "native", "gvisor"] if "--backend" in words else [])
