"""What an idle bottle keeps of the machine's memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from bench.operator import operator
from bench.report import Goal, Row, Unit
from bottle.proc import PIPE, end
from support.project import BottleProject, shell_agent
from support.sites import Site

_IDLE = "echo up; exec sleep 600"
_SIDECAR = b"bottle_sidecar"


def resident(pid: int) -> int:
    """Bytes in memory, those shared with other processes included."""
    return _sum(pid, "Rss")


def private(pid: int) -> int:
    """Bytes in memory that no other process shares."""
    return _sum(pid, "Private_Clean", "Private_Dirty")


def anonymous(pid: int) -> int:
    """Bytes in memory that no file stands behind."""
    return _sum(pid, "Anonymous")


def _sum(pid: int, *names: str) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    fields = {name: value for name, _, value in (line.partition(":") for line in lines)}
    return sum(int(fields[name].split()[0]) * 1024 for name in names)


def descendants(pid: int) -> list[int]:
    """The process and all that came of it."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(child) for path in tasks for child in path.read_text().split()]
    return [pid, *(found for child in children for found in descendants(child))]


@contextmanager
def _idle_bottle(project: BottleProject) -> Iterator[int]:
    """The pid of a `bottle run` whose agent sleeps."""
    process = project.spawn("run", "shell", _IDLE, stdout=PIPE)
    try:
        assert process.stdout is not None
        while (line := process.stdout.readline()).strip() != b"up":
            assert line, "the bottle ended"
        yield process.pid
    finally:
        process.terminate()
        end(process, patience=30)
        if process.stderr:
            process.stderr.close()


@frozen(kw_only=True)
class Memory:
    def native(self, site: Site) -> Iterator[Row]:
        """Of the second of two bottles: what they can share, they share."""
        with operator(site) as project:
            project.write(shell_agent())
            with _idle_bottle(project), _idle_bottle(project) as pid:
                bottle = descendants(pid)
                sidecar = max(filter(_is_sidecar, bottle), key=resident)
                whole, alone = sum(map(private, bottle)), private(sidecar)
        goal = Goal(bound=25e6, of_ratio=False)
        yield Row(
            measure="native: one more idle bottle, its sidecar, private",
            unit=Unit.MEGABYTES,
            samples=[alone],
        )
        yield Row(
            measure="native: one more idle bottle, all its processes, private",
            unit=Unit.MEGABYTES,
            samples=[whole],
            goal=goal,
        )


def _is_sidecar(pid: int) -> bool:
    return _SIDECAR in Path(f"/proc/{pid}/cmdline").read_bytes()
