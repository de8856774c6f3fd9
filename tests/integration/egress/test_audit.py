"""The audit log of a real sidecar: complete, chained, and out of the agent's reach."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

from bottle.state.audit import AuditLog
from bottle_sidecar.policy.document import Auth, AuthScheme, Route
from support.egress import Begin, MakeRoute, Serve
from support.http2_client import Http2Client
from support.sidecar import IDENTITY, WAIT, read_all, read_head
from support.upstreams import Answer, Seen

HOST = "api.test"
TOKEN = "sk-real-0123456789abcdef"
PLACEHOLDER = "bottle-placeholder-0123456789abcdef"


def log_of(folder: Path) -> AuditLog:
    return AuditLog(identity=IDENTITY, path=folder / "sidecar.log")


class Stalled:
    """Answers with one chunk, and then nothing."""

    async def __call__(self, seen: Seen) -> Answer:
        async def body() -> AsyncIterator[bytes]:
            yield b"data: 1\n\n"
            await asyncio.Event().wait()

        return Answer(headers=[("content-type", "text/event-stream")], body=body())


def test_a_request_is_told_with_bytes_and_status_and_without_its_query(
    start: Begin, serve: Serve, to: MakeRoute, tmp_path: Path
) -> None:
    auth = Auth(scheme=AuthScheme.BEARER, token_ref="T")
    route = to(HOST, serve(HOST), auth=auth)
    with start(route, tokens={"T": TOKEN}, placeholders={"T": PLACEHOLDER}) as sidecar:
        reply = sidecar.request(HOST, f"/x?key={PLACEHOLDER}", method="POST", body=b"12345")
        done, allowed = sidecar.told("done"), sidecar.told("allowed")
        sidecar.request("other.test", "/secret?q=1")
        refused = sidecar.told("refused")
    common = {"identity": IDENTITY, "method": "POST", "host": HOST, "path": "/x", "verdict": "allowed"}
    assert common.items() <= allowed.items()
    assert common.items() <= done.items()
    assert allowed["id"] == done["id"]
    assert {
        "sent": 5,
        "received": len(reply.body),
        "status": 200,
        "outcome": "complete",
    }.items() <= done.items()
    assert {
        "host": "other.test",
        "path": "/secret",
        "status": 403,
        "verdict": "refused",
    }.items() <= refused.items()
    text = sidecar.log.read_text()
    assert not any(secret in text for secret in (TOKEN, PLACEHOLDER, "q=1", "?"))
    found = log_of(tmp_path).verify()
    assert (found.closed, found.flaws) == (True, ())


def test_a_kill_amid_an_exchange_loses_no_request_and_the_next_sidecar_goes_on(
    start: Begin, serve: Serve, to: MakeRoute, tmp_path: Path
) -> None:
    route = to(HOST, serve(HOST, handler=Stalled(), protocols=("http/1.1",)))
    with start(route) as sidecar, sidecar.secure(HOST) as connection:
        connection.sendall(f"GET /long HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        read_head(connection)
        sidecar.process.kill()
        sidecar.process.wait()
    killed = log_of(tmp_path).verify()
    assert (killed.closed, killed.flaws) == (False, ())
    with start(route, log_head=log_of(tmp_path).prepare()) as sidecar:
        sidecar.request("other.test")
        sidecar.told("refused")
    found = log_of(tmp_path).verify()
    assert (found.closed, found.flaws) == (True, ())
    assert [line["event"] for line in sidecar.events] == ["opened", "allowed", "opened", "refused", "closed"]


def test_the_end_of_the_bottle_and_the_agent_s_own_are_told(
    start: Begin, serve: Serve, to: MakeRoute
) -> None:
    upstream = serve(HOST, handler=Stalled(), protocols=("http/1.1",))
    with start(to(HOST, upstream)) as sidecar:
        with sidecar.secure(HOST) as gone:
            gone.sendall(f"GET /gone HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            read_head(gone)
        sidecar.told("done")
        with sidecar.secure(HOST) as open_:
            open_.sendall(f"GET /open HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            read_head(open_)
            sidecar.stop()
    done = [line for line in sidecar.events if line["event"] == "done"]
    assert [(line["path"], line["outcome"], line["status"]) for line in done] == [
        ("/gone", "aborted", 200),
        ("/open", "shutdown", 200),
    ]


def test_exchanges_of_one_connection_are_told_apart(start: Begin, serve: Serve, to: MakeRoute) -> None:
    with start(to(HOST, serve(HOST))) as sidecar, sidecar.secure(HOST, alpn=("h2",)) as connection:
        client = Http2Client(connection)
        for number in range(3):
            assert client.request(HOST, f"/{number}", method="POST", body=b"x" * number).status == 200
    done = [line for line in sidecar.events if line["event"] == "done"]
    assert [(line["path"], line["sent"], line["outcome"]) for line in done] == [
        ("/0", 0, "complete"),
        ("/1", 1, "complete"),
        ("/2", 2, "complete"),
    ]
    assert len({line["id"] for line in done}) == 3


def test_an_upstream_that_fails_is_told(start: Begin) -> None:
    with start(Route(host=HOST, address="127.0.0.1:1")) as sidecar:
        assert sidecar.request(HOST).status == 502
        done, failed = sidecar.told("done"), sidecar.told("failed")
    assert (done["outcome"], done["status"], done["received"]) == ("answered", 502, 0)
    assert done["id"] == failed["id"]


def test_an_agent_cannot_write_a_line_or_break_one(start: Begin, tmp_path: Path) -> None:
    forged = '{"seq":9,"event":"allowed","hash":"' + "a" * 64 + '"}'
    attacks = [
        f"GET /a\n{forged}\n HTTP/1.1\r\nHost: x.test\r\n\r\n",
        f"GET /\x1b[2J\x00\x7f{forged} HTTP/1.1\r\nHost: x.test\r\n\r\n",
        f"GET /{'a' * 60_000} HTTP/1.1\r\nHost: x.test\r\n\r\n",
        f"{forged} / HTTP/1.1\r\nHost: x.test\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: x.test\r\nX: {'h' * 60_000}\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: x\n{forged}\r\n\r\n",
        "GET /\u00ff\u0080%0a%0d HTTP/1.1\r\nHost: x.test\r\n\r\n",
    ]
    with start() as sidecar:
        for attack in attacks:
            with sidecar.secure("x.test") as connection:
                connection.sendall(attack.encode("latin-1"))
                connection.settimeout(WAIT)
                connection.shutdown(1)
                read_all(connection)
        with sidecar.connect() as connection:
            connection.sendall(f"CONNECT x\n{forged}:443 HTTP/1.1\r\n\r\n".encode())
            connection.shutdown(1)
            read_all(connection)
    found = log_of(tmp_path).verify()
    assert (found.closed, found.flaws) == (True, ())
    assert all(len(line) < 2000 for line in sidecar.log.read_bytes().splitlines())
    assert {line["event"] for line in sidecar.events} <= {"opened", "refused", "closed"}


def test_nothing_else_reaches_the_log(tmp_path: Path, start: Begin) -> None:
    """Not even what the interpreter itself would print."""
    with start() as sidecar:
        target = Path(f"/proc/{sidecar.process.pid}/fd/2").resolve()
    assert target == Path("/dev/null")
    assert [json.loads(line)["event"] for line in log_of(tmp_path).lines()] == ["opened", "closed"]


def test_what_cannot_be_written_down_does_not_leave(start: Begin, serve: Serve, to: MakeRoute) -> None:
    """The file takes the line `opened`, and no more than a part of the next one."""
    upstream = serve(HOST)
    with start(to(HOST, upstream), under=("prlimit", "--fsize=400")) as sidecar:
        with sidecar.secure(HOST) as connection:
            connection.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            assert read_all(connection) == b""
        assert sidecar.process.wait() == 3
    assert upstream.requests == []
