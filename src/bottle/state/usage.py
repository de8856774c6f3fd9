"""What a bottle used, summed up from its audit log: by host, and by model where an API said so."""

from collections.abc import Iterable, Mapping
from typing import Any, Self

from attrs import Factory, define, field

from bottle_sidecar.policy.budget import Spent

_MOST = 1 << 53  # what JSON readers of other languages hold exactly


@define(kw_only=True)
class HostUsage:
    """`requests`: let out, tunnels and WebSockets too. `blocked`: refused. Bytes of bodies."""

    requests: int = 0
    blocked: int = 0
    sent: int = 0
    received: int = 0


@define(kw_only=True)
class ModelUsage:
    """Of one model of an LLM API. `usd` at list prices."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    usd: float = 0.0

    @property
    def tokens(self) -> int:
        prompt = self.input_tokens + self.cache_read_tokens + self.cache_write_tokens
        return prompt + self.output_tokens


@define(kw_only=True)
class Usage:
    """The sums. Lines that were counted instead of written are in them."""

    hosts: dict[str, HostUsage] = field(default=Factory(dict))
    models: dict[str, ModelUsage] = field(default=Factory(dict))

    @classmethod
    def of(cls, entries: Iterable[Mapping[str, Any]]) -> Self:
        usage = cls()
        for entry in entries:
            usage.add(entry)
        return usage

    @property
    def spent(self) -> Spent:
        """What counts against a budget."""
        models = self.models.values()
        return Spent(
            usd_micro=round(sum(model.usd for model in models) * 1_000_000),
            tokens=sum(model.tokens for model in models),
            requests=sum(model.calls for model in models),
        )

    def add(self, entry: Mapping[str, Any]) -> None:
        """Takes one line's entry in."""
        event, times = entry.get("event"), 1
        if event == "suppressed":
            event, times = entry.get("of"), number_of(entry, "lines")
        match event:
            case "allowed" | "tunnel":
                self._host(entry).requests += times
            case "refused":
                self._host(entry).blocked += times
            case "done":
                host = self._host(entry)
                host.sent += number_of(entry, "sent")
                host.received += number_of(entry, "received")
            case "usage":
                self._tokens(entry)

    def _host(self, entry: Mapping[str, Any]) -> HostUsage:
        return self.hosts.setdefault(str(entry.get("host") or "-"), HostUsage())

    def _tokens(self, entry: Mapping[str, Any]) -> None:
        model = self.models.setdefault(str(entry.get("model") or "-"), ModelUsage())
        model.calls += 1
        model.input_tokens += number_of(entry, "input_tokens")
        model.output_tokens += number_of(entry, "output_tokens")
        model.cache_read_tokens += number_of(entry, "cache_read_tokens")
        model.cache_write_tokens += number_of(entry, "cache_write_tokens")
        model.usd += number_of(entry, "usd_micro") / 1_000_000


def number_of(entry: Mapping[str, Any], name: str) -> int:
    """A number of an entry, whole and of a size that can be worked with; 0 where it has none."""
    value = entry.get(name)
    return int(value) if isinstance(value, int | float) and 0 <= value < _MOST else 0
