"""Whom the sidecar trusts upstream: the system's CAs, and a route's own CA for that route alone."""

import ipaddress
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import certifi
from OpenSSL import SSL, crypto

_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_PARTIAL_WILDCARDS_REFUSED = 0x4  # X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS
_SUBJECT_NEVER_CHECKED = 0x20  # X509_CHECK_FLAG_NEVER_CHECK_SUBJECT


def system_bundle() -> str:
    """The PEM of the system's trusted CAs, or certifi's where the system has none."""
    default = ssl.get_default_verify_paths().cafile
    for candidate in [default, *_BUNDLES] if default else _BUNDLES:
        path = Path(str(candidate))
        if path.is_file() and (content := path.read_text(encoding="utf-8", errors="replace")).strip():
            return content
    return Path(certifi.where()).read_text(encoding="utf-8")


class UpstreamTrust:
    """Makes verified TLS client connections. A context a distinct extra CA is made once and kept."""

    def __init__(self, system: str) -> None:
        self._system = system
        self._contexts: dict[str | None, SSL.Context] = {}

    def agent_bundle(self, extra: Iterable[str]) -> str:
        """What the agent should trust: the system's CAs and these."""
        return "\n".join(part.strip() for part in (self._system, *extra)) + "\n"

    def connection(self, host: str, *, ca_pem: str | None, protocols: list[bytes]) -> SSL.Connection:
        """A client connection that only a certificate valid for `host` can complete.

        `host` is the route's name, never the address that is dialled. Raises ValueError where
        `ca_pem` holds no readable certificate.
        """
        connection = SSL.Connection(self._context(ca_pem))
        _require_certificate_for(host, connection)
        connection.set_alpn_protos(protocols)
        connection.set_connect_state()
        return connection

    def _context(self, ca_pem: str | None) -> SSL.Context:
        context = self._contexts.get(ca_pem)
        if context is None:
            context = self._contexts[ca_pem] = self._make_context(ca_pem)
        return context

    def _make_context(self, ca_pem: str | None) -> SSL.Context:
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
        context.set_verify(SSL.VERIFY_PEER)
        store = context.get_cert_store()
        if store is None:
            raise ValueError("the TLS library offers no trust store")
        for pem in (self._system, ca_pem or ""):
            for certificate in certificates(pem):
                store.add_cert(certificate)
        return context


def _require_certificate_for(host: str, connection: SSL.Connection) -> None:
    """Sets the server name, and the name or address that the certificate must be valid for."""
    library: Any = vars(SSL)["_lib"]  # pyOpenSSL's own functions for this take DNS names on contexts only
    parameters = library.SSL_get0_param(connection._ssl)  # noqa: SLF001
    library.X509_VERIFY_PARAM_set_hostflags(parameters, _PARTIAL_WILDCARDS_REFUSED | _SUBJECT_NEVER_CHECKED)
    try:
        packed = ipaddress.ip_address(host).packed
    except ValueError:
        name = host.encode("ascii")
        connection.set_tlsext_host_name(name)
        done = library.X509_VERIFY_PARAM_set1_host(parameters, name, len(name))
    else:
        done = library.X509_VERIFY_PARAM_set1_ip(parameters, packed, len(packed))
    if done != 1:
        raise ValueError(f"cannot require a certificate for {host!r}")


def certificates(pem: str) -> list[crypto.X509]:
    """The certificates of a bundle. Raises ValueError where one of them cannot be read."""
    marker = "-----END CERTIFICATE-----"
    found = []
    for part in pem.split(marker)[:-1]:
        start = part.find("-----BEGIN CERTIFICATE-----")
        if start < 0:
            raise ValueError("a certificate ends that never began")
        try:
            found.append(crypto.load_certificate(crypto.FILETYPE_PEM, (part[start:] + marker).encode()))
        except crypto.Error as error:
            raise ValueError("a CA certificate is not readable PEM") from error
    return found
