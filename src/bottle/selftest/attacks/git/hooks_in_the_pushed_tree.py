"""Programs that a pushed tree names."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.git import BLOB, Object, commit, fresh, oid, packed, push, tree


@attack(
    aim="git_hookless",
    source="CVE-2024-32002 (a clone ran a hook of the tree)",
    expects="pushed, and nothing of it ran",
    control="git_hooked",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Pushes hooks, filters and settings that say so when they run; the control's branch has a real hook."""
    yield "hooks, attributes and settings", partial(_ran, aim)


def _ran(aim: Any) -> str | None:
    words = aim["words"]
    script: Object = (BLOB, f"#!/bin/sh\necho {words} >&2\n".encode())
    settings: Object = (BLOB, f'[filter "x"]\n\tclean = echo {words}\n\tsmudge = echo {words}\n'.encode())
    attributes: Object = (BLOB, b"* filter=x diff=x\n")
    hooks = tree([(b"pre-push", script), (b"pre-receive", script), (b"update", script)])
    root = tree(
        [(b".gitattributes", attributes), (b".gitconfig", settings), (b"config", settings), (b"hooks", hooks)]
    )
    pushed = commit(oid(root))
    pack = packed(script, settings, attributes, hooks, root, pushed)
    answer, count = push(aim, [(fresh(aim["ref"]), oid(pushed))], pack, bands=True)
    if not count:
        raise RuntimeError(f"the push was not taken: {answer[:200]!r}")
    return f"ran: {answer[:200]!r}" if words.encode() in answer else None
