"""`bottle`, and `python -m bottle`."""

import io
import os
import sys

from bottle.cli.main import main as run


def main() -> None:
    open_standard_streams()
    try:
        status = run(sys.argv[1:], os.environ)
    finally:
        let_go_of_full_streams()
    sys.exit(status)


def open_standard_streams() -> None:
    """Whatever was closed by the caller reads nothing and loses what is written.

    Else the next file that is opened, perhaps a lock or a record, would take the number of a stream that
    others write to. A letter that the caller's encoding lacks is written as an escape.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    sys.stdin = sys.stdin or os.fdopen(0, "r")
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def let_go_of_full_streams() -> None:
    """What a full disk or a gone reader did not take was told of; the interpreter would tell of it again."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":
    main()
