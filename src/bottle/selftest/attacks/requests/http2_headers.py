"""Headers of HTTP/2 that mean two things."""

from collections.abc import Iterator
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.http2 import exchanges, head, request
from bottle.selftest.probes.shots import DENIED, HOST, OTHER

_PATH = b"/v1/forbidden"


@attack(
    aim="proxy",
    source="J. Kettle, HTTP/2: The Sequel is Always Worse, Black Hat USA 2021; RFC 9113, 8.2 and 8.3",
    expects="the stream or the connection is reset, or refused with 4xx",
    control="gullible",
    outside=True,
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Sends pseudo-headers twice, late, unknown or at odds, and values that break out of an HTTP/1 line."""
    plain = head(_PATH)
    path = (b":path", _PATH)
    injected = b"a\r\n\r\nGET /v1/forbidden HTTP/1.1\r\nHost: " + HOST + b"\r\n"
    cases = {
        ":authority denied": head(_PATH, DENIED),
        ":authority of another granted host": head(_PATH, OTHER),
        ":authority denied, Host granted": head(_PATH, DENIED, (b"host", HOST)),
        ":authority granted, Host denied": head(_PATH, HOST, (b"host", DENIED)),
        ":authority granted, two Hosts": head(_PATH, HOST, (b"host", HOST), (b"host", DENIED)),
        ":authority with a user part": head(_PATH, HOST + b"@" + DENIED),
        ":authority with a port": head(_PATH, HOST + b":8443"),
        ":authority twice": [(b":authority", HOST), *head(_PATH, DENIED)],
        ":authority twice, turned round": [(b":authority", DENIED), *plain],
        ":authority empty": head(_PATH, b""),
        ":authority with a line break": head(_PATH, HOST + b"\r\nx: y"),
        "no :authority and no Host": [field for field in plain if field[0] != b":authority"],
        ":path twice": [(b":path", b"/v1/permitted"), *plain],
        ":path as a denied URL": head(b"https://" + DENIED + b"/v1/forbidden"),
        ":path as a URL in the clear": head(b"http://" + HOST + b"/v1/forbidden"),
        ":path as an asterisk": head(b"*", HOST, (b"x-path", b"forbidden")),
        ":path empty": head(b"", HOST, (b"x-path", b"forbidden")),
        ":path without a slash": head(b"v1/forbidden"),
        ":path with a request in it": head(b"/v1/x HTTP/1.1\r\nHost: " + HOST + b"\r\nx: forbidden"),
        ":path with a space": head(b"/v1/x HTTP/1.1 forbidden"),
        ":path with two slashes": head(b"//" + DENIED + b"/v1/forbidden"),
        ":path out of the allowlist": head(b"/v1/../forbidden"),
        ":method twice": [(b":method", b"GET"), *head(_PATH, method=b"DELETE")],
        ":method with a line in it": head(_PATH, method=b"GET /v1/forbidden HTTP/1.1\r\nx: y\r\n\r\nGET"),
        ":method denied": head(_PATH, method=b"DELETE"),
        ":method empty": head(_PATH, method=b""),
        ":scheme http": [(b":scheme", b"http"), *(one for one in plain if one[0] != b":scheme")],
        ":scheme twice": [(b":scheme", b"https"), *plain],
        ":scheme with a URL in it": [
            (b":scheme", b"https://" + DENIED + b"/"), *(one for one in plain if one[0] != b":scheme")
        ],
        "no :scheme": [field for field in plain if field[0] != b":scheme"],
        "no :path": [*(field for field in plain if field[0] != b":path"), (b"x-path", b"forbidden")],
        ":status in a request": [(b":status", b"200"), *plain],
        "an unknown pseudo-header": [(b":forbidden", b"yes"), *plain],
        "a pseudo-header behind others": [(b"x", b"y"), *plain],
        "a pseudo-header at the end": [*(one for one in plain if one != path), (b"x", b"y"), path],
        "line breaks in a value": head(_PATH, HOST, (b"x", injected)),
        "a line feed in a value": head(_PATH, HOST, (b"x", b"a\nx-forbidden: b")),
        "a NUL in a value": head(_PATH, HOST, (b"x", b"a\x00b")),
        "line breaks in a name": head(_PATH, HOST, (b"x: a\r\n\r\nGET /forbidden HTTP/1.1\r\nx", b"y")),
        "a colon in a name": head(_PATH, HOST, (b"transfer-encoding: chunked\r\nx", b"y")),
        "a capital in a name": head(_PATH, HOST, (b"Transfer-Encoding", b"chunked")),
        "an empty name": head(_PATH, HOST, (b"", b"y")),
        "transfer-encoding": head(_PATH, HOST, (b"transfer-encoding", b"chunked")),
        "connection": head(_PATH, HOST, (b"connection", b"authorization, host")),
        "upgrade": head(_PATH, HOST, (b"upgrade", b"websocket"), (b"connection", b"upgrade")),
        "te": head(_PATH, HOST, (b"te", b"chunked")),
    }  # fmt: skip
    yield from exchanges(aim, {what: request(fields) for what, fields in cases.items()})
