import sys

import pytest

from bottle.proc import PIPE, Command, end, spawn
from bottle.state.record import Phase
from support.command_line import CommandLine

OWNER = """\
import os, signal, sys; from pathlib import Path; from attrs import evolve
from bottle.state.record import BottleRecord; from bottle.state.store import StateStore
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
record = evolve(BottleRecord.from_json(sys.argv[3]), owner_pid=os.getpid())
with StateStore(Path(sys.argv[1]), Path(sys.argv[2])).claim(record):
    print("claimed", flush=True)
    while True: signal.pause()
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("exec", "dev-abcde", "--", "ls"),
        ("attach", "dev-abcde"),
        ("stop", "dev-abcde"),
        ("cp", "dev-abcde:x", "."),
    ],
)
def test_what_needs_a_live_bottle_says_how_to_find_one(
    command_line: CommandLine, arguments: tuple[str, ...]
) -> None:
    outcome = command_line.run(*arguments)

    assert outcome.code == 1
    assert outcome.err == "error: no bottle 'dev-abcde' is running\nhint: bottle list active\n"


@pytest.mark.parametrize(
    ("said", "shown"),
    [("the agent ended with status 3\n", "the agent ended with status 3"), ("", "its owner was killed")],
)
def test_attach_says_how_a_detached_bottle_ended(command_line: CommandLine, said: str, shown: str) -> None:
    command_line.paths.logs.mkdir(parents=True)
    (command_line.paths.logs / "dev-abcde.notes").write_text(said)

    outcome = command_line.run("attach", "dev-abcde")

    assert outcome.code == 1
    assert outcome.err == f"error: dev-abcde runs no more: {shown}\nhint: bottle log dev-abcde\n"


@pytest.mark.parametrize("source", ["dev-abcde", "dev-abcde:", "/tmp/x", ""])
def test_a_source_of_cp_names_bottle_and_path(command_line: CommandLine, source: str) -> None:
    outcome = command_line.run("cp", source, ".")

    assert outcome.code == 2
    assert "the source is IDENTITY:PATH" in outcome.err


@pytest.mark.parametrize("arguments", [("dev-abcde",), ("dev-abcde", "--")])
def test_exec_needs_a_command(command_line: CommandLine, arguments: tuple[str, ...]) -> None:
    assert command_line.run("exec", *arguments).code == 2


def test_a_headless_bottle_has_no_terminal_to_attach_to(command_line: CommandLine) -> None:
    with command_line.live(interactive=False):
        outcome = command_line.run("attach", "dev-abcde")

    assert outcome.code == 1
    assert outcome.err.endswith("runs a task without a terminal\nhint: bottle exec dev-abcde -- bash\n")


def test_nothing_can_be_done_in_one_that_is_still_starting(command_line: CommandLine) -> None:
    with command_line.live(phase=Phase.STARTING):
        outcome = command_line.run("exec", "dev-abcde", "--", "ls")

    assert outcome.code == 1
    assert "still starting" in outcome.err


def test_stop_ends_each_and_says_so(command_line: CommandLine) -> None:
    with command_line.live() as record:
        text = record.to_json()
    store = command_line.store
    argv = (sys.executable, "-c", OWNER, str(store.root), str(store.runtime), text)
    owner = spawn(Command(argv=argv), stdin=PIPE, stdout=PIPE)
    assert owner.stdout
    assert owner.stdout.readline() == b"claimed\n"
    outcome = command_line.run("stop", "dev-abcde")
    owner.wait()
    end(owner)

    assert (outcome.code, outcome.out, outcome.err) == (0, "", "stopped dev-abcde\n")
    assert owner.returncode == 143


def test_stop_goes_on_after_one_that_is_not_there(command_line: CommandLine) -> None:
    outcome = command_line.run("stop", "dev-aaaaa", "dev-bbbbb")

    assert outcome.code == 1
    assert "dev-aaaaa" in outcome.err
    assert "dev-bbbbb" in outcome.err
