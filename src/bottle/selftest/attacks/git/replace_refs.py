"""Replaced objects."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.git import BLOB, Object, commit, created, fresh, oid, packed, push, tree


@attack(
    aim="git_secret",
    source="git-replace(1)",
    expects="a secret was found",
    control="git_harmless",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Has a harmless object stand for one with a secret in it, before the push and in the very same."""
    yield "before", partial(_before, aim)
    yield "at once", partial(_at_once, aim)


_HARMLESS: Object = (BLOB, b"harmless\n")


def _secret(aim: Any) -> tuple[str, list[Object]]:
    """A commit with a text in it, and every object that it needs; each time another."""
    blob: Object = (BLOB, f"{fresh('x')} = {aim['text']}\n".encode())
    root = tree([(b"file", blob)])
    pushed = commit(oid(root))
    return oid(pushed), [blob, root, pushed]


def _before(aim: Any) -> str | None:
    new, objects = _secret(aim)
    push(aim, [(f"refs/replace/{oid(objects[0])}", oid(_HARMLESS))], packed(_HARMLESS))
    return created(aim, fresh(aim["ref"]), new, packed(*objects))


def _at_once(aim: Any) -> str | None:
    new, objects = _secret(aim)
    orders = [(f"refs/replace/{oid(objects[0])}", oid(_HARMLESS)), (fresh(aim["ref"]), new)]
    answer, count = push(aim, orders, packed(_HARMLESS, *objects))
    return f"pushed: {answer[:200]!r}" if count else None
