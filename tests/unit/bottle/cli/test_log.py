import json
import os
import re
from typing import Any

import pytest

from bottle.state.audit import AuditLog, AuditLogs
from bottle_sidecar.policy.chain import Head
from support.command_line import CommandLine

IDENTITY = "dev-abcde"
LINES: list[dict[str, Any]] = [
    {"event": "opened", "format": 1},
    {"event": "allowed", "id": "1.1", "verdict": "allowed", "method": "GET", "host": "a.test", "path": "/x"},
    {
        "event": "done", "id": "1.1", "verdict": "allowed", "method": "GET", "host": "a.test", "path": "/x",
        "outcome": "complete", "seconds": 0.1, "status": 200, "sent": 0, "received": 1234,
    },
    {
        "event": "refused", "verdict": "refused", "method": "GET", "host": "b.test", "path": "/\x1b[31m",
        "rule": "host.no-route", "status": 403, "reason": "No route covers it.",
    },
    {"event": "usage", "host": "a.test", "model": "m-1", "input_tokens": 3, "output_tokens": 4},
    {"event": "allowed", "id": "1.2", "verdict": "allowed", "method": "GET", "host": "a.test", "path": "/y"},
    {"event": "suppressed", "of": "refused", "host": "b.test", "lines": 9},
    {"event": "push", "repo": "shop", "ref": "refs/heads/x", "verdict": "refused", "reason": "a secret"},
    {"event": "closed"},
]  # fmt: skip


@pytest.fixture
def log(command_line: CommandLine) -> AuditLog:
    found = AuditLogs(folder=command_line.paths.logs).of(IDENTITY)
    found.prepare()
    head = Head.seed(IDENTITY)
    with found.path.open("wb") as file:
        for fields in LINES:
            link = head.link({"time": 1.5, "identity": IDENTITY, **fields})
            head = link.head
            file.write(link.line + b"\n")
    found.seal()
    return found


@pytest.mark.usefixtures("log")
def test_people_get_a_line_for_what_was_decided(command_line: CommandLine) -> None:
    outcome = command_line.run("log", "dev")
    lines = outcome.out.splitlines()
    assert outcome.code == 0
    assert len(lines) == len(LINES) - 1  # the request that ended is told once
    assert re.search(r"done +200 +GET +a\.test/x sent 0 B, received 1\.2 kB", outcome.out)
    assert "\\x1b[31m" in outcome.out
    assert "\x1b" not in outcome.out
    assert "[host.no-route] No route covers it." in outcome.out
    assert "shop refs/heads/x refused a secret" in outcome.out


@pytest.mark.usefixtures("log")
def test_programs_get_every_line(command_line: CommandLine) -> None:
    data = json.loads(command_line.run("log", IDENTITY, "--json").out)["data"]
    assert [entry["event"] for entry in data] == [fields["event"] for fields in LINES]
    assert {"seq", "time", "identity", "hash"} <= set(data[0])


def test_following_an_ended_bottle_prints_its_log_and_ends(command_line: CommandLine, log: AuditLog) -> None:
    outcome = command_line.run("log", IDENTITY, "--follow", "--json")
    assert outcome.out.encode() == log.path.read_bytes()
    assert len(command_line.run("log", IDENTITY, "-f").out.splitlines()) == len(LINES)


def test_a_check_says_what_is_wrong_and_where(command_line: CommandLine, log: AuditLog) -> None:
    good = command_line.run("log", IDENTITY, "--verify")
    assert (good.code, good.out) == (0, f"{IDENTITY}: {len(LINES)} lines, all in order, closed\n")
    log.path.write_bytes(log.path.read_bytes().replace(b"b.test", b"c.test", 1))
    bad = command_line.run("log", IDENTITY, "--verify")
    assert (bad.code, bad.out.splitlines()[0]) == (1, "line 4: it was changed, or what stands before it was")
    data = json.loads(command_line.run("log", IDENTITY, "--verify", "--json").out)["data"]
    assert set(data) == {"identity", "ok", "lines", "state", "flaws"}
    assert (data["ok"], data["flaws"][0]["line"]) == (False, 4)


def test_a_log_that_was_not_closed_is_said_to_be_cut_off(command_line: CommandLine, log: AuditLog) -> None:
    log.remove()
    log.prepare()
    log.path.write_bytes(Head.seed(IDENTITY).link({"event": "opened"}).line + b"\n")
    with command_line.live():
        assert command_line.run("log", IDENTITY, "--verify").out.endswith("in order, open\n")
    outcome = command_line.run("log", IDENTITY, "--verify")
    assert (outcome.code, "cut off" in outcome.out, "killed" in outcome.err) == (0, True, True)


@pytest.mark.usefixtures("log")
def test_use_is_summed_up(command_line: CommandLine) -> None:
    text = command_line.run("log", IDENTITY, "--usage").out
    assert re.search(r"a\.test +2 +0 +0 B +1\.2 kB", text)
    assert re.search(r"b\.test +0 +10 ", text)
    assert re.search(r"m-1 +1 +3 +4 +0 +0 +0\.0000", text)
    data = json.loads(command_line.run("log", IDENTITY, "--usage", "--json").out)["data"]
    assert set(data) == {"identity", "hosts", "models"}
    assert set(data["hosts"]["a.test"]) == {"requests", "blocked", "sent", "received"}


@pytest.mark.usefixtures("log")
def test_what_cannot_be_shown_is_said_in_words(command_line: CommandLine) -> None:
    missing = command_line.run("log", "nobody")
    assert (missing.code, IDENTITY in missing.err) == (1, True)
    assert command_line.run("log", IDENTITY, "--verify", "--usage").code == 2


def test_a_log_of_nonsense_is_shown_as_such(command_line: CommandLine, log: AuditLog) -> None:
    link = Head.seed(IDENTITY).link({"event": ["x"], "time": "x", "sent": {}})
    log.path.write_bytes(b"\xff\x1b[2J\n" + link.line + b"\n\n")
    for options in ((), ("--follow",), ("--json",), ("--usage",), ("--follow", "--json")):
        outcome = command_line.run("log", IDENTITY, *options)
        assert (outcome.code, "\x1b" in outcome.out) == (0, False)


def test_cleanup_offers_old_logs_of_ended_bottles(command_line: CommandLine, log: AuditLog) -> None:
    assert command_line.run("cleanup", "--yes").out == ""
    os.utime(log.path, (0, 0))
    with command_line.live():
        assert command_line.run("cleanup", "--yes").out == ""
    assert "audit log" in command_line.run("cleanup", "--yes").out
    assert not log.path.exists()
