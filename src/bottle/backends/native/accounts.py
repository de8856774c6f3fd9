"""Host users for the bottles of a root operator: numbers that nothing else on the host uses.

Each bottle has two, one for its sandbox and one for its sidecar, and shares them with no other bottle.
An ordinary operator's bottles run as the operator, mapped to the agent's user inside.
"""

import os
import zlib
from pathlib import Path

from attrs import frozen

from bottle.errors import BottleError

FIRST_UID = 1_900_000_000
MIRRORS_GROUP = FIRST_UID - 1  # of all sidecars: what they share is the copies of git upstreams, and no more
_SLOTS = 100_000


@frozen(kw_only=True)
class Account:
    sandbox: int
    sidecar: int


class Accounts:
    """Allocations are files `<slot>` in a private folder, each holding the identity it belongs to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def allocate(self, identity: str, before: int | None = None) -> Account:
        """The identity's own account, the same at each call until `release`.

        `before`: the sandbox's user that it had last. It gets that one again, unless another bottle has it
        since the reservations were lost, as they are when the machine starts anew.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        first = zlib.crc32(identity.encode()) % _SLOTS
        if before is not None and 0 <= before - FIRST_UID < 2 * _SLOTS:
            first = (before - FIRST_UID) // 2
        for step in range(_SLOTS):
            slot = (first + step) % _SLOTS
            if self._take(slot, identity):
                return Account(sandbox=FIRST_UID + 2 * slot, sidecar=FIRST_UID + 2 * slot + 1)
        raise BottleError("every host user for bottles is taken", hint="bottle cleanup")

    def _take(self, slot: int, identity: str) -> bool:
        """A link either exists whole, or does not: its target is the identity."""
        path = self._folder / str(slot)
        try:
            path.symlink_to(identity)
        except FileExistsError:
            return os.fspath(path.readlink()) == identity
        return True

    def holders(self) -> set[str]:
        return set(self._slots().values())

    def release(self, identity: str) -> None:
        for path, holder in self._slots().items():
            if holder == identity:
                path.unlink(missing_ok=True)

    def _slots(self) -> dict[Path, str]:
        if not self._folder.is_dir():
            return {}
        return {path: os.fspath(path.readlink()) for path in self._folder.iterdir() if path.is_symlink()}
