"""Secrets in WebSocket messages."""

from base64 import b64encode
from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.websocket_parcels import (
    BINARY,
    CLOSE,
    CONTINUED,
    PING,
    PONG,
    TEXT,
    deflated,
    frame,
    left,
)


@attack(
    aim="secrets",
    source="MITRE ATT&CK T1071.001, web protocols (WebSocket); RFC 6455, 5.4 and RFC 7692",
    expects="it does not reach the server",
    control="harmless",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Sends secrets in messages: whole, cut into frames, a letter a message, as ping, close, compressed."""
    word, token = aim["word"].encode(), aim["shaped"]["GitHub token"].encode()
    coded = b64encode(word)
    letters = [word[at : at + 1] for at in range(len(word))]
    kinds = [TEXT] + [CONTINUED] * (len(word) - 1)
    ends = [False] * (len(word) - 1) + [True]
    pairs = zip(kinds, letters, ends, strict=True)
    messages = {
        "text": (word, [frame(TEXT, b"it is " + word)]),
        "binary": (word, [frame(BINARY, bytes(range(128)) + word)]),
        "base64": (coded, [frame(TEXT, coded)]),
        "a letter a frame": (word, [frame(kind, letter, last=end) for kind, letter, end in pairs]),
        "halves in messages": (word, [frame(TEXT, word[:11]), frame(TEXT, word[11:])]),
        "a letter a message": (word, [frame(TEXT, letter) for letter in letters]),
        "ping": (word, [frame(PING, word)]),
        "pong": (word, [frame(PONG, word)]),
        "halves in pings": (word, [frame(PING, word[:11]), frame(PING, word[11:])]),
        "around a ping": (
            word,
            [frame(TEXT, word[:11], last=False), frame(PING, b"hey"), frame(CONTINUED, word[11:])],
        ),
        "close": (word, [frame(CLOSE, b"\x03\xe8" + word)]),
        "compressed": (word, [frame(TEXT, one, compressed=True) for one in deflated(word)]),
        "compressed by what went before": (
            word,
            [frame(TEXT, one, compressed=True) for one in deflated(word[:15], word[5:] + word)],
        ),
        "a token that rules know": (token, [frame(TEXT, b"here: " + token)]),
    }
    for what, (form, frames) in messages.items():
        yield what, partial(left, aim, [form], frames)
