"""Sandbox -> bwrap's arguments: pure.

The order is bwrap's order of mounting, and matters: what is read-only in the end is remounted after all
that is placed in it; a mask follows the mount that it covers.
"""

from collections.abc import Iterable, Sequence

from attrs import frozen

from bottle.backends.native import rootfs
from bottle.backends.native.rootfs import HostLayout
from bottle.jail.requests import ARGUMENTS_DESCRIPTOR, INFO_DESCRIPTOR, SECCOMP_DESCRIPTOR
from bottle.plan import AGENT_HOME, AGENT_UID, TRUST_STORE, WORKSPACE, How

AGENT_PREFIX = "/opt/agent"
TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108 - of the sandbox
_FOLDERS = ("/etc", "/home", "/opt", "/var")  # else bwrap makes those above a private one private
_SHARED_MEMORY = 512 * 1024 * 1024
_RUN = 64 * 1024 * 1024


@frozen(kw_only=True)
class Sandbox:
    """One bottle's sandbox. Host paths: `box`, its own folders; `agent_cli`, the installed agent, if any.

    `how` the workspace is in, and the host's `directory` that it shows, which a copy does not.

    `temporary`: bytes that /tmp and /var/tmp may each hold. `marker` becomes argv[0], so that the
    process can be found by its bottle's identity.
    """

    marker: str
    box: str
    agent_cli: str | None
    how: How
    directory: str | None
    host: HostLayout
    temporary: int


def argv(sandbox: Sandbox) -> Sequence[str]:
    """What every process inside can read of its first process: nothing of the host's paths."""
    return (sandbox.marker, "--args", str(ARGUMENTS_DESCRIPTOR), "--", "/bin/cat")


def options(sandbox: Sandbox) -> Sequence[str]:
    return (
        *_isolation(),
        *_programs(sandbox.host),
        *_kernel_file_systems(sandbox.host),
        *_memory(sandbox.temporary),
        *_etc(sandbox),
        *_own_folders(sandbox),
        *("--remount-ro", "/dev"),
        *("--remount-ro", "/"),
        *("--chdir", "/"),
    )


def _isolation() -> Iterable[str]:
    """Everything but the network namespace, which is made before bwrap runs, as its listener is."""
    return (
        *("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try"),
        *("--disable-userns", "--cap-drop", "ALL", "--new-session", "--die-with-parent", "--clearenv"),
        *("--uid", str(AGENT_UID), "--gid", str(AGENT_UID), "--hostname", "bottle"),
        *("--info-fd", str(INFO_DESCRIPTOR), "--seccomp", str(SECCOMP_DESCRIPTOR)),
    )


def _programs(host: HostLayout) -> Iterable[str]:
    for folder in _FOLDERS:
        yield from ("--perms", "0755", "--dir", folder)
    for folder in host.folders:
        yield from ("--ro-bind", folder, folder)
    for name, target in host.links:
        yield from ("--symlink", target, f"/{name}")


def _kernel_file_systems(host: HostLayout) -> Iterable[str]:
    yield from ("--proc", "/proc")
    yield from ("--ro-bind", "/proc/sys", "/proc/sys")  # the settings of its own namespaces would be writable
    for folder in host.masked_folders:
        yield from ("--size", "4096", "--tmpfs", folder, "--remount-ro", folder)
    for file in host.masked_files:
        yield from ("--ro-bind", "/dev/null", file)
    yield from ("--dev", "/dev")


def _memory(temporary: int) -> Iterable[str]:
    yield from ("--perms", "1777", "--size", str(_SHARED_MEMORY), "--tmpfs", "/dev/shm")  # noqa: S108
    yield from ("--perms", "0755", "--size", str(_RUN), "--tmpfs", "/run")
    for folder in TEMPORARY:
        yield from ("--perms", "1777", "--size", str(temporary), "--tmpfs", folder)
    yield from ("--symlink", "/run", "/var/run")


def _etc(sandbox: Sandbox) -> Iterable[str]:
    for name in sandbox.host.etc:
        yield from ("--ro-bind", f"/etc/{name}", f"/etc/{name}")
    for name, target in rootfs.synthetic_etc().items():
        yield from ("--ro-bind", f"{sandbox.box}/{rootfs.ETC}/{name}", target)
    for link in rootfs.TRUST_STORE_LINKS:
        yield from ("--symlink", str(TRUST_STORE), link)


def _own_folders(sandbox: Sandbox) -> Iterable[str]:
    yield from ("--bind", f"{sandbox.box}/{rootfs.HOME}", str(AGENT_HOME))
    yield from _workspace(sandbox)
    if sandbox.agent_cli:
        yield from ("--ro-bind", sandbox.agent_cli, AGENT_PREFIX)


def _workspace(sandbox: Sandbox) -> Iterable[str]:
    if sandbox.directory and sandbox.how is How.OVERLAY:
        layers = (f"{sandbox.box}/{rootfs.UPPER}", f"{sandbox.box}/{rootfs.WORK}")
        return ("--overlay-src", sandbox.directory, "--overlay", *layers, str(WORKSPACE))
    if sandbox.directory:
        return ("--bind", sandbox.directory, str(WORKSPACE))
    return ("--bind", f"{sandbox.box}/{rootfs.WORKSPACE}", str(WORKSPACE))
