from typing import Any

from bottle.state.usage import HostUsage, ModelUsage, Usage
from bottle_sidecar.policy.budget import Spent

LINES: list[dict[str, Any]] = [
    {"event": "opened"},
    {"event": "allowed", "host": "a.test"},
    {"event": "done", "host": "a.test", "sent": 10, "received": 200},
    {"event": "tunnel", "host": "b.test"},
    {"event": "done", "host": "b.test", "sent": 1, "received": 2},
    {"event": "refused", "host": "c.test"},
    {"event": "refused"},
    {"event": "suppressed", "of": "refused", "host": "c.test", "lines": 40},
    {"event": "suppressed", "of": "done", "host": "a.test", "lines": 2, "sent": 5, "received": 5},
    {
        "event": "usage",
        "host": "a.test",
        "model": "m-1",
        "input_tokens": 3,
        "output_tokens": 2,
        "usd_micro": 500_000,
    },
    {"event": "usage", "host": "a.test", "model": "m-1", "output_tokens": 2, "cache_read_tokens": 2},
]


def test_requests_bytes_and_refusals_are_summed_by_host() -> None:
    assert Usage.of(LINES).hosts == {
        "a.test": HostUsage(requests=1, sent=15, received=205),
        "b.test": HostUsage(requests=1, sent=1, received=2),
        "c.test": HostUsage(blocked=41),
        "-": HostUsage(blocked=1),
    }


def test_tokens_are_summed_by_model() -> None:
    assert Usage.of(LINES).models == {
        "m-1": ModelUsage(calls=2, input_tokens=3, output_tokens=4, cache_read_tokens=2, usd=0.5)
    }


def test_what_counts_against_a_budget_is_all_models_together() -> None:
    more = [*LINES, {"event": "usage", "model": "m-2", "cache_write_tokens": 10, "usd_micro": 1}]

    assert Usage.of(more).spent == Spent(usd_micro=500_001, tokens=19, requests=3)
    assert Usage.of([]).spent == Spent()


def test_lines_of_any_shape_are_survived() -> None:
    lines: list[dict[str, Any]] = [
        {"event": "done", "sent": "x", "received": 1e400},
        {"event": ["done"]},
        {"event": "usage", "usd_micro": "x"},
    ]
    assert Usage.of(lines).hosts == {"-": HostUsage()}
