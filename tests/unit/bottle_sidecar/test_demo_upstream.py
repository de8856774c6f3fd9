import http.client
import json
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bottle.proc import DEVNULL, PIPE, Command, Process, end, run, spawn
from bottle_sidecar.demo_upstream import HOST

ARGV = (sys.executable, "-m", "bottle_sidecar.demo_upstream")


def line(process: Process) -> dict[str, Any]:
    assert process.stdout is not None
    told: dict[str, Any] = json.loads(process.stdout.readline())
    return told


@contextmanager
def upstream() -> Iterator[tuple[Process, dict[str, Any]]]:
    process = spawn(Command(argv=(*ARGV, "127.0.0.1")), stdin=PIPE, stdout=PIPE)
    try:
        yield process, line(process)
    finally:
        end(process)


def test_it_tells_where_it_is_and_each_request_that_reached_it() -> None:
    with upstream() as (process, told):
        host, port = told["address"].split(":")
        context = ssl.create_default_context(cadata=told["ca_pem"])
        connection = http.client.HTTPSConnection(HOST, int(port), context=context)
        connection._create_connection = (  # type: ignore[attr-defined]
            lambda _address, *rest: __import__("socket").create_connection((host, int(port)), *rest)
        )
        connection.request("GET", "/v1/hello?a=b", headers={"Authorization": "Bearer abc"})
        answer = connection.getresponse()
        body = json.loads(answer.read())
        connection.close()

        assert set(told) == {"address", "ca_pem"}
        assert answer.status == 200
        assert body == {"hello": "from the upstream", "you_sent": "Bearer abc"}
        assert line(process) == {"path": "/v1/hello?a=b", "authorization": "Bearer abc"}


def test_it_serves_the_name_that_its_certificate_is_for() -> None:
    with upstream() as (_, told):
        assert "PRIVATE KEY" not in told["ca_pem"]
        assert HOST == "api.demo.test"


def test_it_ends_with_its_input() -> None:
    with upstream() as (process, _):
        end(process)

        assert process.returncode == 0


def test_without_a_place_to_serve_it_fails() -> None:
    code = run(Command(argv=(*ARGV, "host.invalid")), check=False).code

    assert code not in {0, None}
    assert DEVNULL
