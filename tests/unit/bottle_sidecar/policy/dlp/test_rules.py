"""Real-shaped secrets are found in each encoding; what upstream discards is discarded."""

import base64
import json
import random
from collections.abc import Callable
from urllib.parse import quote, urlencode

import pytest

from bottle_sidecar.policy.dlp.findings import Depth, Finding, KnownSecret
from bottle_sidecar.policy.dlp.rules import Discard, Match, RuleData, RuleSet, compiled
from bottle_sidecar.policy.dlp.scanner import OVERLAP, WINDOW, Scanner
from bottle_sidecar.rules_store import FOLDER

PLACEHOLDER = "bottle-placeholder-0123456789abcdef0123456789abcdef"
KEY = "".join(f"{base64.b64encode(bytes(range(at, at + 48))).decode()}\n" for at in range(0, 200, 8))
SECRETS = {
    "github-pat": "ghp_k3Zx9QwLm7Tr2Vb8Nc4Hd6Jf1Gs5Pa0YeUiO",
    "anthropic-api-key": "sk-ant-api03-"
    + "k3Zx9QwLm7Tr2Vb8Nc4Hd6Jf1Gs5Pa0YeUiO" * 2
    + "k3Zx9QwLm7Tr2Vb8Nc4HdAA",
    "aws-access-token": "AKIAQYLPMN5HHHFPZAM2",
    "slack-bot-token": "xoxb-263594206564-2343594206574-FGqddMF8t08v8N7Oq4i57vs1",
    "private-key": f"-----BEGIN RSA PRIVATE KEY-----\n{KEY}-----END RSA PRIVATE KEY-----",
    "stripe-access-token": "sk_live_k3Zx9QwLm7Tr2Vb8Nc4Hd6Jf",
}


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    """All of them, compiled once."""
    document = (FOLDER / "rules.json").read_bytes()
    data = RuleData(document=document, database=compiled(document))
    return RuleSet(lambda: data)


@pytest.fixture(scope="module")
def scanner(rules: RuleSet) -> Scanner:
    return Scanner(known=[KnownSecret(value=PLACEHOLDER, honeytoken=True, owner="TOKEN")], rules=rules)


def full(scanner: Scanner, text: bytes, *own: str) -> Finding | None:
    return scanner.text(text, depth=Depth.FULL, place="body", own=own)


def test_there_are_hundreds(rules: RuleSet) -> None:
    assert len(rules.names()) > 400
    assert set(SECRETS) <= set(rules.names())


@pytest.mark.parametrize("rule", SECRETS)
@pytest.mark.parametrize(
    "encoding",
    [
        str,
        lambda text: json.dumps({"content": f'key = "{text}"'}),
        lambda text: json.dumps(json.dumps({"content": f'key = "{text}"'})),
        lambda text: f"a=1&b={quote(text, safe='')}&c=2",
        lambda text: urlencode({"a": "1", "b": f'key = "{text}"'}),
        lambda text: base64.b64encode(f"export KEY={text}\n".encode()).decode(),
        lambda text: base64.encodebytes(f"export KEY={text}\n".encode()).decode(),
        lambda text: f"export KEY={text}\n".encode().hex(),
        lambda text: "".join(f"\\u{ord(letter):04x}" for letter in f" {text} "),
    ],
    ids=[
        "plain",
        "json",
        "json in json",
        "form",
        "form with spaces",
        "base64",
        "base64 lines",
        "hex",
        "escapes",
    ],
)
def test_each_is_found_in_each_encoding(scanner: Scanner, rule: str, encoding: Callable[[str], str]) -> None:
    found = full(scanner, f"text before\n{encoding(SECRETS[rule])}\ntext after".encode())

    assert found is not None
    assert found.rule == rule
    assert SECRETS[rule] not in repr(found)


@pytest.mark.parametrize("at", [WINDOW - 20, WINDOW - 3, WINDOW, OVERLAP, 2 * WINDOW + OVERLAP - 9])
def test_it_is_found_across_the_borders_of_windows(scanner: Scanner, at: int) -> None:
    body = b"lorem ipsum " * (at // 12) + b" " * (at % 12) + SECRETS["github-pat"].encode() + b" dolor" * 9000
    stream = scanner.stream(depth=Depth.FULL, place="body")
    found = [stream.feed(body[start : start + 1000]) for start in range(0, len(body), 1000)]

    assert [one.rule for one in found if one is not None] == ["github-pat"]


def test_a_match_at_the_end_is_held_until_what_follows_decides(scanner: Scanner) -> None:
    secret = SECRETS["github-pat"].encode()
    ended, followed = (scanner.stream(depth=Depth.FULL, place="body") for _ in range(2))

    for stream in (ended, followed):
        assert stream.feed(b"token " + secret) is None
        assert stream.held >= len(secret)
    found = ended.finish()
    assert found is not None
    assert found.rule == "github-pat"
    assert ended.held == 0
    assert followed.feed(b" and more") is not None


def test_the_beginning_of_a_long_public_value_is_no_secret(scanner: Scanner) -> None:
    value = base64.urlsafe_b64encode(random.Random(3).randbytes(900)).replace(b"-", b"_")
    body = b'{"public": 1, "token_blob": "' + value + b'"}'
    for cut in (60, 100, 140):
        stream = scanner.stream(depth=Depth.FULL, place="body")
        found = [stream.feed(body[:cut]), stream.feed(body[cut:]), stream.finish()]

        assert found == [None, None, None]
        assert full(scanner, body[:cut]) is not None  # which is what it would be taken for


def test_known_depth_asks_no_rule(scanner: Scanner) -> None:
    assert scanner.text(SECRETS["github-pat"].encode(), depth=Depth.KNOWN, place="body") is None


@pytest.mark.parametrize(
    "text",
    [
        "ghp_" + "a" * 36,  # no entropy
        "ghp_short",
        "AKIAIOSFODNN7EXAMPLE",
        'api_key = "${API_KEY}"',
        'token = "your_token_goes_here_please"',
        "key = os.environ['SOME_SERVICE_KEY']",
        '{"prompt_cache_key":"01a22324-665a-7ca2-86f6-64d0f9f39e2b"}',  # in each call of Codex
        "commit da5c18f4b0e9a7c3d2e1f0a9b8c7d6e5f4a3b2c1",
        "integrity sha512-k3Zx9QwLm7Tr2Vb8Nc4Hd6Jf1Gs5Pa0YeUiOk3Zx9QwLm7Tr2Vb8Nc4Hd6Jf1Gs5Pa0YeUiO==",
    ],
)
def test_what_is_no_secret_is_not_found(scanner: Scanner, text: str) -> None:
    assert full(scanner, text.encode()) is None


def test_the_agent_cannot_say_that_a_secret_is_none(scanner: Scanner) -> None:
    assert full(scanner, f"{SECRETS['github-pat']} # gitleaks:allow betterleaks:allow".encode()) is not None


def test_a_placeholder_at_home_is_no_secret(scanner: Scanner) -> None:
    text = f'api_token = "{PLACEHOLDER}"'.encode()

    assert full(scanner, text, "TOKEN") is None
    found = full(scanner, text)
    assert found is not None
    assert found.rule == "honeytoken"


@pytest.mark.parametrize(
    ("test", "holds"),
    [
        ({"entropy": 2.0, "or_equal": True}, True),
        ({"entropy": 2.0, "or_equal": False}, False),
        ({"length": "==", "than": 4}, True),
        ({"length": "<", "than": 4}, False),
        ({"matches": ["^x", "^ab"], "of": "secret"}, True),
        ({"matches": ["^x"], "of": "secret", "not": True}, True),
        ({"matches": ["^key=abcd$"], "of": "match"}, True),
        ({"matches": ["^my-key=abcd$"], "of": "context"}, True),
        ({"matches": ["^see my-key=abcd;$"], "of": "line"}, True),
        ({"contains": ["SEE"], "of": "near"}, True),
        ({"contains": ["before"], "of": "near"}, False),
    ],
)
def test_what_discards_a_match(test: dict[str, object], holds: bool) -> None:  # noqa: FBT001 - a table
    match = Match(text=b"before\nsee my-key=abcd;\nafter", start=14, end=22, secret=b"abcd")

    assert Discard([[test]]).takes_back(match) is holds
    assert not Discard([[test, {"length": ">=", "than": 9}]]).takes_back(match)
