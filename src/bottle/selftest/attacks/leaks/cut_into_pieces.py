"""Secrets cut into pieces on the wire."""

from collections.abc import Iterator
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.parcels import Parcel, sent


@attack(
    aim="secrets",
    source="MITRE ATT&CK T1030, data transfer size limits; T. Ptacek and T. Newsham, 1998 (evasion)",
    expects="it does not reach the server",
    control="harmless",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Sends secrets in chunks and TCP segments of a few bytes, with time between them."""
    word = aim["word"].encode()
    token = aim["shaped"]["GitHub token"].encode()
    letters = [word[at : at + 1] for at in range(len(word))]
    halves = [word[:11], word[11:]]
    coded = word.hex().encode()
    parcels = {
        "a byte a chunk": Parcel([word], pieces=letters, chunked=True),
        "a byte a chunk, in TLS": Parcel([word], pieces=letters, chunked=True, tls=True),
        "a byte a segment": Parcel([word], pieces=letters, pause=0.002),
        "a slow trickle": Parcel([word], pieces=[b"so: ", *letters], pause=0.1),
        "a slow trickle of chunks": Parcel([word], pieces=letters, pause=0.1, chunked=True),
        "halves, a second apart": Parcel([word], pieces=halves, pause=1.0),
        "halves in chunks, a second apart": Parcel([word], pieces=halves, pause=1.0, chunked=True),
        "the first half, a second ahead": Parcel([word[:11]], pieces=halves, pause=1.0, chunked=True),
        "hexadecimal, a byte a chunk": Parcel(
            [coded], pieces=[coded[at : at + 1] for at in range(len(coded))], chunked=True
        ),
        "head, a byte a segment": Parcel([word], b"GET", b"/" + word, cut=True),
        "a token that rules know": Parcel([token], pieces=[token[:9], token[9:30], token[30:]], chunked=True),
        "the end in a chunk of its own": Parcel(
            [word], pieces=[b"it is " + word[:-1], word[-1:]], chunked=True
        ),
    }
    yield from sent(aim, parcels)
