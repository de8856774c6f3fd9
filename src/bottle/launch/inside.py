"""Runs a command inside a bottle to its end, and keeps what it prints."""

import os
from collections.abc import Mapping
from tempfile import TemporaryFile

from bottle.backends.base import Bottle, ExecRequest, Streams
from bottle.plan import WORKSPACE
from bottle.proc import Completed


def capture(bottle: Bottle, argv: tuple[str, ...], env: Mapping[str, str]) -> Completed:
    """Without an input, in the workspace."""
    with open(os.devnull, "rb") as nothing, TemporaryFile() as stdout, TemporaryFile() as stderr:  # noqa: PTH123
        streams = Streams(stdin=nothing.fileno(), stdout=stdout.fileno(), stderr=stderr.fileno())
        request = ExecRequest(argv=argv, env=env, cwd=str(WORKSPACE), streams=streams)
        code = bottle.start(request).wait()
        stdout.seek(0)
        stderr.seek(0)
        return Completed(code=code, stdout=stdout.read(), stderr=stderr.read())
