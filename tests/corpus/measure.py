"""Sends every example past the scan, in every form, and counts."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import field, frozen

from bottle_sidecar.policy.dlp.findings import Depth
from bottle_sidecar.policy.dlp.rules import RuleData, RuleSet, compiled
from bottle_sidecar.policy.dlp.scanner import Scanner
from bottle_sidecar.rules_store import RulesStore
from corpus.examples import Example, RuleExamples
from corpus.forms import ENCODED, PLAIN, Form

PIECE = 64 * 1024
"""Bytes."""


@frozen(kw_only=True)
class Share:
    """`found` of `sent`."""

    found: int = 0
    sent: int = 0

    def __add__(self, other: "Share") -> "Share":
        return Share(found=self.found + other.found, sent=self.sent + other.sent)

    @property
    def whole(self) -> bool:
        return self.found == self.sent

    @property
    def ratio(self) -> float:
        return self.found / self.sent if self.sent else 1.0

    def __str__(self) -> str:
        return f"{self.counts} ({self.percent})"

    @property
    def counts(self) -> str:
        return f"{self.found} of {self.sent}"

    @property
    def percent(self) -> str:
        """Never rounded up to all."""
        return "100 %" if self.whole else f"{int(self.ratio * 1000) / 10} %"


def total(shares: Iterable[Share]) -> Share:
    return sum(shares, Share())


@frozen(kw_only=True)
class RuleResult:
    """What one rule, by itself, makes of its own examples. `forms`: by the form's name, those encoded."""

    rule: str
    plain: Share
    forms: Mapping[str, Share]
    false: Share

    @property
    def encoded(self) -> Share:
        return total(self.forms.values())


@frozen(kw_only=True)
class Rules:
    """The rules that are served, each also as a scanner of its own."""

    document: Mapping[str, object] = field(repr=False)
    set: RuleSet = field(repr=False)

    @classmethod
    def served(cls) -> "Rules":
        data = RulesStore().load()
        return cls(document=json.loads(data.document), set=RuleSet(lambda: data))

    @property
    def all(self) -> Scanner:
        return Scanner(known=(), rules=self.set)

    @property
    def source(self) -> str:
        return str(self.document["source"])

    @property
    def left_out(self) -> frozenset[str]:
        return frozenset(_strings(self.document["left_out"]))

    def alone(self, rule: str) -> Scanner:
        """A scanner with that rule and no other."""
        rules = self.document["rules"]
        only = [one for one in rules if one["id"] == rule] if isinstance(rules, list) else []
        document = json.dumps({**self.document, "rules": only}).encode()
        data = RuleData(document=document, database=compiled(document))
        return Scanner(known=(), rules=RuleSet(lambda: data))


def _strings(value: object) -> Sequence[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def own_results(rules: Rules, examples: Iterable[RuleExamples]) -> Iterator[RuleResult]:
    for given in examples:
        scanner = rules.alone(given.rule)
        yield RuleResult(
            rule=given.rule,
            plain=sent(scanner, given.positives, PLAIN),
            forms={form.name: sent(scanner, given.positives, form) for form in ENCODED},
            false=sent(scanner, given.negatives, PLAIN),
        )


def sent(scanner: Scanner, texts: Sequence[Example], form: Form) -> Share:
    """Of the examples in that form, how many have a finding."""
    bodies = [form.wrap(example.text.encode()) for example in texts[: form.only]]
    return Share(found=sum(body.scanned(scanner) is not None for body in bodies), sent=len(bodies))


def by_form(results: Iterable[RuleResult]) -> Mapping[str, Share]:
    shares: dict[str, Share] = {}
    for result in results:
        for name, share in result.forms.items():
            shares[name] = shares.get(name, Share()) + share
    return shares


@frozen(kw_only=True)
class Alarms:
    """What a scan says about many texts. `size`: bytes. `hits`: by the text's name, the rules."""

    texts: int
    size: int
    hits: Mapping[str, Sequence[str]]

    @property
    def by_rule(self) -> Counter[str]:
        """In how many of the texts each rule finds something."""
        return Counter(rule for found in self.hits.values() for rule in found)


def alarms(scanner: Scanner, texts: Iterable[tuple[str, bytes]], depth: Depth, own: str = "") -> Alarms:
    """One rule is noted for each `PIECE` of a text: the first that finds something new."""
    count = size = 0
    hits: dict[str, Sequence[str]] = {}
    for name, text in texts:
        count, size = count + 1, size + len(text)
        stream = scanner.stream(depth=depth, place="body", own=(own,))
        found = [stream.feed(text[at : at + PIECE]) for at in range(0, len(text), PIECE)]
        rules = sorted({finding.rule for finding in (*found, stream.finish()) if finding is not None})
        if rules:
            hits[name] = rules
    return Alarms(texts=count, size=size, hits=hits)
