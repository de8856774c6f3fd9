"""Reads each rule's own true and false positives out of the rule set's sources, which are written in Go."""

import base64
import math
import re
import string
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

from attrs import frozen
from rstr import Rstr

from corpus.examples import Example, RuleExamples
from corpus.golang import GoPackage, Native, Struct

RULES = Path("cmd/generate/config/rules")
HELPERS = Path("cmd/generate/config/utils")
TRIES = 10
BASE_36 = string.digits + string.ascii_lowercase
OPEN_END = 10
"""How many more than the fewest repetitions the sources' generator makes where a pattern sets no limit."""


class Texts(Rstr):
    """Random texts that a pattern matches, always the same for a seed.

    The library's own limit of repetitions lies below what some patterns ask for, and the order in which it
    lists the characters of `[^...]` changes from process to process.
    """

    def _handle_repeat(self, start_range: int, end_range: int, value: Any) -> str:
        times = self._random.randint(start_range, min(end_range, start_range + OPEN_END))
        return "".join(self._handle_state(state) for _ in range(times) for state in value)

    def _handle_in(self, value: Any) -> Any:
        made: list[Any] = [choice for state in value for choice in self._handle_state(state)]
        if made[0] is False:
            made = sorted(set(string.printable) - set(made[1:]))
        return self._random.choice(made)


@frozen
class Secrets:
    """Stands for the sources' generator of secrets: any text that the pattern matches, the same for a seed.

    The texts differ from those that Go's random numbers give; what they must look like is the same.
    """

    seed: int

    def new(self, pattern: str) -> str:
        return next(self._texts(pattern))

    def with_entropy(self, pattern: str, least: float) -> str:
        """Raises ValueError where none of the first texts is as random as that, in bits a character."""
        for _, text in zip(range(TRIES), self._texts(pattern), strict=False):
            if entropy(text) >= least:
                return text
        raise ValueError(f"no text of {pattern} has {least} bits a character")

    def _texts(self, pattern: str) -> Iterator[str]:
        made = Texts(Random(self.seed))
        while True:
            yield made.xeger(pattern)


def entropy(text: str) -> float:
    """Shannon's, in bits a character."""
    shares = [count / len(text) for count in Counter(text).values()]
    return -sum(share * math.log2(share) for share in shares)


@frozen
class Replacer:
    pairs: Mapping[str, str]

    @classmethod
    def of(cls, *texts: str) -> "Replacer":
        return cls(dict(zip(texts[::2], texts[1::2], strict=True)))

    def Replace(self, text: str) -> str:  # noqa: N802 - as the sources call it
        return re.sub("|".join(map(re.escape, self.pairs)), lambda found: self.pairs[found[0]], text)


class Builder:
    def __init__(self) -> None:
        self._parts: list[str] = []

    def WriteString(self, text: str) -> None:  # noqa: N802 - as the sources call it
        self._parts.append(text)

    def String(self) -> str:  # noqa: N802 - as the sources call it
        return "".join(self._parts)


@frozen
class Pattern:
    pattern: str

    def MatchString(self, text: str) -> bool:  # noqa: N802 - as the sources call it
        return re.search(self.pattern, text) is not None


def sprintf(form: str, *values: Any) -> str:
    return form.replace("%v", "%s") % values


def encoded(alphabet: Native, *, padded: bool) -> Native:
    def encode(text: str) -> str:
        made: str = alphabet(text.encode()).decode()
        return made if padded else made.rstrip("=")

    return encode


def base36(number: int, base: int) -> str:
    """Go's way to write a number; the sources ask for this base alone."""
    if base != len(BASE_36):
        raise ValueError(f"base {base} is not understood")
    higher = base36(number // base, base) if number >= base else ""
    return higher + BASE_36[number % base]


STANDARD: Mapping[str, Native] = {
    "append": lambda listed, *more: [*(listed or ()), *more],
    "int64": int,
    "len": len,
    "string": str,
    "fmt.Sprintf": sprintf,
    "regexp.MustCompile": Pattern,
    "strconv.FormatInt": base36,
    "strings.Builder": Builder,
    "strings.Contains": lambda text, part: part in text,
    "strings.Join": lambda parts, between: between.join(parts),
    "strings.NewReplacer": Replacer.of,
    "strings.Repeat": lambda text, times: text * times,
    "strings.ReplaceAll": lambda text, old, new: text.replace(old, new),
    "strings.ToLower": str.lower,
    "strings.ToUpper": str.upper,
    "base64.StdEncoding.EncodeToString": encoded(base64.b64encode, padded=True),
    "b64.StdEncoding.EncodeToString": encoded(base64.b64encode, padded=True),
    "b64.RawStdEncoding.EncodeToString": encoded(base64.b64encode, padded=False),
    "b64.URLEncoding.EncodeToString": encoded(base64.urlsafe_b64encode, padded=True),
    "b64.RawURLEncoding.EncodeToString": encoded(base64.urlsafe_b64encode, padded=False),
}


def validated(rule: Struct, positives: Any, negatives: Any) -> RuleExamples:
    """What the sources' own check of a rule is given: two lists of texts, or of texts by file name."""
    return RuleExamples(rule=rule["ID"], positives=_examples(positives), negatives=_examples(negatives))


def _examples(given: Any) -> tuple[Example, ...]:
    if isinstance(given, dict):
        return tuple(Example(text=text, path=path) for path, text in given.items())
    return tuple(dict.fromkeys(Example(text=text) for text in given or ()))


class Upstream:
    def __init__(self, sources: Path) -> None:
        self._rules = list(_read(sources / RULES))
        self._helpers = list(_read(sources / HELPERS))

    def examples(self, seed: int) -> Iterator[RuleExamples]:
        """Of every rule, by its function's place in the sources."""
        package = self._package(seed)
        for name, node in package.functions.items():
            results = node.child_by_field_name("result")
            if results is not None and results.text == b"*config.Rule" and not _parameters(node):
                rule = package.call(name)
                yield rule if isinstance(rule, RuleExamples) else self._untested(rule, seed)

    def _untested(self, rule: Struct, seed: int) -> RuleExamples:
        """Two rules come without examples."""
        text = Example(text=Secrets(seed).new(rule["Regex"]))
        return RuleExamples(rule=rule["ID"], positives=(text,), negatives=())

    def _package(self, seed: int) -> GoPackage:
        secrets = Secrets(seed)
        natives: dict[str, Native] = {
            **STANDARD,
            "secrets.NewSecret": secrets.new,
            "secrets.NewSecretWithEntropy": secrets.with_entropy,
        }
        helpers = GoPackage.parsed(self._helpers, natives)
        for name in helpers.functions:
            natives[f"utils.{name}"] = _called(helpers, name)
        natives |= {"utils.Validate": validated, "utils.ValidateWithPaths": validated}
        return GoPackage.parsed(self._rules, natives)


def _called(package: GoPackage, name: str) -> Native:
    return lambda *arguments: package.call(name, *arguments)


def _parameters(function: Any) -> Iterable[Any]:
    declared = function.child_by_field_name("parameters")
    return declared.named_children if declared else ()


def _read(folder: Path) -> Iterator[bytes]:
    for path in sorted(folder.glob("*.go")):
        if not path.name.endswith("_test.go"):
            yield path.read_bytes()
