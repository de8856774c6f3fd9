"""Packs that no git would write."""

import os
import zlib
from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.git import commit, created, entry, fresh, header, oid, packed, sealed, tree


@attack(
    aim="git_defects",
    source="CVE-2018-19486, CVE-2022-41903 (what git does with crafted input); gitformat-pack(5)",
    expects="the pack was not taken, or cannot be looked into",
    control="git_no_defect",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Pushes packs that are cut off, miscounted, wrongly summed, incomplete, or a delta of nothing."""
    for defect in aim["defects"]:
        yield defect, partial(_pushed, aim, defect)


def _pushed(aim: Any, defect: str) -> str | None:
    root = tree([])
    made = commit(oid(root), os.urandom(8).hex().encode())
    whole, new = packed(root, made), oid(made)
    lost = commit("a" * 40)
    delta = header(7, 4) + b"\xaa" * 20 + zlib.compress(b"\x01\x01\x90\x01")
    packs = {
        "none": whole,
        "cut off": whole[:-30],
        "wrong checksum": whole[:-20] + bytes(20),
        "too many announced": sealed([entry(root), entry(made)], 2**31),
        "no pack": b"",
        "delta of nothing": sealed([entry(root), entry(made), delta]),
        "tree is missing": packed(lost),
        "other object": packed(root),
        "not compressed": sealed([entry(root), header(1, len(made[1])) + made[1]]),
    }
    new = oid(lost) if defect == "tree is missing" else new
    return created(aim, fresh(aim["ref"]), new, packs[defect])
