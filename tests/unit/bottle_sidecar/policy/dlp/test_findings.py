from hashlib import sha256

from bottle_sidecar.policy.dlp.findings import Finding, KnownSecret, digest


def test_a_secret_is_named_by_the_beginning_of_its_hash() -> None:
    assert digest(b"secret value") == sha256(b"secret value").hexdigest()[:12]


def test_a_finding_of_a_placeholder_says_whose_it_is() -> None:
    placeholder = KnownSecret(value="placeholder-value", honeytoken=True, owner="TOKEN")
    found = Finding.of_known(placeholder, "header x-y")

    assert (found.rule, found.place, found.honeytoken, found.owner) == (
        "honeytoken",
        "header x-y",
        True,
        "TOKEN",
    )


def test_no_text_of_either_shows_the_value() -> None:
    secret = KnownSecret(value="the-secret-value")

    assert "the-secret-value" not in repr(secret) + repr(Finding.of_known(secret, "body"))
