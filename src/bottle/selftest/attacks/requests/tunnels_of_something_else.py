"""Something else than HTTP in a tunnel."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.shots import Shot, fire, get


@attack(
    aim="proxy",
    source="RFC 9110, 9.3.6; MITRE ATT&CK T1572, protocol tunnelling",
    expects="no answer, or 400",
    control="gullible",
    outside=True,
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Speaks something else than HTTP in the tunnel of a granted host, with and without TLS."""
    openings = {
        "ssh": b"SSH-2.0-OpenSSH_9.6\r\n",
        "smtp": b"EHLO bottle\r\n",
        "redis": b"*1\r\n$4\r\nPING\r\n",
        "git": b"0033git-upload-pack /project.git\0host=api.example.com\0",
        "random": bytes(range(256)),
        "half a TLS record": b"\x16\x03\x01\x02\x00\x01\x00",
        "plain HTTP": get(b"/v1/forbidden"),
    }
    for what, opening in openings.items():
        yield what, partial(fire, aim, Shot(opening, tls=False))
        if what not in {"half a TLS record", "plain HTTP"}:
            yield f"{what} in TLS", partial(fire, aim, Shot(opening))
    yield "SOCKS 5 to the proxy", partial(fire, aim, Shot(b"\x05\x01\x00", None))
    yield "SOCKS 4 to the proxy", partial(fire, aim, Shot(b"\x04\x01\x01\xbb\x7f\x00\x00\x01\x00", None))
