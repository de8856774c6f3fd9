import ssl

from bottle_sidecar.throwaway import ThrowAwayCertificate


def test_it_is_its_own_ca() -> None:
    certificate = ThrowAwayCertificate(["a.test", "b.test"])
    context = ssl.create_default_context(cadata=certificate.pem)

    (found,) = context.get_ca_certs()
    assert found["subjectAltName"] == (("DNS", "a.test"), ("DNS", "b.test"))


def test_the_key_is_given_only_where_it_is_asked_for() -> None:
    certificate = ThrowAwayCertificate(["a.test"])

    assert "PRIVATE KEY" not in certificate.pem
    assert "PRIVATE KEY" in certificate.with_key
    assert certificate.context().minimum_version >= ssl.TLSVersion.TLSv1_2
