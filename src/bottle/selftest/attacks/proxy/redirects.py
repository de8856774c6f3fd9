"""Redirects to what is not granted."""

import subprocess
from collections.abc import Iterator
from functools import partial

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.shots import SECONDS


@attack(
    aim="denied_redirect",
    source="OWASP Server-Side Request Forgery Prevention Cheat Sheet (redirects)",
    expects="the second request is refused with 403",
    control="granted_redirect",
)
def attempts(aim: list[str]) -> Iterator[Attempt]:
    """Follows, with curl, a granted host's redirects to a denied host or path, and to private addresses."""
    for url in aim:
        yield url, partial(_followed, url)


def _followed(url: str) -> str | None:
    argv = (
        "curl",
        "-sSL",
        "-m",
        str(SECONDS),
        "-o",
        "/dev/null",
        "-w",
        "%{http_code} %{url_effective}",
        url,
    )
    done = subprocess.run(argv, capture_output=True, check=False, text=True)
    return done.stdout if done.stdout.startswith("2") else None
