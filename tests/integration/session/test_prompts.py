"""Questions to the operator, on real terminals."""

import signal
import sys

import pytest

from support.operator_terminal import LEADER, OperatorTerminal

CONFIRM = "print('answer', Terminal().confirm('launch this agent?'))"
SECRET = "print('got', ascii(Terminal().prompt_secret('API key:')))"


def asking(code: str) -> OperatorTerminal:
    program = (
        "from bottle.terminal import Terminal\nfrom bottle.errors import BottleError\n"
        f"try: {code}\nexcept BottleError as error: print(type(error).__name__, error.hint)"
    )
    return OperatorTerminal(*LEADER, sys.executable, "-c", program)


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        (b"y", b"True"),
        (b"YES", b"True"),
        (b" y ", b"True"),
        (b"n", b"False"),
        (b"", b"False"),
        (b"yo", b"False"),
    ],
)
def test_only_yes_means_yes(typed: bytes, answer: bytes) -> None:
    with asking(CONFIRM) as terminal:
        terminal.expect(rb"launch this agent\? \[y/N\] \Z")
        terminal.type(typed + b"\r")
        terminal.expect(rb"answer " + answer)


@pytest.mark.parametrize(
    ("typed", "answer"), [(b"", b"True"), (b"y", b"True"), (b"n", b"False"), (b"x", b"False")]
)
def test_enter_means_what_is_offered(typed: bytes, answer: bytes) -> None:
    with asking("print('answer', Terminal().confirm('start now?', default=True))") as terminal:
        terminal.expect(rb"start now\? \[Y/n\] \Z")
        terminal.type(typed + b"\r")
        terminal.expect(rb"answer " + answer)


@pytest.mark.parametrize("code", [CONFIRM, SECRET])
@pytest.mark.parametrize("typed", [b"\x03", b"\x04"])
def test_ctrl_c_and_end_of_file_interrupt(code: str, typed: bytes) -> None:
    with asking(code) as terminal:
        terminal.expect(rb"(\[y/N\]|API key:) \Z")
        wait_for_the_mode(terminal, secret=code == SECRET)
        terminal.type(typed)
        terminal.expect(rb"InterruptedByUser")

        assert terminal.wait() == 0
        assert terminal.attributes() == terminal.attributes_before


@pytest.mark.parametrize(
    ("typed", "secret"),
    [
        (b"s3cret\r", "s3cret"),
        (b"wrong\x15s3cret\r", "s3cret"),
        (b"s3crex\x7ft\r", "s3cret"),
        ("sä\x7fecret\r".encode(), "secret"),
        (b"x" * 20_000 + b"\r", "x" * 20_000),
        (b"\r", ""),
        (b"s3cret\x04", "s3cret"),
    ],
)
def test_a_secret_is_read_whole_and_not_shown(typed: bytes, secret: str) -> None:
    with asking(SECRET) as terminal:
        terminal.expect(rb"API key: \Z")
        wait_for_the_mode(terminal, secret=True)
        terminal.type(typed)
        terminal.expect(rb"got '")

        assert terminal.wait() == 0
        assert bytes(terminal.output) == b"API key: \r\ngot " + ascii(secret).encode() + b"\r\n"
        assert terminal.attributes() == terminal.attributes_before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_a_secret_question_restores_the_echo(number: signal.Signals) -> None:
    with asking(SECRET) as terminal:
        terminal.expect(rb"API key: \Z")
        wait_for_the_mode(terminal, secret=True)
        terminal.process.send_signal(number)

        assert terminal.wait() == -number
        assert terminal.attributes() == terminal.attributes_before


@pytest.mark.parametrize(("code", "hint"), [(CONFIRM, b"--yes"), (SECRET, b"on a terminal")])
def test_without_a_terminal_the_question_is_a_usage_error(code: str, hint: bytes) -> None:
    with OperatorTerminal(
        sys.executable,
        "-c",
        "from bottle.terminal import Terminal\nfrom bottle.errors import BottleError\n"
        f"try: {code}\nexcept BottleError as error: print(type(error).__name__, error.hint)",
    ) as terminal:  # a session leader that never acquired its terminal
        terminal.expect(rb"UsageError.*" + hint)


def wait_for_the_mode(terminal: OperatorTerminal, *, secret: bool) -> None:
    while secret and terminal.attributes() == terminal.attributes_before:
        terminal.read(0.02)
