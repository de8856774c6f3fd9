"""How a bottle's workspace came to be: on record before the agent starts, so that changes can be told."""

import gzip
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import cattrs
from attrs import field, frozen

from bottle.errors import BottleError
from bottle.plan import How as How  # noqa: PLC0414 - part of what is read here
from bottle.plan import Workspace, WorkspaceMode
from bottle.tree import Node

_RECORD = "workspace.json"
_BASE = "base.gz"
_MODES = {
    How.OVERLAY: WorkspaceMode.PRIVATE,
    How.COPY: WorkspaceMode.COPY,
    How.MOUNT: WorkspaceMode.MOUNT,
}
_APPLIED = "applied.gz"
_converter = cattrs.Converter(forbid_extra_keys=True)


@frozen(kw_only=True)
class Origin:
    """`folder`: the bottle's state. `source`: the host's directory. `excludes`: patterns of what stayed out.

    `started_ns`: since the epoch by the host's clock, before anything was read; what the host changed later
    has a later ctime. `filled_ns`: by the clock of where a copy lies, after it was whole. `disk`: bytes that
    the bottle may hold, where that is known.
    """

    folder: Path
    source: str
    how: How
    started_ns: int
    filled_ns: int | None = None
    disk: int | None = None
    excludes: tuple[str, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> "Origin | None":
        """None where the bottle began with an empty workspace. Raises BottleError for a damaged record."""
        try:
            text = (folder / _RECORD).read_text()
        except FileNotFoundError:
            return None
        try:
            return _converter.structure({**json.loads(text), "folder": folder}, cls)
        except Exception as error:  # whatever a converter raises
            raise BottleError("the record cannot be read", location=str(folder / _RECORD)) from error

    def write(self) -> None:
        fields = {name: value for name, value in _converter.unstructure(self).items() if name != "folder"}
        temporary = self.folder / f"{_RECORD}.new"
        temporary.write_text(json.dumps(fields, indent=1))
        temporary.replace(self.folder / _RECORD)

    @property
    def workspace(self) -> Workspace:
        """What brings the same bottle up again with the same workspace: one that was copied stays a copy."""
        return Workspace(source=Path(self.source), mode=_MODES[self.how], excludes=self.excludes)

    def base(self) -> Mapping[PurePosixPath, Node]:
        """What a copy held at the start; nothing for the other ways. Raises BottleError for a damaged one."""
        path = self.folder / _BASE
        if self.how is not How.COPY:
            return {}
        try:
            return dict(_entry(json.loads(line)) for line in _lines(path))
        except Exception as error:  # of gzip, json or a converter
            raise BottleError("what the copy held at the start cannot be read", location=str(path)) from error

    def applied(self) -> Mapping[PurePosixPath, Node | None]:
        """Of an overlay: what the bottle had where the host has taken it over since; None for nothing.

        There, that is what later changes began as, whenever the host's own entry was changed. Raises
        BottleError for a damaged record.
        """
        path = self.folder / _APPLIED
        if self.how is not How.OVERLAY or not path.exists():
            return {}
        try:
            return dict(_renewed(json.loads(line)) for line in _lines(path))
        except Exception as error:  # of gzip, json or a converter
            raise BottleError("what was applied cannot be read", location=str(path)) from error

    def renew(self, nodes: Mapping[PurePosixPath, Node | None]) -> None:
        """Notes what the bottle has where the host has taken it over: later changes begin there."""
        name = _BASE if self.how is How.COPY else _APPLIED
        known: Mapping[PurePosixPath, Node | None] = self.base() if self.how is How.COPY else self.applied()
        temporary = self.folder / f"{name}.new"
        with gzip.open(temporary, "wt", encoding="ascii", compresslevel=1) as file:
            writer = BaseWriter(file)
            for path, node in sorted({**known, **nodes}.items()):
                if node:
                    writer.note(path, node)
                elif self.how is not How.COPY:
                    writer.note_gone(path)
        temporary.replace(self.folder / name)


@frozen
class BaseWriter:
    """Notes what a copy holds, path by path, while it is made."""

    _file: Any = field(repr=False)

    @classmethod
    @contextmanager
    def to(cls, folder: Path) -> "Iterator[BaseWriter]":
        with gzip.open(folder / _BASE, "wt", encoding="ascii", compresslevel=1) as file:
            yield cls(file)

    def note(self, path: PurePosixPath, node: Node) -> None:
        fields = {"path": str(path), **_converter.unstructure(node)}
        self._file.write(json.dumps({name: value for name, value in fields.items() if value}) + "\n")

    def note_gone(self, path: PurePosixPath) -> None:
        self._file.write(json.dumps({"path": str(path)}) + "\n")


def _lines(path: Path) -> Iterator[str]:
    if not path.stat().st_size:
        raise EOFError("it is cut off")  # which the module would take for nothing, well packed
    with gzip.open(path, "rt", encoding="ascii") as file:
        yield from file


def _entry(fields: dict[str, Any]) -> tuple[PurePosixPath, Node]:
    return PurePosixPath(fields.pop("path")), _converter.structure(fields, Node)


def _renewed(fields: dict[str, Any]) -> tuple[PurePosixPath, Node | None]:
    return _entry(fields) if "kind" in fields else (PurePosixPath(fields["path"]), None)
