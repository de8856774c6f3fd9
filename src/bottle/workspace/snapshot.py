"""The operator's directory as a stream: a private copy is made of it, the original is never written."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO

from attrs import define, field, frozen

from bottle import sizes
from bottle.errors import BottleError
from bottle.ignore import Ignore
from bottle.tree import Node
from bottle.walk import walk
from bottle.workspace.pack import Pack

_CHUNK = 1 << 18
_LISTED = 5  # names in one message


@define
class Passed:
    """What has gone by so far. `left_out`: paths of sockets, pipes and devices."""

    files: int = 0
    bytes: int = 0
    left_out: list[str] = field(factory=list)

    def shown(self) -> str:
        return f"{self.files} file{'s' * (self.files != 1)}, {sizes.shown(self.bytes)}"

    def complaint(self) -> str:
        """Empty where nothing had to be left out."""
        names, more = ", ".join(self.left_out[:_LISTED]), len(self.left_out) - _LISTED
        rest = f" and {more} more" if more > 0 else ""
        return f"left out, being no file, folder or link: {names}{rest}" if names else ""


@frozen(kw_only=True)
class Snapshot:
    """`directory` with all its files, `.git` and symlinks (kept as links), but for what `ignore` names.

    Each path that passes is told to `note`, with what the copy will have there.
    """

    directory: Path
    ignore: Ignore = field(factory=Ignore)
    note: Callable[[PurePosixPath, Node], None] = lambda path, node: None  # noqa: ARG005
    passed: Passed = field(factory=Passed)

    @contextmanager
    def archive(self) -> Iterator[IO[bytes]]:
        """A tar stream of the directory's content. Raises BottleError where something cannot be read.

        A file that changes or vanishes while it is read is no error: the copy is of a living directory.
        """
        read, write = os.pipe()
        failures: list[Exception] = []
        thread = threading.Thread(target=self._write, args=(write, failures), name="snapshot")
        with open(read, "rb") as stream:  # noqa: PTH123 - a descriptor
            thread.start()
            try:
                yield stream
            except BottleError as error:
                failures.append(error)  # behind what cut the stream off, if something did
            finally:
                stream.close()
                thread.join()
        if failures:
            raise failures[0]

    def _write(self, descriptor: int, failures: list[Exception]) -> None:
        """In a thread. Where nobody reads any more, the reader has the reason."""
        with suppress(BrokenPipeError), open(descriptor, "wb", buffering=_CHUNK) as sink:
            try:
                self._pour(Pack(directory=self.directory, sink=sink))
            except BrokenPipeError:
                raise
            except Exception as error:  # noqa: BLE001 - raised again on the reader's side, before the end is seen
                failures.append(error)

    def _pour(self, pack: Pack) -> None:
        pack.top()
        found_all = walk(
            self.directory, self.ignore, enters=lambda spot: not (spot.excluded and spot.settled)
        )
        for found in found_all:
            if found.spot.excluded and (found.spot.settled or not found.is_folder):
                continue
            if not pack.carries(found):
                self.passed.left_out.append(found.path)
            elif node := pack.add(found):
                self.note(PurePosixPath(found.path), node)
                self.passed.files += not found.is_folder
                self.passed.bytes = pack.written
        pack.end()
