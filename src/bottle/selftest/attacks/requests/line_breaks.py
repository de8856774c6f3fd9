"""Line breaks in a target."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.shots import Shot, fire, get


@attack(
    aim="proxy",
    source="CWE-93 and CWE-113, CRLF injection",
    expects="refused with 403 or 400",
    control="gullible",
    outside=True,
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Hides line breaks in a path, encoded once and more, raw, and as letters that some cut to them."""
    for line_break in (
        b"%0d%0a", b"%0D%0A", b"%0a", b"%0d", b"%250d%250a", b"%25250a", b"\r", b"\x00", b"%00", b"\x0b",
        b"\xc4\x8a", b"%u000a", b"%u000d%u000a",
    ):  # fmt: skip
        path = b"/v1/" + line_break + b"Host:%20denied.example.com/forbidden"
        yield path[4:20].decode("latin-1"), partial(fire, aim, Shot(get(path)))
