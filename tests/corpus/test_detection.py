"""What the report on detection promises, on a part of it that is quick to measure."""

from itertools import chain

import pytest

from bottle_sidecar.policy.dlp.findings import Depth
from corpus import examples, reasons
from corpus.examples import RuleExamples
from corpus.forms import ENCODED, PLAIN, Form
from corpus.measure import Rules, sent

FULL_PRICE = 7
"""Every so many rules are sent in each encoded form."""


@pytest.fixture(scope="module")
def rules() -> Rules:
    return Rules.served()


@pytest.fixture(scope="module")
def served(rules: Rules) -> list[RuleExamples]:
    return [rule for rule in examples.load() if rule.rule not in rules.left_out]


def found(rules: Rules, text: str) -> set[str]:
    return {hit.rule for hit in rules.set.found(text.encode())}


def test_every_rule_is_served_or_left_out_for_a_reason(rules: Rules) -> None:
    known = {rule.rule for rule in examples.load()}
    assert known - rules.left_out == set(rules.set.names())
    assert rules.left_out.issuperset(chain(*reasons.LEFT_OUT.values()))


def test_every_rule_finds_all_its_own_positives(rules: Rules, served: list[RuleExamples]) -> None:
    short = {
        rule.rule
        for rule in served
        if any(rule.rule not in found(rules, example.text) for example in rule.positives)
    }
    assert short == set()


def test_rules_leave_their_own_false_positives_alone(rules: Rules, served: list[RuleExamples]) -> None:
    alarmed = {
        rule.rule
        for rule in served
        if rule.negatives and sent(rules.alone(rule.rule), rule.negatives, PLAIN).found
    }
    assert alarmed == set(reasons.FALSE)


@pytest.mark.parametrize("form", [PLAIN, *ENCODED], ids=lambda form: str(form.name))
def test_a_form_hides_nothing(rules: Rules, served: list[RuleExamples], form: Form) -> None:
    missed = [
        rule.rule for rule in served[::FULL_PRICE] if not sent(rules.all, rule.positives[:1], form).whole
    ]
    assert missed == []


def test_the_examples_in_the_repository_are_no_findings_themselves(rules: Rules) -> None:
    stream = rules.all.stream(depth=Depth.FULL, place="file")
    assert stream.feed(examples.FILE.read_bytes()) is None
    assert stream.finish() is None
