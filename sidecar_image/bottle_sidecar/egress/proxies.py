"""The host's own proxy, where its network has no other way out: whom it serves, and how to go through it."""

import asyncio
import base64
from contextlib import suppress
from ipaddress import ip_address, ip_network
from urllib.parse import unquote, urlsplit

from attrs import field, frozen

_ANSWER_TIMEOUT = 30.0  # seconds the proxy may take to build a tunnel
_DEFAULT_PORT = 80


@frozen(kw_only=True)
class UpstreamProxy:
    """An HTTP proxy that speaks CONNECT. `bypass` are the host names and networks reached without it.

    `secrets`: the spellings of its password, alone and with the user.
    """

    host: str
    port: int
    authorization: str | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(factory=tuple, repr=False)
    bypass: tuple[str, ...] = ()

    @classmethod
    def parse(cls, url: str, no_proxy: str | None) -> "UpstreamProxy":
        """From `http://[user:password@]host[:port]` and a NO_PROXY list. Raises ValueError, sans password."""
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            host, port = parts.hostname, parts.port
        except ValueError:
            raise ValueError("the host's proxy is not a URL") from None
        if parts.scheme != "http" or not host:
            raise ValueError("the host's proxy must be an http:// URL with a host")
        authorization: str | None = None
        secrets: tuple[str, ...] = ()
        if parts.username is not None:
            password = unquote(parts.password or "")
            credentials = f"{unquote(parts.username)}:{password}"
            authorization = "Basic " + base64.b64encode(credentials.encode()).decode()
            secrets = (password, parts.password, credentials) if parts.password else ()
        bypass = tuple(entry.strip().lower() for entry in (no_proxy or "").split(",") if entry.strip())
        return cls(
            host=host,
            port=port or _DEFAULT_PORT,
            authorization=authorization,
            secrets=secrets,
            bypass=bypass,
        )

    def serves(self, host: str) -> bool:
        """Whether `host` (normalised) is reached through the proxy: not loopback, not in `bypass`."""
        if host == "localhost" or host.endswith(".localhost"):
            return False
        with suppress(ValueError):
            if ip_address(host).is_loopback:
                return False
        return not any(_covers(entry, host) for entry in self.bypass)

    async def connect(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int
    ) -> str | None:
        """Asks for a tunnel on a fresh connection. Why there is none, or None where there is one."""
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        if self.authorization is not None:
            lines.append(f"Proxy-Authorization: {self.authorization}")
        writer.write("\r\n".join([*lines, "", ""]).encode())
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT):
                await writer.drain()
                answer = await reader.readuntil(b"\r\n\r\n")
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return f"the host's own proxy gave no answer to CONNECT {target}"
        status = answer.split(b"\r\n", 1)[0].split()
        if len(status) >= 2 and status[0].startswith(b"HTTP/1.") and status[1] == b"200":
            return None
        code = status[1].decode("ascii", "replace") if len(status) >= 2 else "nothing readable"
        return f"the host's own proxy answered {code[:16]} to CONNECT {target}"


def _covers(entry: str, host: str) -> bool:
    if entry == "*":
        return True
    with suppress(ValueError):
        return ip_address(host) in ip_network(entry, strict=False)
    name = entry.removeprefix("*").removeprefix(".").rpartition(":")
    suffix = name[0] if name[2].isdigit() and name[0] else entry.removeprefix("*").removeprefix(".")
    return host == suffix or host.endswith(f".{suffix}")
