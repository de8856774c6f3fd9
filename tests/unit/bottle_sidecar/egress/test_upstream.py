import datetime as dt

import pytest

from bottle_sidecar.egress.authority import Authority
from bottle_sidecar.egress.upstream import UpstreamTrust, certificates, system_bundle

PEM = Authority("a-abcde", now=dt.datetime.now(dt.UTC)).certificate


def test_the_system_has_authorities() -> None:
    assert len(certificates(system_bundle())) > 20


def test_certificates_are_found_among_other_text() -> None:
    assert len(certificates(f"# a comment\n{PEM}\n# another\n{PEM}")) == 2
    assert certificates("") == []


@pytest.mark.parametrize(
    "pem",
    [
        "-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        PEM.replace("MII", "!!!", 1),
    ],
)
def test_broken_certificates(pem: str) -> None:
    with pytest.raises(ValueError, match="certificate"):
        certificates(pem)


def test_the_agent_s_bundle_holds_both() -> None:
    bundle = UpstreamTrust("SYSTEM").agent_bundle([PEM])
    assert bundle.startswith("SYSTEM\n")
    assert PEM.strip() in bundle


@pytest.mark.parametrize("host", ["api.test", "127.0.0.1", "2001:db8::1"])
def test_the_host_is_what_is_asked_for(host: str) -> None:
    connection = UpstreamTrust("").connection(host, ca_pem=PEM, protocols=[b"http/1.1"])
    assert connection.get_servername() == (None if ":" in host or host[0].isdigit() else host.encode())
