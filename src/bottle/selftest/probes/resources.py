"""Taking more than is granted; goes into a bottle beside the attacks."""

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable
from typing import Any

MEGABYTE = 1 << 20
_SECONDS = 20


def more_than(most: int, take: Callable[[], object]) -> str:
    """Takes one after another and keeps them all. Says so where there were more than `most`."""
    kept = [take() for _ in range(most + 1)]
    return f"{len(kept)} at once"


def child(*, ends: bool) -> int:
    """A process that sleeps, or ends and is not waited for."""
    found = os.fork()
    if found == 0:
        if not ends:
            time.sleep(60)
        os._exit(0)
    return found


def fill(aim: dict[str, Any], write: Callable[[str, int], object], *, pieces: int) -> str:
    """Has `write` make piece after piece in each folder by turns, and waits for whoever limits that."""
    folders = aim["folders"]
    made = [tempfile.mkdtemp(dir=folder) for folder in folders]
    try:
        paths = (f"{made[number % len(made)]}/{number}" for number in range(pieces))
        kept = [write(path, aim["bytes"] // pieces) for path in paths]
        time.sleep(aim["wait"])
    finally:
        for folder in made:
            shutil.rmtree(folder, ignore_errors=True)
    return f"{aim['bytes']} bytes in {len(kept)} pieces held for {aim['wait']} s"


def unanswered(proxy: tuple[str, int]) -> str | None:
    """Whether the sidecar no longer answers an ordinary request."""
    try:
        with socket.create_connection((proxy[0], proxy[1]), _SECONDS) as stream:
            stream.settimeout(_SECONDS)
            stream.sendall(b"GET http://denied.example.com/ HTTP/1.1\r\nHost: denied.example.com\r\n\r\n")
            answer = stream.recv(64)
    except OSError as error:
        return f"no answer: {error}"
    return None if answer.startswith(b"HTTP/1.1 ") else f"an odd answer: {answer!r}"
