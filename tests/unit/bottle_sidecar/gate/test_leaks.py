from bottle_sidecar.gate.leaks import Known
from bottle_sidecar.policy.dlp.findings import KnownSecret

OLD, NEW = "old-7Qz9mT4vXb2LpR8s", "new-3Hc5nY8wFj6TkU1g"


def test_what_is_learned_is_known_beside_the_rest() -> None:
    known = Known([KnownSecret(value=OLD)])
    assert known.whole(NEW.encode()) is None

    known.learn([KnownSecret(value=NEW)])

    assert known.whole(OLD.encode())
    assert known.whole(NEW.encode())
    assert known.mask(f"{OLD} {NEW}") == f"{'*' * len(OLD)} {'*' * len(NEW)}"
