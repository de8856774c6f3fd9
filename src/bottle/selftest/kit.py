"""What an attack is, and how its attempts are run. Goes into a bottle: nothing here but the standard library.

An attack is a module with a generator function `attempts`, decorated with `attack`. It yields attempts, each
a text and a function. An attempt is *through* where its function returns something, and *held* where it
returns nothing, raises OSError, or is killed. Every attempt runs in a process of its own, beside others of
the same attack unless this is `alone`. The generator is run ahead of them: whatever an attempt needs alive,
its function makes.
"""

import ctypes
import json
import os
import signal
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any

Attempt = tuple[str, Callable[[], object]]
Probe = Callable[[Any], Iterator[Attempt]]

THROUGH, HELD, BROKEN = "through", "held", "broken"
_SECONDS = 120
_LONGEST = 300
_AT_ONCE = 8
_PIPE = 4096  # bytes that it surely takes at once
_ADOPT_ORPHANS = 36  # PR_SET_CHILD_SUBREAPER


@dataclass(frozen=True)
class Attack:
    """`tries` says what the probe does, `expects` what holding looks like, `source` who used it before.

    `aim` names the fact that the probe is given. The control shows that the probe can succeed: with the fact
    `control` the very same probe must get through, in the very same bottle or, `outside`, as a process of the
    host. `every`: with each attempt of the control, else with one. `spared`: back-end -> why the attack says
    nothing there. `alone`: one attempt at a time. `expendable`: in a bottle with small limits, which
    may die of it; that counts as held. `root_control`: an ordinary user's control cannot show
    anything, not even with namespaces of its own.
    """

    tries: str
    source: str
    expects: str
    probe: Probe
    aim: str
    control: str
    outside: bool
    every: bool
    spared: dict[str, str]
    alone: bool
    expendable: bool
    root_control: bool


def attack(  # noqa: PLR0913 - an attack names what it needs
    *,
    aim: str,
    source: str,
    expects: str,
    control: str | None = None,
    outside: bool = False,
    every: bool = False,
    spared: dict[str, str] | None = None,
    alone: bool = False,
    expendable: bool = False,
    root_control: bool = False,
) -> Callable[[Probe], Attack]:
    """Makes a generator function, whose docstring says what it tries, an attack.

    Without `control` the aim itself is aimed at, outside of the bottle.
    """

    def made(probe: Probe) -> Attack:
        return Attack(
            tries=" ".join((probe.__doc__ or "").split()),
            source=source,
            expects=expects,
            probe=probe,
            aim=aim,
            control=control or aim,
            outside=outside or control is None,
            every=every,
            spared=spared or {},
            alone=alone,
            expendable=expendable,
            root_control=root_control,
        )

    return made


def main(runs: Iterable[tuple[str, Any]]) -> None:
    """Runs attacks, given as the name of a module and an aim, and prints a line of JSON for all that happens.

    For each attack: that it begins, then each attempt's outcome. The last line says that all is over.
    """
    ctypes.CDLL(None).prctl(_ADOPT_ORPHANS, 1, 0, 0, 0)
    for module, aim in runs:
        _tell(begins=module)
        for what, outcome, detail in _outcomes(module, aim):
            _tell(attack=module, attempt=what, outcome=outcome, detail=detail)
        _end_orphans()
    _tell(over=True)


def _tell(**line: object) -> None:
    print(json.dumps(line), flush=True)


def _end_orphans() -> None:
    """What an attack started and left behind, daemons included, must not stand in the next one's way."""
    own = f"PPid:\t{os.getpid()}\n"
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError), open(f"/proc/{name}/status") as file:
            if own in file.read():
                os.kill(int(name), signal.SIGKILL)
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _outcomes(module: str, aim: Any) -> Iterator[tuple[str, str, str]]:
    """In the order of the attempts."""
    running: deque[tuple[str, int, int]] = deque()
    try:
        found: Attack = import_module(module).attempts
        for what, function in found.probe(aim):
            running.append((what, *_begin(function)))
            if len(running) >= (1 if found.alone else _AT_ONCE):
                yield _ended(*running.popleft())
    except Exception:  # whatever it is, the probe and not the wall failed
        yield "listing the attempts", BROKEN, traceback.format_exc()[-_LONGEST:]
    while running:
        yield _ended(*running.popleft())


def _begin(function: Callable[[], object]) -> tuple[int, int]:
    """Starts an attempt: its process, and where this answers."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _report(function, write)
    os.close(write)
    return child, read


def _ended(what: str, child: int, read: int) -> tuple[str, str, str]:
    """Reads what there is once it has ended: what it started may hold the pipe open for longer."""
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.set_blocking(read, False)
    told = b""
    with suppress(BlockingIOError):
        told = os.read(read, _PIPE)
    os.close(read)
    with suppress(OSError):
        os.killpg(child, signal.SIGKILL)  # what it started and left behind
    if told:
        outcome, detail = json.loads(told)
        return what, outcome, detail
    if status == -signal.SIGALRM:
        return what, BROKEN, "it did not end"
    if status < 0:
        return what, HELD, f"killed by {signal.Signals(-status).name}"
    return what, BROKEN, f"exit {status}"


def _report(function: Callable[[], object], write: int) -> None:
    """In the attempt's own process: never returns."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_SECONDS)
    try:
        gained = function()
        answer = (THROUGH, str(gained)[:_LONGEST]) if gained else (HELD, "")
    except OSError as error:
        answer = (HELD, str(error)[:_LONGEST])
    except BaseException:  # whatever it is, the probe and not the wall failed
        answer = (BROKEN, traceback.format_exc()[-_LONGEST:])
    try:
        os.write(write, json.dumps(answer).encode())
    finally:
        os._exit(0)


def done(function: Callable[..., object], *arguments: object) -> str:
    """For calls whose return is the gain."""
    function(*arguments)
    return "done"


def await_quiet(read: Callable[[], bytes], seconds: float = 5.0) -> bytes:
    """Everything that `read` gives until it gives nothing, fails, or the time is over."""
    received, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            data = read()
        except OSError:
            break
        if not data:
            break
        received += data
    return received
