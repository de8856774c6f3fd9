"""Writes docs/security/detection.md from what was measured."""

from collections.abc import Iterable, Iterator, Sequence

from attrs import frozen

from corpus import reasons
from corpus.measure import Alarms, RuleResult, Share, by_form, total

GOAL = 0.95
INTRODUCTION = """\
# What the secret scan finds, and what it takes for a secret

`make detection` measures this and writes this page; all it needs is pinned. `tests/corpus` says how.

The rules are those of {source}, the successor of gitleaks by the same author. Their authors test each rule
with true and false positives of its own; those examples are read out of the same release. Where they are made
of random text it is drawn anew from the same pattern, with a fixed seed, and the rules' own engine has to
agree about each example.

A rule is measured by itself: no other rule helps it. A form is how the example leaves: as it stands, encoded,
compressed, inside other documents, or in pieces.
"""
CODE = """\
{texts} files, {megabytes} MB, each sent as the body of a request at full depth. A finding in {share}. Some
packages ship keys of their own tests; they count as well.

{by_rule}
{files}
The code is that of {packages}, and what the npm packages depend on.
"""
CONVERSATIONS = """\
The agents are the real ones. A mock model has them look at their environment, source code, licences,
certificates, checksums, identifiers and a git log, and every call carries what came before. A provider's own
API is scanned for known secrets alone, unless its route says otherwise. Claude Code's own processes talk to
each other with a random token that `env` shows: some of those are random enough for `generic-api-key`.

"""


@frozen(kw_only=True)
class Spoken:
    """One agent's conversation: `known` and `full` are what each depth makes of its calls."""

    agent: str
    known: Alarms
    full: Alarms


@frozen(kw_only=True)
class Measured:
    source: str
    results: Sequence[RuleResult]
    left_out: frozenset[str]
    together: Share
    code: Alarms
    packages: Sequence[str]
    spoken: Sequence[Spoken]

    def page(self) -> str:
        parts = (
            INTRODUCTION.format(source=self.source),
            "## Overall\n\n" + _table(("", "found"), self._overall()),
            "## By form\n\n" + _table(("form", "found"), by_form(self.results).items()),
            "## Rules that miss one of their positives, or find one of their false positives\n\n"
            + self._short(),
            "## Rules that are not served\n\n" + self._not_served(),
            "## False alarms on clean source code\n\n" + self._code(),
            "## False alarms on agents' conversations\n\n" + self._conversations(),
        )
        return "\n".join(parts)

    def _overall(self) -> Iterator[tuple[str, object]]:
        yield "rules served", Share(found=len(self.results), sent=len(self.results) + len(self.left_out))
        yield "positives of each rule, plain, by the rule itself", total(one.plain for one in self.results)
        yield "the same, encoded", total(one.encoded for one in self.results)
        yield "rules that find all their positives, plain", _number(one.plain.whole for one in self.results)
        yield (
            f"rules that find {GOAL:.0%} of them, encoded".replace("%", " %"),
            _number(one.encoded.ratio >= GOAL for one in self.results),
        )
        yield "positives of all rules, those not served too, plain, by any rule", self.together
        false = total(one.false for one in self.results)
        yield "false positives of each rule, plain, by the rule itself", false.counts

    def _short(self) -> str:
        short = [one for one in self.results if falls_short(one)]
        if not short:
            return "None.\n"
        head = ("rule", "plain", "encoded", "false positives", "why")
        rows = ((f"`{one.rule}`", one.plain, one.encoded, one.false.counts, _why(one)) for one in short)
        return _table(head, rows)

    def _not_served(self) -> str:
        rows = reasons.left_out(self.left_out).items()
        return _table(("why", "rules"), ((why, ", ".join(map(_code, rules))) for why, rules in rows))

    def _code(self) -> str:
        share = Share(found=len(self.code.hits), sent=self.code.texts)
        rows = ((_code(name), ", ".join(map(_code, rules))) for name, rules in sorted(self.code.hits.items()))
        return CODE.format(
            texts=self.code.texts,
            megabytes=round(self.code.size / 1e6),
            share=share,
            by_rule=_table(("rule", "files"), self._by_rule(self.code)),
            files=_table(("file", "rules"), rows),
            packages=", ".join(self.packages),
        )

    def _by_rule(self, found: Alarms) -> Iterable[tuple[str, object]]:
        return ((_code(rule), count) for rule, count in sorted(found.by_rule.items(), key=_often))

    def _conversations(self) -> str:
        head = ("agent", "calls", "MB", "calls hit, known secrets", "calls hit, full depth", "by rule")
        rows = (
            (
                one.agent,
                one.full.texts,
                f"{one.full.size / 1e6:.1f}",
                len(one.known.hits),
                len(one.full.hits),
                ", ".join(f"{_code(rule)} {count}" for rule, count in sorted(one.full.by_rule.items()))
                or "none",
            )
            for one in self.spoken
        )
        return CONVERSATIONS + _table(head, rows)


def falls_short(result: RuleResult) -> bool:
    return not result.plain.whole or not result.encoded.whole or result.false.found > 0


def _why(result: RuleResult) -> str:
    told = [mapping.get(result.rule) for mapping in (reasons.SHORT, reasons.FALSE)]
    missed = [f"{name}: {share}" for name, share in result.forms.items() if not share.whole]
    return " ".join(one for one in told if one) or "; ".join(missed)


def _number(hold: Iterable[bool]) -> Share:
    return total(Share(found=int(one), sent=1) for one in hold)


def _often(counted: tuple[str, int]) -> tuple[int, str]:
    return -counted[1], counted[0]


def _code(text: str) -> str:
    return f"`{text}`"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)
