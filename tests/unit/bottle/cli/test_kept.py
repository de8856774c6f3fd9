import json
from pathlib import Path

import pytest

from bottle.cli.kept import resume
from bottle.cli.run import AgentCommand
from support.command_line import CommandLine, command_context
from support.operator_terminal import LEADER, OperatorTerminal
from support.project import PROGRAM, shell_agent

AGENT = shell_agent(name="dev")


def state(command_line: CommandLine) -> dict[Path, bytes]:
    files = (path for path in command_line.paths.state.rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in files if path.name not in {".guard", "owner.lock"}}


def test_what_stands_behind_the_identity_is_the_task_and_behind_the_dashes_the_agent_s() -> None:
    assert isinstance(resume, AgentCommand)
    arguments = ["--yes", "dev-abcde", "--keep", "go", "on", "--", "--model", "x"]
    params = resume.make_context("resume", arguments, command_context()).params

    assert (params["identity"], params["yes"], params["keep"]) == ("dev-abcde", True, True)
    assert params["task"] == ("go", "on", "--", "--model", "x")


@pytest.mark.parametrize("command", ["resume", "discard"])
def test_one_that_is_not_kept_says_how_to_find_one(command_line: CommandLine, command: str) -> None:
    outcome = command_line.run(command, "dev-abcde")

    assert outcome.code == 1
    assert outcome.err == "error: no bottle 'dev-abcde' is kept\nhint: bottle list kept\n"


@pytest.mark.parametrize("command", ["resume", "discard"])
def test_one_that_runs_says_what_can_be_done(command_line: CommandLine, command: str) -> None:
    with command_line.live():
        outcome = command_line.run(command, "dev-abcde")

    assert outcome.code == 1
    assert outcome.err == (
        "error: dev-abcde is running\nhint: `bottle attach dev-abcde` or `bottle stop dev-abcde`\n"
    )


def test_a_resume_needs_a_terminal_or_a_task(command_line: CommandLine) -> None:
    command_line.write(AGENT)
    command_line.kept()
    before = state(command_line)
    outcome = command_line.run("resume", "dev-abcde")

    assert outcome.code == 2
    assert "identity    dev-abcde  (kept: goes on as it was left)" in outcome.err
    assert "backend     native  (as before; " in outcome.err
    assert outcome.err.endswith("error: this needs a terminal\nhint: bottle resume dev-abcde 'what to do'\n")
    assert state(command_line) == before


def test_a_no_leaves_it_as_it_was(command_line: CommandLine) -> None:
    command_line.write(AGENT)
    command_line.kept()
    before = state(command_line)
    operator = OperatorTerminal(*LEADER, *PROGRAM, "resume", "dev-abcde", env=command_line.environ)
    with operator:
        operator.expect(rb"resume this agent\? \[y/N\] ")
        operator.type(b"n\r")

        assert operator.wait() == 130
    assert state(command_line) == before


@pytest.mark.parametrize(
    ("files", "code", "says"),
    [
        ({"agents/other.md": "---\nbottle: x\n---\n"}, 3, "unknown agent 'dev'"),
        ({"agents/dev.md": "---\nbottle: gone\n---\n"}, 3, "unknown bottle 'gone'"),
        ({**AGENT, "agents/dev.md": "---\nbotle: dev\n---\n"}, 3, "did you mean 'bottle'?"),
        (
            {**AGENT, **shell_agent(name="open"), "agents/dev.md": "---\nbottle: open\n---\n"},
            1,
            "dev-abcde is of the bottle 'dev', and its manifest now names 'open'",
        ),
        (
            {**AGENT, "bottles/dev.md": "---\nagent_provider: {template: codex}\n---\n"},
            1,
            "dev-abcde is of the provider 'shell', and its manifest now names 'codex'",
        ),
        (
            shell_agent(["{host: a.b, auth: {scheme: Bearer, token_ref: GONE}}"], name="dev"),
            4,
            "GONE is not set",
        ),
    ],
)
def test_manifests_that_changed_are_an_error_that_changes_nothing(
    command_line: CommandLine, files: dict[str, str], code: int, says: str
) -> None:
    command_line.write(files)
    command_line.kept()
    before = state(command_line)
    outcome = command_line.run("resume", "dev-abcde", "go on")

    assert (outcome.code, says in outcome.err) == (code, True), outcome.err
    assert state(command_line) == before


def test_the_agent_is_that_of_the_directory_it_was_started_in(
    command_line: CommandLine, tmp_path: Path
) -> None:
    command_line.write(AGENT)
    folder = tmp_path / "there" / ".bot-bottle" / "agents"
    folder.mkdir(parents=True)
    (folder / "dev.md").write_text("---\nbottle: dev\n---\nIts own.\n")
    command_line.kept(cwd=str(tmp_path / "there"))

    assert "FROM THE CURRENT DIRECTORY" in command_line.run("resume", "dev-abcde").err


@pytest.mark.parametrize("command", [("resume", "dev-abcde", "x"), ("discard", "--yes", "dev-abcde")])
def test_a_later_version_s_is_refused_and_stays_untouched(
    command_line: CommandLine, command: tuple[str, ...]
) -> None:
    command_line.write(AGENT)
    command_line.kept()
    (command_line.paths.state / "dev-abcde" / "record.json").write_text('{"schema_version": 9}')
    before = state(command_line)
    outcome = command_line.run(*command)

    assert (outcome.code, "schema version 9" in outcome.err) == (1, True)
    assert state(command_line) == before


def test_a_damaged_record_cannot_be_resumed_but_discarded(command_line: CommandLine) -> None:
    command_line.write(AGENT)
    command_line.kept()
    (command_line.paths.state / "dev-abcde" / "record.json").write_text("{")
    refused = command_line.run("resume", "dev-abcde", "x")
    listed = command_line.run("list", "kept")
    cleaned = command_line.run("cleanup", "--yes")
    discarded = command_line.run("discard", "--yes", "dev-abcde")

    assert (refused.code, "cannot be read" in refused.err) == (1, True)
    assert (listed.out, "cannot be read" in listed.err) == ("", True)
    assert "state folder" not in cleaned.out
    assert (discarded.code, "what there is of it" in discarded.err) == (0, True)
    assert command_line.store.entries() == []


def test_discard_says_what_is_lost_and_asks(command_line: CommandLine) -> None:
    command_line.kept(workspace="private")
    operator = OperatorTerminal(*LEADER, *PROGRAM, "discard", "dev-abcde", env=command_line.environ)
    with operator:
        operator.expect(rb"discard this\? \[y/N\] ")
        operator.type(b"n\r")
        assert operator.wait() == 0
        assert b"the home of dev (shell), its copy of" in operator.output
    assert command_line.store.kept("dev-abcde").record

    outcome = command_line.run("discard", "--yes", "dev-abcde")
    assert outcome.code == 0
    assert command_line.store.entries() == []


def test_discard_removes_none_where_one_is_none(command_line: CommandLine) -> None:
    command_line.kept()
    outcome = command_line.run("discard", "--yes", "dev-abcde", "dev-zzzzz")

    assert (outcome.code, "no bottle 'dev-zzzzz' is kept" in outcome.err) == (1, True)
    assert command_line.store.kept("dev-abcde").record


def test_the_keys_of_list_kept_are_pinned(command_line: CommandLine) -> None:
    command_line.kept(created=0.0, workspace="private")
    document = json.loads(command_line.run("list", "kept", "--json").out)
    (row,) = document["data"]
    fields = command_line.run("list", "kept").out.rstrip("\n").split("\t")

    assert set(row) == {
        "identity", "agent", "bottle", "backend", "provider", "age_seconds", "status", "workspace"
    }  # fmt: skip
    assert (row["status"], row["workspace"]) == (143, str(command_line.folder))
    assert fields[:5] == ["dev-abcde", "dev", "dev", "native", "shell"]
    assert fields[5].endswith("d")
    assert fields[6:] == ["143", str(command_line.folder)]
    assert command_line.run("list").out == ""


def test_one_whose_owner_was_killed_is_listed_as_killed(command_line: CommandLine) -> None:
    command_line.kept(status=None)

    assert command_line.run("list", "kept").out.rstrip("\n").split("\t")[6:] == ["killed", ""]
    assert json.loads(command_line.run("list", "kept", "--json").out)["data"][0]["status"] is None
