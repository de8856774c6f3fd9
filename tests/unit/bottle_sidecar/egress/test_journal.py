import io
import json

from bottle_sidecar.egress.journal import Journal

SECRET = "sk-real-0123456789abcdef"


def lines(out: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_tells_what_was_given_and_no_secret() -> None:
    out = io.StringIO()
    Journal(out, [SECRET]).write("allowed", host="api.test", path=f"/x/{SECRET}/y", rule=None, lines=3)
    (line,) = lines(out)
    del line["time"]
    assert line == {"event": "allowed", "host": "api.test", "path": f"/x/{'*' * len(SECRET)}/y", "lines": 3}


def test_control_characters_do_not_reach_a_terminal() -> None:
    out = io.StringIO()
    Journal(out, []).write("refused", path="/\x1b]0;x\x07\r\n\u202e")
    assert out.getvalue().isascii()
    assert "\x1b" not in out.getvalue()
    assert out.getvalue().count("\n") == 1


def test_long_texts_are_cut() -> None:
    out = io.StringIO()
    Journal(out, []).write("refused", path="/" + "a" * 10_000)
    assert len(out.getvalue()) < 1000


def test_a_flood_is_counted_instead_of_written() -> None:
    out, now = io.StringIO(), [0.0]
    journal = Journal(out, [], clock=lambda: now[0])
    for _ in range(1000):
        journal.write("refused")
    written = len(lines(out))
    assert written < 1000
    now[0] = 1000.0
    journal.write("allowed")
    assert [line["event"] for line in lines(out)[written:]] == ["suppressed", "allowed"]
    assert lines(out)[written]["lines"] == 1000 - written


def test_a_closed_log_does_not_matter() -> None:
    out = io.StringIO()
    out.close()
    Journal(out, []).write("allowed")
