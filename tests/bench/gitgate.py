"""The git gate, compared to git over ssh without one, with the same sshd."""

import os
import shlex
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from attrs import frozen

from bench.interleave import interleaved
from bench.memory import anonymous, descendants
from bench.report import Baseline, Goal, Row, Unit
from support.gitgate import GateLab, Work
from support.sshd import Sshd, git

_FILES = 500
_FILE = 10**6  # bytes, at a scale of 1
_GLANCE = 0.05
_NAME = "large"


@frozen(kw_only=True)
class GitGate:
    """`rounds`: of each measure. `scale`: of 500 MB that no compression makes smaller."""

    rounds: int
    scale: float

    def rows(self) -> Iterator[Row]:
        with tempfile.TemporaryDirectory(prefix="bb-", dir="/tmp") as name:
            folder = Path(name)
            with Sshd(folder / "sshd") as sshd:
                sshd.bare(_NAME)
                repos = [sshd.declared(_NAME)]
                with GateLab(folder / "lab", repos, sshd.key, cache=folder / "cache") as lab:
                    yield from self._memory(lab, sshd.url(_NAME))
                    yield from self._times(lab, sshd)

    def _memory(self, lab: GateLab, url: str) -> Iterator[Row]:
        size = f"{_FILES * _FILE * self.scale / 1e6:.0f} MB"
        goal = Goal(bound=100e6, of_ratio=False)
        work = lab.clone(url)
        self._fill(work)
        pid = lab.sidecar.process.pid
        with _growth(pid) as pushing:
            work.git("push", "--quiet", "origin", "HEAD:main")
        with _growth(pid) as cloning:
            shutil.rmtree(lab.clone(url).folder)
        for what, samples in (("push", pushing), ("first clone", cloning)):
            measure = f"{size} {what}: growth of the sidecar and its programs, anonymous memory"
            yield Row(measure=measure, unit=Unit.MEGABYTES, samples=samples, goal=goal)

    def _fill(self, work: Work) -> None:
        for number in range(_FILES):
            (work.folder / f"file{number}").write_bytes(os.urandom(int(_FILE * self.scale)))
        work.git("add", "--all")
        work.git("commit", "--quiet", "--message", "much")

    def _times(self, lab: GateLab, sshd: Sshd) -> Iterator[Row]:
        ways = {"gate": dict(lab.env), "ssh": _direct(sshd)}
        url = sshd.url(_NAME)
        copies = {way: lab.folder / f"copy-{way}" for way in ways}
        for way, env in ways.items():
            git("clone", "--quiet", "--no-checkout", url, str(copies[way]), env=env)
        fetches = {way: _timed(env, "-C", str(copies[way]), "fetch", "--quiet") for way, env in ways.items()}
        clones = {way: _cloning(env, url, lab.folder / f"again-{way}") for way, env in ways.items()}
        for what, measures, bound, rounds in (
            ("fetch of nothing new", fetches, 2.0, self.rounds * 3),
            ("warm clone", clones, 1.2, self.rounds),
        ):
            found = interleaved(measures, rounds)
            yield Row(
                measure=f"git gate: {what}",
                unit=Unit.MILLISECONDS,
                samples=found["gate"],
                baseline=Baseline(name="git over ssh", samples=found["ssh"]),
                goal=Goal(bound=bound),
            )


def _direct(sshd: Sshd) -> dict[str, str]:
    known = sshd.folder / "known_hosts"
    known.write_text(f"[{sshd.host}]:{sshd.port} {sshd.host_key()}\n")
    options = (f"UserKnownHostsFile={known}", "IdentitiesOnly=yes", "BatchMode=yes", "LogLevel=ERROR")
    words = ["ssh", "-F", "none", "-i", str(sshd.key)]
    return {"GIT_SSH_COMMAND": shlex.join([*words, *(word for one in options for word in ("-o", one))])}


def _timed(env: Mapping[str, str], *words: str) -> Callable[[], float]:
    def measure() -> float:
        start = time.perf_counter()
        git(*words, env=dict(env))
        return time.perf_counter() - start

    return measure


def _cloning(env: Mapping[str, str], url: str, folder: Path) -> Callable[[], float]:
    clone = _timed(env, "clone", "--quiet", url, str(folder))

    def measure() -> float:
        seconds = clone()
        shutil.rmtree(folder)
        return seconds

    return measure


@contextmanager
def _growth(pid: int) -> Iterator[list[float]]:
    """After the block, by how many bytes the process and its descendants ever were above their start."""
    found: list[float] = []
    before = _whole(pid)
    peak = before
    over = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(_GLANCE):
            with suppress(FileNotFoundError, ProcessLookupError):  # one ended while it was looked at
                peak = max(peak, _whole(pid))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()
    found.append(peak - before)


def _whole(pid: int) -> int:
    return sum(map(_anonymous, descendants(pid)))


def _anonymous(pid: int) -> int:
    try:
        return anonymous(pid)
    except (OSError, KeyError):  # it ended meanwhile
        return 0
