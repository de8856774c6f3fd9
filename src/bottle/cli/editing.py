"""A manifest in the operator's editor: a private copy that replaces the file once it is valid."""

import re
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from attrs import evolve, field, frozen

from bottle.cli.app import App
from bottle.errors import BottleError, EnvironmentLacksError, ManifestError, UsageError
from bottle.manifest.catalog import ManifestKind
from bottle.manifest.document import MAX_FILE
from bottle.manifest.files import Folder
from bottle.manifest.problems import InvalidManifestError, Problem
from bottle.manifest.writing import replace_file
from bottle.proc import Command, spawn, wait

_USUAL_EDITORS = ("editor", "nano", "vi")
_PLAIN = re.compile(r"[A-Za-z0-9_./+-]+")


class DiscardedError(BottleError):
    """The operator wants none of what was edited."""


@frozen(kw_only=True)
class Editor:
    """A command of the operator's, as `$EDITOR` holds it: a program, or words for the shell."""

    command: str
    environ: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Editor":
        """VISUAL (not on a dumb terminal), EDITOR, or one that is there. Raises EnvironmentLacksError."""
        visual = environ.get("VISUAL") if environ.get("TERM", "dumb") != "dumb" else None
        wanted = visual or environ.get("EDITOR")
        usual = (name for name in _USUAL_EDITORS if shutil.which(name, path=environ.get("PATH")))
        command = wanted or next(usual, None)
        if command is None:
            raise EnvironmentLacksError("there is no editor here", hint="export EDITOR=/path/of/one")
        return cls(command=command, environ=environ)

    def open(self, file: Path) -> int:
        """Runs it to its end, and returns its status. Ctrl-C is the editor's alone meanwhile."""
        argv: tuple[str, ...] = (self.command, str(file))
        if not _PLAIN.fullmatch(self.command):
            # The trap keeps the shell alive at Ctrl-C, which its child may take in its own way.
            script = f'trap : INT QUIT; {self.command} "$@"'
            argv = ("/bin/sh", "-c", script, self.command, str(file))
        with _keys_left_to_the_child():
            status = wait(spawn(Command(argv=argv, env=self.environ)))
        assert status is not None
        return status


@frozen(kw_only=True)
class Editing:
    """One edit of the manifest `name` in `folder`; `copy` is what the editor is given."""

    app: App
    kind: ManifestKind
    name: str
    folder: Folder
    editor: Editor
    original: bytes = field(repr=False)
    copy: Path

    @classmethod
    @contextmanager
    def begun(cls, app: App, kind: ManifestKind, name: str) -> Iterator["Editing"]:
        """The copy is removed at the end, unless it holds work that could not be saved."""
        folder = _folder(app, kind, name)
        folder.target(name)  # a link that leads astray is refused before there is work to lose
        original = folder.read(name)
        if len(original) > MAX_FILE:
            raise BottleError(f"{folder.files[name]} is too large for a manifest")
        editor = Editor.of(app.environ)
        private = Path(tempfile.mkdtemp(prefix="bottle-edit-"))
        copy = private / f"{name}.md"
        copy.write_bytes(original)
        with ExitStack() as tidy:
            tidy.callback(shutil.rmtree, private, ignore_errors=True)
            editing = cls(
                app=app, kind=kind, name=name, folder=folder, editor=editor, original=original, copy=copy
            )
            try:
                yield editing
            except DiscardedError:
                raise
            except BaseException:
                if editing.has_work():
                    tidy.pop_all()
                    app.console.note(f"your edited copy is kept: {copy}")
                raise

    @property
    def file(self) -> Path:
        return self.folder.files[self.name]

    def run(self) -> None:
        """Raises BottleError where nothing was saved, but for an unchanged file."""
        if self.folder.confined_to is not None:
            self.app.console.note(f"{self.file} is from the current directory, not from your home")
        while self._edited():
            try:
                warnings = self._check()
            except ManifestError as error:
                self._offer_again(error)
                continue
            self._save(warnings)
            return
        self.app.console.info(f"{self.file} is unchanged")

    def has_work(self) -> bool:
        """Whether the copy is worth keeping."""
        try:
            return self.copy.read_bytes() not in {self.original, b""}
        except OSError:
            return False

    def _edited(self) -> bool:
        """Opens the editor; whether it changed something."""
        status = self.editor.open(self.copy)
        if status:
            ended = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
            raise BottleError(f"the editor {self.editor.command} {ended}; {self.file} was not changed")
        return self._content() != self.original

    def _content(self) -> bytes:
        try:
            with self.copy.open("rb") as stream:
                return stream.read(MAX_FILE + 1)
        except FileNotFoundError:
            raise BottleError(f"the editor left no file; {self.file} was not changed") from None

    def _check(self) -> tuple[Problem, ...]:
        """What is doubtful. Only what is wrong here counts: a broken parent is not mended in this file."""
        catalog = evolve(self.app.catalog, drafts={self.file: self._content()})
        try:
            return catalog.check(self.kind, self.name)
        except InvalidManifestError as error:
            if any(problem.location.file == self.file for problem in error.problems):
                raise
            return error.problems

    def _offer_again(self, error: ManifestError) -> None:
        """Returns where the operator wants to go on editing."""
        self.app.console.error(error)
        try:
            again = self.app.terminal.confirm("open it again? (n discards what you changed)", default=True)
        except UsageError:
            raise ManifestError(f"{self.file} was not changed, for the edited one is not valid") from None
        if not again:
            raise DiscardedError(f"discarded; {self.file} was not changed")

    def _save(self, warnings: tuple[Problem, ...]) -> None:
        replace_file(self.folder.target(self.name), self._content(), expected=self.original)
        for warning in warnings:
            self.app.console.warn(str(warning))
        self.app.console.info(f"saved {self.file}")


def _folder(app: App, kind: ManifestKind, name: str) -> Folder:
    try:
        return app.catalog.folder(kind, name)
    except ManifestError as unknown:
        hints = filter(None, (unknown.hint, "`bottle init` writes a new one"))
        raise ManifestError(unknown.message, hint="; ".join(hints), location=unknown.location) from None


@contextmanager
def _keys_left_to_the_child() -> Iterator[None]:
    """Ctrl-C and its like reach the whole foreground; a handler, unlike SIG_IGN, is not inherited."""
    keys = (signal.SIGINT, signal.SIGQUIT)
    before = {number: signal.signal(number, lambda _number, _frame: None) for number in keys}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
