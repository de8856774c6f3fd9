"""What was let out, from its decision to its end: the lines `allowed` or `tunnel`, then `done`, one id.

The first is written before anything leaves, so that a sidecar killed amid an exchange hides no request;
the second says what came of it.
"""

import time
from collections.abc import Callable
from enum import StrEnum
from itertools import count

from mitmproxy.flow import Flow

from bottle_sidecar.egress.journal import Detail, Journal

_EXCHANGE = "bottle.exchange"


class Outcome(StrEnum):
    """How an exchange ended. ANSWERED: by the sidecar, in the upstream's place. SHUTDOWN: with the bottle."""

    COMPLETE = "complete"
    ANSWERED = "answered"
    ABORTED = "aborted"
    SHUTDOWN = "shutdown"


class Exchange:
    """One request, WebSocket or undecrypted tunnel that was let out. Headers are not counted.

    `at_end`: what else is to be closed when it is over.
    """

    def __init__(self, identifier: str, started: float, details: dict[str, Detail]) -> None:
        self.identifier = identifier
        self.started = started
        self.details = details
        self.verdict = "allowed"
        self.status: int | None = None
        self.at_end: Callable[[], None] | None = None
        self._bytes = {"sent": 0, "received": 0}
        self._messages = {"messages_sent": 0, "messages_received": 0}

    @staticmethod
    def of(flow: Flow) -> "Exchange | None":
        """The exchange that a flow is, where it was let out."""
        found = flow.metadata.get(_EXCHANGE)
        return found if isinstance(found, Exchange) else None

    def belongs_to(self, flow: Flow) -> None:
        flow.metadata[_EXCHANGE] = self

    def passed(self, size: int, *, from_agent: bool) -> None:
        """Counts bytes that went through."""
        self._bytes["sent" if from_agent else "received"] += size

    def message(self, *, from_agent: bool) -> None:
        """Counts a WebSocket message; its bytes are counted as they pass."""
        self._messages["messages_sent" if from_agent else "messages_received"] += 1

    def account(self) -> dict[str, Detail]:
        """What the last line says of it."""
        messages = self._messages if any(self._messages.values()) else {}
        return {**self.details, "verdict": self.verdict, "status": self.status, **self._bytes, **messages}


class Exchanges:
    """All of a bottle that are under way."""

    def __init__(self, journal: Journal, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._journal = journal
        self._clock = clock
        self._numbers = count(1)
        self._open: set[Exchange] = set()

    def begin(self, event: str, details: dict[str, Detail]) -> Exchange:
        """Writes the decision down, as `allowed` or `tunnel`; nothing may have left before."""
        exchange = Exchange(f"{self._journal.span}.{next(self._numbers)}", self._clock(), details)
        self._open.add(exchange)
        self._journal.write(event, id=exchange.identifier, **details)
        return exchange

    def end(self, exchange: Exchange, outcome: Outcome, reason: str | None = None) -> None:
        """Writes down what came of it; no more where that was done before."""
        if exchange not in self._open:
            return
        self._open.remove(exchange)
        if exchange.at_end is not None:
            exchange.at_end()
        seconds = round(self._clock() - exchange.started, 3)
        self._journal.write(
            "done",
            id=exchange.identifier,
            outcome=outcome.value,
            seconds=seconds,
            **exchange.account(),
            reason=reason,
        )

    def close(self) -> None:
        """The sidecar ends, and with it all that is under way."""
        for exchange in list(self._open):
            self.end(exchange, Outcome.SHUTDOWN)
