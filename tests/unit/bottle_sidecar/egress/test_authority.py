"""The bottle's CA, as strict clients see it."""

import datetime as dt
import hashlib
import ssl

import pytest
from cryptography import x509

from bottle_sidecar.egress.authority import Authority

NOW = dt.datetime.now(dt.UTC)


def test_the_ca() -> None:
    authority = Authority("demo-abcde", now=NOW)
    certificate = x509.load_pem_x509_certificate(authority.certificate.encode())
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert (constraints.value.ca, constraints.value.path_length) == (True, 0)
    assert certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    assert "demo-abcde" in certificate.subject.rfc4514_string()
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(authority.certificate)).hexdigest().upper()
    assert authority.fingerprint.replace(":", "") == digest
    assert "PRIVATE" not in authority.certificate


def test_two_bottles_have_two_keys() -> None:
    first, second = Authority("a-abcde", now=NOW), Authority("a-abcde", now=NOW)
    assert first.fingerprint != second.fingerprint


@pytest.mark.parametrize("host", ["api.test", "*.test", "a." * 100 + "test", "127.0.0.1", "2001:db8::1"])
def test_a_leaf_is_for_its_host_alone(host: str) -> None:
    authority = Authority("demo-abcde", now=NOW)
    leaf = authority.leaf(host)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == [host]
    leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.certificate.encode()))
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_contexts_are_kept_but_not_without_end() -> None:
    authority = Authority("demo-abcde", now=NOW)
    first = authority.context("api.test")
    assert authority.context("api.test") is first
    for number in range(200):
        authority.context(f"h{number}.test")
    assert authority.context("api.test") is not first
