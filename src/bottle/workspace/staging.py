"""The stream of `bottle_sidecar.changes`, taken apart: what it tells of, and contents in files of ours.

Trusted code wrote it, but from names and contents that an agent chose; and it may break off.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha1
from pathlib import Path, PurePosixPath
from typing import IO, Any

from attrs import field, frozen

from bottle.errors import BottleError
from bottle.sizes import shown
from bottle.tree import Kind, Node, blob_id

_MOST = 1_000_000
_LONGEST_LINE = 1 << 20
_CHUNK = 1 << 20


class StreamError(BottleError):
    """The stream says that it failed, is cut off, or is none."""


@frozen(kw_only=True)
class Found:
    """One entry. `new` None: it is gone. `git`: git's own; `special`: neither file, link nor folder.

    `base`: what a copy held there at the start. `origin`, `opaque`: as an overlay has it. `torn`: the file
    changed while it was read.
    """

    path: PurePosixPath
    new: Node | None = None
    base: Node | None = None
    content: Path | None = None
    git: bool = False
    special: bool = False
    origin: bool = False
    opaque: bool = False
    torn: bool = False


@frozen(kw_only=True)
class Staging:
    """Reads `stream` once, of at most `most` entries.

    Contents go to `into`, at most `limit` bytes of them, and only those `wanted`.
    """

    stream: IO[bytes] = field(repr=False)
    into: Path
    limit: int
    wanted: Callable[[PurePosixPath], bool]
    most: int = _MOST

    def entries(self) -> Iterator[Found]:
        """Raises StreamError, and BottleError where there is too much."""
        total = 0
        for number in range(self.most):
            fields = self._line()
            if fields.get("end"):
                return
            path = _path(fields)
            if fields["kind"] != "file":
                yield _plain(path, fields)
                continue
            if not self.wanted(path):
                self._skip(fields)
                continue
            total += int(fields["size"])
            if total > self.limit:
                raise _too_much(path, int(fields["size"]), self.limit)
            yield self._file(path, fields, self.into / str(number))
        raise BottleError(f"more than {self.most} files changed", hint=_PART)

    def _line(self) -> Mapping[str, Any]:
        try:
            fields = json.loads(self.stream.readline(_LONGEST_LINE))
        except (ValueError, RecursionError):
            raise StreamError("what the bottle holds cannot be read: the answer is cut off") from None
        if not isinstance(fields, dict):
            raise StreamError("what the bottle holds cannot be read: the answer is none")
        if "error" in fields:
            raise StreamError(f"what the bottle holds cannot be read: {fields['error']}")
        return fields

    def _file(self, path: PurePosixPath, fields: Mapping[str, Any], target: Path) -> Found:
        size = int(fields["size"])
        digest = sha1(b"blob %d\0" % size, usedforsecurity=False)
        with target.open("xb") as file:
            position = 0
            for offset, length in fields["data"]:
                if not position <= offset <= offset + length <= size:
                    raise StreamError(f"the parts of {path} are out of order")
                _zeros(digest.update, offset - position)
                file.seek(offset)
                for chunk in self._data(length):
                    digest.update(chunk)
                    file.write(chunk)
                position = offset + length
            _zeros(digest.update, size - position)
            file.truncate(size)
        torn = self._verdict()
        node = Node(kind=Kind.FILE, mode=int(fields["mode"]) & 0o777, size=size, blob=digest.hexdigest())
        origin, base = bool(fields.get("origin")), _base(fields)
        return Found(path=path, new=node, base=base, content=target, origin=origin, torn=torn)

    def _skip(self, fields: Mapping[str, Any]) -> None:
        for _, length in fields["data"]:
            for _ in self._data(length):
                pass
        self._verdict()

    def _data(self, length: int) -> Iterator[bytes]:
        while length:
            chunk = self.stream.read(min(_CHUNK, length))
            if not chunk:
                raise StreamError("what the bottle holds cannot be read: a file is cut off")
            yield chunk
            length -= len(chunk)

    def _verdict(self) -> bool:
        """Whether the file was torn."""
        verdict = self.stream.readline(16)
        if verdict not in (b"whole\n", b"torn\n"):
            raise StreamError("what the bottle holds cannot be read: a file does not end")
        return verdict == b"torn\n"


_PART = "name the PATHs that you want to see"


def _too_much(path: PurePosixPath, size: int, limit: int) -> BottleError:
    return BottleError(
        f"the changed files come to more than {shown(limit)}, which is as much as the bottle may hold; "
        f"the last one was {path} with {shown(size)}",
        hint=_PART,
    )


def _path(fields: Mapping[str, Any]) -> PurePosixPath:
    """Raises StreamError for one that would not stay inside."""
    raw = fields.get("path")
    if not isinstance(raw, str) or "\0" in raw or any(part in ("", ".", "..") for part in raw.split("/")):
        raise StreamError(f"{raw!r} is no path of a workspace")
    return PurePosixPath(raw)


def _base(fields: Mapping[str, Any]) -> Node | None:
    known = fields.get("base")
    return known and Node(**{**known, "kind": Kind(known["kind"])})


def _plain(path: PurePosixPath, fields: Mapping[str, Any]) -> Found:
    base = _base(fields)
    match fields["kind"]:
        case "gone":
            return Found(path=path, base=base)
        case "git":
            return Found(path=path, git=True)
        case "other":
            return Found(path=path, special=True)
        case "folder":
            node = Node(kind=Kind.FOLDER, mode=int(fields["mode"]) & 0o777)
            origin, opaque = bool(fields.get("origin")), bool(fields.get("opaque"))
            return Found(path=path, new=node, base=base, origin=origin, opaque=opaque)
        case "link":
            target = str(fields["target"])
            blob = blob_id(target.encode(errors="surrogateescape"))
            return Found(path=path, new=Node(kind=Kind.LINK, target=target, blob=blob), base=base)
    raise StreamError(f"{path} is of no known kind")


def _zeros(feed: Callable[[bytes], object], count: int) -> None:
    while count:
        step = min(_CHUNK, count)
        feed(bytes(step))
        count -= step
