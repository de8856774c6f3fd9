"""What the attacks aim at, and what their controls aim at instead, for one live bottle on this machine."""

import ipaddress
import re
import socket
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import field, frozen

from bottle.paths import Paths
from bottle.plan import AGENT_HOME, PROXY_HOST, PROXY_PORT, WORKSPACE, Limits
from bottle.selftest import leaks
from bottle.selftest.decoys import host_addresses
from bottle.selftest.host import MARKER, Host

GRANTED, OPEN, PLAIN, DENIED = (
    "api.example.com",
    "other.example.com",
    "plain.example.com",
    "denied.example.com",
)
TOKEN = "tok-7e1f4c90a2d85b36"  # noqa: S105 - a credential that opens nothing
TOKEN_NAME = "BOTTLE_SELFTEST_TOKEN"  # noqa: S105 - a variable's name
FALLBACK = "what the server says without a credential"
FORBIDDEN = "forbidden"
WILD = "wild.example.com"
WRONG_NAME, UNKNOWN_AUTHORITY = "wrong-name.example.com", "unknown-authority.example.com"
PIDS, MEMORY, DISK = 1024, 1 << 30, 1 << 30
"""Limits of the attacked bottle, low enough to be tried."""
_THREADS_OF_ITS_OWN = 256  # that a runtime may have besides
_PRIVATE_URLS = (
    "http://127.0.0.1", "https://127.0.0.1", "http://[::1]", "http://2130706433", "http://0x7f.1",
    "http://[::ffff:127.0.0.1]", "http://169.254.169.254/latest", "http://localhost", "https://localhost",
    "http://127.0.0.1:3128", "http://sidecar.bottle", "file:///etc/hostname?", "gopher://127.0.0.1:6379",
    "//127.0.0.1", f"https://{GRANTED}@127.0.0.1",
)  # fmt: skip
"""What a granted server may send a client to."""
REDIRECTS = {
    "/v1/redirect-to-denied-host": f"https://{DENIED}/{FORBIDDEN}",
    "/v1/redirect-to-denied-path": f"https://{GRANTED}/{FORBIDDEN}",
    **{
        f"/v1/redirect-to-private-address-{number}": f"{url}/{FORBIDDEN}"
        for number, url in enumerate(_PRIVATE_URLS)
    },
    "/v1/redirect-to-granted-path": f"https://{GRANTED}/v1/permitted",
}
SMALL = Limits(cpus=1.0, memory=256 << 20, pids=64, disk=64 << 20)
"""What an expendable bottle may take."""
OWN_MARKER = "own-process-of-the-attacked"
NEIGHBOUR_MARKER = "process-of-the-neighbour"
NEIGHBOUR_ABSTRACT = "socket-of-the-neighbour"
NEIGHBOUR_PORT = 7777
OWN_SOCKET = "/tmp/own.sock"  # noqa: S108 - in a bottle, as all of these
OWN_FILE = "/home/agent/own-file"
_EXIT_SOCKET = "/run/bottle/exit/socket"
_CONTAINER_NAMES = ("ip6-localhost", "ip6-loopback", "ip6-allnodes")  # in every container's /etc/hosts
_HOST_NAME = re.compile(r"[a-z0-9][a-z0-9-]*(\.[a-z0-9-]+)*\Z")
_MOST_FILES = 50
_SPECIAL = (
    "169.254.169.254", "169.254.170.2", "100.100.100.200", "fd00:ec2::254", "10.0.0.1", "172.16.0.1",
    "172.17.0.1", "172.18.0.1", "192.168.0.1", "192.168.1.1", "192.168.65.2", "100.64.0.1", "169.254.1.1",
    "fd00::1", "224.0.0.1", "255.255.255.255", "1.1.1.1", "2606:4700:4700::1111",
)  # fmt: skip
_RESOLVERS = (
    "127.0.0.11", "127.0.0.53", "127.0.0.1", "1.1.1.1", "8.8.8.8", "2001:4860:4860::8888", "192.0.2.53",
)  # fmt: skip
_ENGINE_SOCKETS = (
    "/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock",
    "/run/dbus/system_bus_socket", "/run/user/0/bus", "/run/user/1000/bus", "/run/systemd/private",
    "/run/systemd/journal/socket", "/run/udev/control", "/dev/log", "/run/snapd.socket",
    "/tmp/.X11-unix/X0",  # noqa: S108
)  # fmt: skip
_ADMINISTRATION = ("/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/root/.bashrc", "/root/.profile")
_HOST_FOLDERS = (
    "/root", "/lost+found", "/var/lib/docker", "/var/lib/containers", "/boot", "/mnt", "/media", "/srv",
)  # fmt: skip
_GUARDED_FOLDERS = (
    "/", "/usr", "/usr/bin", "/usr/lib", "/usr/local/bin", "/etc", "/etc/ssl/certs", "/opt", "/opt/agent",
    "/dev", "/sys", "/proc", "/proc/sys/kernel", "/home", "/var", "/var/lib", "/root", "/boot", "/mnt",
    "/sys/fs/cgroup", "/sys/kernel/security", "/run/bottle/exit",
)  # fmt: skip
_GUARDED_FILES = (
    "/etc/passwd", "/etc/group", "/etc/hosts", "/etc/resolv.conf", "/etc/ld.so.cache", "/etc/profile",
    "/etc/ssl/certs/ca-certificates.crt", "/etc/nsswitch.conf", "/usr/bin/env", "/bin/sh", "/usr/bin/tar",
    _EXIT_SOCKET,
)  # fmt: skip
_KEY_PLACES = ("/etc", "/run", "/home", "/workspace", "/tmp", "/var", "/opt", "/dev/shm")  # noqa: S108
_SIDECAR_WORDS = ("bottle_sidecar", "mitmproxy", "bottle.jail", "-m\0bottle\0", "dockerd", "BOT_BOTTLE")
_HARMLESS_PROGRAMS = ("/usr/bin/su", "/bin/su")  # waits for a password, and is killed
_IN_MEMORY = ("/dev/shm", "/tmp", "/var/tmp", "/run")  # noqa: S108
_NOTICED_SECONDS = 20
"""Within which what lies on the disk is measured for sure."""
_TERMINALS = (
    "/dev/tty", "/dev/console", "/dev/tty0", "/dev/tty1", "/dev/tty2", "/dev/ttyS0", "/dev/ttyAMA0",
    "/dev/vcs", "/dev/vcsa1", "/dev/hvc0",
)  # fmt: skip
_OF_THE_HOST = (
    "services", "datagram_services", "proxy_with_services", "abstract", "host_files", "host_folders",
    "host_files_in_root", "host_markers", "host_pids", "socket_paths",
    "shared_memory", "terminals",
)  # fmt: skip
"""Facts about this machine, which says nothing of another that an engine may run on."""


@frozen
class Untestable:
    """Stands for a fact that cannot be had here."""

    reason: str


_NO_MEMORY_LIMIT = Untestable("no control group can be made here, so that memory has no limit")


@frozen(kw_only=True)
class Scene:
    """Where the attacks take place. `placeholder`: what the attacked bottle holds in place of the token.

    `gullible`: a proxy that grants everything. `elsewhere`: the engine's address, where that is not on this
    machine. `manifests`: the folder with the bottle's own. `git`: the facts about repositories.
    """

    backend: str
    host: Host
    gullible: tuple[str, int]
    elsewhere: str | None
    paths: Paths
    manifests: Path
    environ: Mapping[str, str] = field(repr=False)
    git: Mapping[str, Any] = field(repr=False)

    def facts(self, placeholder: str = "", unlimited: Collection[str] = ()) -> Mapping[str, Any]:
        """By name. What is aimed at outside of a bottle needs no `placeholder`.

        `unlimited`: resources for which the bottle has no limit.
        """
        where = {"proxy": (PROXY_HOST, PROXY_PORT), "host": OPEN, "plain": PLAIN, "wild": WILD}
        found = {
            "nothing": None,
            **self._network(),
            **self._proxy(),
            **_credentials(placeholder),
            **leaks.facts(where, placeholder),
            **self._files(),
            **self._processes(),
            **_resources(unlimited),
            **self._small_resources(unlimited),
            **self.git,
        }
        if self.elsewhere:
            reason = f"the engine runs on another machine ({self.elsewhere}), which has none of this one's"
            found |= dict.fromkeys(_OF_THE_HOST, Untestable(reason))
        return found

    @property
    def private_names(self) -> list[str]:
        """Names that lead the sidecar to its own machine."""
        return _private_names() if self.backend == "native" else list(_CONTAINER_NAMES)

    def _network(self) -> dict[str, Any]:
        decoys, known = self.host.decoys, [*host_addresses(), "172.17.0.1"]
        ports = decoys.ports
        return {
            "exit": [(PROXY_HOST, PROXY_PORT)],
            "services": [(one, _port(one, ports.four, ports.six)) for one in (*known, "0.0.0.0", "::")]  # noqa: S104
            + [(f"::ffff:{one}", ports.four) for one in known if ":" not in one],
            "datagram_services": [
                (one, _port(one, ports.datagram_four, ports.datagram_six)) for one in known
            ],
            "special_addresses": [(one, port) for one in _SPECIAL for port in (80, 443)],
            "resolvers": [(one, 53) for one in dict.fromkeys((*_own_resolvers(), *_RESOLVERS))],
            "names": [
                "example.com", GRANTED, "host.docker.internal", "metadata.google.internal", _own_name()
            ],
            "own_name": ["localhost"],
            "neighbour_port": [("127.0.0.1", NEIGHBOUR_PORT), ("::1", NEIGHBOUR_PORT)],
            "links": [f"/proc/sys/net/{path}" for path in (
                "ipv4/ip_forward", "ipv4/conf/all/forwarding", "ipv6/conf/all/forwarding",
                "ipv4/ping_group_range", "core/somaxconn", "unix/max_dgram_qlen",
            )],
            "multicast": [
                ("224.0.0.251", 5353), ("224.0.0.252", 5355), ("ff02::fb", 5353), ("ff02::1:3", 5355),
                ("239.255.255.250", 1900), ("255.255.255.255", 67), ("255.255.255.255", 137),
            ],
            "abstract": [decoys.abstract, NEIGHBOUR_ABSTRACT, *_abstract_sockets()],
            "terminal_requests": [0x5412, 0x541C],
        }  # fmt: skip

    def _proxy(self) -> dict[str, Any]:
        proxy, ports = (PROXY_HOST, PROXY_PORT), self.host.decoys.ports
        services = [
            (address, _port(address, ports.four, ports.six))
            for address in (*host_addresses(), "localhost")
            if "%" not in address
        ]
        return {
            "proxy": proxy,
            "gullible": self.gullible,
            "nobody_who_serves": ("127.0.0.1", ports.four),
            "proxy_with_services": (proxy, services),
            "gullible_with_services": (self.gullible, services),
            "proxy_with_private_names": (proxy, self.private_names),
            "gullible_with_private_names": (self.gullible, self.private_names),
            "denied_redirect": [
                f"https://{GRANTED}{path}" for path in REDIRECTS if "granted-path" not in path
            ],
            "granted_redirect": [f"https://{GRANTED}/v1/redirect-to-granted-path"],
            "broken_frames": (proxy, True),
            "whole_frames": (proxy, False),
            "rightly_named": (proxy, OPEN),
            "wrongly_named": (proxy, WRONG_NAME),
            "unknown_authority": (proxy, UNKNOWN_AUTHORITY),
        }

    def _files(self) -> dict[str, Any]:
        canary, paths = str(self.host.canary), self.paths
        sockets = [str(path) for path in paths.runtime.rglob("*") if path.is_socket()]
        ours = [path for folder in (self.manifests, paths.state) for path in _files_below(folder)]
        engine = self.environ.get("DOCKER_HOST", "").removeprefix("unix://")
        agent = self.environ.get("SSH_AUTH_SOCK")
        folders = (paths.home, self.manifests, paths.runtime, paths.cache)
        return {
            "socket_paths": [
                str(self.host.decoys.path), *_ENGINE_SOCKETS, *sockets, *filter(None, [engine, agent])
            ],
            "workspace_sockets": [str(WORKSPACE / self.host.decoys.in_workspace.name)],
            "sockets_of_the_workspace": [str(self.host.decoys.in_workspace)],
            "workspace_pipes": [str(WORKSPACE / self.host.decoys.pipe.name)],
            "pipes_of_the_workspace": [str(self.host.decoys.pipe)],
            "socket_roots": [("/", [OWN_SOCKET, _EXIT_SOCKET])],
            "own_socket_roots": [("/tmp", [])],  # noqa: S108
            "own_descriptor": "/",
            "host_files": [canary, *ours[:_MOST_FILES], *_ADMINISTRATION],
            "own_files": ["/etc/passwd", "/etc/ssl/certs/ca-certificates.crt"],
            "host_folders": [*map(str, folders), *_HOST_FOLDERS],
            "own_folders": ["/etc", "/usr/bin"],
            "host_files_in_root": [canary],
            "own_files_in_root": ["/etc/passwd"],
            "guarded_folders": _GUARDED_FOLDERS,
            "own_writable_folders": ["/workspace", "/tmp", "/home/agent"],  # noqa: S108
            "guarded_files": _GUARDED_FILES,
            "read_only_files": ["/etc/hosts", "/etc/passwd"],
            "own_writable_files": [OWN_FILE],
            "devices": _devices(self.backend),
            "setting_roots": ["/proc/sys", "/sys"],
            "group_roots": ["/sys/fs/cgroup"],
            "own_folders_to_search": ["/home/agent"],
            "every_program": [],
            "harmless_programs": [path for path in _HARMLESS_PROGRAMS if Path(path).is_file()],
        }  # fmt: skip

    def _processes(self) -> dict[str, Any]:
        return {
            "programs": ["/proc/PID/exe"],
            "host_markers": [MARKER, NEIGHBOUR_MARKER],
            "own_markers": [OWN_MARKER],
            "host_pids": list(self.host.pids),
            "own_pid": [0],
            "own_child": [0],
            "terminals": [*_TERMINALS, *_own_terminals()],
            "own_terminals": ["/dev/ptmx"],
            "shared_memory": [self.host.shared_memory],
        }

    def _small_resources(self, unlimited: Collection[str]) -> dict[str, Any]:
        """More than an expendable bottle is granted; and a little, for the controls."""
        memory: Any = {"bytes": SMALL.memory * 5 // 4, "folders": _IN_MEMORY}
        if "memory" in unlimited:
            memory = _NO_MEMORY_LIMIT
        own_threads = _THREADS_OF_ITS_OWN if self.backend == "gvisor" else 0
        return {
            "small_pids": SMALL.pids + own_threads,
            "few_pids": 5,
            "small_memory": memory,
            "one_piece_of_memory": {"bytes": 16 << 20, "folders": ["/dev/shm"]},  # noqa: S108
            "small_disk": {
                "bytes": SMALL.disk * 2,
                "folders": [str(AGENT_HOME), str(WORKSPACE)],
                "wait": _NOTICED_SECONDS,
            },
            "little_disk": {"bytes": 1 << 20, "folders": [str(self.manifests)], "wait": 0},
            "most_open_files": 65536,
            "few_open_files": 10,
            "dead_proxy": ("127.0.0.1", 1),
        }


def masked(value: str) -> str:
    """As the probes unmask it, so that no value lies in a bottle because it is searched for."""
    return bytes(byte ^ 0x5A for byte in value.encode()).hex()


def _private_names() -> list[str]:
    """Those of /etc/hosts; this machine's `localhost` where there are no others."""
    names = set()
    for line in Path("/etc/hosts").read_text(errors="replace").splitlines():
        address, *given = line.partition("#")[0].split() or [""]
        if _is_private(address):
            names.update(given)
    return sorted(name for name in names - {"localhost"} if _HOST_NAME.match(name)) or ["localhost"]


def _is_private(address: str) -> bool:
    try:
        return not ipaddress.ip_address(address).is_global
    except ValueError:
        return False


def _resources(unlimited: Collection[str]) -> dict[str, Any]:
    """More than the bottle's limits allow, and less."""
    folders = ["/home/agent", "/workspace", "/tmp"]  # noqa: S108
    much: object = MEMORY + (256 << 20)
    if "memory" in unlimited:
        much = _NO_MEMORY_LIMIT
    return {
        "many_processes": PIDS + _THREADS_OF_ITS_OWN + 64,
        "few_processes": 64,
        "much_memory": much,
        "little_memory": 64 << 20,
        "large_files": (folders, DISK + 1),
        "small_files": (folders, 1 << 20),
    }


def _own_terminals() -> list[str]:
    return [str(path) for path in Path("/dev/pts").glob("[0-9]*")]


def _port(address: str, four: int, six: int) -> int:
    return six if ":" in address else four


def _own_resolvers() -> list[str]:
    lines = Path("/etc/resolv.conf").read_text(errors="replace").splitlines()
    return [line.split()[1] for line in lines if line.startswith("nameserver")]


def _own_name() -> str:
    """Not one that the bottle has, too."""
    name = socket.gethostname()
    return "host.of.the.operator" if name in {"localhost", "bottle"} else name


def _abstract_sockets() -> list[str]:
    """Every one that listens on this machine."""
    lines = Path("/proc/net/unix").read_text(errors="replace").splitlines()
    return sorted({line.split()[-1][1:] for line in lines if line.split()[-1].startswith("@")})


def _files_below(folder: Path) -> Sequence[str]:
    return sorted(str(path) for path in folder.rglob("*") if path.is_file())


def _credentials(placeholder: str) -> dict[str, Any]:
    proxy = (PROXY_HOST, PROXY_PORT)
    return {
        "masked_token": masked(TOKEN),
        "masked_placeholder": masked(placeholder),
        "memory": [masked(TOKEN)],
        "own_memory": [masked("something to be found"), "with a holder"],
        "private_keys": ("PRIVATE KEY", _KEY_PLACES),
        "certificates": ("CERTIFICATE", ["/etc/ssl"]),
        "echoes": (proxy, GRANTED, masked(TOKEN)),
        "open_echoes": (proxy, OPEN, masked(FALLBACK)),
        "placeholder_elsewhere": (proxy, OPEN, placeholder),
        "placeholder_at_home": (proxy, GRANTED, placeholder),
        "sidecar_words": _SIDECAR_WORDS,
        "own_words": [OWN_MARKER],
    }


def _devices(backend: str) -> dict[str, Any]:
    """GVisor gives every sandbox a FUSE and a tunnel device, both of its own kernel in user space."""
    harmless = [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2)]
    paths = [
        "mem", "kmem", "port", "kmsg", "kvm", "vda", "sda", "loop0", "loop-control", "mapper/control",
        "vhost-vsock", "uinput",
    ]  # fmt: skip
    if backend == "gvisor":
        harmless += [(10, 200), (10, 229)]
    else:
        paths += ["fuse", "net/tun"]
    return {"paths": [f"/dev/{path}" for path in paths], "harmless": harmless}
