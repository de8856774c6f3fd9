"""The repository of another bottle."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.git import call, created, fresh, packed, packet, served


@attack(
    aim="git_of_another",
    source="CVE-2022-39253; CWE-639, another user's key to data",
    expects="not declared; not our ref; it cannot be looked into",
    control="git_of_its_own",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Asks for the repository of another bottle, and by way of the own one for its commits."""
    yield "its repository", partial(served, aim, aim["other"])
    yield "fetch of its commit", partial(_fetched, aim)
    yield "branch from its commit", partial(created, aim, fresh(aim["ref"]), aim["head"], packed())


def _fetched(aim: Any) -> str | None:
    body = packet(f"want {aim['head']}\n".encode()) + b"0000" + packet(b"done\n")
    status, answer = call(aim, aim["place"], "git-upload-pack", body)
    return f"fetched: {len(answer)} bytes" if status == 200 and b"PACK" in answer else None
