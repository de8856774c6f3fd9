"""Where the rules of the secret scan lie, and the database made of them when the sidecar is built.

`python -m bottle_sidecar.rules_store` makes it, beside the rules: in the image, or in the operator's cache,
where the agent has no say. What does not fit these rules or this processor is made anew, in memory.
"""

import hashlib
import sys
from contextlib import suppress
from pathlib import Path

from attrs import frozen

from bottle_sidecar.policy.dlp.rules import RuleData, RuleDataError, RuleSet, compiled

FOLDER = Path(__file__).parent / "policy" / "dlp" / "rules"
_DATABASE = "rules.hyperscan"


@frozen
class RulesStore:
    """The rules in a folder."""

    folder: Path = FOLDER

    def rules(self) -> RuleSet:
        """To be loaded when they are first needed, which takes milliseconds where they were compiled."""
        return RuleSet(self.load)

    def load(self) -> RuleData:
        document = (self.folder / "rules.json").read_bytes()
        with suppress(OSError, RuleDataError):
            stored = (self.folder / _DATABASE).read_bytes()
            fitting = _of(document)
            if stored.startswith(fitting):
                data = RuleData(document=document, database=stored[len(fitting) :])
                RuleSet(lambda: data).names()  # raises where the processor is another one
                return data
        return RuleData(document=document, database=compiled(document))

    def build(self) -> None:
        """Compiles, and keeps the result beside the rules."""
        document = (self.folder / "rules.json").read_bytes()
        target = self.folder / _DATABASE
        target.write_bytes(_of(document) + compiled(document))
        target.chmod(0o644)  # whatever the builder's umask: the sidecar may be another user


def _of(document: bytes) -> bytes:
    return hashlib.sha256(document).digest()


if __name__ == "__main__":
    RulesStore(*map(Path, sys.argv[1:])).build()
