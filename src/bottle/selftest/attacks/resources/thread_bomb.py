"""Thread bombs."""

import threading
import time
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.resources import more_than

_STACK = 65536


@attack(
    aim="small_pids",
    source="pthread_create(3); MITRE ATT&CK T1499.001, OS exhaustion flood",
    expects="threads count as processes do",
    control="few_pids",
    outside=True,
    alone=True,
    expendable=True,
    spared={"gvisor": "its kernel runs an agent's threads on fewer of the machine's, which are limited"},
)
def attempts(aim: int) -> Iterator[Attempt]:
    """Starts more threads than it may have processes."""
    yield "threads that sleep", partial(more_than, aim, _thread)


def _thread() -> threading.Thread:
    threading.stack_size(_STACK)
    made = threading.Thread(target=time.sleep, args=(60,), daemon=True)
    try:
        made.start()
    except RuntimeError as error:
        raise OSError(str(error)) from None
    return made
