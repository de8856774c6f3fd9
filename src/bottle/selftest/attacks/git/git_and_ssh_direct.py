"""Git and ssh past the gate."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.network import connect
from bottle.selftest.probes.shots import Shot, fire, get

_SPOKEN = {
    "ssh": b"SSH-2.0-OpenSSH_9.6\r\n",
    "git": b"0032git-upload-pack /own.git\0host=git.example.com\0",
}


@attack(
    aim="git_elsewhere",
    source="MITRE ATT&CK T1048, exfiltration over another protocol",
    expects="no route, and no tunnel",
    control="git_somewhere",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Connects to the ports of git and ssh itself, and asks the proxy for tunnels to them."""
    for host, port in aim["direct"]:
        yield f"{host} port {port}", partial(connect, host, port)
    for host, port, protocol in aim["tunnels"]:
        address, name = f"{host}:{port}".encode(), host.encode()
        shot = Shot(_SPOKEN.get(protocol) or get(b"/v1", name), address, name, tls=protocol == "https")
        yield f"{protocol} in a tunnel to {host} port {port}", partial(fire, tuple(aim["proxy"]), shot)
