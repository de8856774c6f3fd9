import pytest

from bottle_sidecar.egress.proxies import UpstreamProxy

SELECTIVE = UpstreamProxy.parse("http://p:1", ".corp.example, 10.0.0.0/8 ,port.test:443,a.star.test")


def test_a_url_is_read() -> None:
    proxy = UpstreamProxy.parse("http://user:p%3Aw@proxy.corp:8080", None)
    assert (proxy.host, proxy.port) == ("proxy.corp", 8080)
    assert proxy.authorization == "Basic dXNlcjpwOnc="
    assert "dXNlcjpwOnc" not in repr(proxy)


def test_a_bare_host_is_a_url() -> None:
    assert UpstreamProxy.parse("proxy.corp:3128", None).port == 3128


@pytest.mark.parametrize("url", ["socks5://x:1", "http://", "http://u:secret@h:port", "https://u:secret@h"])
def test_what_is_no_proxy_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="host's proxy") as raised:
        UpstreamProxy.parse(url, None)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "host",
    ["example.com", "notcorp.example", "11.1.2.3", "star.test"],
)
def test_whom_it_serves(host: str) -> None:
    assert SELECTIVE.serves(host)


@pytest.mark.parametrize(
    "host",
    [
        "corp.example",
        "a.corp.example",
        "10.1.2.3",
        "port.test",
        "a.star.test",
        "localhost",
        "127.0.0.1",
        "::1",
    ],
)
def test_whom_it_does_not_serve(host: str) -> None:
    assert not SELECTIVE.serves(host)


def test_a_star_bypasses_it_for_all() -> None:
    assert not UpstreamProxy.parse("http://p:1", "*").serves("example.com")
