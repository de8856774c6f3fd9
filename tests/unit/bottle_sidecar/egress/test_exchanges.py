import io
import json
from typing import Any

from mitmproxy.test import tflow

from bottle_sidecar.egress.exchanges import Exchange, Exchanges, Outcome
from bottle_sidecar.egress.journal import Journal


class Log:
    def __init__(self) -> None:
        self.out = io.BytesIO()
        self.now = 0.0
        journal = Journal(self.out, (), identity="tester-abcde", lost=lambda: None)
        journal.open()
        self.exchanges = Exchanges(journal, clock=lambda: self.now)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.getvalue().splitlines()][1:]


def test_an_exchange_is_written_when_it_begins_and_when_it_ends() -> None:
    log = Log()
    exchange = log.exchanges.begin("allowed", {"host": "a.test", "path": "/x"})
    assert [line["event"] for line in log.lines] == ["allowed"]
    exchange.passed(5, from_agent=True)
    exchange.passed(7, from_agent=False)
    exchange.status, log.now = 200, 1.5
    log.exchanges.end(exchange, Outcome.COMPLETE)
    log.exchanges.end(exchange, Outcome.ABORTED)
    begun, done = log.lines
    assert begun["id"] == done["id"] == "1.1"
    told = {key: done[key] for key in ("verdict", "host", "path", "status", "sent", "received", "seconds")}
    assert told == {
        "verdict": "allowed", "host": "a.test", "path": "/x", "status": 200,
        "sent": 5, "received": 7, "seconds": 1.5,
    }  # fmt: skip
    assert "messages_sent" not in done


def test_messages_are_counted() -> None:
    log = Log()
    exchange = log.exchanges.begin("allowed", {})
    exchange.message(from_agent=True)
    exchange.message(from_agent=False)
    exchange.message(from_agent=False)
    log.exchanges.end(exchange, Outcome.COMPLETE)
    done = log.lines[-1]
    assert (done["messages_sent"], done["messages_received"]) == (1, 2)


def test_what_is_under_way_ends_with_the_bottle() -> None:
    log = Log()
    log.exchanges.begin("tunnel", {"host": "a.test"})
    log.exchanges.end(log.exchanges.begin("allowed", {}), Outcome.ABORTED)
    log.exchanges.close()
    assert [line["outcome"] for line in log.lines if line["event"] == "done"] == ["aborted", "shutdown"]


def test_a_flow_knows_its_exchange() -> None:
    flow = tflow.tflow()
    assert Exchange.of(flow) is None
    exchange = Log().exchanges.begin("allowed", {})
    exchange.belongs_to(flow)
    assert Exchange.of(flow) is exchange
