"""When the words of a streaming agent come out of `bottle run`."""

import json
import time

from bottle.proc import DEVNULL, PIPE, Command, spawn
from support.project import BottleProject


def arrivals(project: BottleProject, *arguments: str, **environ: str) -> list[float]:
    """Runs `bottle` and returns when each word of the agent's answer came, by the monotonic clock."""
    return arrivals_of(project.command(*arguments, environ=environ))


def arrivals_of(command: Command) -> list[float]:
    """The same of any command that prints Claude Code's stream of events."""
    times = []
    process = spawn(command, stdin=DEVNULL, stdout=PIPE)
    assert process.stdout is not None
    with process, process.stdout:
        for line in process.stdout:
            at = time.monotonic()
            event = json.loads(line).get("event", {})
            if event.get("type") == "content_block_delta":
                times.append(at)
    assert process.returncode == 0
    return times
