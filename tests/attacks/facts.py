"""What the attacks aim at, and what their controls aim at instead, for one live bottle on this machine."""

import os
import re
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from attacks.decoys import Decoys, host_addresses
from attacks.range import LiveBottle, masked
from bottle.plan import PROXY_HOST, PROXY_PORT

GRANTED, OPEN, PLAIN = "api.example.com", "other.example.com", "plain.example.com"
TOKEN = "tok-7e1f4c90a2d85b36"
FALLBACK = "what the server says without a credential"
OWN_MARKER = "own-process-of-the-attacked"
NEIGHBOUR_MARKER = "process-of-the-neighbour"
NEIGHBOUR_ABSTRACT = "socket-of-the-neighbour"
NEIGHBOUR_PORT = 7777
OWN_SOCKET = "/tmp/own.sock"
OWN_FILE = "/home/agent/own-file"
_CONTAINER_NAMES = ("ip6-localhost", "ip6-loopback", "ip6-allnodes")  # in every container's /etc/hosts
_HOST_NAME = re.compile(r"[a-z0-9][a-z0-9-]*(\.[a-z0-9-]+)*\Z")
_SPECIAL = (
    "169.254.169.254", "169.254.170.2", "100.100.100.200", "fd00:ec2::254", "10.0.0.1", "172.16.0.1",
    "172.17.0.1", "172.18.0.1", "192.168.0.1", "192.168.1.1", "192.168.65.2", "100.64.0.1", "169.254.1.1",
    "fd00::1", "224.0.0.1", "255.255.255.255", "1.1.1.1", "2606:4700:4700::1111",
)  # fmt: skip
_RESOLVERS = (
    "127.0.0.11",
    "127.0.0.53",
    "127.0.0.1",
    "1.1.1.1",
    "8.8.8.8",
    "2001:4860:4860::8888",
    "192.0.2.53",
)
_ENGINE_SOCKETS = (
    "/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock",
    "/run/dbus/system_bus_socket", "/run/user/0/bus", "/run/user/1000/bus", "/run/systemd/private",
    "/run/systemd/journal/socket", "/run/udev/control", "/dev/log", "/tmp/.X11-unix/X0", "/run/snapd.socket",
)  # fmt: skip
_ADMINISTRATION = ("/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/root/.bashrc", "/root/.profile")


@frozen(kw_only=True)
class Host:
    """What stands ready on the host. `canary`: a file that its owner alone may read. `pids`: processes."""

    decoys: Decoys
    gullible: tuple[str, int]
    canary: Path
    marker: str
    pids: Sequence[int]


def private_names(backend: str) -> list[str]:
    """Names that lead the sidecar to its own machine."""
    if backend != "native":
        return list(_CONTAINER_NAMES)
    lines = [line.partition("#")[0].split() for line in Path("/etc/hosts").read_text().splitlines()]
    names = {name for line in lines for name in line[1:]} - {"localhost"}
    return sorted(name for name in names if _HOST_NAME.match(name))


def facts(backend: str, host: Host, bottle: LiveBottle, placeholder: str) -> dict[str, Any]:
    return {
        "nothing": None,
        **_network(host),
        **_proxy(host, private_names(backend)),
        **_credentials(placeholder),
        **_machine(backend, host, bottle),
    }


def _network(host: Host) -> dict[str, Any]:
    ports, addresses = host.decoys.ports, [*host_addresses(), "172.17.0.1"]
    mapped = [f"::ffff:{address}" for address in addresses if ":" not in address]
    resolvers = [line.split()[1] for line in Path("/etc/resolv.conf").read_text().splitlines()
                 if line.startswith("nameserver")]  # fmt: skip
    return {
        "exit": [(PROXY_HOST, PROXY_PORT)],
        "services": [(one, _port(one, ports.four, ports.six)) for one in (*addresses, "0.0.0.0", "::")]
        + [(one, ports.four) for one in mapped],
        "datagram_services": [(one, _port(one, ports.datagram_four,
        ports.datagram_six)) for one in addresses],
        "special_addresses": [(one, port) for one in _SPECIAL for port in (80, 443)],
        "resolvers": [(one, 53) for one in dict.fromkeys((*resolvers, *_RESOLVERS))],
        "names": ["example.com", GRANTED, "host.docker.internal", "metadata.google.internal",
        socket.gethostname()],
        "own_name": ["localhost"],
        "neighbour_port": [("127.0.0.1", NEIGHBOUR_PORT), ("::1", NEIGHBOUR_PORT)],
        "links": [f"/proc/sys/net/{path}" for path in (
            "ipv4/ip_forward", "ipv4/conf/all/forwarding", "ipv6/conf/all/forwarding",
            "ipv4/ping_group_range",
            "core/somaxconn", "unix/max_dgram_qlen",
        )],
        "abstract": [host.decoys.abstract, NEIGHBOUR_ABSTRACT, *_abstract_sockets()],
        "terminal_requests": [0x5412, 0x541C],
    }  # fmt: skip


def _port(address: str, four: int, six: int) -> int:
    return six if ":" in address else four


def _abstract_sockets() -> list[str]:
    """Every one that listens on this machine."""
    lines = Path("/proc/net/unix").read_text().splitlines()
    return sorted({line.split()[-1][1:] for line in lines if line.split()[-1].startswith("@")})


def _proxy(host: Host, private: Sequence[str]) -> dict[str, Any]:
    proxy, gullible = (PROXY_HOST, PROXY_PORT), host.gullible
    services = [(address, _port(address, host.decoys.ports.four, host.decoys.ports.six))
                for address in (*host_addresses(), "localhost") if "%" not in address]  # fmt: skip
    url = f"https://{GRANTED}/v1/redirect-to"
    return {
        "proxy": proxy,
        "gullible": gullible,
        "proxy_with_services": (proxy, services),
        "gullible_with_services": (gullible, services),
        "proxy_with_private_names": (proxy, private),
        "gullible_with_private_names": (gullible, private),
        "denied_redirect": [f"{url}-denied-host", f"{url}-denied-path", f"{url}-private-address"],
        "granted_redirect": [f"{url}-granted-path"],
    }


def _credentials(placeholder: str) -> dict[str, Any]:
    proxy = (PROXY_HOST, PROXY_PORT)
    return {
        "masked_token": masked(TOKEN),
        "masked_placeholder": masked(placeholder),
        "memory": [masked(TOKEN)],
        "own_memory": [masked("something to be found"), "with a holder"],
        "private_keys": (
            "PRIVATE KEY",
            ["/etc", "/run", "/home", "/workspace", "/tmp", "/var", "/opt", "/dev/shm"],
        ),
        "certificates": ("CERTIFICATE", ["/etc/ssl"]),
        "echoes": (proxy, GRANTED, masked(TOKEN)),
        "open_echoes": (proxy, OPEN, masked(FALLBACK)),
        "placeholder_elsewhere": (proxy, OPEN, placeholder),
        "placeholder_at_home": (proxy, GRANTED, placeholder),
        "sidecar_words": [
            "bottle_sidecar",
            "mitmproxy",
            "bottle.jail",
            "-m\0bottle\0",
            "dockerd",
            "BOT_BOTTLE",
        ],
        "own_words": [OWN_MARKER],
    }


def _machine(backend: str, host: Host, bottle: LiveBottle) -> dict[str, Any]:
    project = bottle.project
    runtime, cache = project.environ["XDG_RUNTIME_DIR"], project.environ["XDG_CACHE_HOME"]
    engine = project.environ.get("DOCKER_HOST", "").removeprefix("unix://")
    sockets = [str(path) for path in Path(runtime).rglob("*") if path.is_socket()]
    return {
        "socket_paths": [str(host.decoys.path), *_ENGINE_SOCKETS, *sockets, *filter(None, [engine,
        os.environ.get("SSH_AUTH_SOCK")])],
        "socket_roots": [("/", [OWN_SOCKET, "/run/bottle/exit/socket"])],
        "own_socket_roots": [("/tmp", [])],
        "own_descriptor": "/",
        "host_files": [str(host.canary), *_files(project.home), *_ADMINISTRATION],
        "own_files": ["/etc/passwd", "/etc/ssl/certs/ca-certificates.crt"],
        "host_folders": [str(project.home), str(project.cwd), str(host.canary.parent), runtime, cache,
        "/root", "/lost+found",
                         "/var/lib/docker", "/var/lib/containers", "/boot", "/mnt", "/media", "/srv"],
        "own_folders": ["/etc", "/usr/bin"],
        "host_files_in_root": [str(host.canary)],
        "own_files_in_root": ["/etc/passwd"],
        "host_canary": str(host.canary),
        "guarded_folders": ["/", "/usr", "/usr/bin", "/usr/lib", "/usr/local/bin", "/etc",
        "/etc/ssl/certs", "/opt", "/opt/agent", "/dev",
                            "/sys", "/proc", "/proc/sys/kernel", "/home", "/var", "/var/lib", "/root",
                            "/boot", "/mnt", "/sys/fs/cgroup",
                            "/sys/kernel/security", "/run/bottle/exit"],
        "own_writable_folders": ["/workspace", "/tmp", "/home/agent"],
        "guarded_files": ["/etc/passwd", "/etc/group", "/etc/hosts", "/etc/resolv.conf",
        "/etc/ld.so.cache", "/etc/profile",
                          "/etc/ssl/certs/ca-certificates.crt", "/etc/nsswitch.conf", "/usr/bin/env",
                          "/bin/sh", "/usr/bin/tar",
                          "/run/bottle/exit/socket"],
        "own_writable_files": [OWN_FILE],
        "devices": _devices(backend),
        "setting_roots": ["/proc/sys", "/sys"],
        "group_roots": ["/sys/fs/cgroup"],
        "own_folders_to_search": ["/home/agent"],
        "programs": ["/proc/PID/exe"],
        "host_markers": [host.marker, NEIGHBOUR_MARKER],
        "own_markers": [OWN_MARKER],
        "host_pids": list(host.pids),
        "own_pid": [0],
        "own_child": [0],
    }  # fmt: skip


def _devices(backend: str) -> dict[str, Any]:
    """gVisor gives every sandbox a FUSE and a tunnel device, both of its own kernel in user space."""
    harmless = [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2)]
    paths = [
        "mem",
        "kmem",
        "port",
        "kmsg",
        "kvm",
        "vda",
        "sda",
        "loop0",
        "loop-control",
        "mapper/control",
        "vhost-vsock",
        "uinput",
    ]
    if backend == "gvisor":
        harmless += [(10, 200), (10, 229)]
    else:
        paths += ["fuse", "net/tun"]
    return {"paths": [f"/dev/{path}" for path in paths], "harmless": harmless}


def _files(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file()]
