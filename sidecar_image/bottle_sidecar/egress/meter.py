"""Counts what a bottle uses at LLM APIs, as the answers stream past, and keeps it within its budget.

Sees the bytes, holds none back. What an answer does not tell, because it was broken off or never read to
its end, is estimated; docs/decisions/0131 says how.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable
from importlib.resources import files

from attrs import define, evolve
from mitmproxy import http

from bottle_sidecar.egress.decoding import Decoder, UnreadableBodyError, decoded, decoders
from bottle_sidecar.egress.journal import Journal
from bottle_sidecar.policy.budget import MAX_CALLS, Account, Level
from bottle_sidecar.policy.decide import Request, Rule, Verdict
from bottle_sidecar.policy.llm import Charge, Cost, charge
from bottle_sidecar.policy.prices import PriceTable
from bottle_sidecar.policy.usage import Api, Usage, UsageReader

Clock = Callable[[], float]
Stream = bool | Callable[[bytes], Iterable[bytes] | bytes]

_BYTES_PER_TOKEN = 4  # of a request
_TOKENS_PER_SECOND = 200  # of an answer that was not told; more than models write in the long run
_LARGEST_PROMPT = 1_000_000  # tokens; for a request whose size is not known
_LONGEST_OUTPUT = 128_000  # tokens; for a call that goes on without its answer
_SWITCHING = 101


def list_prices() -> PriceTable:
    """The table that comes with the program."""
    return PriceTable.parse(files("bottle_sidecar.policy").joinpath("prices.json").read_text())


@define
class _Ledger:
    """What the calls of a bottle share. `largest`: the longest prompt so far, in tokens.

    `wanting` hears of a limit for which a call is refused, `noticed` of one that comes near.
    """

    account: Account
    prices: PriceTable
    journal: Journal
    clock: Clock
    wanting: Callable[[Level], None]
    noticed: Callable[[Level], None]
    largest: int = 0

    def judged(self, verdict: Verdict) -> Verdict:
        """The verdict on one more call."""
        level = self.account.exhausted()
        if level is not None:
            self.wanting(level)
            reason = f"The budget of this bottle is spent: {level}."
            hint = "The operator is asked for as much again, and decides with `bottle approve` on the host."
            return _refused(verdict, Rule.BUDGET, reason, hint)
        if self.account.is_crowded:
            reason = f"{MAX_CALLS} calls are under way, each of which may spend what is left of the budget."
            return _refused(verdict, Rule.CROWD, reason, "Try again when one has ended.")
        return verdict

    def notice(self) -> None:
        """Writes down the limits that have come near, or were reached."""
        for level in self.account.notices():
            self.journal.write(
                "budget",
                level="reached" if level.is_reached else "notice",
                limit=level.limit.value,
                spent=level.spent,
                most=level.most,
                reason=f"{level}",
            )
            if not level.is_reached:
                self.noticed(level)


class _Call:
    """One call: counted from its start, charged as its answer tells, and at its end for what was not told."""

    def __init__(self, ledger: _Ledger, host: str, api: Api, *, at_maker: bool, size: int | None) -> None:
        self._ledger = ledger
        self._host = host
        self._api = api
        self._at_maker = at_maker
        self._size = size
        self._started = ledger.clock()
        self._charged = Usage()
        self._usd_micro = 0
        self.reader = UsageReader(api)
        ledger.account.begin()
        self._ledger.notice()

    def progress(self) -> None:
        """Charges what the answer has told since the last time."""
        self._charge(self.reader.usage)

    def end(self, *, answered: bool) -> None:
        """`answered` False: the API has refused or failed, which costs nothing."""
        usage, told = self.reader.usage, True
        if answered and self._at_maker and not self.reader.complete:
            usage, told = self._estimate(usage), False
        self._charge(usage)
        self._ledger.largest = max(self._ledger.largest, usage.prompt_tokens if told else 0)
        self._ledger.account.end()
        self._ledger.journal.write(
            "usage",
            host=self._host,
            api=self._api.value,
            model=usage.model or None,
            call=usage.call or None,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cache_read_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            usd_micro=self._usd_micro,
            basis="told" if told else "estimated",
            price="list" if self._ledger.prices.knows(self._api, usage.model) else "dearest",
        )

    def _charge(self, usage: Usage) -> None:
        if usage == self._charged:
            return
        usd_micro = self._ledger.prices.cost(self._api, usage)
        tokens = usage.tokens - self._charged.tokens
        self._ledger.account.add(tokens=tokens, usd_micro=usd_micro - self._usd_micro)
        self._charged, self._usd_micro = usage, usd_micro
        self._ledger.notice()

    def _estimate(self, usage: Usage) -> Usage:
        seconds = self._ledger.clock() - self._started
        output = _LONGEST_OUTPUT if self.reader.background else int(seconds * _TOKENS_PER_SECOND)
        usage = evolve(usage, output_tokens=max(usage.output_tokens, output))
        if usage.prompt_tokens:
            return usage
        sent = _LARGEST_PROMPT if self._size is None else self._size // _BYTES_PER_TOKEN
        return evolve(usage, input_tokens=max(sent, self._ledger.largest))


class Metering:
    """What is metered of one request and its answer, or of one WebSocket."""

    def __init__(self, ledger: _Ledger, verdict: Verdict, asked: Request, charged: Charge) -> None:
        self._ledger = ledger
        self._verdict = verdict
        self._asked = asked
        self._charged = charged
        self._calls: deque[_Call] = deque()
        self._undo: list[Decoder] = []
        self._answered = self._readable = True
        if asked.method == "POST":
            self._begin(_size(asked))

    def response(self, response: http.Response) -> None:
        """Looks at an answer's head, before anything of it is changed."""
        self._answered = 200 <= response.status_code < 300 or response.status_code == _SWITCHING
        try:
            self._undo = decoders(response.headers.get("content-encoding", ""))
        except UnreadableBodyError:
            self._readable = False

    def tap(self, onward: Stream) -> Stream:
        """A stream that goes `onward`, read on its way."""
        if not self._calls:
            return onward

        def read(data: bytes) -> Iterable[bytes] | bytes:
            self._read(data)
            return onward(data) if callable(onward) else data

        return read

    def sent(self, content: bytes) -> Verdict:
        """Judges a WebSocket message from the agent: each is a call."""
        verdict = self._ledger.judged(self._verdict)
        if verdict.allowed:
            self._begin(len(content))
        return verdict

    def received(self, content: bytes) -> None:
        """A WebSocket message from upstream."""
        if not self._calls:
            return
        call = self._calls[0]
        call.reader.message(content)
        call.progress()
        if call.reader.complete:
            self._calls.popleft()
            call.end(answered=True)

    def close(self, *, failed: bool = False) -> None:
        """It is over, however it ended; `failed`: because of the upstream. Idempotent."""
        while self._calls:
            self._calls.popleft().end(answered=self._answered and not failed)

    def _begin(self, size: int | None) -> None:
        assert self._charged.api is not None
        host, at_maker = self._verdict.host or "", self._charged.at_maker
        self._calls.append(_Call(self._ledger, host, self._charged.api, at_maker=at_maker, size=size))

    def _read(self, data: bytes) -> None:
        if not (self._calls and self._answered and self._readable):
            return
        try:
            plain = decoded(self._undo, data)
        except UnreadableBodyError:
            self._readable = False
            return
        self._calls[0].reader.feed(plain)
        self._calls[0].progress()


class Meter:
    """One bottle's. `wanting` hears of a limit for which a call is refused, `noticed` of one that is near."""

    def __init__(
        self,
        account: Account,
        prices: PriceTable,
        journal: Journal,
        *,
        wanting: Callable[[Level], None],
        noticed: Callable[[Level], None],
        clock: Clock = time.monotonic,
    ) -> None:
        self._ledger = _Ledger(
            account=account, prices=prices, journal=journal, clock=clock, wanting=wanting, noticed=noticed
        )

    def judge(self, verdict: Verdict, asked: Request) -> Verdict:
        """The verdict, or the refusal of a call for which no budget is left.

        Opening a WebSocket costs nothing and always passes; its messages are judged one by one.
        """
        is_call = verdict.allowed and asked.method == "POST" and _charge(verdict, asked).cost is Cost.TOLD
        return self._ledger.judged(verdict) if is_call else verdict

    def metering(self, verdict: Verdict, asked: Request) -> Metering | None:
        """For a request that passes; None where nothing is to be counted."""
        charged = _charge(verdict, asked)
        is_call = verdict.allowed and charged.cost is Cost.TOLD
        return Metering(self._ledger, verdict, asked, charged) if is_call else None


def _charge(verdict: Verdict, asked: Request) -> Charge:
    path = verdict.path or asked.target.partition("?")[0]
    return charge(verdict.host or "", path, asked.method, asked.headers)


def _refused(verdict: Verdict, rule: Rule, reason: str, hint: str) -> Verdict:
    return evolve(verdict, allowed=False, rule=rule, reason=reason, hint=hint)


def _size(asked: Request) -> int | None:
    """Bytes of a request's body; None where it does not say, or is compressed."""
    headers = {name.lower(): value for name, value in asked.headers}
    length = headers.get("content-length", "")
    return int(length) if length.isdecimal() and "content-encoding" not in headers else None
