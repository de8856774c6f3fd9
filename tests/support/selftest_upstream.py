"""The servers of `bottle selftest`, running, without a bottle."""

import http.client
import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from attrs import frozen

from bottle.proc import PIPE, Command, Process, end, spawn

ARGV = (sys.executable, "-m", "bottle_sidecar.selftest_upstream", "127.0.0.1")
SETTINGS = {"names": ["api.test"], "redirects": {"/away": "https://elsewhere.test/"}, "fallback": "nothing"}


@frozen
class Running:
    """`told`: its first line."""

    process: Process
    told: dict[str, Any]

    def line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def say(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n".encode())
        self.process.stdin.flush()

    @property
    def plain(self) -> tuple[str, int]:
        host, _, port = self.told["plain_address"].partition(":")
        return host, int(port)

    @property
    def secured(self) -> tuple[str, int]:
        host, _, port = self.told["address"].partition(":")
        return host, int(port)

    @contextmanager
    def get(self, path: str, **headers: str) -> Iterator[http.client.HTTPResponse]:
        with closing(http.client.HTTPConnection(*self.plain)) as connection:
            connection.request("GET", path, headers=headers)
            yield connection.getresponse()

    def arrived(self, number: str, *forms: bytes) -> bytes:
        """Its answer to the question whether these came."""
        masked = [bytes(byte ^ 0x5A for byte in form).hex() for form in forms]
        with closing(http.client.HTTPConnection(*self.plain)) as connection:
            connection.request("POST", "/arrived", json.dumps({"number": number, "forms": masked}))
            return connection.getresponse().read()


@contextmanager
def running() -> Iterator[Running]:
    process = spawn(Command(argv=ARGV), stdin=PIPE, stdout=PIPE)
    try:
        starting = Running(process, {})
        starting.say(json.dumps(SETTINGS))
        yield Running(process, starting.line())
    finally:
        end(process)
