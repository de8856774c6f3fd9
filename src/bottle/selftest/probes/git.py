"""Git's smart protocol, and packs, written by hand; goes into a bottle beside the attacks on the git gate."""

import hashlib
import http.client
import os
import socket
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

NONE = "0" * 40
COMMIT, TREE, BLOB, TAG = 1, 2, 3, 4
_KINDS = {COMMIT: b"commit", TREE: b"tree", BLOB: b"blob", TAG: b"tag"}
_SECONDS = 28
_WHO = b"A <a@example.com> 1 +0000"
SERVICES = ("git-upload-pack", "git-receive-pack")

Object = tuple[int, bytes]


def ask(
    aim: Any, target: str, *, method: str = "GET", body: bytes = b"", kind: str = ""
) -> tuple[int, bytes]:
    """Status and body of what the gate answers; the target goes out as it is."""
    with socket.create_connection(tuple(aim["proxy"]), _SECONDS) as stream:
        lines = [
            f"{method} http://gate.bottle/{target} HTTP/1.1",
            "Host: gate.bottle",
            f"Content-Length: {len(body)}",
            f"Content-Type: {kind}",
            "Connection: close",
        ]
        stream.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        answer = http.client.HTTPResponse(stream, method=method)
        try:
            answer.begin()
            return answer.status, answer.read()
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error


def call(aim: Any, place: str, service: str, body: bytes) -> tuple[int, bytes]:
    return ask(aim, f"{place}/{service}", method="POST", body=body, kind=f"application/x-{service}-request")


def served(aim: Any, place: str) -> str | None:
    """Whether either of git's services answers for a repository, at its first request or its second."""
    for service in SERVICES:
        status, body = ask(aim, f"{place}/info/refs?service={service}")
        if status == 200 and b"ERR " not in body:
            return f"refs: {body[:100]!r}"
        status, body = call(aim, place, service, b"0000")
        if status == 200 and b"ERR " not in body:
            return f"{service}: {body[:100]!r}"
    return None


def packet(text: bytes) -> bytes:
    return b"%04x%s" % (len(text) + 4, text)


def push(
    aim: Any, orders: Iterable[tuple[str, str | bytes]], pack: bytes, *, bands: bool = False
) -> tuple[bytes, int]:
    """Creates refs, (name, object id) each; the answer, and how many of them were created."""
    lines = [f"{NONE} ".encode() + _bytes(new) + b" " + name.encode() for name, new in orders]
    capabilities = b"\0report-status" + (b" side-band-64k" if bands else b"")
    lines[0] += capabilities
    _, answer = call(aim, aim["place"], "git-receive-pack", b"".join(map(packet, lines)) + b"0000" + pack)
    return answer, answer.count(b"ok refs/")


def created(aim: Any, ref: str, new: str, pack: bytes) -> str | None:
    answer, count = push(aim, [(ref, new)], pack)
    return f"pushed: {answer[:200]!r}" if count else None


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def fresh(ref: str) -> str:
    """A name that no push has used yet."""
    return ref + os.urandom(6).hex()


def oid(one: Object) -> str:
    kind, content = one
    return hashlib.sha1(_KINDS[kind] + b" %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def commit(tree: str, message: bytes = b"x\n") -> Object:
    head = f"tree {tree}\n".encode() + b"author " + _WHO + b"\ncommitter " + _WHO + b"\n\n"
    return COMMIT, head + message


def tree(files: Sequence[tuple[bytes, Object]]) -> Object:
    """Of files and folders, sorted by whoever calls."""
    entries = [
        (b"40000 " if one[0] == TREE else b"100755 ") + name + b"\0" + bytes.fromhex(oid(one))
        for name, one in files
    ]
    return TREE, b"".join(entries)


def header(kind: int, size: int) -> bytes:
    """Of an entry in a pack."""
    first, rest, found = (kind << 4) | (size & 15), size >> 4, []
    while rest:
        found.append(first | 0x80)
        first, rest = rest & 0x7F, rest >> 7
    return bytes([*found, first])


def entry(one: Object) -> bytes:
    kind, content = one
    return header(kind, len(content)) + zlib.compress(content)


def sealed(entries: Sequence[bytes], count: int | None = None) -> bytes:
    """A pack of these entries."""
    announced = len(entries) if count is None else count
    data = b"PACK" + (2).to_bytes(4, "big") + announced.to_bytes(4, "big") + b"".join(entries)
    return data + hashlib.sha1(data, usedforsecurity=False).digest()


def packed(*objects: Object) -> bytes:
    return sealed([entry(one) for one in objects])
