"""Clean source code, as make has put it under .build/clean: what the scan says about it is a false alarm.

A few of the packages ship keys for their own tests; those are listed like the rest, since they would stop a
request as well.
"""

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".build/clean"
REQUIREMENTS = ROOT / "requirements"
SUFFIXES = frozenset(
    {
        ".c",
        ".cc",
        ".cjs",
        ".cpp",
        ".css",
        ".cts",
        ".h",
        ".hpp",
        ".html",
        ".js",
        ".json",
        ".jsx",
        ".md",
        ".mjs",
    }
    | {".mts", ".py", ".pyi", ".rst", ".sh", ".toml", ".ts", ".tsx", ".txt", ".yaml", ".yml"}
)
PYTHON, NPM = "python", "npm/node_modules"


@frozen(kw_only=True)
class SourceFile:
    path: Path

    @property
    def name(self) -> str:
        """From the package's own folder on."""
        relative = self.path.relative_to(FOLDER)
        return str(relative.relative_to(PYTHON if relative.parts[0] == PYTHON else NPM))

    def read(self) -> bytes:
        return self.path.read_bytes()


def files() -> Iterator[SourceFile]:
    """Raises SystemExit where there are none, since then nothing would be counted."""
    found = chain((FOLDER / PYTHON).rglob("*"), (FOLDER / NPM).rglob("*"))
    paths = sorted(path for path in found if path.suffix in SUFFIXES and path.is_file())
    if not paths:
        raise SystemExit("no clean source code in .build/clean; `make detection` fetches it")
    for path in paths:
        yield SourceFile(path=path)


def packages() -> list[str]:
    """What was asked for, with its versions. The npm packages brought others along."""
    named = (REQUIREMENTS / "clean.in").read_text().splitlines()
    python = [line for line in named if not line.startswith("#")]
    wanted = json.loads((REQUIREMENTS / "clean/package.json").read_text())["dependencies"]
    return python + [f"{name}@{version}" for name, version in wanted.items()]
