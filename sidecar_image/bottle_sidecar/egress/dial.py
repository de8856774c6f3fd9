"""Resolve, check, dial: the one place where the sidecar opens a connection to the world.

A name is resolved once, each address is judged by the policy, and exactly a judged address is dialled,
so a name that changes its mind between check and use (rebinding) gains nothing. Where the host needs a
proxy of its own, that proxy resolves the name: addresses cannot be judged here then, so names that
are private by their spelling are refused instead (docs/decisions/0043).
"""

import asyncio
import os
import socket
from collections.abc import Sequence
from enum import StrEnum
from ipaddress import ip_address
from typing import Protocol

from attrs import frozen

from bottle_sidecar.egress.proxies import UpstreamProxy
from bottle_sidecar.policy import addresses
from bottle_sidecar.policy.document import Route
from bottle_sidecar.policy.hosts import Authority, is_ip_literal

ATTEMPT_TIMEOUT = 8.0  # seconds for one address
RESOLVE_TIMEOUT = 10.0
READ_LIMIT = 256 * 1024  # bytes a reader holds before it stops reading from the network
_PRIVATE_SUFFIXES = (".localhost", ".local", ".internal", ".intranet", ".lan", ".home.arpa", ".corp", ".home")

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class DialFailure(StrEnum):
    """What went wrong on the way to an upstream, for the refusal body and the log."""

    FORBIDDEN = "forbidden-address"
    UNRESOLVED = "name-not-resolved"
    UNREACHABLE = "unreachable"
    PROXY = "host-proxy-failed"


class DialError(Exception):
    """No connection; the text names the cause for the agent and the operator."""

    def __init__(self, failure: DialFailure, message: str) -> None:
        super().__init__(message)
        self.failure = failure


class UpstreamError(str):
    """A DialError as mitmproxy's layers hand it on: a text, with the kind of failure."""

    __slots__ = ("failure",)

    failure: DialFailure

    @classmethod
    def of(cls, error: DialError) -> "UpstreamError":
        text = cls(error)
        text.failure = error.failure
        return text


class Resolver(Protocol):
    """Turns a name into addresses. Tests bring their own."""

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Address literals in order of preference. Raises OSError where there is none."""
        ...


class SystemResolver:
    """The operating system's own resolution."""

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@frozen(kw_only=True)
class Dialer:
    """Opens connections for routes. `proxy` is the host's own, where it has one."""

    resolver: Resolver
    proxy: UpstreamProxy | None = None

    async def dial(self, route: Route, host: str, port: int) -> Streams:
        """A connected stream to `host` as the route says. Raises DialError."""
        if route.address is not None:
            return await self._dial_address(route.address, port)
        if self.proxy is not None and self.proxy.serves(host):
            _refuse_private_name(host, route)
            return await self._through_proxy(self.proxy, host, port)
        return await self._direct(host, port, await self._judged(route, host, port))

    async def _dial_address(self, address: str, default_port: int) -> Streams:
        """Goes where the operator's `address` says: an explicit grant, so that no address is barred."""
        authority = Authority.parse(address)
        port = authority.port or default_port
        if self.proxy is not None and self.proxy.serves(authority.host):
            return await self._through_proxy(self.proxy, authority.host, port)
        return await self._direct(authority.host, port, await self._resolve(authority.host, port))

    async def _judged(self, route: Route, host: str, port: int) -> Sequence[str]:
        found = await self._resolve(host, port)
        verdicts = [(ip, addresses.refusal(ip, route.ssrf_ip_allowlist)) for ip in found]
        allowed = [ip for ip, reason in verdicts if reason is None]
        if not allowed:
            reasons = "; ".join(dict.fromkeys(reason for _, reason in verdicts if reason is not None))
            raise DialError(
                DialFailure.FORBIDDEN, f"{host} resolves to nothing that may be dialled: {reasons}"
            )
        return allowed

    async def _resolve(self, host: str, port: int) -> Sequence[str]:
        if is_ip_literal(host):
            return [host]
        try:
            async with asyncio.timeout(RESOLVE_TIMEOUT):
                found = await self.resolver.resolve(host, port)
        except TimeoutError:
            raise DialError(
                DialFailure.UNRESOLVED, f"{host} was not resolved in {RESOLVE_TIMEOUT:g} s"
            ) from None
        except (OSError, UnicodeError) as error:
            raise DialError(DialFailure.UNRESOLVED, f"{host} cannot be resolved: {_reason(error)}") from None
        if not found:
            raise DialError(DialFailure.UNRESOLVED, f"{host} has no address")
        return found

    async def _direct(self, host: str, port: int, candidates: Sequence[str]) -> Streams:
        failures: list[str] = []
        for ip in candidates:
            try:
                async with asyncio.timeout(ATTEMPT_TIMEOUT):
                    return await _connect(ip, port)
            except TimeoutError:
                failures.append(f"no answer in {ATTEMPT_TIMEOUT:g} s")
            except OSError as error:
                failures.append(_reason(error))
        causes = "; ".join(dict.fromkeys(failures))
        raise DialError(DialFailure.UNREACHABLE, f"{host}:{port} cannot be reached: {causes}")

    async def _through_proxy(self, proxy: UpstreamProxy, host: str, port: int) -> Streams:
        try:
            candidates = await self._resolve(proxy.host, proxy.port)
            streams = await self._direct(proxy.host, proxy.port, candidates)
        except DialError as error:
            raise DialError(DialFailure.PROXY, f"the host's own proxy: {error}") from None
        problem = await proxy.connect(*streams, host, port)
        if problem is not None:
            streams[1].close()
            raise DialError(DialFailure.PROXY, problem)
        return streams


async def _connect(ip: str, port: int) -> Streams:
    """Dials an address literal; nothing is looked up again."""
    family = socket.AF_INET6 if ip_address(ip).version == 6 else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(connection, (ip, port))
        return await asyncio.open_connection(sock=connection, limit=READ_LIMIT)
    except BaseException:
        connection.close()
        raise


def _refuse_private_name(host: str, route: Route) -> None:
    if is_ip_literal(host):
        reason = addresses.refusal(host, route.ssrf_ip_allowlist)
    elif "." not in host or host.endswith(_PRIVATE_SUFFIXES):
        reason = f"{host} is a private name, and the host's own proxy would resolve it"
    else:
        reason = None
    if reason is not None:
        raise DialError(DialFailure.FORBIDDEN, reason)


def _reason(error: OSError | UnicodeError) -> str:
    """The system's own words, without the address that asyncio adds to them."""
    if isinstance(error, OSError) and not isinstance(error, socket.gaierror) and error.errno:
        return os.strerror(error.errno)
    return getattr(error, "strerror", None) or type(error).__name__
