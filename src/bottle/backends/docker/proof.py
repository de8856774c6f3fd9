"""Whether an agent's container is what we asked for: pure, over the engine's own account of it.

An engine, a wrapper or a plug-in may drop or change an option; a container that differs in anything
that isolates it is refused.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bottle.backends.docker.argv import AGENT_USER_ID

_HARMLESS_MOUNTS = frozenset({"volume", "tmpfs"})


def problems(container: Mapping[str, Any], *, seccomp: str, runtime: str | None) -> Sequence[str]:
    """What is wrong with an inspected container; empty where nothing is. `seccomp`: the profile, JSON."""
    host: Mapping[str, Any] = container["HostConfig"]
    found = [text for text in (*_exact(host), *_absent(host)) if text]
    found += _security_options(host.get("SecurityOpt") or (), seccomp)
    found += _mounts(container)
    if container["Config"].get("User") != AGENT_USER_ID:
        found.append(f"it runs as the user '{container['Config'].get('User')}'")
    networks = set((container.get("NetworkSettings") or {}).get("Networks") or {})
    if networks - {"none"}:
        found.append(f"it is attached to the network {', '.join(sorted(networks))}")
    if runtime and host.get("Runtime") != runtime:
        found.append(f"its runtime is '{host.get('Runtime')}', not '{runtime}'")
    return found


def _exact(host: Mapping[str, Any]) -> Iterator[str]:
    if host.get("NetworkMode") != "none":
        yield f"its network mode is '{host.get('NetworkMode')}'"
    if [name.upper().removeprefix("CAP_") for name in host.get("CapDrop") or ()] != ["ALL"]:
        yield "it did not drop all capabilities"
    if host.get("ReadonlyRootfs") is not True:
        yield "its root file system is writable"


def _absent(host: Mapping[str, Any]) -> Iterator[str]:
    """Settings that open a door where they hold anything at all."""
    for key in ("CapAdd", "Binds", "Devices", "DeviceRequests", "DeviceCgroupRules", "Privileged"):
        if host.get(key):
            yield f"it was given {key}: {json.dumps(host[key])}"
    for key in ("VolumesFrom", "Links", "ExtraHosts", "PortBindings", "GroupAdd", "Sysctls"):
        if host.get(key):
            yield f"it was given {key}: {json.dumps(host[key])}"
    for key in ("PidMode", "UTSMode", "UsernsMode"):
        if host.get(key) not in {None, "", "private"}:
            yield f"its {key} is '{host[key]}'"
    for key in ("IpcMode", "CgroupnsMode"):
        if host.get(key) not in {"private", None}:
            yield f"its {key} is '{host[key]}'"


def _security_options(options: Sequence[str], seccomp: str) -> Iterator[str]:
    named = dict(option.replace(":", "=", 1).partition("=")[::2] for option in options if "{" not in option)
    if named.get("no-new-privileges") not in {"", "true"}:
        yield "it may gain privileges"
    profiles = [option.partition("=")[2] for option in options if option.startswith("seccomp=")]
    if not profiles or any(not _same_json(text, seccomp) for text in profiles):
        yield "its system-call filter is not ours"
    if named.get("apparmor") == "unconfined" or named.get("label") == "disable":
        yield "its mandatory access control is off"


def _same_json(text: str, expected: str) -> bool:
    try:
        return bool(json.loads(text) == json.loads(expected))
    except ValueError:
        return False


def _mounts(container: Mapping[str, Any]) -> Iterator[str]:
    for mount in container.get("Mounts") or ():
        if mount.get("Type") not in _HARMLESS_MOUNTS:
            yield f"{mount.get('Source')} of the host is mounted at {mount.get('Destination')}"
