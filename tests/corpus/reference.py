"""The rule set's own engine, run on one rule at a time: the judge of whether an example was read rightly."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from attrs import frozen

from bottle import proc
from corpus.examples import Example, RuleExamples

FOUND = 1
"""The program's exit code where it found something."""
SEPARATE = frozenset({"skipReport", "components", "validate", "analyze", "revoke"})
"""What tells which finding of a whole scan is reported, or whether a credential still lives."""


@frozen(kw_only=True)
class Reference:
    program: Path
    rules: Mapping[str, Any]

    def accepts(self, rule: RuleExamples) -> bool:
        return all(self.found(rule.rule, rule.positives)) and not any(self.found(rule.rule, rule.negatives))

    def found(self, rule: str, examples: Sequence[Example]) -> list[bool]:
        """Of each example, whether the rule finds something in it."""
        with TemporaryDirectory() as folder:
            config = Path(folder) / "rule.toml"
            config.write_text(self._config(rule))
            texts = Path(folder) / "texts"
            for number, example in enumerate(examples):
                path = texts / str(number) / (example.path or "text")
                path.parent.mkdir(parents=True)
                path.write_bytes(example.text.encode())
            hit = self._scan(config, texts) if examples else set()
        return [str(number) in hit for number in range(len(examples))]

    def _scan(self, config: Path, texts: Path) -> set[str]:
        argv = (str(self.program), "--config", str(config), "--silent", "--no-allow-signatures")
        command = proc.Command(argv=(*argv, "--max-decode-depth", "0", "--jsonl", "-o", "-", str(texts)))
        done = proc.run(command, check=False)
        if done.code not in {0, FOUND}:
            raise proc.CommandFailed(command, done)
        lines = map(json.loads, done.stdout.splitlines())
        paths = [line["finding"]["location"]["path"] for line in lines if "finding" in line]
        return {Path(path).relative_to(texts).parts[0] for path in paths}

    def _config(self, rule: str) -> str:
        """In TOML, whose basic strings and lists are written as JSON's are."""
        only = next(one for one in self.rules["rules"] if one["id"] == rule)
        general = [_line(name, self.rules[name]) for name in ("title", "filter", "prefilter")]
        own = [_line(name, value) for name, value in only.items() if name not in SEPARATE]
        return "\n".join([*general, "[[rules]]", *own]) + "\n"


def _line(name: str, value: Any) -> str:
    return f"{name} = {json.dumps(value, ensure_ascii=False)}"
