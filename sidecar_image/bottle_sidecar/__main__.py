"""The sidecar as a process: reads what it is to do from stdin, serves, and ends with its owner.

An argument is the number of a descriptor from which the verdict on the bottle's use of the disk is read.
Exit status 0 after Shutdown or end of file on stdin, at whatever moment; 1 after Failed; 3 where
the audit log could not be written any more.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn

from bottle_sidecar.control.handover import Handover, HandoverError, bind_unix
from bottle_sidecar.control.protocol import (
    Decide,
    Exceeded,
    Exit,
    Failed,
    GateStart,
    Message,
    Ready,
    Remark,
    Renew,
    Shutdown,
    Start,
)
from bottle_sidecar.control.questions import Questions
from bottle_sidecar.control.server import ControlServer, ProtocolError
from bottle_sidecar.egress import upstream
from bottle_sidecar.egress.dial import SystemResolver
from bottle_sidecar.egress.inject import Injector, MissingTokenError
from bottle_sidecar.egress.journal import Journal
from bottle_sidecar.egress.proxy import EgressProxy, build
from bottle_sidecar.gate.approval import Approval
from bottle_sidecar.gate.leaks import Gitleaks, Known
from bottle_sidecar.gate.service import Gate, Tools
from bottle_sidecar.hardening import harden
from bottle_sidecar.policy.dlp.findings import KnownSecret
from bottle_sidecar.rules_store import RulesStore

_LOG_LOST = 3
_CLOSING = 2.0  # seconds that ending the gate's programs may take; the kernel ends them otherwise
_SHORTEST_KEY_LINE = 40


def main() -> NoReturn:
    harden()
    _leave(asyncio.run(_run()))


async def _run() -> int:
    control = await ControlServer.on_standard_streams()
    try:
        start = await control.start()
        if isinstance(start, Shutdown):
            return 0
        journal = _journal(start)
        questions = Questions(control.send)
        gate = None if start.gate is None else _gate(start, start.gate, journal, questions)
        proxy = _build(start, journal, questions)
        if gate is not None:
            proxy.beside(gate)
        way_in = _WayIn(start.exit)
    except (ProtocolError, MissingTokenError, HandoverError, ValueError) as error:
        control.send(Failed(message=str(error)))
        return 1
    journal.open()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: _note(journal, context))
    control.send(_ready(start, proxy))
    serving = asyncio.create_task(_serve(proxy, way_in))
    ended = asyncio.create_task(control.shutdown(partial(_hear, proxy, gate, questions, journal)))
    measuring = asyncio.create_task(_measured(control, sys.argv[1:]))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.cancel)
    await asyncio.wait([serving, ended, measuring], return_when=asyncio.FIRST_COMPLETED)
    proxy.close()
    way_in.close()
    if gate is not None:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_CLOSING):
                await gate.close()
    return _leave(0 if ended.done() else 1)


def _leave(status: int) -> NoReturn:
    """Ends at once: a name lookup in a thread, or a peer that does not read, must not keep the exit open."""
    with suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(status)


class _WayIn:
    """Where the agent's connections come from: a listener handed over, or a unix socket of our own."""

    def __init__(self, exit_: Exit) -> None:
        if (exit_.handover is None) == (exit_.unix is None):
            raise ValueError("the exit needs either a handover or a unix socket path")
        self._unix = exit_.unix
        self._listener = None if exit_.unix is None else bind_unix(exit_.unix, mode=0o666)
        self._handover = None if exit_.handover is None else Handover(exit_.handover)

    async def listener(self) -> socket.socket:
        if self._handover is not None:
            return await self._handover.receive()
        if self._listener is None:
            raise ValueError("the exit is closed")
        return self._listener

    def close(self) -> None:
        if self._handover is not None:
            self._handover.close()
        if self._unix is not None:
            with suppress(OSError):
                os.unlink(self._unix)  # noqa: PTH108 - one call for str paths


def _journal(start: Start) -> Journal:
    """The audit log on standard error, which from here on takes nothing else."""
    out = os.fdopen(os.dup(2), "wb")
    with open(os.devnull, "wb") as nothing:  # noqa: PTH123 - a device
        os.dup2(nothing.fileno(), 2)
    injector = Injector(tokens=start.tokens, placeholders=start.placeholders)
    secrets = (*injector.secrets(), *start.placeholders.values(), *start.secrets, *start.decoys.values())
    return Journal(
        out, secrets, identity=start.identity, head=start.log_head, lost=lambda: os._exit(_LOG_LOST)
    )


def _hear(
    proxy: EgressProxy, gate: Gate | None, questions: Questions, journal: Journal, message: Message
) -> None:
    if isinstance(message, Renew):
        if gate is not None:
            gate.learn(KnownSecret(value=token) for token in message.tokens.values())
        proxy.renew(message.tokens)
    elif isinstance(message, Remark):
        journal.write("remark", reason=message.reason)
    elif isinstance(message, Decide):
        questions.decided(message)


def _note(journal: Journal, context: dict[str, Any]) -> None:
    """What the event loop would print: of an exception its kind alone, since its text may quote an agent."""
    error = context.get("exception")
    journal.write("fault", reason=type(error).__name__ if error else str(context.get("message")))


def _gate(start: Start, gate: GateStart, journal: Journal, questions: Questions) -> Gate:
    os.umask(0o007)  # what lies in the cache is for the sidecars of the operator's other bottles, too
    known = Known(_known(start, gate))
    approval = Approval(questions, start.identity)
    return Gate(Tools(start=gate, known=known, gitleaks=Gitleaks.find(), journal=journal, approval=approval))


def _known(start: Start, gate: GateStart) -> Iterable[KnownSecret]:
    """Of a private key each line but those that all keys of its type have: one of them gives it away."""
    yield from (KnownSecret(value=secret) for secret in (*start.tokens.values(), *start.secrets))
    for owner, bait in (*start.placeholders.items(), *start.decoys.items()):
        yield KnownSecret(value=bait, honeytoken=True, owner=owner)
    for key in gate.keys.values():
        lines = (line for line in key.splitlines()[2:-1] if len(line) > _SHORTEST_KEY_LINE)
        yield from (KnownSecret(value=line) for line in lines)


def _build(start: Start, journal: Journal, questions: Questions) -> EgressProxy:
    return build(
        start,
        system_cas=upstream.system_bundle(),
        resolver=SystemResolver(),
        rules=RulesStore().rules(),
        journal=journal,
        questions=questions,
    )


def _ready(start: Start, proxy: EgressProxy) -> Ready:
    authority = proxy.authority
    passed_through = [route.ca_pem for route in start.policy.routes if route.tls_passthrough and route.ca_pem]
    bundle = upstream.UpstreamTrust(upstream.system_bundle()).agent_bundle(
        [authority.certificate, *passed_through]
    )
    return Ready(
        ca_certificate=authority.certificate, ca_fingerprint=authority.fingerprint, trust_store=bundle
    )


async def _measured(control: ControlServer, arguments: Sequence[str]) -> None:
    """Hands the verdict on. Returns where there is none any more: what is not measured is not served."""
    if arguments:
        line = await (await _reader(int(arguments[0]))).readline()
        if not line:
            return
        control.send(Exceeded(used=int(line)))
    await asyncio.Event().wait()


async def _reader(descriptor: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    stream = os.fdopen(descriptor, "rb", buffering=0)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), stream)
    return reader


async def _serve(proxy: EgressProxy, way_in: _WayIn) -> None:
    await proxy.serve(await way_in.listener())


if __name__ == "__main__":
    main()
