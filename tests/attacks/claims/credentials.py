"""The real credential is nowhere in a bottle; what the agent holds is worth nothing anywhere else."""

import http.client
import os
import re
import resource
import signal
import socket
import ssl
from collections.abc import Iterator
from functools import partial
from typing import Any

from attacks.kit import Attempt, attack

_MASK = 0x5A
_LARGEST = 8 * 1024 * 1024
_SECONDS = 8


def unmasked(masked: str) -> bytes:
    """The value to search for comes in masked, so that the search does not find itself."""
    return bytes(byte ^ _MASK for byte in bytes.fromhex(masked))


def _processes() -> Iterator[str]:
    """All but the searcher and those it comes from."""
    own = {os.getpid(), os.getppid()}
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) not in own:
            yield name


def _holds(path: str, token: bytes) -> bool:
    try:
        with open(path, "rb") as file:
            return token in file.read(_LARGEST)
    except OSError:
        return False


@attack("masked_token", control="masked_placeholder")
def environments_and_arguments(aim: str) -> Iterator[Attempt]:
    """Searches the environment and the arguments of every process, and its own."""
    token = unmasked(aim)
    own = [name for name, value in os.environb.items() if token in value]
    yield "own environment", partial(list, own)
    for part in ("environ", "cmdline", "auxv", "comm"):
        yield part, partial(_processes_with, part, token)


@attack("memory", control="own_memory", spared={"gvisor": "its /proc gives no process the memory of another"})
def memories(aim: list[str]) -> Iterator[Attempt]:
    """Reads the memory of every process that can be seen."""
    token = unmasked(aim[0])
    holder = _holder(token) if "with a holder" in aim else None
    yield "memories", partial(_memories_with, token)
    if holder is not None:
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)


def _holder(token: bytes) -> int:
    """A process whose memory has the token in it, as those of the attempts have not been excluded."""
    child = os.fork()
    while child == 0 and token:
        signal.pause()
    return child


def _processes_with(part: str, token: bytes) -> list[str]:
    return [name for name in _processes() if _holds(f"/proc/{name}/{part}", token)]


def _files_with(root: str, token: bytes) -> list[str]:
    return [path for path in _files(root) if _holds(path, token)]


def _memories_with(token: bytes) -> list[str]:
    return [name for name in _processes() if _in_memory(name, token)]


def _in_memory(process: str, token: bytes) -> bool:
    try:
        with open(f"/proc/{process}/maps") as maps, open(f"/proc/{process}/mem", "rb", 0) as memory:
            for line in maps:
                found = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
                if found and _in_area(memory, int(found[1], 16), int(found[2], 16), token):
                    return True
    except OSError:
        return False
    return False


def _in_area(memory: Any, start: int, end: int, token: bytes) -> bool:
    for at in range(start, end, _LARGEST):
        try:
            memory.seek(at)
            if token in memory.read(min(_LARGEST, end - at)):
                return True
        except (OSError, OverflowError, ValueError):
            return False
    return False


@attack("masked_token", control="masked_placeholder")
def files(aim: str) -> Iterator[Attempt]:
    """Reads every file outside of /usr that it may read."""
    token = unmasked(aim)
    for root in (
        "/home",
        "/workspace",
        "/tmp",
        "/var",
        "/run",
        "/etc",
        "/opt",
        "/dev",
        "/root",
        "/srv",
        "/mnt",
    ):
        yield root, partial(_files_with, root, token)


def _files(root: str) -> Iterator[str]:
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                yield path


@attack("private_keys", control="certificates")
def key_of_the_bottles_ca(aim: tuple[str, list[str]]) -> Iterator[Attempt]:
    """Looks for a private key, with which it could impersonate any host to other programs."""
    kind, roots = aim
    for root in roots:
        yield root, partial(_files_with, root, _begin(kind))


def _begin(kind: str) -> bytes:
    return f"-----BEGIN {kind}-----".encode()


@attack("echoes", control="open_echoes", every=True)
def echoed_credentials(aim: Any) -> Iterator[Attempt]:
    """Lets a granted server send the injected credential back: as body, as header, in pieces."""
    proxy, host, masked = aim
    token = unmasked(masked)
    for path in ("/v1/echo", "/v1/echo-header", "/v1/echo-pieces"):
        yield path, partial(_sent_back, token, proxy, host, path)


@attack("placeholder_elsewhere", control="placeholder_at_home", every=True)
def placeholder_to_another_host(aim: Any) -> Iterator[Attempt]:
    """Sends the placeholder to a granted host that does not own it, to have it replaced there."""
    proxy, host, placeholder = aim
    places = {
        "Authorization": ("/v1", f"Authorization: Bearer {placeholder}\r\n"),
        "another header": ("/v1", f"X-Key: {placeholder}\r\n"),
        "path": (f"/v1/{placeholder}", ""),
        "query": (f"/v1?key={placeholder}", ""),
    }
    for what, (path, line) in places.items():
        yield what, partial(_passed, proxy, host, path, line)


def _passed(proxy: list[Any], host: str, path: str, line: str) -> str | None:
    return "passed on" if _answer(proxy, host, path, line)[0] == b"200" else None


def _sent_back(token: bytes, proxy: list[Any], host: str, path: str) -> str | None:
    return "sent back" if token in b"".join(_answer(proxy, host, path)) else None


def _answer(proxy: list[Any], host: str, path: str, line: str = "") -> tuple[bytes, bytes, bytes]:
    """Status, headers, and the body as a client reads it."""
    with socket.create_connection((proxy[0], proxy[1]), _SECONDS) as plain:
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


@attack("sidecar_words", control="own_words")
def sidecar_process(aim: list[str]) -> Iterator[Attempt]:
    """Looks for the sidecar, its launcher and the operator's program among the processes."""
    for word in aim:
        yield repr(word), partial(_processes_with, "cmdline", word.encode())


@attack("nothing")
def core_dumps(_: None) -> Iterator[Attempt]:
    """Asks for core dumps, of itself or of a program that is started for it."""
    yield "raising the limit", _raise_limit


def _raise_limit() -> str | None:
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (1 << 20, 1 << 20))
    except ValueError as error:
        raise PermissionError(error) from None
    return "raised"
