"""Alternates, and the files of a repository."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.git import ask


@attack(
    aim="git_files",
    source="CVE-2022-39253 (files of others by a repository's objects); gitrepository-layout(5)",
    expects="refused with 403, 404 or 405",
    control="git_refs",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Reads and writes the files of a repository, which name where else its objects are."""
    for method, file in aim["requests"]:
        yield f"{method} {file}", partial(_answered, aim, method, file)


def _answered(aim: Any, method: str, file: str) -> str | None:
    body = b"" if method == "GET" else b"/etc\n"
    status, answer = ask(aim, f"{aim['place']}/{file}", method=method, body=body)
    return f"answered {status}: {answer[:100]!r}" if 200 <= status < 300 else None
