"""Paths around an allowlist."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.shots import Shot, fire, get


@attack(
    aim="proxy",
    source="CVE-2021-41773; O. Tsai, Breaking Parser Logic, Black Hat USA 2018",
    expects="refused with 403 or 400",
    control="gullible",
    outside=True,
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Leaves the allowed prefix /v1 in every way that some server would follow."""
    paths = (
        b"/forbidden", b"/", b"/v10/forbidden", b"/v1x/forbidden", b"/V1/forbidden", b"//v1/forbidden",
        b"/v1/../forbidden", b"/v1/..", b"/v1/%2e%2e/forbidden", b"/v1/.%2e/forbidden", b"/v1/%2E./forbidden",
        b"/v1/%252e%252e/forbidden", b"/v1/%25252e%25252e/forbidden", b"/v1/..%2fforbidden",
        b"/v1/..%252fforbidden",
        b"/v1/..%5cforbidden", b"/v1\\..\\forbidden", b"/v1/..;/forbidden", b"/v1/..;a=b/forbidden",
        b"/v1;/../forbidden", b"/v1/x/../../forbidden", b"/v1/./../forbidden", b"/v1//../../forbidden",
        b"/v1/%c0%ae%c0%ae/forbidden", b"/v1/%u002e%u002e/forbidden", b"/v1/..%00/forbidden",
        b"/v1/..%20/forbidden",
        b"/v1/.. /forbidden", b"/v1/..?/forbidden", b"/v1/..#/forbidden", b"/%76%31/../forbidden",
        b"/forbidden?/v1",
        b"/forbidden#/v1", b"/forbidden;/v1", b"*", b"v1/forbidden", b"/v1/\xc0\xae\xc0\xae/forbidden",
        b"/./forbidden",
        b"/v1%2f..%2fforbidden", b"/v1%2f%2e%2e%2fforbidden", b"%2fv1/../forbidden",
        b"/v1/%uff0e%uff0e/forbidden",
    )  # fmt: skip
    for path in paths:
        yield path.decode("latin-1"), partial(fire, aim, Shot(get(path)))
