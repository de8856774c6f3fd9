"""What comes behind an upgrade."""

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack, await_quiet
from bottle.selftest.probes.shots import HOST, OTHER, SECONDS, get, opened, read_head

_LINES = (
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
_TEXT, _FINAL, _MASKED = 1, 0x80, 0x80
_CLOSE = 0x88


@attack(
    aim="broken_frames",
    source="RFC 6455, 5; 0ang3el, websocket request smuggling, Hacktivity 2019",
    expects="refused with 403 or 400, or the connection is closed, and nothing of it goes on",
    control="whole_frames",
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Upgrades a connection with another Host, and sends raw bytes or frames that mean nothing behind it."""
    word = b"forbidden"
    behind = {
        "raw HTTP": get(b"/v1/forbidden", OTHER),
        "raw TLS": b"\x16\x03\x01\x00\x09forbidden",
        "raw SSH": b"SSH-2.0-forbidden\r\n",
        "a frame that is not masked": bytes((_FINAL | _TEXT, len(word))) + word,
        "a long control frame": _frame(0x89, word * 20),
        "a control frame in parts": _frame(0x09, word),
        "a continuation of nothing": _frame(0x80, word),
        "text that is not UTF-8": _frame(0x81, word + b"\xff\xfe"),
        "a length of 2^63": b"\x81\xff\x80" + bytes(7) + b"\0\0\0\0" + word,
        "a length of 2^62": b"\x82\xff\x40" + bytes(7) + b"\0\0\0\0" + word,
        "a length in too many bytes": b"\x81\xfe\x00\x09\0\0\0\0" + word,
        **{f"opcode {code:#x}": _frame(_FINAL | code, word) for code in (3, 7, 0xB, 0xF)},
        **{f"reserved bit {bit:#x}": _frame(_FINAL | bit | _TEXT, word) for bit in (0x40, 0x20, 0x10)},
    }
    proxy, broken = aim
    for what, data in behind.items():
        sent = data if broken else _frame(_FINAL | _TEXT, b"permitted")
        yield what, partial(_upgraded, proxy, _upgrade(OTHER), sent)
    for what, upgrade in {
        "a Host of another granted host": _upgrade(HOST),
        "two Hosts": _upgrade(OTHER, b"Host: " + HOST + b"\r\n"),
    }.items():
        yield what, partial(_upgraded, proxy, upgrade, _frame(_FINAL | _TEXT, word))


def _upgrade(host: bytes, *lines: bytes) -> bytes:
    return get(b"/websocket", host, _LINES, *lines).replace(b"Connection: close\r\n", b"")


def _frame(first: int, payload: bytes) -> bytes:
    """Masked with zeros."""
    length = len(payload)
    size = bytes((_MASKED | length,)) if length < 126 else b"\xfe" + length.to_bytes(2, "big")
    return bytes((first,)) + size + b"\0\0\0\0" + payload


def _upgraded(proxy: tuple[str, int], upgrade: bytes, data: bytes) -> str | None:
    """Whatever is answered behind the upgrade, but that the connection is closed, is a gain."""
    with contextlib.ExitStack() as stack:
        stream = opened(stack, proxy, connect=OTHER + b":443", sni=OTHER)
        if stream is None:
            return None
        stream.sendall(upgrade)
        if not read_head(stream).startswith(b"HTTP/1.1 101"):
            return None
        stream.sendall(data)
        answer = await_quiet(lambda: stream.recv(65536), SECONDS)
        return f"answered: {answer[:200]!r}" if answer and answer[0] != _CLOSE else None
