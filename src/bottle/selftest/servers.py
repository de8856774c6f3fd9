"""The servers that a bottle under attack is granted. They run beside its sidecar."""

import base64
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Protocol

from attrs import define, field

from bottle import proc
from bottle.backends.base import Bottle
from bottle.errors import BottleError
from bottle.selftest import leaks
from bottle.selftest.facts import (
    DENIED,
    DISK,
    FALLBACK,
    FORBIDDEN,
    GRANTED,
    MEMORY,
    OPEN,
    PIDS,
    PLAIN,
    REDIRECTS,
    UNKNOWN_AUTHORITY,
    WILD,
    WRONG_NAME,
)

_MODULE = "bottle_sidecar.selftest_upstream"
_SECONDS = 30.0
_BOTTLE = """\
---
agent_provider: {{template: shell}}
env: {{SELFTEST_WORD: "${{{secret}}}", SELFTEST_PHRASE: "${{{phrase}}}"}}
egress:
  routes:
    - host: {granted}
      path_allowlist: [/v1]
      methods: [GET, POST]
      auth: {{scheme: Bearer, token_ref: {token}}}
      address: {address}
      ca_file: {ca_file}
    - {{host: {open}, address: {address}, ca_file: {ca_file}}}
    - {{host: "*.{wild}", address: {address}, ca_file: {ca_file}}}
    - {{host: {wrong_name}, address: {address}, ca_file: {ca_file}}}
    - {{host: {unknown_authority}, address: {address}}}
    - {{host: {plain}, scheme: http, address: {plain_address}}}
{private}{git}resources: {{pids: {pids}, memory: {memory}, disk: {disk}}}
---
"""


class Answerer(Protocol):
    """Who answers the connections that came to the third server; `send` is how."""

    def take(self, number: int, data: bytes, send: Callable[[int, bytes], None]) -> None:
        """What came on a connection; nothing where it ended."""
        ...

    def close(self) -> None:
        """Ends all of them."""
        ...


@define(eq=False)
class Servers:
    """Running. `requests`: what reached them. `git_address`: of the third, if that is answered."""

    address: str
    plain_address: str
    git_address: str
    ca_pem: str = field(repr=False)
    host_pem: str = field(repr=False)
    _process: proc.Process = field(repr=False)
    _answerer: Answerer | None = field(repr=False)
    _writing: threading.Lock = field(factory=threading.Lock, init=False, repr=False)
    _requests: list[str] = field(factory=list, init=False, repr=False)
    _synced: threading.Event = field(factory=threading.Event, init=False, repr=False)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Collects what is told for as long as the context lasts, within that of the process."""
        thread = threading.Thread(target=self._listen, name="selftest-servers")
        thread.start()
        try:
            yield
        finally:
            if self._answerer:
                self._answerer.close()
            proc.end(self._process)
            thread.join(_SECONDS)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            if "request" in told:
                self._requests.append(told["request"])
            elif "carried" in told:
                if self._answerer:
                    self._answerer.take(told["carried"], base64.b64decode(told["data"]), self._send)
            else:
                self._synced.set()

    def _send(self, number: int, data: bytes) -> None:
        """Answers a connection; ends it with nothing."""
        line = json.dumps({"carried": number, "data": base64.b64encode(data).decode()})
        with suppress(OSError, ValueError), self._writing:
            os.write(self._input, line.encode() + b"\n")

    def take_forbidden(self) -> list[str]:
        """What came since the last time, and should not have. Raises BottleError where they are gone."""
        self._synced.clear()
        try:
            with self._writing:
                os.write(self._input, b"now\n")
        except OSError:
            raise BottleError("the selftest's servers ended too early") from None
        if not self._synced.wait(_SECONDS):
            raise BottleError("the selftest's servers do not answer")
        taken, self._requests = self._requests, []
        return [self._named(request) for request in taken if _is_forbidden(request)]

    @staticmethod
    def _named(request: str) -> str:
        """Its first line, less what an attack put there."""
        line = request.partition("\r\n")[0]
        return next(
            (f"a request with {what}" for what, value in leaks.PLAIN.items() if value in request), line
        )

    @property
    def _input(self) -> int:
        assert self._process.stdin is not None
        return self._process.stdin.fileno()

    def manifest(self, token: str, ca_file: str, private: Sequence[str], git: str) -> str:
        """Of a bottle: a narrow route with a credential, a wide one, one in the clear, private names.

        `git`: its section on the git gate, if it has any.
        """
        return _BOTTLE.format(
            granted=GRANTED,
            open=OPEN,
            wild=WILD,
            secret=leaks.SECRET_NAME,
            phrase=leaks.PHRASE_NAME,
            plain=PLAIN,
            wrong_name=WRONG_NAME,
            unknown_authority=UNKNOWN_AUTHORITY,
            pids=PIDS,
            memory=f"{MEMORY >> 20}m",
            disk=f"{DISK >> 20}m",
            token=token,
            address=self.address,
            plain_address=self.plain_address,
            ca_file=ca_file,
            private="".join(f"    - {{host: {name}}}\n" for name in private),
            git=git,
        )


def _is_forbidden(request: str) -> bool:
    return FORBIDDEN in request or any(value in request for value in leaks.PLAIN.values())


@contextmanager
def serving(bottle: Bottle, answerer: Answerer | None) -> Iterator[Servers]:
    """Beside the sidecars of this bottle's back-end. Raises BottleError where they do not come up."""
    with ExitStack() as stack:
        command = bottle.companion(_MODULE)
        process = proc.spawn(command, stdin=proc.PIPE, stdout=proc.PIPE, new_session=True)
        stack.callback(proc.end, process)
        assert process.stdin is not None
        assert process.stdout is not None
        settings = {
            "names": [GRANTED, OPEN, DENIED, UNKNOWN_AUTHORITY, f"*.{WILD}"],
            "redirects": REDIRECTS,
            "fallback": FALLBACK,
        }
        os.write(process.stdin.fileno(), json.dumps(settings).encode() + b"\n")
        servers = Servers(**_first_line(process.stdout.fileno()), process=process, answerer=answerer)
        stack.enter_context(servers.listening())
        yield servers


def _first_line(output: int) -> Mapping[str, Any]:
    line = proc.next_line(output, _SECONDS)
    if not line:
        raise BottleError("the selftest's servers did not start")
    told: Mapping[str, Any] = json.loads(line)
    return told
