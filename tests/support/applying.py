"""An apply in a process of its own, which can be ended, or fail, at each thing that it writes."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

from attrs import Factory, field, frozen

from bottle.errors import BottleError
from bottle.workspace.apply import Application
from bottle.workspace.directory import Directory
from bottle.workspace.planner import Plan
from bottle.workspace.transaction import Transactions
from support.trees import HOST_GIT, Tree, clear

_FAILED = 77


def nothing(_name: str) -> None: ...


@frozen
class Countdown:
    """Called before each thing that is written; does `what` before the one of number `at`."""

    at: int
    what: Callable[[], None]
    names: list[str] = field(factory=list)

    def __call__(self, name: str) -> None:
        self.names.append(name)
        if len(self.names) == self.at:
            self.what()


@frozen
class Place:
    """`folder` holds the contents of changes and, unless they are elsewhere, `root` and the journals."""

    folder: Path
    root: Path = field(default=Factory(lambda place: place.folder / "root", takes_self=True))
    journals: Path = field(default=Factory(lambda place: place.folder / "applying", takes_self=True))

    @property
    def transactions(self) -> Transactions:
        return Transactions(folder=self.journals, patience=0)

    def fill(self, tree: Tree) -> None:
        self.root.mkdir(exist_ok=True)
        clear(self.root)
        tree.write(self.root)

    def apply(
        self,
        base: Tree,
        bottle: Tree,
        before: Callable[[str], None] = nothing,
        kind: type[Directory] = Directory,
    ) -> Plan:
        """The plan, which is carried out where it has no conflict."""
        tree = kind(self.root, before)
        with Application.opened(tree, "shell-1", self.transactions, HOST_GIT) as application:
            plan = application.plan(bottle.changes(base, self.folder / "contents"))
            if not plan.conflicts:
                application.carry_out(plan)
        return plan

    def recover(self, before: Callable[[str], None] = nothing) -> None:
        self.transactions.recover(self.root, before)

    def is_tidy(self) -> bool:
        """Whether an apply left nothing beside its outcome."""
        return not [*self.root.rglob(".bottle-apply-*"), *self.journals.glob("*")]


def in_child(work: Callable[[], object]) -> int:
    """Does `work` in a child of this process; its exit status, negative for a signal."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = _FAILED
    try:
        work()
        code = 0
    except BottleError as error:
        code = error.exit_code
    finally:
        os._exit(code)


class NoHardLinks(Directory):
    """As on FAT, or many a network's file system."""

    @staticmethod
    def link(source: str, source_folder: int, target: str, target_folder: int) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
