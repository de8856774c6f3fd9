"""How a connection for the gate is told from others; tests/integration/gitgate speaks to the rest."""

import pytest

from bottle_sidecar.gate.http import addressed


@pytest.mark.parametrize(
    ("start", "wanted"),
    [
        (b"GET http://gate.bottle/x HTTP/1.1\r\n", True),
        (b"POST http://gate.bottle:80/git@h/a/git-upload-pack HTTP/1.1\r\n", True),
        (b"GET http://GATE.bottle/ HTTP/1.1\r\n", True),
        (b"GET http://gate.bottle ", True),
        (b"GET http://gate.bottle?x", True),
        (b"GET http://gate.bottle.example.com/ HTTP/1.1\r\n", False),
        (b"GET http://gate.bottle@example.com/ HTTP/1.1\r\n", False),
        (b"GET http://gate.bottle:81/ HTTP/1.1\r\n", False),
        (b"GET http://example.com/http://gate.bottle/ HTTP/1.1\r\n", False),
        (b"GET https://gate.bottle/ HTTP/1.1\r\n", False),
        (b"CONNECT gate.bottle:80 HTTP/1.1\r\n", False),
        (b"GET / HTTP/1.1\r\nHost: gate.bottle\r\n", False),
        (b"\x16\x03\x01", False),
        (b"PRI * HTTP/2.0\r\n", False),
        (b"G", None),
        (b"GET http://gate.bot", None),
        (b"GET http://gate.bottle", None),
        (b"x" * 300, False),
        (b"GET\n", False),
        (b"", False),
    ],
)
def test_whom_a_connection_is_for(start: bytes, *, wanted: bool | None) -> None:
    assert addressed(start, "gate.bottle") is wanted
