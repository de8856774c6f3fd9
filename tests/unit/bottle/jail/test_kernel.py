"""System calls by hand."""

import os
from pathlib import Path

from bottle.jail import kernel
from bottle.jail.process import status_code


def test_a_sealed_copy_runs_and_cannot_be_changed() -> None:
    descriptor = kernel.sealed_copy("/bin/true")
    try:
        for attempt in (lambda: os.write(descriptor, b"x"), lambda: os.ftruncate(descriptor, 0)):
            try:
                attempt()
            except PermissionError:
                continue
            raise AssertionError("the copy was changed")
        assert os.fstat(descriptor).st_size == Path("/bin/true").stat().st_size
    finally:
        os.close(descriptor)


def test_everything_but_what_is_kept_is_closed() -> None:
    """Also where the lowest descriptor is kept, which makes an empty range at 0."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            kernel.close_all_but({0, 1, 2, write})
            os.write(write, b"open")
            try:
                os.fstat(read)
            except OSError:
                os._exit(7)
        finally:
            os._exit(1)
    os.close(write)
    assert os.read(read, 4) == b"open"
    os.close(read)
    assert status_code(os.waitpid(child, 0)[1]) == 7
