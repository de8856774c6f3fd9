"""What a large directory costs at the start of a bottle that works on it."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from attrs import evolve, frozen

from bench.interleave import duration, interleaved
from bench.operator import operator
from bench.report import Baseline, Goal, Row, Unit
from support.project import shell_agent
from support.sites import Site

_FILES, _SIZE, _A_FOLDER = 200_000, 25_000, 100


@frozen(kw_only=True)
class Workspaces:
    """`rounds`: of each measure. `scale`: of the number of files."""

    rounds: int
    scale: float = 1.0

    def native(self, site: Site) -> Iterator[Row]:
        files = max(1, int(_FILES * self.scale))
        with operator(site) as project, tempfile.TemporaryDirectory(prefix="bb-tree-") as name:
            project.write(shell_agent())
            command = project.command("run", "--cwd", "shell", "true")
            folders = {"empty": Path(name, "empty"), "full": Path(name, "full")}
            folders["empty"].mkdir()
            _fill(folders["full"], files)
            measures = {
                which: duration(evolve(command, cwd=str(folder))) for which, folder in folders.items()
            }
            found = interleaved(measures, self.rounds)
            project.discard_kept()
        yield Row(
            measure=f"native: `bottle run --cwd shell true`, {files} files of {files * _SIZE / 1e9:.3g} GB",
            unit=Unit.MILLISECONDS,
            samples=found["full"],
            baseline=Baseline(name="the same on an empty directory", samples=found["empty"]),
            goal=Goal(bound=2.0),
            spread=True,
        )


def _fill(folder: Path, files: int) -> None:
    content = os.urandom(_SIZE)
    for number in range(files):
        place = folder / f"{number // _A_FOLDER // 50}" / f"{number // _A_FOLDER}"
        if number % _A_FOLDER == 0:
            place.mkdir(parents=True)
        (place / f"{number}.txt").write_bytes(content)
