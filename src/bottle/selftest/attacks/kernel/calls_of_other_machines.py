"""System calls under other numbers."""

import ctypes
import mmap
import os
import platform
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.kernel import SENTRY, called


@attack(
    aim="nothing",
    source="seccomp(2), on x32 and 32-bit calls",
    expects="no such call, or killed",
    spared=SENTRY,
)
def attempts(_: None) -> Iterator[Attempt]:
    """Makes calls by numbers that filters may overlook: of x32 and, through the old gate, of 32 bits."""
    if platform.machine() == "x86_64":
        yield "x32", partial(called, 0x40000000 + 39, ())
        yield "32 bits", partial(_through_the_old_gate, 20)
    else:
        yield "nothing of the kind here", partial(list, [])


def _through_the_old_gate(number: int) -> str:
    """Push rbx; mov eax, number; int 0x80; pop rbx; ret. The attempt's process ends with the memory."""
    area = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    area.write(b"\x53\xb8" + number.to_bytes(4, "little") + b"\xcd\x80\x5b\xc3")
    result = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(area)))()
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return f"answered {result}"
