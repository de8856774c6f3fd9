"""What the agent cannot do, tried from inside, on every runtime."""

import http.server
import json
import re
import socket
import threading
from collections.abc import Iterator, Mapping

import pytest
from attrs import evolve

from bottle.backends.docker.bottle import DockerBottle, Workshop
from bottle.backends.errors import IsolationError
from bottle.plan import Limits
from bottle.terminal import TerminalSize
from support.docker_lab import MEGABYTE, DockerLab, LiveBottle, read_until
from support.engine.model import Engine

TOKEN = "the-real-token-5c2e8f"


@pytest.fixture(scope="module")
def service() -> Iterator[int]:
    """The port of an HTTP service that waits on every address of this machine."""
    server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), http.server.SimpleHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
    print("reached")
except OSError as error:
    print(error.errno)
"""


def addresses(engine: Engine) -> set[str]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        own = probe.getsockname()[0]
    return {engine.host_address, own, "172.17.0.1", "127.0.0.1"}


def test_no_host_service_on_any_address(
    live: LiveBottle, module_lab: DockerLab, service: int, engine: Engine
) -> None:
    control = module_lab.docker(
        "run", "--rm", "--entrypoint", "python", _sidecar_image(module_lab),
        "-c", CONNECT, engine.host_address, str(service),
    )  # fmt: skip
    assert control == "reached"

    for address in addresses(engine):
        assert live.execute("python3", "-c", CONNECT, address, str(service)).output.strip() != "reached", (
            address
        )


def _sidecar_image(lab: DockerLab) -> str:
    return lab.docker(
        "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "bot-bottle-sidecar"
    ).splitlines()[0]


def test_only_the_loopback_interface(live: LiveBottle) -> None:
    found = live.execute("python3", "-c", "import socket; print([name for _, name in socket.if_nameindex()])")

    assert found.output.strip() == "['lo']"


def test_no_name_resolves(live: LiveBottle) -> None:
    assert live.run("getent hosts example.com").code == 2
    assert live.run("getent hosts bottle-sidecar host.docker.internal").code == 2


def test_the_proxy_is_reached(live: LiveBottle) -> None:
    found = live.run("curl -s http://sidecar.bottle/health --proxy http://127.0.0.1:3128")

    assert json.loads(found.output)["identity"] == live.bottle.identity


def test_the_proxy_refuses_what_has_no_route(live: LiveBottle) -> None:
    found = live.run(
        "curl -s -o /dev/null -w '%{http_code}' https://example.com/ --proxy http://127.0.0.1:3128"
    )

    assert found.output == "403"


def test_the_trust_store_is_the_bottles_own_and_read_only(live: LiveBottle) -> None:
    assert int(live.run("grep -c BEGIN /etc/ssl/certs/ca-certificates.crt").output) > 0
    assert live.run("echo x >/etc/ssl/certs/x").code != 0
    assert live.run("rm -f /etc/ssl/certs/ca-certificates.crt").code != 0


@pytest.mark.parametrize("path", ["/x", "/usr/x", "/etc/hosts", "/etc/resolv.conf", "/opt/agent/bin/x"])
def test_the_root_is_read_only(live: LiveBottle, path: str) -> None:
    found = live.run(f"echo x >>{path}")

    assert found.code != 0
    assert "Read-only" in found.output or "Permission denied" in found.output


@pytest.mark.parametrize("path", ["/tmp/x", "/var/tmp/x", "/run/x", "/home/agent/x", "/workspace/x"])
def test_these_are_writable(live: LiveBottle, path: str) -> None:
    assert live.run(f"echo x >{path} && rm {path}").code == 0


def test_no_capability_and_no_way_to_get_one(live: LiveBottle) -> None:
    status = dict(
        line.split(":", 1) for line in live.run("cat /proc/self/status").output.splitlines() if ":" in line
    )

    assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd")} == {0}
    assert status.get("NoNewPrivs", "1").strip() == "1"
    assert "uid=0" not in live.run("su -c id root </dev/null; id").output


def test_no_engine_socket_and_no_host_process(live: LiveBottle) -> None:
    assert live.run("ls /var/run/docker.sock /run/docker.sock /run/containerd 2>/dev/null").output == ""
    assert int(live.run("ls -d /proc/[0-9]* | wc -l").output) < 20


SYSTEM_CALLS: Mapping[str, str] = {
    "a packet socket": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)",
    "a raw socket": "socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)",
    "a vsock socket": "socket.socket(40, socket.SOCK_STREAM)",
    "a user namespace": "must(libc.unshare(0x10000000))",
    "a mount": "must(libc.mount(b'none', b'/tmp', b'tmpfs', 0, None))",
    "io_uring": "must(libc.syscall(425, 1, None))",
    "keyctl": "must(libc.syscall(250, 0, 0, 0, 0, 0))",
    "bpf": "must(libc.syscall(321, 0, None, 0))",
}
PRELUDE = """
import ctypes, os, socket
libc = ctypes.CDLL(None, use_errno=True)
def must(result):
    if result < 0: raise OSError(ctypes.get_errno(), "denied")
try:
    {call}
    print("done")
except OSError as error:
    print("denied")
"""


@pytest.mark.parametrize("name", SYSTEM_CALLS)
def test_denied_system_calls(live: LiveBottle, name: str) -> None:
    source = PRELUDE.replace("{call}", SYSTEM_CALLS[name])

    # gVisor's own kernel makes that namespace: it is none of this machine's.
    harmless = name == "a user namespace" and "gvisor" in live.bottle.identity
    assert live.execute("python3", "-c", source).output.strip() == ("done" if harmless else "denied")


TYPE_INTO_TERMINAL = """
import ctypes, fcntl, os, sys, termios
libc = ctypes.CDLL(None, use_errno=True)
key = ctypes.create_string_buffer(b"x")
for request in (0x5412, 0x5412 | 1 << 32):
    result = libc.syscall(16, 0, ctypes.c_ulong(request), key)
    print("typed" if result == 0 else "denied")
print("end")
"""


def test_no_key_can_be_typed_into_the_terminal(live: LiveBottle) -> None:
    with live.terminal(
        "python3", "-c", TYPE_INTO_TERMINAL, size=TerminalSize(rows=24, columns=80)
    ) as running:
        assert running.master is not None
        found = read_until(running.master, "end")

    assert "typed" not in found
    assert found.count("denied") == 2


def test_memory_is_limited(module_lab: DockerLab) -> None:
    plan = module_lab.plan(
        f"memory-{module_lab.kind.name}", limits=Limits(cpus=1, memory=192 * MEGABYTE, pids=64, disk=MEGABYTE)
    )
    with module_lab.launched(plan.identity, plan=plan) as small:
        code = small.execute("python3", "-c", "x = bytearray(1 << 30); print(len(x))").code

        assert code != 0


def test_processes_and_file_size_are_limited(module_lab: DockerLab) -> None:
    plan = module_lab.plan(
        f"pids-{module_lab.kind.name}", limits=Limits(cpus=1, memory=256 * MEGABYTE, pids=100, disk=MEGABYTE)
    )
    with module_lab.launched(plan.identity, plan=plan) as small:
        big = small.run("head -c 2000000 /dev/zero >big; stat -c size-%s big")  # the shell complains, too
        size = re.search(r"size-(\d+)", big.output)
        assert size
        assert int(size[1]) <= MEGABYTE
        if not module_lab.kind.runtime:  # gVisor's processes are not the host's
            spawn = "import subprocess\nfor _ in range(150): subprocess.Popen(['sleep', '9'])"
            assert "unavailable" in small.execute("python3", "-c", spawn).output


def test_two_bottles_share_nothing(module_lab: DockerLab, live: LiveBottle) -> None:
    with module_lab.launched(f"other-{module_lab.kind.name}") as other:
        other.run("echo mine >/workspace/mine; echo mine >/tmp/mine; echo mine >~/mine")

        assert live.run("ls /workspace/mine /tmp/mine ~/mine 2>/dev/null").output == ""
        health = "curl -s http://sidecar.bottle/health --proxy http://127.0.0.1:3128"
        assert json.loads(other.run(health).output)["identity"] == other.bottle.identity
        assert json.loads(live.run(health).output)["identity"] == live.bottle.identity


def test_no_secret_in_what_the_engine_tells(live: LiveBottle, module_lab: DockerLab) -> None:
    """The token stands in the sidecar's memory; the agent's own variables in its processes alone."""
    live.run("true", env={"AGENT_SECRET": "agents-own-8d1f"})
    inspected = module_lab.docker("inspect", *module_lab.names(("ps", "--all"), live.bottle.identity))
    images = module_lab.docker("image", "ls", "--quiet", "--filter", "label=bot-bottle.image").split()
    history = "".join(module_lab.docker("history", "--no-trunc", image) for image in images)

    assert live.bottle.identity in inspected
    for secret in (TOKEN, "agents-own-8d1f"):
        assert secret not in inspected + history


SEARCH = """
import glob, os, sys
wanted = sys.argv[1][::-1].encode()
roots = ("/etc", "/home", "/workspace", "/tmp", "/run", "/var", "/opt/agent/bin")
files = [os.path.join(at, name) for root in roots for at, _, names in os.walk(root) for name in names]
for path in files + glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
    try:
        with open(path, "rb") as file:
            if wanted in file.read():
                print(path)
    except OSError:
        pass
"""


def test_the_agent_finds_the_token_nowhere(live: LiveBottle) -> None:
    live.run("echo control-4711 >/tmp/control")

    assert live.execute("python3", "-c", SEARCH, "control-4711"[::-1]).output == "/tmp/control\n"
    assert live.execute("python3", "-c", SEARCH, TOKEN[::-1]).output == ""
    live.run("rm /tmp/control")


class Weakened(DockerBottle):
    """A bottle that expects another system-call filter than its container has."""

    def __init__(self, bottle: DockerBottle) -> None:
        super().__init__(bottle._names, evolve(bottle._workshop, seccomp="{}"))


def test_a_container_that_is_not_as_asked_for_is_refused(lab: DockerLab) -> None:
    plan = lab.plan("weak-aaaaa")
    bottle = Weakened(lab.build(plan).bottle(plan.identity))
    assert isinstance(bottle._workshop, Workshop)
    try:
        with lab.sidecar(bottle, plan, {}) as sidecar, pytest.raises(IsolationError, match="filter"):
            bottle.create(plan, trust_store=sidecar.ready.trust_store)
    finally:
        bottle.remove()
