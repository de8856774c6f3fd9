"""Locks the process down before a secret enters it. Each measure is best effort: a kernel may lack it."""

import ctypes
import os
import resource
import signal
import struct
from contextlib import suppress

CAP_DAC_READ_SEARCH = 2

_CAPABILITY_VERSION_3 = 0x20080522
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38


def harden() -> None:
    """No core dump, no ptrace by the same user, private files; the operator's Ctrl-C is left to the agent."""
    os.umask(0o077)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _raise_descriptor_limit()


def keep_capability(capability: int) -> None:
    """Gives every other one up. Raises OSError where this one is not held."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    if libc.capset(header, struct.pack("6I", 1 << capability, 1 << capability, 0, 0, 0, 0)):
        raise OSError(ctypes.get_errno(), "capset")


def _raise_descriptor_limit() -> None:
    """As many open files as the system allows: each of the agent's connections takes two."""
    with suppress(OSError, ValueError):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = 8192 if hard == resource.RLIM_INFINITY else min(hard, 8192)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
