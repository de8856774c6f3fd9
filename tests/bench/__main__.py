"""Measures everything and prints one table: `python -m bench`, from the tests' folder."""

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import version

from bench.gitgate import GitGate
from bench.memory import Memory
from bench.report import Row, table
from bench.starts import Starts
from bench.traffic import Traffic
from bench.words import Words
from bench.workspace import Workspaces
from support.engine.model import Engine
from support.engine.open import opened
from support.sites import site_of


def parts(engine: Engine, rounds: int | None, scale: float) -> Mapping[str, Callable[[], Iterable[Row]]]:
    native, docker = (site_of(name, lambda: engine) for name in ("native", "docker"))
    return {
        "native": lambda: Starts(rounds=rounds or 9).native(native),
        "docker": lambda: Starts(rounds=rounds or 7).docker(docker, engine),
        "version": lambda: Starts(rounds=rounds or 11).version(),
        "words": lambda: Words(rounds=rounds or 10).rows(native, docker),
        "traffic": lambda: Traffic(rounds=rounds or 4, scale=scale).rows(),
        "workspace": lambda: Workspaces(rounds=rounds or 7, scale=scale).native(native),
        "git": lambda: GitGate(rounds=rounds or 3, scale=scale).rows(),
        "memory": lambda: Memory().native(native),
    }


def machine() -> str:
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    system = f"{os.cpu_count()} processors, {platform.machine()}, Linux {platform.release()}"
    versions = f"Python {platform.python_version()}, mitmproxy {version('mitmproxy')}"
    return f"{system}, {versions}; load {load}"


def rows(chosen: Mapping[str, Callable[[], Iterable[Row]]]) -> Iterator[Row]:
    for name, measure in chosen.items():
        print(f"measuring: {name}", file=sys.stderr)
        yield from measure()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, help="samples of each measure")
    parser.add_argument("--scale", type=float, default=1.0, help="of the amounts of traffic")
    parser.add_argument(
        "parts", nargs="*", help="native docker version words traffic workspace git memory; else all"
    )
    arguments = parser.parse_args()
    print(machine())
    with opened() as engine:
        known = parts(engine, arguments.rounds, arguments.scale)
        chosen = {name: known[name] for name in arguments.parts or known}
        print(table(rows(chosen)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
