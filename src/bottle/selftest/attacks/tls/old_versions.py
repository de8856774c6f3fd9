"""TLS as it was."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.shots import Shot, fire

_SUITES = {
    "without encryption": 0x003B,
    "RC4": 0x0005,
    "3DES": 0x000A,
    "export": 0x0003,
    "anonymous": 0x0034,
    "without forward secrecy": 0x009C,
}
_EXTENSIONS = bytes.fromhex(
    "001a"  # of these, bytes
    "000a00040002 0017"  # groups: P-256
    "000b00020100"  # points: uncompressed
    "000d00080006 0403 0401 0203"  # signatures: ECDSA and RSA with SHA-256, ECDSA with SHA-1
)
_OF_THEN = (0xC013, 0xC009, 0x002F, 0x0035, 0x000A)


@attack(
    aim="proxy",
    source="RFC 8996; CVE-2014-3566 (POODLE), CVE-2015-0204 (FREAK), CVE-2016-2183 (Sweet32)",
    expects="an alert",
    control="gullible",
    outside=True,
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Greets with SSL 2 and 3, TLS 1.0 and 1.1, and with suites of TLS 1.2 that protect little or nothing."""
    for what, minor in {"SSL 3": 0, "TLS 1.0": 1, "TLS 1.1": 2}.items():
        yield what, partial(fire, aim, Shot(_hello(minor, *_OF_THEN), tls=False))
    for what, suite in _SUITES.items():
        yield f"TLS 1.2 {what}", partial(fire, aim, Shot(_hello(3, suite), tls=False))
    yield (
        "SSL 2",
        partial(fire, aim, Shot(b"\x80\x1c\x01\x00\x02\x00\x03\x00\x00\x00\x10\x07\x00\xc0", tls=False)),
    )


def _hello(minor: int, *suites: int) -> bytes:
    """Whatever but an alert answers it is a gain."""
    listed = b"".join(suite.to_bytes(2, "big") for suite in suites)
    body = (
        bytes((3, minor))
        + bytes(32)
        + b"\0"
        + len(listed).to_bytes(2, "big")
        + listed
        + b"\x01\0"
        + _EXTENSIONS
    )
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message
