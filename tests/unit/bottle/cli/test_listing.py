import json
import os

import pytest

from bottle.launch.presence import Presence
from bottle.state.audit import AuditLogs
from bottle_sidecar.policy.chain import Head
from support.command_line import CommandLine
from support.project import shell_agent

ROUTE = "{host: api.example.com, auth: {scheme: Bearer, token_ref: API_TOKEN}}"
BROKEN = {"agents/broken.md": "---\nbotle: x\n---\n"}


@pytest.mark.parametrize("arguments", [("list",), ("list", "active")])
def test_without_bottles_there_is_nothing(command_line: CommandLine, arguments: tuple[str, ...]) -> None:
    assert command_line.run(*arguments).out == ""
    assert json.loads(command_line.run(*arguments, "--json").out) == {
        "version": 1,
        "data": [],
        "warnings": [],
    }
    assert not command_line.paths.home.exists()


def test_the_keys_of_list_active_are_pinned(command_line: CommandLine) -> None:
    with command_line.live(created=0.0):
        outcome = command_line.run("list", "active", "--json")
    (row,) = json.loads(outcome.out)["data"]

    assert set(row) == {
        "identity",
        "agent",
        "bottle",
        "backend",
        "provider",
        "age_seconds",
        "interactive",
        "state",
        "attached",
        "idle_seconds",
        "blocked",
    }
    assert (row["identity"], row["interactive"]) == ("dev-abcde", True)
    assert (row["attached"], row["blocked"]) == (None, 0)
    assert row["age_seconds"] > 1_000_000_000


def test_list_active_is_tab_separated_and_shows_an_age(command_line: CommandLine) -> None:
    with command_line.live(created=0.0):
        line = command_line.run("list").out
    fields = line.rstrip("\n").split("\t")

    assert fields[:5] == ["dev-abcde", "dev", "dev", "native", "shell"]
    assert fields[5].endswith("d")
    assert fields[6:8] == ["running", "-"]
    assert fields[8].endswith("d")
    assert fields[9:] == ["0"]


def test_list_active_tells_who_is_there_what_was_barred_and_since_when_it_is_idle(
    command_line: CommandLine,
) -> None:
    log = AuditLogs(folder=command_line.paths.logs).of("dev-abcde")
    with (
        command_line.live(created=0.0),
        Presence.kept_in(command_line.paths.presence("dev-abcde")) as presence,
    ):
        presence.terminals(0)
        log.prepare()
        log.path.write_bytes(Head.seed("dev-abcde").link({"time": 1.0, "event": "refused"}).line + b"\n")
        os.utime(log.path, (1.0, 1.0))
        left = command_line.run("list").out
        presence.terminals(2)
        (row,) = json.loads(command_line.run("list", "--json").out)["data"]

    assert left.rstrip("\n").split("\t")[7] == "detached"
    assert left.rstrip("\n").split("\t")[8].endswith("s")
    assert (row["attached"], row["blocked"], row["idle_seconds"] < 100) == (2, 1, True)


def test_a_clock_that_was_set_back_makes_no_negative_age(command_line: CommandLine) -> None:
    with command_line.live(created=99_999_999_999.0):
        assert json.loads(command_line.run("list", "--json").out)["data"][0]["age_seconds"] == 0
        assert command_line.run("list").out.split("\t")[5] == "0s"


def test_a_live_bottle_whose_record_is_damaged_is_warned_of(command_line: CommandLine) -> None:
    with command_line.live():
        (command_line.paths.state / "dev-abcde" / "record.json").write_bytes(b"\xff")
        outcome = command_line.run("list")
        document = json.loads(command_line.run("list", "--json").out)

    assert (outcome.code, outcome.out) == (0, "")
    assert "dev-abcde: the state record cannot be read" in outcome.err
    assert len(document["warnings"]) == 1


def test_the_keys_of_list_available_are_pinned_and_broken_files_are_in_it(command_line: CommandLine) -> None:
    command_line.write({**shell_agent(), **BROKEN, "agents/Odd Name.md": "x"})
    outcome = command_line.run("list", "available", "--json")
    document = json.loads(outcome.out)
    broken, shell = document["data"]

    assert outcome.code == 0
    assert set(document) == {"version", "data", "warnings"}
    assert set(broken) == set(shell) == {"agent", "bottle", "trust", "file", "error"}
    assert (shell["agent"], shell["bottle"], shell["trust"], shell["error"]) == (
        "shell",
        "shell",
        "home",
        None,
    )
    assert (broken["agent"], broken["bottle"]) == ("broken", None)
    assert "did you mean 'bottle'?" in broken["error"]
    assert "Odd Name.md" in document["warnings"][0]


def test_list_available_is_a_line_for_each(command_line: CommandLine) -> None:
    command_line.write({**shell_agent(), **BROKEN})
    lines = command_line.run("list", "available").out.splitlines()

    assert [line.split("\t")[0] for line in lines] == ["broken", "shell"]
    assert {line.count("\t") for line in lines} == {4}


def test_the_keys_of_info_are_pinned(command_line: CommandLine) -> None:
    command_line.write(shell_agent([ROUTE], env="{MODE: fast}"))
    outcome = command_line.run("info", "shell", "--json", API_TOKEN="the-value")
    data = json.loads(outcome.out)["data"]

    assert outcome.code == 0
    assert set(data) == {
        "agent", "agent_file", "trust", "bottle", "backend", "provider", "env", "skills", "routes",
        "git_upstreams",
    }  # fmt: skip
    assert data["routes"] == [{"host": "api.example.com", "origin": "manifest"}]
    assert {"API_TOKEN", "MODE"} < set(data["env"])
    assert "the-value" not in outcome.out + outcome.err
    assert "fast" not in outcome.out


def test_info_looks_only_and_warns_of_what_a_start_would_lack(command_line: CommandLine) -> None:
    command_line.write(shell_agent([ROUTE]))
    outcome = command_line.run("info", "shell")

    assert outcome.code == 0
    assert "API_TOKEN is not set" in outcome.err
    assert "routes      api.example.com [auth:Bearer] (manifest)" in outcome.out
    assert not command_line.paths.state.exists()


def test_info_of_an_unknown_agent_names_the_near_one(command_line: CommandLine) -> None:
    command_line.write(shell_agent())
    outcome = command_line.run("info", "shel", "--json")

    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err == "error: unknown agent 'shel'\nhint: did you mean 'shell'?\n"


def test_before_init_it_says_so(command_line: CommandLine) -> None:
    outcome = command_line.run("list", "available")

    assert outcome.code == 4
    assert "hint: run `bottle init`" in outcome.err


def test_a_home_that_is_a_file_is_told_as_such(command_line: CommandLine) -> None:
    command_line.paths.home.write_text("")
    outcome = command_line.run("list", "available")

    assert outcome.code == 4
    assert "is a file, and must be a folder" in outcome.err
