"""The filter, run by a small interpreter of the instructions that it uses."""

import errno
import struct

import pytest

from bottle.backends.native.seccomp import (
    ALLOW,
    DENIED,
    KILL,
    NEWEST_CALL,
    Instruction,
    Machine,
    instructions,
    program,
)

X86, ARM = Machine.X86_64, Machine.AARCH64
_ERRNO = 0x00050000
_CLONE_THREAD = 0x3D0F00


def verdict(machine: Machine, number: int, *arguments: int, architecture: int | None = None) -> int:
    """What the kernel would do with a call."""
    words = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    audit = machine.audit if architecture is None else architecture
    data = struct.pack("<IIQ6Q", number & 0xFFFFFFFF, audit, 0, *(word & 2**64 - 1 for word in words))
    return _execute(list(instructions(machine)), data)


def _execute(code: list[Instruction], data: bytes) -> int:
    accumulator = position = 0
    while True:
        operation, matched, missed, value = code[position]
        position += 1
        if operation == 0x06:
            return value
        if operation == 0x20:
            accumulator = struct.unpack_from("<I", data, value)[0]
        elif operation == 0x54:
            accumulator &= value
        else:
            comparison = {
                0x15: accumulator == value,
                0x25: accumulator > value,
                0x35: accumulator >= value,
                0x45: bool(accumulator & value),
            }[operation]
            position += matched if comparison else missed


def refused(code: int) -> int:
    return _ERRNO | code


@pytest.mark.parametrize("machine", Machine)
def test_every_denied_call_is_refused_on_the_machine_that_has_it(machine: Machine) -> None:
    for call in DENIED.values():
        number = call.on(machine)
        if number is not None:
            assert verdict(machine, number) == refused(errno.EPERM)


@pytest.mark.parametrize("machine", Machine)
def test_no_number_is_denied_twice_and_none_hits_another_rule(machine: Machine) -> None:
    numbers = [call.on(machine) for call in DENIED.values() if call.on(machine) is not None]

    assert len(numbers) == len(set(numbers))
    assert not {0, 1, 2, 3, 57, 59, 60, 231} & set(numbers) or machine is ARM


def test_everyday_calls_are_allowed() -> None:
    for number in (
        0,
        1,
        2,
        9,
        10,
        13,
        39,
        57,
        59,
        60,
        61,
        101,
        157,
        202,
        231,
        257,
        302,
        310,
        318,
        424,
        434,
        436,
    ):
        assert verdict(X86, number) == ALLOW
    for number in (56, 57, 63, 64, 93, 94, 117, 129, 172, 214, 221, 222, 260, 261, 270, 278, 424, 434, 436):
        assert verdict(ARM, number) == ALLOW


@pytest.mark.parametrize("machine", Machine)
@pytest.mark.parametrize("architecture", [0x40000003, 0xC000003E, 0xC00000B7, 0x40000028, 0])
def test_another_architectures_numbers_kill(machine: Machine, architecture: int) -> None:
    expected = ALLOW if architecture == machine.audit else KILL
    assert verdict(machine, 63, architecture=architecture) == expected


@pytest.mark.parametrize("number", [0x40000000, 0x40000000 + 165, 0x40000000 + 520, 0x7FFFFFFF, 0xFFFFFFFE])
def test_x32_calls_kill(number: int) -> None:
    assert verdict(X86, number) == KILL


@pytest.mark.parametrize("machine", Machine)
def test_calls_that_are_newer_than_known_do_not_exist(machine: Machine) -> None:
    assert verdict(machine, NEWEST_CALL) == ALLOW
    assert verdict(machine, NEWEST_CALL + 1) == refused(errno.ENOSYS)
    assert verdict(machine, -1) == refused(errno.ENOSYS)


@pytest.mark.parametrize(
    ("machine", "clone", "clone3", "unshare"), [(X86, 56, 435, 272), (ARM, 220, 435, 97)]
)
def test_new_namespaces_are_refused_and_threads_are_not(
    machine: Machine, clone: int, clone3: int, unshare: int
) -> None:
    for bit in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        for noise in (0, 17, 1 << 32, 1 << 63):
            assert verdict(machine, clone, bit | noise) == refused(errno.EPERM)
            assert verdict(machine, unshare, bit | noise) == refused(errno.EPERM)
    assert verdict(machine, unshare, 0x80) == refused(errno.EPERM)
    assert verdict(machine, clone, _CLONE_THREAD) == ALLOW
    assert verdict(machine, clone, 0x80 | 17) == ALLOW  # the low byte is the exit signal here
    assert verdict(machine, unshare, 0x400) == ALLOW
    assert verdict(machine, clone3, 0, 0) == refused(errno.ENOSYS)


@pytest.mark.parametrize(("machine", "ioctl"), [(X86, 16), (ARM, 29)])
@pytest.mark.parametrize("request_", [0x5412, 0x541C, 0x5423])
def test_keys_cannot_be_injected_whatever_stands_above_the_low_word(
    machine: Machine, ioctl: int, request_: int
) -> None:
    for noise in (0, 1 << 32, 0xDEADBEEF << 32):
        assert verdict(machine, ioctl, 0, request_ | noise) == refused(errno.EPERM)
    assert verdict(machine, ioctl, request_, 0x5401) == ALLOW


@pytest.mark.parametrize(("machine", "socket", "pair"), [(X86, 41, 53), (ARM, 198, 199)])
def test_sockets(machine: Machine, socket: int, pair: int) -> None:
    for family in (2, 10):
        for kind in (1, 2, 1 | 0x80000 | 0x800):
            for protocol in (0, 1, 6, 17, 58):
                assert verdict(machine, socket, family, kind, protocol) == ALLOW
        for kind in (3, 3 | 0x80000, 3 | 1 << 32, 5, 10):
            assert verdict(machine, socket, family, kind, 0) == refused(errno.EPERM)
        for protocol in (2, 33, 132, 136, 255, 262):
            assert verdict(machine, socket, family, 1, protocol) == refused(errno.EPROTONOSUPPORT)
    assert verdict(machine, socket, 1, 1, 0) == ALLOW
    assert verdict(machine, socket, 16, 3, 0) == ALLOW
    assert verdict(machine, socket, 16, 3, 12) == refused(errno.EPROTONOSUPPORT)
    for family in (0, 3, 4, 15, 17, 21, 29, 30, 31, 38, 39, 40, 40 | 1 << 32, 44, 45):
        assert verdict(machine, socket, family, 1, 0) == refused(errno.EAFNOSUPPORT)
        assert verdict(machine, pair, family, 1, 0) == refused(errno.EAFNOSUPPORT)
    assert verdict(machine, pair, 1, 1, 0) == ALLOW


@pytest.mark.parametrize(("machine", "personality"), [(X86, 135), (ARM, 92)])
def test_personalities(machine: Machine, personality: int) -> None:
    for value in (0, 8, 0x20000, 0x20008, 0xFFFFFFFF):
        assert verdict(machine, personality, value) == ALLOW
    for value in (1, 0x40000, 0x400000, 0x100000):
        assert verdict(machine, personality, value) == refused(errno.EPERM)


@pytest.mark.parametrize("machine", Machine)
def test_jumps_stay_inside_and_the_end_is_reached_by_a_return(machine: Machine) -> None:
    code = list(instructions(machine))
    for place, instruction in enumerate(code):
        for jump in (instruction.matched, instruction.missed):
            assert jump < 256
            assert place + 1 + jump < len(code) or instruction.code == 0x06
    assert code[-1].code == 0x06
    assert len(program(machine)) == 8 * len(code)
