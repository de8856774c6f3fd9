"""The bottle's own certificate authority: made at start, kept in memory, gone with the process.

The agent trusts it; the sidecar signs one leaf a host with it. Keys are P-256: made in under a
millisecond, accepted by every TLS client the agents use. No key is ever written anywhere.
"""

import datetime as dt
import ipaddress
from collections import OrderedDict
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from OpenSSL import SSL

_CLOCK_SKEW = dt.timedelta(days=1)
_CA_LIFETIME = dt.timedelta(days=365)
_LEAF_LIFETIME = dt.timedelta(days=90)
_CACHED_HOSTS = 128
_COMMON_NAME_LIMIT = 64
_OFFERED = (b"h2", b"http/1.1")


class Authority:
    """One bottle's CA and the TLS server contexts that it vouches for."""

    def __init__(self, identity: str, *, now: dt.datetime) -> None:
        self._now = now
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._leaf_key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._self_sign(identity)
        self._contexts: OrderedDict[str, SSL.Context] = OrderedDict()

    @property
    def certificate(self) -> str:
        """PEM, without the key."""
        return self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def fingerprint(self) -> str:
        """SHA-256 in the form that openssl prints: upper case pairs with colons."""
        return self._certificate.fingerprint(hashes.SHA256()).hex(":").upper()

    def context(self, host: str) -> SSL.Context:
        """A TLS server context for a host name or address literal; the most recent ones are kept."""
        context = self._contexts.pop(host, None) or self._server_context(host)
        self._contexts[host] = context
        if len(self._contexts) > _CACHED_HOSTS:
            self._contexts.popitem(last=False)
        return context

    def leaf(self, host: str) -> x509.Certificate:
        name = [x509.NameAttribute(NameOID.COMMON_NAME, host)] if len(host) <= _COMMON_NAME_LIMIT else []
        issuer_id = self._certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name(name))
            .issuer_name(self._certificate.subject)
            .public_key(self._leaf_key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - _CLOCK_SKEW)
            .not_valid_after(self._now + _LEAF_LIFETIME)
            .add_extension(x509.SubjectAlternativeName([_alternative_name(host)]), critical=not name)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_id), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )

    def _self_sign(self, identity: str) -> x509.Certificate:
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "bot-bottle"),
                x509.NameAttribute(NameOID.COMMON_NAME, f"bottle {identity}"[:_COMMON_NAME_LIMIT]),
            ]
        )
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - _CLOCK_SKEW)
            .not_valid_after(self._now + _CA_LIFETIME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_certificate_signing(), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def _server_context(self, host: str) -> SSL.Context:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
        context.set_session_id(b"bottle")
        context.use_certificate(self.leaf(host))
        context.use_privatekey(self._leaf_key)
        context.set_alpn_select_callback(_select_protocol)
        return context


def _select_protocol(_: SSL.Connection, offers: list[bytes]) -> Any:
    """The client's first choice among what can be inspected; without one, HTTP/1.1 without ALPN."""
    return next((offer for offer in offers if offer in _OFFERED), SSL.NO_OVERLAPPING_PROTOCOLS)


def _alternative_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _certificate_signing() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
