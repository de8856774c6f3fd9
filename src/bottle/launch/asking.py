"""The owner's side of what a bottle asks its operator."""

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from bottle.errors import BottleError
from bottle.launch.watch import Watch
from bottle.state.proposals import Proposal, Proposals
from bottle.terminal import printable
from bottle_sidecar.control.protocol import Ask, Decide, Notice

_INTERVAL = 0.5  # seconds between looks for decisions


class Listener(Protocol):
    """The sidecar, as far as a watch talks to it."""

    def tell(self, message: Decide) -> None: ...


class Registrar:
    """Files what the sidecar asks; `note` hears of each new question, and of what needs no answer."""

    def __init__(self, identity: str, proposals: Proposals, note: Callable[[str], None]) -> None:
        self._identity = identity
        self._proposals = proposals
        self._note = note

    def hear(self, message: Ask | Notice) -> None:
        """From any thread, but one at a time."""
        if isinstance(message, Ask):
            self._file(message)
        else:
            self._note(printable(message.text))

    def _file(self, ask: Ask) -> None:
        known = len(self._proposals.all())
        proposal = self._proposals.file(key=ask.key, kind=ask.what, title=ask.title, text=ask.text)
        if proposal.number > known:
            self._note(f"asks for a yes: {printable(proposal.title)} (bottle approve {self._identity})")


class DecisionWatch(Watch):
    """Tells the sidecar what was decided, also before it was started."""

    def __init__(self, proposals: Proposals, sidecar: Listener, *, interval: float = _INTERVAL) -> None:
        super().__init__("decision-watch", interval)
        self._proposals = proposals
        self._sidecar = sidecar
        self._told: set[int] = set()

    def look(self) -> None:
        """What cannot be read is no decision."""
        with suppress(BottleError):
            for number in sorted(self._proposals.decided() - self._told):
                self._tell(self._proposals.read(number))

    def _tell(self, proposal: Proposal) -> None:
        if decision := proposal.decision:
            self._told.add(proposal.number)
            self._sidecar.tell(Decide(key=proposal.key, approved=decision.approved, reason=decision.reason))
