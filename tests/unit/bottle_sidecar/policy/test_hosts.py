import pytest
from hypothesis import given
from hypothesis import strategies as st

from bottle_sidecar.policy.hosts import (
    Authority,
    HostError,
    HostPattern,
    HostTable,
    is_ip_literal,
    normalise_host,
    quoted,
)

LABELS = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
NAMES = st.lists(LABELS, min_size=1, max_size=5).map(".".join)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("Example.COM", "example.com"),
        ("example.com.", "example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("\uff45xample\u3002com", "example.com"),
        ("my_bucket.s3.example", "my_bucket.s3.example"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("localhost", "localhost"),
        ("1.2.3.4.example.com", "1.2.3.4.example.com"),
    ],
)
def test_a_host_has_one_spelling(text: str, host: str) -> None:
    assert normalise_host(text) == host


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "example.com..",
        ".example.com",
        "a..b",
        "-a.example",
        "a-.example",
        "a b.example",
        "a/b.example",
        "exa\x00mple.com",
        "example.com\n",
        "user@example.com",
        "*.example.com",
        "example.com:443",
        "a" * 64 + ".example",
        ".".join(["a" * 60] * 5),
        "ü" * 300,
        "faß.de",
        "σας.example",
        "a\u200db.example",
        "\u2100.example",
        "ü..example",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "127.1",
        "0177.0.0.1",
        "1.2.3.04",
        "1.2.3.4.5",
        "256.1.1.1",
        "example.0x",
        "[::1",
        "[::g]",
        "[127.0.0.1]",
        "fe80::1%eth0",
        "[fe80::1%25eth0]",
        "::ffff:127.0.0.1",
        "[::ffff:7f00:1]",
    ],
)
def test_what_readers_may_take_for_different_hosts_is_refused(text: str) -> None:
    with pytest.raises(HostError):
        normalise_host(text)


@given(NAMES)
def test_normalising_is_idempotent_and_ignores_case_and_the_final_dot(name: str) -> None:
    assert normalise_host(normalise_host(name.upper() + ".")) == normalise_host(name) == name


@given(st.text(max_size=40))
def test_any_text_gives_a_plain_host_or_a_host_error(text: str) -> None:
    try:
        host = normalise_host(text)
    except HostError:
        return

    assert host.isascii()
    assert host == host.lower() == normalise_host(host)
    assert not set(host) & set("/\\@?#%*[] \t\r\n\0")


@pytest.mark.parametrize(
    ("host", "literal"), [("127.0.0.1", True), ("::1", True), ("a1.example2", False), ("1.example", False)]
)
def test_literals_are_told_from_names(host: str, literal: bool) -> None:  # noqa: FBT001
    assert is_ip_literal(host) is literal


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("Example.com", "example.com", None),
        ("example.com:443", "example.com", 443),
        ("example.com.:1", "example.com", 1),
        ("[::1]:65535", "::1", 65535),
        ("[2001:db8::1]", "2001:db8::1", None),
    ],
)
def test_an_authority_is_a_host_and_perhaps_a_port(text: str, host: str, port: int | None) -> None:
    assert Authority.parse(text) == Authority(host=host, port=port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":443",
        "example.com:",
        "example.com:0",
        "example.com:65536",
        "example.com:443:443",
        "example.com:+443",
        "example.com:٤٤٣",
        "user@example.com",
        "user:pw@example.com:443",
        "example.com@evil.example",
        "example.com#@evil.example",
        "example.com/evil",
        "example.com\\evil",
        "example.com?x",
        "example.com evil",
        " example.com",
        "example.com,evil.example",
        "exam%70le.com",
        "bücher.example",
        "::1",
        "[::1]x",
        "*.example.com",
    ],
)
def test_an_authority_with_anything_more_is_refused(text: str) -> None:
    with pytest.raises(HostError):
        Authority.parse(text)


@pytest.mark.parametrize(
    ("pattern", "host", "match"),
    [
        ("example.com", "example.com", True),
        ("example.com", "a.example.com", False),
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "a.b.c.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "evil-example.com", False),
        ("*.example.com", "evilexample.com", False),
        ("*.example.com", "example.com.evil.net", False),
    ],
)
def test_a_wildcard_matches_any_depth_but_neither_apex_nor_lookalike(
    pattern: str,
    host: str,
    match: bool,  # noqa: FBT001
) -> None:
    assert HostPattern.parse(pattern).matches(host) is match
    assert (HostTable([(HostPattern.parse(pattern), "it")]).find(host) == "it") is match


@pytest.mark.parametrize(
    "text", ["*", "*.", "**.example.com", "*example.com", "a.*.com", "*.0.0.1", "*.127.0.0.1"]
)
def test_other_wildcards_are_refused(text: str) -> None:
    with pytest.raises(HostError):
        HostPattern.parse(text)


def test_patterns_are_normalised() -> None:
    assert HostPattern.parse("*.EXAMPLE.com.") == HostPattern("*.example.com")
    assert HostPattern.parse("Bücher.example").text == "xn--bcher-kva.example"


@given(NAMES, NAMES)
def test_a_wildcard_matches_exactly_what_ends_in_dot_suffix(suffix: str, other: str) -> None:
    pattern = HostPattern(f"*.{suffix}")

    assert pattern.matches(f"{other}.{suffix}")
    assert not pattern.matches(suffix)
    assert not pattern.matches(f"{other}-{suffix}")
    assert not pattern.matches(f"{suffix}.{other}x")


def test_the_most_specific_pattern_wins() -> None:
    texts = ["*.com", "*.example.com", "a.example.com", "*.b.example.com"]
    table = HostTable([(HostPattern(text), text) for text in texts])

    assert table.find("a.example.com") == "a.example.com"
    assert table.find("x.b.example.com") == "*.b.example.com"
    assert table.find("b.example.com") == "*.example.com"
    assert table.find("example.com") == "*.com"
    assert table.find("com") is None
    assert table.find("example.net") is None


def test_addresses_match_exactly_only() -> None:
    table = HostTable(
        [(HostPattern("*.0.1"), "no"), (HostPattern("127.0.0.1"), "yes"), (HostPattern("::1"), "v6")]
    )

    assert table.find("127.0.0.1") == "yes"
    assert table.find("::1") == "v6"
    assert table.find("10.0.0.1") is None
    assert not HostPattern("*.0.1").matches("10.0.0.1")


def test_quoted_text_is_short_printable_ascii() -> None:
    assert quoted("a\x1b[31m\nü") == "'a\\x1b[31m\\n\\xfc'"
    assert quoted("x" * 200, 5) == "'xxxxx...'"
