"""What a run came to, as one HTML page that needs nothing from elsewhere: no script, no font, no image."""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from bottle.selftest.kit import THROUGH
from bottle.selftest.outcome import Outcome, Report, Results, Verdict

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2329; --paper: #fbfbf9; --line: #d9dbd6; --faint: #5f6871;
  --held: #1c7a43; --through: #c02626; --broken: #9a6200; --spared: #5f6871 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ea; --paper: #15181b; --line: #33393f;
  --faint: #9aa4ad; --held: #5ecb8a; --through: #ff7a7a; --broken: #f0b95a; --spared: #9aa4ad } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 60rem; color: var(--ink);
  background: var(--paper); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem }
.sum { font-size: 1.15rem; margin: .25rem 0 0 } .faint { color: var(--faint); font-size: .9rem }
label { display: inline-block; margin: 1rem 1rem 0 0 }
details { border-top: 1px solid var(--line); padding: .55rem 0 } summary { cursor: pointer }
summary b { font-weight: 600 } .is { font-weight: 600; margin-right: .5rem }
.held { color: var(--held) } .through { color: var(--through) } .broken { color: var(--broken) }
.not_applicable { color: var(--spared) }
dl { margin: .5rem 0 0 1rem } dt { color: var(--faint); font-size: .85rem } dd { margin: 0 0 .5rem }
table { border-collapse: collapse; font-size: .85rem; width: 100% }
td { border-top: 1px solid var(--line); padding: .2rem .6rem .2rem 0; vertical-align: top }
code { font-family: ui-monospace, monospace }
body:has(#only:checked) details.quiet { display: none }
@media print { details { break-inside: avoid } }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_WORDS = {
    Verdict.HELD: "held",
    Verdict.THROUGH: "PASSED THROUGH",
    Verdict.BROKEN: "BROKEN",
    Verdict.NOT_APPLICABLE: "not applicable",
}


def html(results: Results) -> str:
    """The whole document. What comes from inside a bottle is escaped, and cut to what can be shown."""
    return "".join(_document(results))


def _document(results: Results) -> Iterator[str]:
    title = f"bottle selftest on {escape(results.backend)}"
    yield "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
    yield '<meta name=viewport content="width=device-width, initial-scale=1">\n'
    yield f'<meta http-equiv=Content-Security-Policy content="{_POLICY}">\n'
    yield f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    kind = "held" if results.good else "through"
    yield f'<p class="sum {kind}">{escape(results.summary)}</p>\n'
    yield "<label><input type=checkbox id=only> only what was not held</label>\n"
    for says, outcomes in groupby(results.outcomes, key=lambda outcome: outcome.assault.says):
        yield from _claim(says, list(outcomes))
    yield "</body>\n</html>\n"


def _claim(says: str, outcomes: Sequence[Outcome]) -> Iterator[str]:
    held = sum(outcome.verdict is Verdict.HELD for outcome in outcomes)
    yield f"<section>\n<h2>{escape(says)} <span class=faint>{held} of {len(outcomes)} held</span></h2>\n"
    for outcome in outcomes:
        yield from _attack(outcome)
    yield "</section>\n"


def _attack(outcome: Outcome) -> Iterator[str]:
    attack, verdict = outcome.assault.attack, outcome.verdict
    shown = " open" if verdict in {Verdict.THROUGH, Verdict.BROKEN} else ""
    quiet = " class=quiet" if verdict is Verdict.HELD else ""
    yield f"<details{quiet}{shown}><summary><span class='is {verdict.name.lower()}'>{_WORDS[verdict]}</span>"
    yield f"<b>{escape(str(outcome.assault))}</b> {escape(attack.tries)}</summary>\n<dl>\n"
    if outcome.reason:
        yield _entry("why", outcome.reason)
    yield _entry("holding looks like", attack.expects) + _entry("source", attack.source)
    yield from _attempts("tried", outcome.report)
    yield from _attempts("the same probe where it is allowed", outcome.control)
    yield "</dl>\n</details>\n"


def _entry(name: str, text: str) -> str:
    return f"<dt>{escape(name)}</dt><dd>{escape(_shown(text))}</dd>\n"


def _attempts(name: str, report: Report) -> Iterator[str]:
    if report.attempts:
        through = sum(one.outcome == THROUGH for one in report.attempts)
        yield f"<dt>{escape(name)}: {len(report.attempts)} attempts, {through} through</dt><dd><table>\n"
        for one in report.attempts:
            cells = (one.attempt, one.outcome, one.detail)
            yield "<tr>" + "".join(f"<td>{escape(_shown(cell))}</td>" for cell in cells) + "</tr>\n"
        yield "</table></dd>\n"


def _shown(text: str) -> str:
    """Without characters that no page may hold, or that turn text around."""
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)
