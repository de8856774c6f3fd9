"""Searches for a value in processes and files, and a request; goes into a bottle beside the attacks."""

import http.client
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

MASK = 0x5A


LARGEST = 8 * 1024 * 1024


SECONDS = 8


def unmasked(masked: str) -> bytes:
    """The value to search for comes in masked, so that the search does not find itself."""
    return bytes(byte ^ MASK for byte in bytes.fromhex(masked))


def processes_seen() -> Iterator[str]:
    """All but the searcher, its siblings, and who started them: those know what is searched for."""
    own, starter = str(os.getpid()), str(os.getppid())
    for name in os.listdir("/proc"):
        if name.isdigit() and name not in {own, starter} and _parent(name) != starter:
            yield name


def _parent(process: str) -> str:
    with suppress(OSError), open(f"/proc/{process}/status") as file:
        return next((line.split()[1] for line in file if line.startswith("PPid:")), "")
    return ""


def holds(path: str, token: bytes) -> bool:
    try:
        with open(path, "rb") as file:
            return token in file.read(LARGEST)
    except OSError:
        return False


def processes_with(part: str, token: bytes) -> list[str]:
    return [name for name in processes_seen() if holds(f"/proc/{name}/{part}", token)]


def files_with(root: str, token: bytes) -> list[str]:
    return [path for path in files_below(root) if holds(path, token)]


def files_below(root: str) -> Iterator[str]:
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                yield path


def ask(
    proxy: list[Any], host: str, path: str, line: str = "", seconds: float = SECONDS
) -> tuple[bytes, bytes, bytes]:
    """Status, headers, and the body as a client reads it."""
    with socket.create_connection((proxy[0], proxy[1]), seconds) as plain:
        plain.sendall(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += plain.recv(1) or b"\r\n\r\n"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with context.wrap_socket(plain, server_hostname=host) as stream:
            stream.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{line}Connection: close\r\n\r\n".encode())
            answer = http.client.HTTPResponse(stream)
            answer.begin()
            return str(answer.status).encode(), answer.headers.as_bytes(), answer.read()
