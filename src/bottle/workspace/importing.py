"""Trees as `git fast-import` takes them: contents and names of any bytes, in one stream."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import IO

from attrs import field, frozen

from bottle.tree import Kind, Node


@frozen(kw_only=True)
class Entry:
    """A file or link of a tree. `content`: of a file, which nobody changes meanwhile."""

    path: PurePosixPath
    node: Node
    content: Path | None = field(default=None, repr=False)


def git_mode(node: Node) -> str:
    """As git has it: of a file's permissions it knows whether its owner may execute it."""
    match node.kind:
        case Kind.LINK:
            return "120000"
        case Kind.FOLDER:
            return "040000"
        case _:
            return "100755" if node.mode & 0o100 else "100644"


def write_commit(stream: IO[bytes], ref: str, entries: Iterable[Entry]) -> None:
    """Raises OSError where a content cannot be read."""
    stream.write(f"commit {ref}\ncommitter bottle <> 0 +0000\ndata 0\n\n".encode())
    for entry in entries:
        stream.write(b"M %s inline %s\n" % (git_mode(entry.node).encode(), _quoted(entry.path)))
        if entry.content is None:
            target = os.fsencode(entry.node.target)
            stream.write(b"data %d\n%s\n" % (len(target), target))
            continue
        with entry.content.open("rb") as file:
            stream.write(b"data %d\n" % entry.content.stat().st_size)
            shutil.copyfileobj(file, stream)
        stream.write(b"\n")
    stream.write(b"\n")


def _quoted(path: PurePosixPath) -> bytes:
    name = bytes(path).replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"%s"' % name
