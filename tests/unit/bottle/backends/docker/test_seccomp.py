"""The filter, evaluated as the kernel does: 64-bit arguments, 32-bit meaning."""

import json
import random
from typing import Any

import pytest

from bottle.backends.docker.seccomp import everything_but, profile, profile_json

TIOCSTI, TIOCLINUX, TCGETS, TIOCSWINSZ = 0x5412, 0x541C, 0x5401, 0x5414
CLONE_NEWUSER, CLONE_NEWNET, CLONE_VM = 0x10000000, 0x40000000, 0x100


def verdict(name: str, *arguments: int) -> str:
    """What the filter says to a system call."""
    for rule in profile()["syscalls"]:
        if name in rule["names"] and all(_holds(test, arguments) for test in rule.get("args", ())):
            return str(rule["action"])
    return str(profile()["defaultAction"])


def _holds(test: dict[str, Any], arguments: tuple[int, ...]) -> bool:
    assert test["op"] == "SCMP_CMP_MASKED_EQ"
    return bool(arguments[test["index"]] & test["value"] == test["valueTwo"])


def allowed(name: str, *arguments: int) -> bool:
    return verdict(name, *arguments) == "SCMP_ACT_ALLOW"


@pytest.mark.parametrize("request_", [TIOCSTI, TIOCLINUX])
@pytest.mark.parametrize("upper", [0, 1 << 32, 0xFFFFFFFF << 32])
def test_typing_into_the_terminal_is_denied_whatever_the_upper_bits(request_: int, upper: int) -> None:
    assert not allowed("ioctl", 3, request_ | upper, 0)


@pytest.mark.parametrize(
    "request_", [0, TCGETS, TIOCSWINSZ, TIOCSTI + 1, TIOCSTI - 1, 0xFFFFFFFF, 0x80045430]
)
def test_other_ioctls_are_allowed(request_: int) -> None:
    assert allowed("ioctl", 3, request_, 0)


def test_everything_but_is_exactly_the_complement() -> None:
    excluded = (TIOCSTI, TIOCLINUX)
    cubes = list(everything_but(excluded))
    draw = random.Random(1)
    near = [value ^ (1 << bit) for value in excluded for bit in range(32)]
    for value in (*excluded, *near, *(draw.getrandbits(32) for _ in range(2000))):
        assert any(value & mask == fixed for mask, fixed in cubes) == (value not in excluded)


@pytest.mark.parametrize("family", [1, 2, 10, (1 << 32) | 1])
def test_ordinary_sockets_are_allowed(family: int) -> None:
    assert allowed("socket", family, 1, 0)


@pytest.mark.parametrize("family", [17, 38, 40, 40 | 1 << 32, 31, 29, 0])
def test_packet_alg_vsock_and_other_families_are_denied(family: int) -> None:
    assert not allowed("socket", family, 3, 0)


@pytest.mark.parametrize("family", [2, 10])
@pytest.mark.parametrize("protocol", [132, 136, 262, 33, 262 | 1 << 32])
def test_rare_protocols_are_denied(family: int, protocol: int) -> None:
    assert not allowed("socket", family, 1, protocol)
    assert allowed("socket", family, 1, 6)


def test_netlink_only_for_routes() -> None:
    assert allowed("socket", 16, 3, 0)
    assert not allowed("socket", 16, 3, 12)


@pytest.mark.parametrize("flags", [CLONE_NEWUSER, CLONE_NEWNET | CLONE_VM, 0x00020000, 0x02000000])
def test_no_new_namespaces(flags: int) -> None:
    assert not allowed("clone", flags)
    assert not allowed("unshare", flags)
    assert not allowed("setns", 3, flags)


def test_threads_and_processes_are_allowed() -> None:
    assert allowed("clone", CLONE_VM | 0x11)
    assert allowed("fork")


def test_clone3_makes_the_c_library_fall_back() -> None:
    rule = next(rule for rule in profile()["syscalls"] if rule["names"] == ["clone3"])

    assert (rule["action"], rule["errnoRet"]) == ("SCMP_ACT_ERRNO", 38)


@pytest.mark.parametrize(
    "name",
    [
        "io_uring_setup",
        "io_uring_enter",
        "keyctl",
        "add_key",
        "request_key",
        "bpf",
        "perf_event_open",
        "userfaultfd",
        "mount",
        "umount2",
        "pivot_root",
        "kexec_load",
        "init_module",
        "open_by_handle_at",
        "chroot",
        "reboot",
        "swapon",
        "acct",
        "modify_ldt",
        "uselib",
        "socketcall",
        "ipc",
        "fsopen",
        "move_mount",
    ],
)
def test_denied(name: str) -> None:
    assert not allowed(name, 0, 0, 0)


def test_it_allows_no_other_architecture_and_is_json() -> None:
    assert json.loads(profile_json()) == profile()
    assert not {"archMap", "architectures"} & set(profile())
