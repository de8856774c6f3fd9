"""What one bottle looks for in what leaves it, and where: heads of requests, bodies, messages."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from attrs import evolve

from bottle_sidecar.policy.credentials import CREDENTIAL_HEADERS
from bottle_sidecar.policy.decide import Request, Verdict
from bottle_sidecar.policy.dlp.findings import Depth, Finding, KnownSecret
from bottle_sidecar.policy.dlp.rules import RuleSet
from bottle_sidecar.policy.dlp.scanner import Scanner, ScanStream
from bottle_sidecar.policy.document import Dlp, Route
from bottle_sidecar.policy.leaks import Handling, barred, judge_host, judge_names, with_finding

_APART = frozenset({"host", "content-length"})
"""Headers that are looked at elsewhere, or are a number by the time they come here."""
_CREDENTIALS = CREDENTIAL_HEADERS | {"cookie", "sec-websocket-key", "sec-websocket-protocol"}
_REMEMBERED = 256  # texts
_REMEMBERED_LENGTH = 4096  # bytes
_TELLING = 4  # bytes; a shorter beginning of a secret is in every text, and waits for nothing

Report = Callable[[Finding], None]


class LeakError(Exception):
    """Something leaves that must not."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(f"{finding.rule} in {finding.place}")
        self.finding = finding


class Heads:
    """A scanner for the heads of requests. Remembers what was clean: a client's headers hardly change."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._clean: dict[tuple[bytes, Depth, str, frozenset[str]], None] = {}

    def find(self, request: Request, depth: Depth, own: frozenset[str]) -> Finding | None:
        """The first finding in host, URL and headers."""
        looks = (self._look(text, depth, place, own) for place, text in _places(request))
        found = next((finding for finding in looks if finding is not None), None)
        return found or self._in_headers(request, depth, own)

    def _in_headers(self, request: Request, depth: Depth, own: frozenset[str]) -> Finding | None:
        """Headers are looked at together, and one by one only to name the one that it is.

        Names and values apart, since `X-Token: 5f1e` is no more of a secret for its name. What is there to
        carry a credential is searched for the bottle's own alone.
        """
        headers = [(name, value) for name, value in request.headers if name.lower() not in _APART]
        found = self._look("\n".join(name for name, _ in headers), depth, "header name", own)
        for carriers, deep in ((False, depth), (True, Depth.KNOWN)):
            if found is None:
                chosen = [header for header in headers if (header[0].lower() in _CREDENTIALS) is carriers]
                found = self._in_values(chosen, deep, own)
        return found

    def _in_values(self, headers: list[tuple[str, str]], depth: Depth, own: frozenset[str]) -> Finding | None:
        found = self._look("\n".join(value for _, value in headers), depth, "headers", own)
        if found is None:
            return None
        alone = (self._look(value, depth, f"header {name.lower()}", own) for name, value in headers)
        return next((finding for finding in alone if finding is not None), found)

    def _look(self, text: str, depth: Depth, place: str, own: frozenset[str]) -> Finding | None:
        data = text.encode("latin-1", "replace")
        key = (data, depth, place, own)
        if key in self._clean:
            return None
        found = self._scanner.text(data, depth=depth, place=place, own=own)
        if found is None and len(data) <= _REMEMBERED_LENGTH:
            if len(self._clean) >= _REMEMBERED:
                self._clean.pop(next(iter(self._clean)))
            self._clean[key] = None
        return found


class Screen:
    """What one bottle looks for in what leaves it."""

    def __init__(
        self, *, secrets: Iterable[str], honeytokens: Mapping[str, str], rules: RuleSet | None = None
    ) -> None:
        bait = [
            KnownSecret(value=value, owner=owner, honeytoken=True) for owner, value in honeytokens.items()
        ]
        self._honeytokens = dict(honeytokens)
        self._owners = frozenset(honeytokens)
        self._known_bait = bait
        self._rules = rules
        self._secrets: tuple[str, ...] = ()
        self._bait = Scanner(known=bait)
        self._bait_in_heads = Heads(self._bait)
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Looks for these, too, from now on; watches that began before do not."""
        self._secrets = tuple(dict.fromkeys((*self._secrets, *secrets)))
        # Host names and the header names of HTTP/2 come in lower case.
        cased = dict.fromkeys(case for value in self._secrets for case in (value, value.lower()))
        known = [*(KnownSecret(value=value) for value in cased), *self._known_bait]
        self._all = Scanner(known=known, rules=self._rules)
        self._all_in_heads = Heads(self._all)

    def judge(self, verdict: Verdict, request: Request) -> Verdict:
        """The verdict after a look at the request's host, URL and headers; `finding` says what was seen."""
        handling = Handling.of(verdict.route, self._owners)
        action = handling.action if verdict.allowed else Dlp.OFF
        if action is not Dlp.BLOCK:
            bait = self._bait_in_heads.find(request, Depth.KNOWN, handling.own)
            if bait is not None or action is Dlp.OFF:
                return verdict if bait is None else barred(verdict, bait)
        found = self._all_in_heads.find(request, handling.depth, handling.own)
        if found is not None:
            return with_finding(verdict, found)
        return judge_names(verdict, evolve(request, target=self._without(handling.own, request.target)))

    def _without(self, own: frozenset[str], target: str) -> str:
        """A target less the placeholders that belong there, which look as random as they are."""
        for owner in own & self._owners:
            target = target.replace(self._honeytokens[owner], "")
        return target

    def name(self, verdict: Verdict, host: str) -> Verdict:
        """The same for the name of a host whose connection is not looked into."""
        found = self._all.text(host.encode(), depth=Depth.FULL, place="host") if verdict.allowed else None
        return judge_host(verdict, host) if found is None else barred(verdict, found)

    def bars(self, route: Route) -> bool:
        """Whether a route lets nothing pass that cannot be looked into."""
        return Handling.of(route, self._owners).action is Dlp.BLOCK

    def watch(self, route: Route, place: str, report: Report, *, depth: Depth | None = None) -> "Watch":
        """A watch over something that leaves by `route`; `report` hears what passes all the same.

        `depth`: no deeper than the route's own, if at all.
        """
        handling = Handling.of(route, self._owners)
        own = handling.own_in_body
        if handling.action is Dlp.BLOCK:
            deep = self._all.stream(depth=depth or handling.depth, place=place, own=own)
            return Watch(bars=deep, notes=None, report=report)
        bait = self._bait.stream(depth=Depth.KNOWN, place=place, own=own)
        if handling.action is Dlp.OFF:
            return Watch(bars=bait, notes=None, report=report)
        deep = self._all.stream(depth=depth or handling.depth, place=place, own=own)
        return Watch(bars=bait, notes=deep, report=report)


class Watch:
    """Looks at a text that leaves piece by piece; in bounded memory."""

    def __init__(self, *, bars: ScanStream, notes: ScanStream | None, report: Report) -> None:
        self._bars = bars
        self._notes = notes
        self._report = report

    def feed(self, data: bytes) -> None:
        """Raises LeakError."""
        self._act(self._bars.feed(data), None if self._notes is None else self._notes.feed(data))

    def finish(self) -> None:
        """Nothing follows. Raises LeakError."""
        self._act(self._bars.finish(), None if self._notes is None else self._notes.finish())

    @property
    def held(self) -> int:
        """How many of the last bytes must not leave yet: they may become a secret that is barred."""
        held = self._bars.held
        return held if held >= _TELLING else 0

    def _act(self, barred: Finding | None, noted: Finding | None) -> None:
        if barred is not None:
            raise LeakError(barred)
        if noted is not None:
            self._report(noted)
            self._notes = None


def _places(request: Request) -> Iterator[tuple[str, str]]:
    """Host and URL. A host is looked at once for each way in which the request spells it."""
    named = (request.authority, *request.other_authorities, request.connect_host, request.sni)
    yield from (("host", name) for name in dict.fromkeys(named) if name)
    yield "url", request.target
