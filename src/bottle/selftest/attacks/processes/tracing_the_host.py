"""Tracing the host."""

import ctypes
import os
import signal
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.calls import checked, libc

_PTRACE_ATTACH, _PTRACE_SEIZE = 16, 0x4206


@attack(
    aim="host_pids",
    source="CVE-2019-13272 (ptrace); ptrace(2)",
    expects="no such process, or not permitted",
    control="own_child",
)
def attempts(aim: list[int]) -> Iterator[Attempt]:
    """Traces processes of the host, and reads their memory."""
    for pid in aim:
        yield f"attach {pid}", partial(_traced, pid, _PTRACE_ATTACH)
        yield f"seize {pid}", partial(_traced, pid, _PTRACE_SEIZE)
        yield f"memory {pid}", partial(_memory, pid)
        yield f"process_vm_readv {pid}", partial(_read_across, pid)


def _traced(pid: int, how: int) -> str:
    target = pid or _child()
    try:
        return checked(libc.ptrace(how, target, None, None))
    finally:
        if not pid:
            os.kill(target, signal.SIGKILL)


def _memory(pid: int) -> str:
    target = pid or _child()
    try:
        with open(f"/proc/{target}/mem", "rb", 0):
            return "opened"
    finally:
        if not pid:
            os.kill(target, signal.SIGKILL)


def _read_across(pid: int) -> str:
    """Of the child as of any other: what lies where this process has a buffer of its own."""
    target = pid or _child()
    buffer = ctypes.create_string_buffer(8)
    piece = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 8)
    try:
        return checked(libc.process_vm_readv(target, piece, 1, piece, 1, 0))
    finally:
        if not pid:
            os.kill(target, signal.SIGKILL)


def _child() -> int:
    child = os.fork()
    while child == 0:
        signal.pause()
    return child
