"""What an agent tries from inside; each attack runs beside a control that shows it would work outside."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bottle.backends.native import addresses
from support.native_operator import NativeOperator

_PREAMBLE = "import ctypes, errno, fcntl, json, os, socket, struct, sys, time\n"


def attack(operator: NativeOperator, bottle: str, code: str, **more: Any) -> Any:
    """Runs Python inside; it leaves its result in `result`, or the number of the error that stopped it."""
    body = "".join(f"    {line}\n" for line in code.strip().splitlines())
    program = f"{_PREAMBLE}try:\n{body}except OSError as error:\n    result = errno.errorcode[error.errno]\n"
    script = "cat > /tmp/attack.py; /usr/bin/python3 -I /tmp/attack.py"
    status, output = operator.sh(bottle, script, stdin=f"{program}print(json.dumps(result))\n", **more)
    assert status == 0, output
    return json.loads(output.splitlines()[-1])


@contextmanager
def host_service(family: socket.AddressFamily, address: Any) -> Iterator[Any]:
    with socket.socket(family, socket.SOCK_STREAM) as server:
        server.bind(address)
        server.listen()
        yield server.getsockname()


def test_host_services_are_unreachable_on_every_host_address(operator: NativeOperator, bottle: str) -> None:
    with host_service(socket.AF_INET, ("0.0.0.0", 0)) as (_, port):
        targets = ["127.0.0.1", *(each for each in addresses.of_host() if ":" not in each)]
        for target in targets:
            socket.create_connection((target, port), timeout=5).close()
        found = attack(
            operator,
            bottle,
            f"result = []\nfor target in {targets!r}:\n"
            f"    found = socket.socket().connect_ex((target, {port}))\n"
            "    result.append(errno.errorcode[found])",
        )

    assert found[0] == "ECONNREFUSED"
    assert set(found[1:]) == {"ENETUNREACH"}


def test_abstract_sockets_of_the_host_are_unreachable(operator: NativeOperator, bottle: str) -> None:
    name = f"\0bottle-test-{os.getpid()}"
    with host_service(socket.AF_UNIX, name):
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(name)
        found = attack(operator, bottle, f"result = socket.socket(socket.AF_UNIX).connect({name!r})")

    assert found == "ECONNREFUSED"


def test_only_lo_exists_and_no_name_resolves(operator: NativeOperator, bottle: str) -> None:
    code = """
up = [name for _, name in socket.if_nameindex() if name == "lo" or 0]
try:
    socket.getaddrinfo("example.com", 80)
    resolved = True
except socket.gaierror:
    resolved = False
result = [up, resolved, open("/proc/net/route").read().count("\\n")]
"""
    assert attack(operator, bottle, code) == [["lo"], False, 1]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("socket.AF_INET, socket.SOCK_RAW, 1", "EPERM"),
        ("socket.AF_PACKET, socket.SOCK_RAW, 0", "EAFNOSUPPORT"),
        ("socket.AF_VSOCK, socket.SOCK_STREAM", "EAFNOSUPPORT"),
        ("socket.AF_ALG, socket.SOCK_SEQPACKET", "EAFNOSUPPORT"),
        ("socket.AF_NETLINK, socket.SOCK_RAW, 12", "EPROTONOSUPPORT"),
        ("socket.AF_INET, socket.SOCK_STREAM, 132", "EPROTONOSUPPORT"),
    ],
)
def test_sockets_other_than_tcp_udp_and_unix_are_refused(
    operator: NativeOperator, bottle: str, call: str, code: str
) -> None:
    assert attack(operator, bottle, f"result = socket.socket({call}) and 'made'") == code


def test_system_calls_for_the_kernels_administration_are_refused(
    operator: NativeOperator, bottle: str
) -> None:
    code = """
libc = ctypes.CDLL(None, use_errno=True)
calls = dict(mount=165, umount2=166, bpf=321, perf=298, keyctl=250, io_uring=425, userfaultfd=323,
             handle=304, module=175, kexec=246, setns=308, chroot=161, pivot_root=155, fsopen=430)
result = {}
for name, number in calls.items():
    ctypes.set_errno(0)
    if libc.syscall(number, 0, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() != errno.EPERM:
        result[name] = ctypes.get_errno()
for name, flags in dict(user=0x10000000, net=0x40000000, mount=0x20000, time=0x80).items():
    if libc.unshare(flags) != -1 or ctypes.get_errno() != errno.EPERM:
        result["unshare " + name] = ctypes.get_errno()
if libc.syscall(435, 0, 0) != -1 or ctypes.get_errno() != errno.ENOSYS:
    result["clone3"] = ctypes.get_errno()
if libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0) != -1 or ctypes.get_errno() != errno.EPERM:
    result["clone"] = ctypes.get_errno()
"""
    if os.uname().machine != "x86_64":
        pytest.skip("call numbers of x86_64")
    assert attack(operator, bottle, code) == {}


def test_an_x32_call_kills(operator: NativeOperator, bottle: str) -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("x86_64 only")
    script = "/usr/bin/python3 -c 'import ctypes; ctypes.CDLL(None).syscall(0x40000027)'"

    assert operator.sh(bottle, script)[0] == 128 + 31


def test_keys_cannot_be_pushed_into_a_terminal(operator: NativeOperator, bottle: str) -> None:
    """Both the plain request number and one with noise above its low 32 bits, which the kernel ignores."""
    program = (
        "import ctypes,errno;l=ctypes.CDLL(None,use_errno=True);c=ctypes.create_string_buffer(b'x');"
        "print('result',[(l.ioctl(0,ctypes.c_ulong(n),c),ctypes.get_errno())"
        " for n in (0x5412,0xffff00005412,0x541c)])"
    )
    answer = operator.ask(
        "terminal",
        identity=bottle,
        argv=["/usr/bin/python3", "-c", program],
        steps=[["expect", "result [(-1, 1), (-1, 1), (-1, 1)]"]],
    )

    assert answer["status"] == 0, answer


def test_host_processes_are_invisible(operator: NativeOperator, bottle: str) -> None:
    _, output = operator.sh(bottle, "cat /proc/[0-9]*/comm | sort | uniq; ls -d /proc/[0-9]* | wc -l")

    assert int(output.split()[-1]) <= 8
    assert "pytest" not in output


def test_host_files_and_control_sockets_are_absent(
    operator: NativeOperator, bottle: str, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("host")
    paths = [secret, Path.home(), "/root", "/etc/shadow", "/run/docker.sock", "/var/run/docker.sock"]
    paths += [
        "/sys",
        "/boot",
        "/proc/1/root/root",
        "/proc/1/cwd/root",
        "/proc/2/root/etc/shadow",
        operator.base,
    ]
    _, output = operator.sh(
        bottle, "for p in " + " ".join(map(str, paths)) + "; do test -e $p && echo $p; done"
    )

    assert output == ""


def test_the_first_process_shows_no_host_path(operator: NativeOperator, bottle: str) -> None:
    _, output = operator.sh(
        bottle, "tr '\\0' ' ' < /proc/1/cmdline; cat /proc/1/environ; readlink /proc/1/exe /proc/1/fd/*"
    )

    assert str(operator.base) not in output
    assert "memfd:program" in output


def test_the_program_behind_the_first_process_cannot_be_changed(
    operator: NativeOperator, bottle: str
) -> None:
    code = """
result = []
for attempt in (
    lambda: os.open("/proc/1/exe", os.O_WRONLY),
    lambda: os.write(os.open("/proc/1/exe", os.O_RDWR), b"x"),
    lambda: os.truncate("/proc/1/exe", 0),
):
    try:
        attempt()
        result.append("changed")
    except OSError as error:
        result.append("refused")
"""
    assert attack(operator, bottle, code) == ["refused"] * 3


_WATCHER = r"""
import os, sys, time, json
FINE = ("pipe:", "/dev/", "/tmp/", "/proc/", "socket:", "/usr/", "/etc/", "/workspace")
seen, leaks, known = 0, [], {"1", "2", str(os.getpid())}
end = time.monotonic() + 60
while not os.path.exists("/tmp/stop") and time.monotonic() < end:
    for pid in os.listdir("/proc"):
        if not pid.isdigit() or pid in known:
            continue
        seen += 1
        for name in ("exe", "cwd", "root"):
            try:
                target = os.readlink(f"/proc/{pid}/{name}")
            except OSError:
                continue
            if name == "exe" and not target.startswith("/usr/bin/"):
                leaks.append(f"exe {target}")
            if name == "cwd" and target not in ("/", "/workspace"):
                leaks.append(f"cwd {target}")
            if name == "root" and target != "/":
                leaks.append(f"root {target}")
        try:
            for number in os.listdir(f"/proc/{pid}/fd"):
                target = os.readlink(f"/proc/{pid}/fd/{number}")
                if not target.startswith(FINE):
                    leaks.append(f"fd {target}")
                if int(number) > 2 and target.startswith("socket:"):
                    leaks.append(f"fd {number} {target}")
        except OSError:
            pass
        try:
            open(f"/proc/{pid}/mem", "rb").close()
            if "python" in os.readlink(f"/proc/{pid}/exe"):
                leaks.append("memory of Python")
        except OSError:
            pass
print(json.dumps([seen, sorted(set(leaks))]))
"""


def test_who_enters_offers_nothing_to_a_process_that_waits_for_it(
    operator: NativeOperator, bottle: str
) -> None:
    """An attacker reads /proc/PID/{exe,cwd,root,fd,mem} of everything that appears, in a tight loop."""
    operator.sh(bottle, "cat > /tmp/watch.py", stdin=_WATCHER)
    operator.sh(
        bottle, "(setsid sh -c '/usr/bin/python3 -I /tmp/watch.py > /tmp/watched 2>&1; touch /tmp/done' &)"
    )
    for _ in range(40):
        operator.sh(bottle, "true")
    operator.sh(bottle, "touch /tmp/stop; while ! test -e /tmp/done; do sleep 0.05; done")
    _, output = operator.sh(bottle, "cat /tmp/watched")
    seen, leaks = json.loads(output.splitlines()[-1])

    assert seen > 0
    assert leaks == []


def test_a_planted_interpreter_line_reaches_no_python_of_the_host(
    operator: NativeOperator, bottle: str
) -> None:
    """`#!/proc/self/exe` runs whatever the entering process is at that moment: `env`, not our Python."""
    script = "mkdir -p ~/.local/bin; printf '#!/proc/self/exe --version\\n' > ~/.local/bin/sh; "
    operator.sh(bottle, script + "chmod 755 ~/.local/bin/sh")

    _, output = operator.sh(bottle, "id")
    assert output.startswith("env (")


_TRACER = r"""
import ctypes, json, os, time
libc = ctypes.CDLL(None, use_errno=True)
end, known, hits = time.monotonic() + 60, set(os.listdir("/proc")), []
while not os.path.exists("/tmp/stop") and time.monotonic() < end:
    for pid in os.listdir("/proc"):
        if not pid.isdigit() or pid in known:
            continue
        out, into = os.pipe()
        child = os.fork()
        if child == 0:  # ends at once, which lets go of the traced process
            try:
                if libc.ptrace(0x4206, int(pid), 0, 0) == 0:
                    os.write(into, os.readlink(f"/proc/{pid}/exe").encode())
            finally:
                os._exit(0)
        os.close(into)
        os.waitpid(child, 0)
        exe = os.read(out, 4096).decode()
        os.close(out)
        known |= {str(child)}
        if exe:
            known.add(pid)
            hits.append(exe)
print(json.dumps(sorted(set(hits))))
"""


def test_an_entering_process_cannot_be_traced(operator: NativeOperator, bottle: str) -> None:
    """The attacker seizes every new process; one seized before it is the command would show Python."""
    operator.sh(bottle, "cat > /tmp/trace.py", stdin=_TRACER)
    operator.sh(
        bottle, "(setsid sh -c '/usr/bin/python3 -I /tmp/trace.py > /tmp/traced 2>&1; touch /tmp/done' &)"
    )
    for _ in range(40):
        operator.sh(bottle, "true")
    operator.sh(bottle, "touch /tmp/stop; while ! test -e /tmp/done; do sleep 0.05; done")
    _, output = operator.sh(bottle, "cat /tmp/traced")

    assert all(path.startswith("/usr/bin/") and "python" not in path for path in json.loads(output))


def test_bottles_cannot_see_each_other(operator: NativeOperator, bottle: str) -> None:
    assert operator.ask("create", identity="other-abcde").get("running")
    operator.sh(bottle, "echo mine > /tmp/file; echo mine > /dev/shm/file; echo mine > ~/file; sleep 50 &")
    server = "import socket,time; s=socket.socket(); s.bind(('127.0.0.1',4000)); s.listen(); "
    server += "open('/tmp/up','w'); time.sleep(50)"
    operator.sh(
        bottle, f'(setsid /usr/bin/python3 -c "{server}" &); while ! test -e /tmp/up; do sleep 0.05; done'
    )
    code = "result = [os.path.exists(p) for p in ('/tmp/file', '/dev/shm/file', '/home/agent/file')]\n"
    code += "result.append(errno.errorcode[socket.socket().connect_ex(('127.0.0.1', 4000))])"
    try:
        assert attack(operator, "other-abcde", code) == [False, False, False, "ECONNREFUSED"]
    finally:
        operator.ask("remove", identity="other-abcde")
