"""How long it takes until something runs."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from bench.interleave import duration, interleaved
from bench.operator import operator
from bench.report import Baseline, Goal, Row, Unit
from bench.rivals import SRT, NotObtainableError, Srt, plain_bwrap
from bottle.proc import Command
from support.engine.model import BUILD, REPOSITORY, Engine
from support.project import shell_agent
from support.sites import Site

_TASK = ("run", "shell", "true")


@frozen(kw_only=True)
class Starts:
    """`rounds`: of each measure."""

    rounds: int

    def native(self, site: Site) -> Iterator[Row]:
        measure = "native: `bottle run shell true`"
        with operator(site) as project, tempfile.TemporaryDirectory() as home:
            project.write(shell_agent())
            measures = {"ours": duration(project.command(*_TASK)), "bwrap": duration(plain_bwrap())}
            rival = Baseline(name=SRT)
            try:
                measures["srt"] = duration(Srt.obtained().command("true", home=Path(home)))
            except NotObtainableError as error:
                rival = Baseline(name=f"{SRT} ({error})")
            found = interleaved(measures, self.rounds)
        ours = found["ours"]
        plain = Baseline(name="plain `bwrap true`", samples=found["bwrap"])
        yield Row(measure=measure, unit=Unit.MILLISECONDS, samples=ours, baseline=plain)
        if "srt" in found:
            rival = Baseline(name="`srt true`", samples=found["srt"])
        yield Row(measure=measure, unit=Unit.MILLISECONDS, samples=ours, baseline=rival, goal=Goal(bound=1.0))

    def docker(self, site: Site, engine: Engine) -> Iterator[Row]:
        plain = Command(
            argv=("docker", "run", "--rm", engine.base_image, "true"), env=engine.environment(), timeout=120
        )
        with operator(site) as project:
            project.write(shell_agent())
            measures = {"ours": duration(project.command(*_TASK)), "plain": duration(plain)}
            found = interleaved(measures, self.rounds)
        yield Row(
            measure="docker: `bottle run shell true`",
            unit=Unit.MILLISECONDS,
            samples=found["ours"],
            baseline=Baseline(name="`docker run --rm IMAGE true`", samples=found["plain"]),
            goal=Goal(bound=2.5),
        )

    def version(self) -> Iterator[Row]:
        programs = {
            "installed": (str(Path(sys.executable).with_name("bottle")),),
            "dist/bottle.pyz": (sys.executable, str(REPOSITORY / "dist" / "bottle.pyz")),
        }
        environ = {"PATH": "/usr/bin:/bin", "XDG_CACHE_HOME": str(BUILD / "cache")}
        measures = {
            name: duration(Command(argv=(*program, "--version"), env=environ))
            for name, program in programs.items()
        }
        measures["python"] = duration(Command(argv=(sys.executable, "-c", "pass"), env=environ))
        found = interleaved(measures, self.rounds)
        for name in programs:
            yield Row(
                measure=f"`bottle --version`, {name}",
                unit=Unit.MILLISECONDS,
                samples=found[name],
                baseline=Baseline(name="`python -c pass`", samples=found["python"]),
                goal=Goal(bound=5.0),
            )
