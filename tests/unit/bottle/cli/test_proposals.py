import json

import pytest

from support.command_line import CommandLine

TEXT = "commit 1\n+ a line \x1b[2J\n"


@pytest.mark.parametrize("command", ["approve", "reject", "proposals"])
def test_a_bottle_that_there_is_not(command_line: CommandLine, command: str) -> None:
    outcome = command_line.run(command, "dev-zzzzz")

    assert outcome.code == 1
    assert "there is no bottle 'dev-zzzzz'" in outcome.err


def test_they_are_listed_shown_and_decided(command_line: CommandLine) -> None:
    with command_line.live() as record:
        at = command_line.store.proposals(record.identity)
        assert command_line.run("proposals").out == ""
        for key in ("a", "b"):
            at.file(key=key, kind="push", title=f"push {key}", text=TEXT)

        rows = [line.split("\t") for line in command_line.run("proposals").out.splitlines()]
        assert [[row[0], row[1], row[2], row[4], row[5]] for row in rows] == [
            [record.identity, "1", "push", "waiting", "push a"],
            [record.identity, "2", "push", "waiting", "push b"],
        ]
        shown = command_line.run("proposals", record.identity, "1").out
        assert "push a  [waiting]" in shown
        assert "+ a line \\x1b[2J" in shown

        several = command_line.run("approve", "--yes", record.identity)
        assert several.code == 2
        assert "asks more than one thing: 1, 2" in several.err
        assert (
            command_line.run("approve", record.identity, "1").code == 2
        )  # nobody is asked without a terminal
        assert (
            command_line.run("approve", "--yes", record.identity, "1").err
            == f"approved {record.identity} 1\n"
        )
        assert command_line.run("reject", record.identity, "--reason", "no").code == 0
        assert command_line.run("reject", record.identity).code == 1
        again = command_line.run("approve", "--yes", record.identity, "2")
        assert (again.code, "decided already" in again.err) == (1, True)
        assert command_line.run("proposals").out == ""
        everything = json.loads(command_line.run("proposals", "--all", "--json").out)["data"]
        assert [(each["state"], each["reason"]) for each in everything] == [
            ("approved", ""),
            ("rejected", "no"),
        ]
        assert command_line.run("proposals", record.identity, "7").code == 1
