"""What a bottle asks its operator, and what they said: files in its state folder, one or two a proposal.

The owner files a proposal; any `bottle` decides on it, once: the second to decide is told so.
"""

import json
import os
import tempfile
import time
from pathlib import Path

import cattrs
from attrs import frozen

from bottle.errors import BottleError

_FOLDER = "proposals"
_converter = cattrs.Converter(forbid_extra_keys=True)


@frozen(kw_only=True)
class Decision:
    """`reason` is for the agent. `decided` in seconds since the epoch."""

    approved: bool
    reason: str
    decided: float


@frozen(kw_only=True)
class Proposal:
    """`key` names what is asked; `title` is a line, `text` all of it. The words are the agent's: data.

    `created` in seconds since the epoch. `decision`: None while it waits.
    """

    number: int
    key: str
    kind: str
    title: str
    text: str
    created: float
    decision: Decision | None = None


@frozen
class Proposals:
    """One bottle's, in its state folder `state`."""

    state: Path

    @property
    def _folder(self) -> Path:
        return self.state / _FOLDER

    def file(self, *, key: str, kind: str, title: str, text: str) -> Proposal:
        """For the owner alone. What is on file already is not filed again."""
        filed = self.all()
        for proposal in filed:
            if proposal.key == key:
                return proposal
        number = max((proposal.number for proposal in filed), default=0) + 1
        proposal = Proposal(number=number, key=key, kind=kind, title=title, text=text, created=time.time())
        fields = _converter.unstructure(proposal)
        del fields["decision"]
        self._folder.mkdir(mode=0o700, exist_ok=True)
        _put(self._folder / f"{number}.json", fields)
        return proposal

    def all(self) -> list[Proposal]:
        """By number. Raises BottleError for a damaged one."""
        if not self._folder.is_dir():
            return []
        numbers = sorted(int(file.stem) for file in self._folder.glob("*.json") if file.stem.isdigit())
        return [self.read(number) for number in numbers]

    def pending(self) -> list[Proposal]:
        return [proposal for proposal in self.all() if proposal.decision is None]

    def decide(self, number: int, *, approved: bool, reason: str = "") -> None:
        """Raises BottleError where it was decided before."""
        decision = Decision(approved=approved, reason=reason, decided=time.time())
        try:
            _put(self._decision(number), _converter.unstructure(decision))
        except FileExistsError:
            raise BottleError(
                f"proposal {number} was decided already", hint="bottle proposals --all"
            ) from None

    def _decision(self, number: int) -> Path:
        return self._folder / f"{number}.decision"

    def decided(self) -> set[int]:
        """The numbers of those that were decided; none of them is read."""
        return {int(file.stem) for file in self._folder.glob("*.decision") if file.stem.isdigit()}

    def read(self, number: int) -> Proposal:
        """Raises BottleError where there is none, or a damaged one."""
        path = self._folder / f"{number}.json"
        try:
            fields = json.loads(path.read_text())
            decision = self._decision(number)
            if decision.exists():
                fields["decision"] = json.loads(decision.read_text())
            return _converter.structure(fields, Proposal)
        except Exception as error:  # of the file system, json or a converter
            raise BottleError("the proposal cannot be read", location=str(path)) from error


def _put(path: Path, fields: object) -> None:
    """Whole or not at all. Raises FileExistsError where there is one."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(fields, file)
        path.hardlink_to(temporary)
    finally:
        Path(temporary).unlink()
