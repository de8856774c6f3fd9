"""Secrets in HTTP/2 bodies."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.http2_parcels import Request, left


@attack(
    aim="secrets",
    source="RFC 9113, 6.1; CVE-2019-9518 (empty frames)",
    expects="it does not reach the server",
    control="harmless",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Sends secrets in DATA frames: whole, a byte a frame, padded, over the border of many frames."""
    word, token = aim["word"].encode(), aim["shaped"]["GitHub token"].encode()
    requests = {
        "one frame": Request([word], data=[b"it is " + word]),
        "a byte a frame": Request([word], data=[word[at : at + 1] for at in range(len(word))]),
        "a byte a padded frame": Request(
            [word], data=[word[at : at + 1] for at in range(len(word))], pad=200
        ),
        "empty frames between": Request([word], data=[word[:9], b"", b"", word[9:]]),
        "behind 40 KB": Request([word], data=[b"ordinary words " * 900] * 3 + [word[:9], word[9:]]),
        "a token in two frames": Request([token], data=[token[:20], token[20:]]),
    }
    for what, request in requests.items():
        yield what, partial(left, aim, request)
