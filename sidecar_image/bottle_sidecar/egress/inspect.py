"""Puts what a request carries before the screen, and writes down what that has seen."""

from attrs import evolve, frozen
from mitmproxy import http

from bottle_sidecar.egress.decoding import Decoder, UnreadableBodyError, decoders
from bottle_sidecar.egress.exchanges import Exchange
from bottle_sidecar.egress.journal import Journal
from bottle_sidecar.egress.scan import BodyScan, MessageScan
from bottle_sidecar.policy.decide import Request, Verdict
from bottle_sidecar.policy.dlp.findings import Depth, Finding
from bottle_sidecar.policy.document import Route
from bottle_sidecar.policy.leaks import barred, unreadable
from bottle_sidecar.policy.screen import LeakError, Screen, Watch

_BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})


@frozen(kw_only=True)
class Inspector:
    """One bottle's."""

    screen: Screen
    journal: Journal

    def head(self, verdict: Verdict, asked: Request) -> Verdict:
        """The verdict after a look at a request's head."""
        return self._noted(self.screen.judge(verdict, asked))

    def tunnel(self, verdict: Verdict, host: str) -> Verdict:
        """The verdict after a look at the name of a host that is passed through."""
        return self._noted(self.screen.name(verdict, host))

    def body(self, request: http.Request, asked: Request, verdict: Verdict, route: Route) -> BodyScan:
        """Looks at what follows the head of a request.

        Raises UnreadableBodyError for an encoding that is not known, where that bars the request.
        """

        def forgive(error: UnreadableBodyError) -> None:
            self.journal.write("unreadable", host=verdict.host, reason=str(error))

        bars = self.screen.bars(route)
        undo: list[Decoder] = []
        try:
            undo = decoders(",".join(request.headers.get_all("content-encoding")))
        except UnreadableBodyError as error:
            if bars:
                raise
            forgive(error)
        length = request.headers.get("content-length")
        return BodyScan(
            lambda: self._watch("body", verdict, route),
            before=self._query(asked, verdict, route),
            undo=undo,
            length=None if length is None else int(length),
            forgive=None if bars else forgive,
        )

    def messages(self, verdict: Verdict, route: Route) -> MessageScan:
        """Looks at what the agent sends once a request has become a WebSocket."""
        return MessageScan(
            message=lambda: self._watch("message", verdict, route),
            connection=lambda: self._watch("message", verdict, route, depth=Depth.KNOWN),
        )

    def barred(self, verdict: Verdict, error: LeakError | UnreadableBodyError, exchange: Exchange) -> Verdict:
        """The refusal of a request of which a part may have left."""
        if isinstance(error, LeakError):
            return self._noted(barred(verdict, error.finding), exchange)
        return unreadable(verdict, str(error))

    def _query(self, asked: Request, verdict: Verdict, route: Route) -> tuple[Watch, bytes] | None:
        """Parameters in the URL and in the body are one form, to a server; and so they are here."""
        _, mark, query = asked.target.partition("?")
        if not mark or asked.method in _BODILESS:
            return None
        watch = self._watch("body", verdict, route, depth=Depth.KNOWN)
        return watch, f"{query}&".encode("latin-1", "replace")

    def _watch(self, place: str, verdict: Verdict, route: Route, *, depth: Depth | None = None) -> Watch:
        def report(finding: Finding) -> None:
            self._noted(evolve(verdict, finding=finding))

        return self.screen.watch(route, place, report, depth=depth)

    def _noted(self, verdict: Verdict, exchange: Exchange | None = None) -> Verdict:
        """Records what was found. A honeytoken is an alarm: somebody uses what nobody needs."""
        finding = verdict.finding
        if finding is not None:
            self.journal.write(
                "alarm" if finding.honeytoken else "leak",
                id=None if exchange is None else exchange.identifier,
                host=verdict.host,
                rule=finding.rule,
                place=finding.place,
                digest=finding.digest,
                owner=finding.owner,
                outcome="passed" if verdict.allowed else "blocked",
            )
        return verdict
