import socket
import ssl
from collections.abc import Iterator

import pytest

from bottle.selftest.gullible import Gullible
from bottle.selftest.probes.shots import Shot, fire, get
from bottle_sidecar.throwaway import ThrowAwayCertificate


@pytest.fixture
def gullible() -> Iterator[Gullible]:
    with Gullible(ThrowAwayCertificate(["gullible.test"]).with_key) as server:
        yield server


def test_it_grants_whatever_is_asked(gullible: Gullible) -> None:
    for shot in (
        Shot(get(b"/forbidden")),
        Shot(get(b"http://denied.example.com/", b"denied.example.com"), connect=None),
        Shot(get(b"/"), connect=b"127.0.0.1:22", tls=False),
        Shot(b"SSH-2.0-x\r\n", tls=False),
    ):
        assert fire(gullible.address, shot), shot


def test_it_counts_as_the_most_generous_server_would(gullible: Gullible) -> None:
    assert fire(gullible.address, Shot(get(b"/") + get(b"/"), allowed=1))
    assert fire(gullible.address, Shot(get(b"/"), allowed=1)) is None


def test_it_speaks_tls_with_the_certificate_that_it_was_given(gullible: Gullible) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(gullible.address) as plain:
        plain.sendall(b"CONNECT x:443 HTTP/1.1\r\n\r\n")
        assert plain.recv(100).startswith(b"HTTP/1.1 200")
        with context.wrap_socket(plain, server_hostname="gullible.test") as secured:
            assert b"gullible.test" in (secured.getpeercert(binary_form=True) or b"")
