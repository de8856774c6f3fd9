"""Domain fronting."""

from collections.abc import Iterator
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.shots import CLOSE, DENIED, HOST, OTHER, Shot, get, volley


@attack(
    aim="proxy",
    source="D. Fifield et al., Blocking-resistant communication through domain fronting, PoPETs 2015",
    expects="refused with 403 or 421",
    control="gullible",
    outside=True,
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Lets CONNECT, SNI, Host and a second Host name different hosts."""
    other = OTHER + b":443"
    shots = {
        "granted SNI in a denied tunnel": Shot(get(b"/v1/forbidden"), DENIED + b":443"),
        "denied SNI": Shot(get(b"/v1/forbidden"), sni=DENIED),
        "another granted SNI": Shot(get(b"/v1/forbidden"), sni=OTHER),
        "another granted Host": Shot(get(b"/v1/forbidden", OTHER)),
        "another granted Host, same SNI": Shot(get(b"/v1/forbidden"), other, OTHER),
        "denied Host": Shot(get(b"/v1/forbidden", DENIED)),
        "no SNI, denied Host": Shot(get(b"/v1/forbidden", DENIED), sni=None),
        "two Hosts": Shot(get(b"/v1/forbidden", HOST, b"Host: " + OTHER + b"\r\n")),
        "two Hosts turned round": Shot(get(b"/v1/forbidden", OTHER, b"Host: " + HOST + b"\r\n")),
        "no Host": Shot(b"GET /v1/forbidden HTTP/1.1\r\n" + CLOSE + b"\r\n"),
        "empty Host": Shot(get(b"/v1/forbidden", b"")),
        "user part": Shot(get(b"/v1/forbidden", HOST + b"@" + OTHER)),
        "comma": Shot(get(b"/v1/forbidden", HOST + b"," + OTHER)),
        "space": Shot(get(b"/v1/forbidden", HOST + b" " + OTHER)),
        "tab": Shot(get(b"/v1/forbidden", HOST + b"\t" + OTHER)),
        "X-Forwarded-Host is not the Host": Shot(
            get(b"/v1/forbidden", DENIED, b"X-Forwarded-Host: " + HOST + b"\r\n")
        ),
        "second request, denied": Shot(
            b"GET /v1/permitted HTTP/1.1\r\nHost: " + HOST + b"\r\n\r\n" + get(b"/v1/forbidden", DENIED),
            allowed=1,
        ),
        "second request, another": Shot(
            b"GET /v1/permitted HTTP/1.1\r\nHost: " + HOST + b"\r\n\r\n" + get(b"/v1/forbidden", OTHER),
            allowed=1,
        ),
    }
    yield from volley(aim, shots)
