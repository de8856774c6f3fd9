"""Methods around a rule."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.shots import HOST, Shot, fire, get


@attack(
    aim="proxy",
    source="OWASP Web Security Testing Guide, WSTG-CONF-06 (HTTP methods)",
    expects="refused with 403, 400 or 405",
    control="gullible",
    outside=True,
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Uses methods that the route does not list, that proxies answer themselves, or that headers replace."""
    for method in (
        b"DELETE",
        b"PUT",
        b"get",
        b"TRACE",
        b"TRACK",
        b"CONNECT",
        b"PROPFIND",
        b"DEBUG",
        b"GETX",
        b"G\x00ET",
    ):
        sent = method + get(b"/v1/forbidden")[3:]
        yield method.decode(), partial(fire, aim, Shot(sent))
    for name in (
        b"X-HTTP-Method-Override",
        b"X-HTTP-Method",
        b"X-Method-Override",
        b"X_HTTP_Method_Override",
    ):
        shot = Shot(get(b"/v1/forbidden", HOST, name + b": DELETE\r\n"))
        yield name.decode(), partial(fire, aim, shot)
    for name in (b"X-Original-URL", b"X-Rewrite-URL"):
        shot = Shot(get(b"/v1/forbidden", HOST, name + b": /forbidden\r\n"))
        yield name.decode(), partial(fire, aim, shot)
