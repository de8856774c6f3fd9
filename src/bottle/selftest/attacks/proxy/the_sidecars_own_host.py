"""The sidecar's own pages."""

from collections.abc import Iterator
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.shots import PLAIN, Shot, get, volley


@attack(
    aim="proxy",
    source="CWE-749, exposed dangerous method",
    expects="nothing but its health answers",
    control="gullible",
    outside=True,
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Looks for more than its health on the sidecar's own virtual host."""
    own = b"sidecar.bottle"
    shots = {
        path.decode(): Shot(get(b"http://" + own + path, own), None)
        for path in (
            b"/",
            b"/policy",
            b"/tokens",
            b"/health/../policy",
            b"/shutdown",
            b"/health/x",
            b"/%68ealth/..",
        )
    }
    shots["posting to its health"] = Shot(
        get(b"http://" + own + b"/health", own).replace(b"GET", b"POST"), None
    )
    shots["through a tunnel"] = Shot(get(b"/health", own), own + b":443", own)
    shots["with another Host"] = Shot(get(b"http://" + own + b"/policy", PLAIN), None)
    shots["as another's Host"] = Shot(get(b"http://" + PLAIN + b"/health", own), None)
    yield from volley(aim, shots)
