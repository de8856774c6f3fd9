import json

from bottle_sidecar.selftest_ledger import Ledger

TARGET, NUMBER = "/leak/0123456789ab/x?y", "0123456789ab"


def test_all_forms_must_have_come_with_the_number() -> None:
    ledger = Ledger()
    ledger.add(TARGET, "body", b"the wo")
    ledger.add(TARGET, "body", b"rd is")
    ledger.add(TARGET, "wire", b"GET")

    assert ledger.holds(NUMBER, [b"word"])
    assert ledger.holds(NUMBER, [b"word", b"GET"])
    assert not ledger.holds(NUMBER, [b"word", b"POST"])
    assert not ledger.holds("ba9876543210", [b"word"])


def test_nothing_is_not_something_that_came() -> None:
    assert not Ledger().holds(NUMBER, [])


def test_streams_are_apart() -> None:
    ledger = Ledger()
    ledger.add(TARGET, "body", b"wo")
    ledger.add(TARGET, "wire", b"rd")

    assert not ledger.holds(NUMBER, [b"word"])


def test_what_has_no_number_is_not_kept() -> None:
    ledger = Ledger()
    ledger.add("/v1", "body", b"word")

    assert not ledger.holds("", [b"word"])


def test_a_question_is_masked() -> None:
    ledger = Ledger()
    ledger.add(TARGET, "body", b"word")
    masked = bytes(byte ^ 0x5A for byte in b"word").hex()

    assert ledger.answer(json.dumps({"number": NUMBER, "forms": [masked]}).encode()) == b"arrived"
    assert ledger.answer(json.dumps({"number": NUMBER, "forms": ["00"]}).encode()) == b"missing"
    assert ledger.answer(b"[]") == ledger.answer(b"{") == ledger.answer(b'{"number": 1}') == b"what?"
