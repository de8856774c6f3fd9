"""Whole URLs that name another host."""

from collections.abc import Iterator
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.shots import DENIED, HOST, OTHER, PLAIN, Shot, get, volley


@attack(
    aim="proxy",
    source="J. Kettle, Cracking the Lens, Black Hat USA 2017",
    expects="refused with 403 or 400",
    control="gullible",
    outside=True,
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Puts whole URLs where the proxy or the server might read another host than was judged."""
    shots = {
        "http to a route of https": Shot(get(b"http://" + HOST + b"/v1/forbidden"), None),
        "https without CONNECT": Shot(get(b"https://" + HOST + b"/v1/forbidden"), None),
        "ftp": Shot(get(b"ftp://" + PLAIN + b"/forbidden", PLAIN), None),
        "file": Shot(get(b"file:///etc/passwd", PLAIN), None),
        "gopher": Shot(get(b"gopher://" + PLAIN + b"/forbidden", PLAIN), None),
        "granted Host, denied URL": Shot(get(b"http://" + DENIED + b"/forbidden", PLAIN), None),
        "denied Host, granted URL": Shot(get(b"http://" + PLAIN + b"/forbidden", DENIED), None),
        "user part": Shot(get(b"http://" + PLAIN + b"@" + DENIED + b"/forbidden", PLAIN), None),
        "user part turned round": Shot(get(b"http://" + DENIED + b"@" + PLAIN + b"/forbidden", PLAIN), None),
        "password": Shot(get(b"http://a:b@" + PLAIN + b"/forbidden", PLAIN), None),
        "backslash": Shot(get(b"http://" + PLAIN + b"\\@" + DENIED + b"/forbidden", PLAIN), None),
        "fragment": Shot(get(b"http://" + PLAIN + b"#@" + DENIED + b"/forbidden", PLAIN), None),
        "query": Shot(get(b"http://" + PLAIN + b"?@" + DENIED + b"/forbidden", PLAIN), None),
        "encoded dot": Shot(get(b"http://plain%2eexample.com/forbidden", b"plain%2eexample.com"), None),
        "NUL": Shot(get(b"http://" + PLAIN + b"\x00." + DENIED + b"/forbidden", PLAIN), None),
        "origin form to the proxy": Shot(get(b"/forbidden"), None),
        "in the tunnel, another host": Shot(get(b"https://" + OTHER + b"/forbidden")),
        "in the tunnel, http": Shot(get(b"http://" + HOST + b"/forbidden")),
        "in the tunnel, http to another": Shot(get(b"http://" + PLAIN + b"/v1/forbidden")),
        "in the tunnel, denied": Shot(get(b"https://" + DENIED + b"/forbidden")),
        "network-path": Shot(get(b"//" + DENIED + b"/forbidden")),
    }
    yield from volley(aim, shots)
