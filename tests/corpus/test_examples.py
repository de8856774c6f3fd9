"""The file of examples is whole, and no scanner's business."""

from pathlib import Path

from corpus import examples
from corpus.examples import Example, RuleExamples


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    rules = [
        RuleExamples(rule="b", positives=(Example(text='k = "\x00é\n"'),), negatives=()),
        RuleExamples(rule="a", positives=(Example(text="x", path="a.yml"),), negatives=(Example(text="y"),)),
    ]
    examples.save(rules, tmp_path / "kept.txt")
    assert list(examples.load(tmp_path / "kept.txt")) == sorted(rules)


def test_every_rule_has_positives_of_its_own() -> None:
    rules = list(examples.load())
    assert len({rule.rule for rule in rules}) == len(rules) > 400
    assert all(rule.positives for rule in rules)
    assert any(rule.negatives for rule in rules)
