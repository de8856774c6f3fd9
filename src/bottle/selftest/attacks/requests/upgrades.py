"""Protocol upgrades."""

from collections.abc import Iterator
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.shots import DENIED, HOST, Shot, get, volley


@attack(
    aim="proxy",
    source="J. Miller, h2c Smuggling, Bishop Fox 2020",
    expects="refused with 403 or 400",
    control="gullible",
    outside=True,
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Asks for another protocol, behind which nobody would look: h2c, WebSocket, TLS, CONNECT in a tunnel."""
    socket_lines = (
        b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    )
    cleartext = b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
    shots = {
        "WebSocket to a denied host": Shot(
            get(b"/forbidden", DENIED, socket_lines), DENIED + b":443", DENIED
        ),
        "WebSocket to a denied path": Shot(get(b"/forbidden", HOST, socket_lines)),
        "h2c to a denied path": Shot(get(b"/forbidden", HOST, cleartext)),
        "h2c to the proxy": Shot(get(b"http://" + DENIED + b"/forbidden", DENIED, cleartext), None),
        "HTTP/2 preface to the proxy": Shot(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", None),
        "CONNECT in a tunnel": Shot(b"CONNECT " + DENIED + b":443 HTTP/1.1\r\nHost: " + DENIED + b"\r\n\r\n"),
        "CONNECT to the same host in a tunnel": Shot(
            b"CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com\r\n\r\n"
        ),
        "CONNECT with a body": Shot(
            b"CONNECT " + DENIED + b":443 HTTP/1.1\r\n\r\n" + get(b"/forbidden", DENIED) * 2, None, allowed=1
        ),
    }
    yield from volley(aim, shots)
