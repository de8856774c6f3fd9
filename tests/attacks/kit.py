"""What an attack is, and how its attempts are run. Goes into a bottle: nothing here but the standard library.

An attack is a generator function of its claim's module: it yields attempts, each a text and a function. An
attempt is *through* where its function returns something, and *held* where it returns nothing, raises
OSError, or is killed. Every attempt runs in a process of its own, so none disturbs the next.
"""

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

Attempt = tuple[str, Callable[[], object]]
Probe = Callable[[Any], Iterator[Attempt]]

THROUGH, HELD, BROKEN = "through", "held", "broken"
_SECONDS = 30
_LONGEST = 300


@dataclass(frozen=True)
class Attack:
    """`tries` says what the probe does. `aim` names the fact that it is given.

    The control shows that the probe can succeed: with the fact `control` the very same probe must get
    through, in the very same bottle or, `outside`, as a process of the host. `every`: with each attempt of
    the control, else with one. `spared`: back-end -> why the attack says nothing there.
    """

    name: str
    tries: str
    probe: Probe
    aim: str
    control: str
    outside: bool
    every: bool
    spared: dict[str, str]


def attack(
    aim: str,
    *,
    control: str | None = None,
    outside: bool = False,
    every: bool = False,
    spared: dict[str, str] | None = None,
) -> Callable[[Probe], Attack]:
    """Makes a generator function, whose docstring says what it tries, an attack. No `control`: its aim."""

    def made(probe: Probe) -> Attack:
        tries = " ".join((probe.__doc__ or "").split())
        return Attack(
            name=getattr(probe, "__name__", ""),
            tries=tries,
            probe=probe,
            aim=aim,
            control=control or aim,
            outside=outside or control is None,
            every=every,
            spared=spared or {},
        )

    return made


def attacks_of(module: ModuleType) -> list[Attack]:
    return [value for value in vars(module).values() if isinstance(value, Attack)]


def main(claim: str, aims: dict[str, Any]) -> None:
    """Runs the named attacks of a claim and prints each attempt's outcome as a line of JSON."""
    for found in attacks_of(sys.modules[claim]):
        if found.name in aims:
            for what, function in found.probe(aims[found.name]):
                outcome, detail = _run(function)
                line = {"attack": found.name, "attempt": what, "outcome": outcome, "detail": detail}
                print(json.dumps(line), flush=True)


def _run(function: Callable[[], object]) -> tuple[str, str]:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _report(function, write)
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        told = stream.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if told:
        outcome, detail = json.loads(told)
        return outcome, detail
    if status == -signal.SIGALRM:
        return BROKEN, "it did not end"
    return (HELD, f"killed by {signal.Signals(-status).name}") if status < 0 else (BROKEN, f"exit {status}")


def _report(function: Callable[[], object], write: int) -> None:
    """In the attempt's own process: never returns."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_SECONDS)
    try:
        gained = function()
        answer = (THROUGH, str(gained)[:_LONGEST]) if gained else (HELD, "")
    except OSError as error:
        answer = (HELD, str(error)[:_LONGEST])
    except BaseException:  # noqa: BLE001 - whatever it is, the probe and not the wall failed
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
