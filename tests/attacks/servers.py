"""The upstreams of a bottle under attack, and the routes that lead to them."""

from collections.abc import AsyncIterator, Sequence

from attacks import facts
from support.certificates import CertificateAuthority
from support.sites import route
from support.upstreams import Answer, Seen, Upstream

_REDIRECTS = {
    "/v1/redirect-to-denied-host": "https://denied.example.com/forbidden",
    "/v1/redirect-to-denied-path": f"https://{facts.GRANTED}/forbidden",
    "/v1/redirect-to-private-address": "http://127.0.0.1/forbidden",
    "/v1/redirect-to-granted-path": f"https://{facts.GRANTED}/v1/permitted",
}
_PIECE = 3


async def answer(seen: Seen) -> Answer:
    """Redirects, and echoes the credential that it got in several ways."""
    if seen.target in _REDIRECTS:
        return Answer(status=302, headers=[("location", _REDIRECTS[seen.target])])
    credential = (seen.values("authorization") or [facts.FALLBACK])[0]
    if seen.target == "/v1/echo":
        return Answer(body=credential.encode())
    if seen.target == "/v1/echo-header":
        return Answer(headers=[("x-credential", credential)])
    if seen.target == "/v1/echo-pieces":
        return Answer(body=_pieces(credential.encode()))
    return Answer(body=b"answered")


async def _pieces(text: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(text), _PIECE):
        yield text[start : start + _PIECE]


def upstream(authority: CertificateAuthority, host: str) -> Upstream:
    return Upstream(authority, facts.GRANTED, facts.OPEN, "denied.example.com", handler=answer, host=host)


def plain(host: str) -> Upstream:
    return Upstream(None, handler=answer, host=host)


def routes(
    authority: CertificateAuthority, secured: Upstream, clear: Upstream, private: Sequence[str]
) -> list[str]:
    """As a manifest has them: one narrow, with a credential; one wide; one in the clear; private names."""
    auth = "{scheme: Bearer, token_ref: API_TOKEN}"
    rules = {"path_allowlist": "[/v1]", "methods": "[GET, POST]"}
    return [
        route(authority, secured, facts.GRANTED, auth=auth, **rules),
        route(authority, secured, facts.OPEN),
        f"{{host: {facts.PLAIN}, scheme: http, address: '{clear.address}'}}",
        *(f"{{host: {name}}}" for name in private),
    ]
