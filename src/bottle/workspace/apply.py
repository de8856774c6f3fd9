"""A bottle's changes onto the operator's directory: all of them, or none."""

import os
import signal
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

from attrs import frozen

from bottle.errors import BottleError
from bottle.signal_queue import SignalQueue
from bottle.tree import Change
from bottle.workspace.directory import ChangedMeanwhileError, Directory
from bottle.workspace.git import Git
from bottle.workspace.merge import TextMerge
from bottle.workspace.pieces import Pieces
from bottle.workspace.planner import Plan, Planner
from bottle.workspace.transaction import Transactions

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@frozen(kw_only=True)
class Application:
    """Of the bottle `identity` to the directory that `tree` has open. Made by `opened`."""

    identity: str
    tree: Directory
    transactions: Transactions
    git: Git
    umask: int

    @classmethod
    @contextmanager
    def opened(
        cls, tree: Directory, identity: str, transactions: Transactions, git: Git
    ) -> "Iterator[Application]":
        """Enters `tree`; what an earlier one left undone there is settled first. Raises BottleError."""
        transactions.recover(tree.root)
        with tree:
            yield cls(identity=identity, tree=tree, transactions=transactions, git=git, umask=_umask())

    def plan(self, changes: Iterable[Change], *, unsettled: Collection[PurePosixPath] = ()) -> Plan:
        """Writes nothing. `unsettled`: paths whose content was being written as it was read."""
        merge = TextMerge(self.tree.root, self.git)
        planner = Planner(self.tree, Pieces(tree=self.tree, merge=merge, umask=self.umask))
        return planner.plan(changes, unsettled=unsettled)

    def carry_out(self, plan: Plan) -> None:
        """Raises BottleError and InterruptedByUser: then the directory is as it was. Main thread only."""
        assert not plan.conflicts
        if not plan.exchanges:
            return
        try:
            with SignalQueue(*_SIGNALS) as signals:
                self.transactions.run(
                    self.tree, self.identity, plan.exchanges, interrupted=lambda: bool(signals.take())
                )
        except ChangedMeanwhileError as error:
            raise BottleError(
                f"{error.message}; nothing was applied", hint=f"bottle apply {self.identity}"
            ) from error
        except OSError as error:
            place = f" at {error.filename}" if error.filename else ""
            raise BottleError(
                f"{self.tree.root} cannot be written{place}: {error.strerror}; nothing was applied"
            ) from error


def _umask() -> int:
    """Of this process. It can be read only by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
