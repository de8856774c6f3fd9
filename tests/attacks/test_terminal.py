"""An agent cannot type on the operator's terminal, read from it, or leave it changed."""

import sys
from pathlib import Path

from attacks.range import LiveBottle
from support.operator_terminal import OperatorTerminal

# Types a command on every terminal that it can open, and on its own streams.
_INJECT = """
import fcntl, glob, os
terminals = [0, 1, 2]
for path in ("/dev/tty", "/dev/console", "/dev/ptmx", *glob.glob("/dev/pts/*"), *glob.glob("/dev/tty[0-9]*")):
    try:
        terminals.append(os.open(path, os.O_RDWR | os.O_NOCTTY))
    except OSError:
        pass
for terminal in terminals:
    for request in (0x5412, 0x5412 | 1 << 32):
        for key in b"echo INJEC''TED\\n":
            try:
                fcntl.ioctl(terminal, request, bytes([key]))
            except (OSError, OverflowError):
                break
print("tried", len(terminals), flush=True)
"""
_STEAL = """
import os, select
print("rea" + "dy", flush=True)
readable, _, _ = select.select([1, 2], [], [], 3)
print("took", os.read(readable[0], 100) if readable else None, flush=True)
"""
_CHANGE = """
import termios
for stream in (0, 1, 2):
    try:
        attributes = termios.tcgetattr(stream)
        attributes[3] &= ~(termios.ECHO | termios.ICANON | termios.ISIG)
        termios.tcsetattr(stream, termios.TCSANOW, attributes)
    except (termios.error, OSError):
        pass
print("chan" + "ged", flush=True)
"""
# Asks the terminal questions whose answers would be typed, writes to the clipboard, leaves modes switched on.
_SEQUENCES = {
    "clipboard": b"\x1b]52;c;cm0gLXJmIH4K\x07",
    "reading the clipboard": b"\x1b]52;c;?\x1b\\",
    "title": b"\x1b]0;rm -rf ~\x07",
    "title report": b"\x1b[21t",
    "position report": b"\x1b[6n",
    "attributes report": b"\x1b[c",
    "setting report": b"\x1bP$qm\x1b\\",
    "capability report": b"\x1bP+q544e\x1b\\",
    "answerback": b"\x05",
    "colour report": b"\x1b]4;1;?\x07",
    "hyperlink": b"\x1b]8;;file:///etc/passwd\x07",
    "keys of one's own": b"\x1bP1;1|17/726d\x1b\\",
    "end of a paste": b"\x1b[201~",
    "modes": b"\x1b[?1049h\x1b[?1003h\x1b[?2004h\x1b[>7u",
    "invisible text": b"\x1b[8m",
    "other letters": b"\x0e\x1b(0",
    "one byte for two": b"\x9b6n\x9d0;x\x9c",
    "one letter for two": "\u009b6n\u009d0;x\u009c".encode(),
    "backspace": b"\x08\x08\x7f",
    "reset": b"\x1bc",
}
_SPEAK = """
import sys
for part in map(bytes.fromhex, "%s".split()):
    for half in (part[:1], part[1:]):
        sys.stdout.buffer.write(half)
        sys.stdout.buffer.flush()
print("spo" + "ken", flush=True)
"""


def _put(bottle: LiveBottle, name: str, script: str) -> None:
    code, _, errors = bottle.execute("/bin/sh", "-c", f"cat > /workspace/{name}", stdin=script.encode())
    assert code == 0, errors


def test_nothing_is_typed_from_inside(attacked: LiveBottle) -> None:
    _put(attacked, "inject.py", _INJECT)
    terminal = attacked.terminal

    terminal.type(b"python3 /workspace/inject.py; echo over-$((40+2))\n")
    terminal.expect(b"tried [3-9].*over-42\r", timeout=60)
    terminal.type(b"echo still-$((40+2))\n")
    terminal.expect(b"still-42\r", timeout=60)

    assert b"INJECTED" not in terminal.output


def test_typing_from_inside_would_be_seen(tmp_path: Path) -> None:
    """The control: the same script at a shell without a bottle."""
    script = tmp_path / "inject.py"
    script.write_text(_INJECT)
    with OperatorTerminal("/bin/bash", "--norc", "-i") as terminal:
        terminal.expect(rb"\$ ")
        terminal.type(f"{sys.executable} {script}\n".encode())
        terminal.expect(b"INJECTED\r")
        terminal.type(b"exit\n")


def test_a_task_reads_nothing_of_what_the_operator_types(attacked: LiveBottle) -> None:
    """`bottle run` at a terminal: its output goes there, but what is typed there is not the agent's."""
    task = f"python3 -c '{_STEAL}'"
    with attacked.project.terminal("run", "shell", task, columns=200) as terminal:
        terminal.expect(b"ready", timeout=180)
        terminal.type(b"the password\n")
        told = terminal.expect(b"took ([^\r]*)\r", timeout=60)
        terminal.wait()

    assert b"password" not in told.group(1), "the agent read what the operator typed"


def test_reading_from_output_would_be_seen() -> None:
    with OperatorTerminal(sys.executable, "-c", _STEAL) as terminal:
        terminal.expect(b"ready")
        terminal.type(b"the password\n")
        terminal.expect(b"took b'the password")
        terminal.wait()


def test_a_task_leaves_the_terminal_as_it_was(attacked: LiveBottle) -> None:
    task = f"python3 -c '{_CHANGE}'"
    with attacked.project.terminal("run", "shell", task, columns=200) as terminal:
        terminal.expect(b"changed", timeout=180)
        terminal.wait()

        assert terminal.attributes() == terminal.attributes_before


def test_a_changed_terminal_would_be_seen() -> None:
    with OperatorTerminal(sys.executable, "-c", _CHANGE) as terminal:
        terminal.expect(b"changed")
        terminal.wait()

        assert terminal.attributes() != terminal.attributes_before


def test_a_task_tells_the_terminal_nothing_but_text(attacked: LiveBottle) -> None:
    """`bottle run` at a terminal: answers to what it is asked would be typed into the operator's shell."""
    with attacked.project.terminal("run", "shell", _spoken_by_shell(), columns=200) as terminal:
        terminal.expect(b"spoken", timeout=180)
        terminal.wait()

    assert _sequences_in(bytes(terminal.output)) == []


def test_what_a_terminal_is_told_would_be_seen() -> None:
    with OperatorTerminal("/bin/sh", "-c", _spoken_by_shell()) as terminal:
        terminal.expect(b"spoken")
        terminal.wait()

    assert _sequences_in(bytes(terminal.output)) == list(_SEQUENCES)


def _spoken_by_shell() -> str:
    parts = " ".join(part.hex() for part in _SEQUENCES.values())
    return f"python3 -c '{_SPEAK % parts}'"


def _sequences_in(output: bytes) -> list[str]:
    return [name for name, sequence in _SEQUENCES.items() if sequence in output]
