"""Metadata services by way of the proxy."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.shots import Shot, fire, get

_PATHS = {
    "AWS": (b"/latest/meta-data/iam/security-credentials/", b""),
    "AWS, token": (b"/latest/api/token", b"X-aws-ec2-metadata-token-ttl-seconds: 60\r\n"),
    "Google": (b"/computeMetadata/v1/instance/service-accounts/", b"Metadata-Flavor: Google\r\n"),
    "Azure": (b"/metadata/identity/oauth2/token?api-version=2018-02-01", b"Metadata: true\r\n"),
    "Alibaba": (b"/latest/meta-data/ram/security-credentials/", b""),
}
_HOSTS = (
    b"169.254.169.254", b"metadata.google.internal", b"metadata", b"instance-data", b"100.100.100.200",
    b"[fd00:ec2::254]", b"169.254.170.2",
)  # fmt: skip


@attack(
    aim="proxy",
    source="MITRE ATT&CK T1552.005, cloud instance metadata API",
    expects="refused with 403 or 400",
    control="gullible",
    outside=True,
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Asks the metadata services of clouds for credentials, in the clear, as their own clients do."""
    for host in _HOSTS:
        for cloud, (path, line) in _PATHS.items():
            shot = Shot(get(b"http://" + host + path, host, line), None)
            yield f"{cloud} at {host.decode()}", partial(fire, aim, shot)
