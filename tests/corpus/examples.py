"""Each rule's examples, as they are kept: one line a rule, `rule-id <base85 of the deflated JSON>`.

The texts look like secrets, which is their purpose. Kept in plain form, or in one that scanners undo, they
would set off the scanners of whoever hosts this repository, and the project's own git gate.
"""

import base64
import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from attrs import asdict, frozen

FILE = Path(__file__).with_name("examples.txt")
HEADER = """\
# The true and false positives by which the authors of betterleaks (formerly gitleaks) test each rule.
# Made by `make examples`; how it is written: examples.py. Licence and copyright notice: examples.LICENSE.
"""


@frozen(order=True)
class Example:
    """`path` where the rule also asks for a file's name."""

    text: str
    path: str = ""


@frozen(kw_only=True, order=True)
class RuleExamples:
    rule: str
    positives: tuple[Example, ...]
    negatives: tuple[Example, ...]

    @classmethod
    def loaded(cls, line: str) -> "RuleExamples":
        rule, data = line.split()
        kept = json.loads(zlib.decompress(base64.b85decode(data)))
        lists = {name: tuple(Example(**example) for example in kept[name]) for name in kept}
        return cls(rule=rule, **lists)

    def dumped(self) -> str:
        kept = asdict(self)
        rule = kept.pop("rule")
        return f"{rule} {base64.b85encode(zlib.compress(json.dumps(kept).encode(), 9)).decode()}"


def load(path: Path = FILE) -> Iterator[RuleExamples]:
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            yield RuleExamples.loaded(line)


def save(rules: Iterable[RuleExamples], path: Path = FILE) -> None:
    lines = [rule.dumped() for rule in sorted(rules)]
    path.write_text(HEADER + "\n".join(lines) + "\n")
