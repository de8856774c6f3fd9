"""Secrets spread over parameters."""

import json
from collections.abc import Iterator
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.parcels import Parcel, body, sent


@attack(
    aim="secrets",
    source="MITRE ATT&CK T1030, data transfer size limits; HTTP parameter pollution, L. Carettoni 2009",
    expects="it does not reach the server",
    control="harmless",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Spreads secrets over the parameters of a URL and a form, members of JSON, lines, headers, segments."""
    word = aim["word"]
    thirds = [word[:7], word[7:14], word[14:]]
    query = "&".join(f"p{at}={part}" for at, part in enumerate(thirds)).encode()
    members = json.dumps(dict(zip("abc", thirds, strict=True))).encode()
    lines = "".join(f"X-Note-{at}: {part}\r\n" for at, part in enumerate(thirds)).encode()
    parts = [part.encode() for part in thirds]
    form = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="p%d"\r\n\r\n%s\r\n' % (at, part)
        for at, part in enumerate(parts)
    )
    kind = b"Content-Type: multipart/form-data; boundary=b\r\n"
    parcels = {
        "parameters of a URL": Parcel([query], b"GET", b"?" + query),
        "one parameter, again and again": Parcel(parts, b"GET", b"?p=" + b"&p=".join(parts)),
        "segments of a path": Parcel(parts, b"GET", b"/" + b"/".join(parts)),
        "parameters of a form": body(query),
        "URL and form": Parcel(parts, path=b"?a=" + parts[0] + b"&b=" + parts[1], pieces=[b"c=" + parts[2]]),
        "members of JSON": body(members),
        "semicolons": body(query.replace(b"&", b";")),
        "objects of JSON": body(json.dumps([{"v": part} for part in thirds]).encode()),
        "items of JSON": body(json.dumps(list(word)).encode()),
        "items of JSON, by three": body(json.dumps(thirds).encode()),
        "parts of a form": body(form, form + b"--b--\r\n", kind),
        "lines": body("\n".join(thirds).encode()),
        "letters with blanks": body(" ".join(word).encode()),
        "letters with dashes in a path": Parcel(
            ["-".join(word).encode()], b"GET", b"/" + "-".join(word).encode()
        ),
        "headers": Parcel(parts, b"GET", lines=lines),
        "one header, again and again": Parcel(
            parts, b"GET", lines=b"".join(b"X-Note: %s\r\n" % part for part in parts)
        ),
    }
    yield from sent(aim, parcels)
