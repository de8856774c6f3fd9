"""Host names and authorities, read one way everywhere, and the choice of the most specific pattern.

Only strings come in and go out. What two readers could understand differently is an error, never a guess:
numbers that some resolvers take for IPv4 addresses (`0x7f.1`, `2130706433`), zone ids, userinfo, and the
letters on which IDNA 2003 and 2008 disagree.
"""

import re
from collections.abc import Iterable
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Generic, TypeVar

from attrs import frozen

MAX_HOST_LENGTH = 253
_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")
_IDNA_DEVIATIONS = frozenset("\u00df\u1e9e\u03c2\u200c\u200d")

T = TypeVar("T")


class HostError(ValueError):
    """A text that is no host name, or one that different readers take for different hosts."""


def normalise_host(text: str) -> str:
    """The one spelling of a host: lower case, A-labels, no trailing dot, IPv6 compressed without brackets.

    Raises HostError. IPv4 addresses must be four plain decimal numbers.
    """
    if text.startswith("[") and text.endswith("]"):
        return _ipv6(text[1:-1])
    if ":" in text:
        return _ipv6(text)
    name = text if text.isascii() else _to_ascii(text)
    name = name.lower().removesuffix(".")
    if len(name) > MAX_HOST_LENGTH or not _NAME.fullmatch(name):
        raise HostError(f"{quoted(text)} is not a host name")
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        return _ipv4(name)
    return name


def is_ip_literal(host: str) -> bool:
    """Whether a normalised host is an address rather than a name."""
    return ":" in host or host.rpartition(".")[2].isdigit()


def quoted(text: str, limit: int = 120) -> str:
    """A text from the other side, safe to show: printable ASCII, quoted, at most `limit` characters."""
    return ascii(text if len(text) <= limit else text[:limit] + "...")


def _ipv6(text: str) -> str:
    if "%" in text:
        raise HostError(f"{quoted(text)} has a zone id")
    try:
        address = IPv6Address(text)
    except AddressValueError:
        raise HostError(f"{quoted(text)} is not an IPv6 address") from None
    if address.ipv4_mapped is not None:
        raise HostError(f"{quoted(text)} hides an IPv4 address")
    return address.compressed


def _ipv4(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except AddressValueError:
        raise HostError(f"{quoted(text)} is not an IPv4 address in four decimal numbers") from None


def _to_ascii(text: str) -> str:
    if len(text) > MAX_HOST_LENGTH:
        raise HostError("a host name is longer than 253 characters")
    if not _IDNA_DEVIATIONS.isdisjoint(text):
        raise HostError(f"{quoted(text)} has letters that resolvers read in two ways; write its xn-- form")
    try:
        return text.encode("idna").decode("ascii")
    except UnicodeError:
        raise HostError(f"{quoted(text)} is not an international host name") from None


@frozen(kw_only=True)
class Authority:
    """A `Host` header, an `:authority`, or the target of a CONNECT. `port` is None where none is written."""

    host: str
    port: int | None

    @classmethod
    def parse(cls, text: str) -> "Authority":
        """Raises HostError; also for userinfo, an empty port, and anything that is not ASCII."""
        match = _AUTHORITY.fullmatch(text)
        if match is None:
            raise HostError(f"{quoted(text)} is not host or host:port")
        port = None if match[2] is None else int(match[2])
        if port is not None and not 0 < port < 65536:
            raise HostError(f"{quoted(text)} has no valid port")
        return cls(host=normalise_host(match[1]), port=port)


@frozen
class HostPattern:
    """A route's `host`: exact, or `*.suffix`, which matches any depth below the suffix but not the suffix."""

    text: str

    @classmethod
    def parse(cls, text: str) -> "HostPattern":
        """Raises HostError. A wildcard is `*.` and a name; an address has no subdomains."""
        if not text.startswith("*."):
            return cls(normalise_host(text))
        suffix = normalise_host(text[2:])
        if is_ip_literal(suffix):
            raise HostError(f"{quoted(text)}: an address has no subdomains")
        return cls(f"*.{suffix}")

    @property
    def is_wildcard(self) -> bool:
        return self.text.startswith("*.")

    def matches(self, host: str) -> bool:
        """Whether a normalised host falls under this pattern."""
        if not self.is_wildcard:
            return host == self.text
        return host.endswith(self.text[1:]) and not is_ip_literal(host)


class HostTable(Generic[T]):
    """Values by host pattern; the lookup gives the most specific: exact first, then the longest suffix."""

    def __init__(self, entries: Iterable[tuple[HostPattern, T]]) -> None:
        self._entries = {pattern.text: value for pattern, value in entries}

    def find(self, host: str) -> T | None:
        """The value for a normalised host."""
        exact = self._entries.get(host)
        if exact is not None:
            return exact
        dot = -1 if is_ip_literal(host) else host.find(".")
        while dot >= 0:
            value = self._entries.get("*" + host[dot:])
            if value is not None:
                return value
            dot = host.find(".", dot + 1)
        return None
