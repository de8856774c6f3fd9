import io
import json

import pytest

from bottle_sidecar.egress.journal import Journal
from bottle_sidecar.policy.chain import Head, Link

SECRET = "sk-real-0123456789abcdef"
IDENTITY = "tester-abcde"
CHAIN = ("seq", "time", "identity", "hash")


class Log:
    """A journal, what it wrote, how often it found that it could not, and its clock."""

    def __init__(self, *secrets: str, head: Head | None = None) -> None:
        self.out = io.BytesIO()
        self.lost = 0
        self.now = 0.0
        self.journal = Journal(
            self.out, secrets, identity=IDENTITY, head=head, lost=self._lose, clock=lambda: self.now
        )

    def _lose(self) -> None:
        self.lost += 1

    @property
    def lines(self) -> list[dict[str, object]]:
        found = [json.loads(line) for line in self.out.getvalue().splitlines()]
        return [{key: value for key, value in line.items() if key not in CHAIN} for line in found]


def test_a_line_tells_what_was_given_and_no_secret() -> None:
    log = Log(SECRET)
    log.journal.write("done", host="api.test", path=f"/x/{SECRET}/y", rule=None, lines=3)
    assert log.lines == [
        {"event": "done", "host": "api.test", "path": f"/x/{'*' * len(SECRET)}/y", "lines": 3}
    ]


@pytest.mark.parametrize(
    ("event", "verdict"), [("allowed", "allowed"), ("tunnel", "allowed"), ("refused", "refused")]
)
def test_a_decision_names_its_verdict(event: str, verdict: str) -> None:
    log = Log()
    log.journal.write(event)
    assert log.lines == [{"event": event, "verdict": verdict}]


@pytest.mark.parametrize("head", [None, Head(seq=41, hash="a" * 64)])
def test_lines_are_chained_from_where_the_log_stands(head: Head | None) -> None:
    log = Log(head=head)
    log.journal.open()
    log.journal.write("allowed")
    log.journal.close()
    previous = first = head or Head.seed(IDENTITY)
    for line in log.out.getvalue().splitlines():
        link = Link.parse(line)
        assert link is not None
        assert link.follows(previous)
        previous = link.head
    assert previous.seq == first.seq + 3
    assert log.journal.span == first.seq + 1


def test_nothing_but_printable_ascii_is_written() -> None:
    log = Log()
    log.journal.write("refused", path='/\x1b]0;x\x07\r\n\u202e\x7f\udc80","event":"allowed')
    assert log.out.getvalue().count(b"\n") == 1
    (line,) = log.lines
    assert line["event"] == "refused"
    assert str(line["path"]).isprintable()
    assert str(line["path"]).isascii()


def test_long_texts_are_cut() -> None:
    log = Log()
    log.journal.write("refused", path="/" + "\x00" * 10_000)
    assert len(log.out.getvalue()) < 1000


def test_a_flood_is_counted_by_host_and_rule_instead_of_written() -> None:
    log = Log()
    for _ in range(1500):
        log.journal.write("done", host="a.test", rule="allowed", sent=2, received=3)
        log.journal.write("refused", host="b.test", rule="host.no-route")
    log.now = 1000.0
    log.journal.write("allowed")
    lines = log.lines
    assert lines[-1]["event"] == "allowed"
    told = [line for line in lines if line["event"] == "suppressed"]
    done = sum(int(str(line["lines"])) for line in told if line["of"] == "done")
    assert done + sum(line["event"] == "done" for line in lines) == 1500
    assert sum(int(str(line.get("sent", 0))) for line in lines) == 3000
    assert {(line["of"], line["host"], line["rule"]) for line in told} == {
        ("done", "a.test", "allowed"),
        ("refused", "b.test", "host.no-route"),
    }
    assert len(lines) < 1200


def test_a_flood_over_very_many_hosts_stays_bounded_and_counted() -> None:
    log = Log()
    for number in range(10_000):
        log.journal.write("refused", host=f"h{number}.test", rule="host.no-route")
    log.journal.close()
    lines = log.lines
    assert len(lines) < 2000
    told = sum(int(str(line["lines"])) for line in lines if line["event"] == "suppressed")
    assert told + sum(line["event"] == "refused" for line in lines) == 10_000
    assert lines[-1]["event"] == "closed"


def test_a_line_that_cannot_be_written_is_not_passed_over() -> None:
    log = Log()
    log.out.close()
    log.journal.write("allowed")
    assert log.lost == 1


def test_what_is_learned_is_masked_beside_the_rest() -> None:
    log = Log(SECRET)
    log.journal.learn(["sk-new-0123456789"])
    log.journal.write("remark", reason=f"{SECRET} sk-new-0123456789")
    assert log.lines == [{"event": "remark", "reason": f"{'*' * len(SECRET)} {'*' * 17}"}]
