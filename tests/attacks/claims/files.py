"""No file of the host can be read in a bottle but its programs, and none can be written."""

import ctypes
import os
import stat
import subprocess  # noqa: TID251 - runs in a bottle, where our own module is not
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from attacks.kit import Attempt, attack, done

_AT_FDCWD = -100
_NOBODY = 65534
_DEVICES = {
    "memory": ("c", 1, 1),
    "kernel memory": ("c", 1, 2),
    "log": ("c", 1, 11),
    "disk": ("b", 254, 0),
    "loop": ("b", 7, 0),
}
_KERNEL_FILES = (
    "/proc/kcore",
    "/proc/kmsg",
    "/dev/kmsg",
    "/proc/keys",
    "/proc/vmallocinfo",
    "/proc/timer_list",
    "/proc/sched_debug",
    "/proc/slabinfo",
    "/sys/kernel/debug/x",
    "/sys/firmware/dmi/tables/DMI",
    "/proc/kpagecount",
    "/proc/pagetypeinfo",
)
_SETTINGS = (
    "/proc/sysrq-trigger",
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/sys/kernel/uevent_helper",
    "/proc/sys/vm/drop_caches",
    "/proc/sys/kernel/hostname",
    "/sys/fs/cgroup/release_agent",
    "/proc/acpi/wakeup",
)
_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> str:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return "done"


def _read(path: str) -> str | None:
    with open(path, "rb") as file:
        return f"{len(content)} bytes read" if (content := file.read(64)) else None


def _entries(path: str) -> str | None:
    found = os.listdir(path)
    return f"{found[:5]}" if found else None


@attack("host_files", control="own_files", every=True)
def files_of_the_host(aim: list[str]) -> Iterator[Attempt]:
    """Reads files of the operator, of the program's state and cache, and of the host's administration."""
    for path in aim:
        yield path, partial(_read, path)


@attack("host_folders", control="own_folders", every=True)
def folders_of_the_host(aim: list[str]) -> Iterator[Attempt]:
    """Lists homes, state, caches, runtime and mount folders of the host."""
    for path in aim:
        yield path, partial(_entries, path)


@attack("host_files_in_root", control="own_files_in_root")
def files_through_proc(aim: list[str]) -> Iterator[Attempt]:
    """Reads the host's files through the root, directory and descriptors of every process that it sees."""
    for process in (
        name for name in os.listdir("/proc") if name.isdigit() or name in {"self", "thread-self"}
    ):
        links = [f"/proc/{process}/root", f"/proc/{process}/cwd", *_descriptors(process)]
        for link in links:
            for path in aim:
                for way in (f"{link}{path}", f"{link}/..{path}", f"{link}/../../../../..{path}"):
                    yield way, partial(_read, way)


def _descriptors(process: str) -> list[str]:
    with suppress(OSError):
        return [f"/proc/{process}/fd/{name}" for name in os.listdir(f"/proc/{process}/fd")]
    return []


@attack("host_canary")
def files_by_handle(aim: str) -> Iterator[Attempt]:
    """Opens files by handle, which looks at no path ("shocker"), from every mount."""
    for mount in _mounts():
        yield mount, partial(_by_handle, mount)


def _mounts() -> list[str]:
    with open("/proc/self/mounts") as file:
        return sorted({line.split()[1] for line in file})


def _by_handle(mount: str) -> str:
    """Inode 2 is the root of an ext4."""
    handle = ctypes.create_string_buffer(8 + 128)
    ctypes.memmove(
        handle,
        (8).to_bytes(4, "little") + (1).to_bytes(4, "little") + (2).to_bytes(4, "little") + bytes(4),
        16,
    )
    folder = os.open(mount, os.O_RDONLY)
    _checked(_libc.open_by_handle_at(folder, handle, os.O_RDONLY))
    return "opened"


@attack("guarded_folders", control="own_writable_folders", every=True)
def writing_the_base(aim: list[str]) -> Iterator[Attempt]:
    """Makes a file in the base system, in /etc, /dev, /sys and in the folder of its own programs."""
    for folder in aim:
        yield folder, partial(_written, folder)


def _written(folder: str) -> str:
    path = f"{folder}/attack-{os.getpid()}"
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    os.unlink(path)
    return "written"


@attack("guarded_files", control="own_writable_files", every=True)
def changing_the_base(aim: list[str]) -> Iterator[Attempt]:
    """Opens base files for writing: accounts, trust store, resolver, linker cache, programs."""
    for path in aim:
        yield path, partial(_opened, path, os.O_WRONLY)
        yield f"mode of {path}", partial(done, os.chmod, path, 0o777)


@attack("nothing")
def mounting(_: None) -> Iterator[Attempt]:
    """Mounts, binds, remounts, unmounts and moves file systems, with the old calls and the new."""
    flags = {
        "tmpfs": (b"tmpfs", 0),
        "bind": (b"", 0x1000),
        "proc": (b"proc", 0),
        "sysfs": (b"sysfs", 0),
        "overlay": (b"overlay", 0),
    }
    for what, (kind, flag) in flags.items():
        yield what, partial(_mount, kind, flag)
    yield (
        "remount /",
        partial(_checked, _libc.mount(b"none", b"/", None, ctypes.c_ulong(0x20 | 0x1000), None)),
    )
    yield (
        "private /",
        partial(_checked, _libc.mount(b"none", b"/", None, ctypes.c_ulong(0x40000 | 0x4000), None)),
    )
    yield "unmount", _unmount
    yield "fsopen", partial(_checked, _libc.syscall(430, b"tmpfs", 0))
    yield "open_tree", partial(_checked, _libc.syscall(428, _AT_FDCWD, b"/", 1))
    yield "pivot_root", partial(_checked, _libc.syscall(155, b"/tmp", b"/tmp"))


def _mount(kind: bytes, flag: int) -> str:
    """In the control: in a mount namespace of the control's own."""
    target = f"/tmp/mount-{os.getpid()}".encode()
    os.mkdir(target)
    try:
        return _checked(_libc.mount(b"/etc", target, kind, ctypes.c_ulong(flag), None))
    finally:
        _libc.umount2(target, 2)
        os.rmdir(target)


def _unmount() -> str:
    for line in _mounts():
        if line != "/" and not line.startswith(("/proc", "/sys")) and _libc.umount2(line.encode(), 8) == 0:
            return line
    raise PermissionError("no mount could be undone")


@attack("nothing")
def changing_roots(_: None) -> Iterator[Attempt]:
    """Changes its root, the first half of the classic escape."""
    yield "/", partial(done, os.chroot, "/")
    yield "/tmp", partial(done, os.chroot, "/tmp")


@attack("nothing")
def making_devices(_: None) -> Iterator[Attempt]:
    """Makes device files wherever it can write, and opens them."""
    for folder in ("/workspace", "/home/agent", "/tmp", "/dev/shm", "/run", "/var/tmp"):
        for what, (kind, major, minor) in _DEVICES.items():
            device = (stat.S_IFCHR if kind == "c" else stat.S_IFBLK, os.makedev(major, minor))
            yield f"{what} in {folder}", partial(_device, folder, *device)


def _device(folder: str, kind: int, number: int) -> str:
    path = f"{folder}/device-{os.getpid()}"
    os.mknod(path, 0o666 | kind, number)
    try:
        os.close(os.open(path, os.O_RDONLY))
    finally:
        os.unlink(path)
    return "made and opened"


@attack("devices")
def devices(aim: dict[str, Any]) -> Iterator[Attempt]:
    """Looks for device files that give more than null, zero, random, tty,
    and opens the disks' and memory's."""
    for path in aim["paths"]:
        yield path, partial(_opened, path, os.O_RDWR)
    harmless = {(major, minor) for major, minor in aim["harmless"]}
    yield "others", partial(_other_devices, harmless)


def _opened(path: str, how: int) -> str:
    os.close(os.open(path, how))
    return "opened"


def _other_devices(harmless: set[tuple[int, int]]) -> list[str]:
    return [path for path in _device_files("/dev") if not _is_one_of(harmless, path)]


def _device_files(root: str) -> Iterator[str]:
    for folder, _, names in os.walk(root):
        if folder != "/dev/pts":
            yield from (os.path.join(folder, name) for name in names)


def _is_one_of(harmless: set[tuple[int, int]], path: str) -> bool:
    status = os.lstat(path)
    kind = stat.S_IFMT(status.st_mode)
    number = (os.major(status.st_rdev), os.minor(status.st_rdev))
    return kind not in {stat.S_IFBLK, stat.S_IFCHR} or (kind == stat.S_IFCHR and number in harmless)


@attack("nothing")
def kernel_files(_: None) -> Iterator[Attempt]:
    """Reads kernel memory, log, keys and addresses through /proc, and settings that tell of the host."""
    for path in _KERNEL_FILES:
        yield path, partial(_content, path)
    yield "/proc/kallsyms", partial(_addresses, "/proc/kallsyms")


def _content(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        return os.read(descriptor, 64)
    finally:
        os.close(descriptor)


def _addresses(path: str) -> str | None:
    with open(path) as file:
        return next((line for line in file if not line.startswith("0000000000000000")), None)


@attack("setting_roots", control="own_folders_to_search")
def kernel_settings(aim: list[str]) -> Iterator[Attempt]:
    """Opens every file below /proc/sys and /sys for writing, and what runs host programs: core pattern,
    hotplug, release agents."""
    for path in _SETTINGS:
        yield path, partial(_opened, path, os.O_WRONLY)
    for root in aim:
        yield root, partial(_writable, root)


def _writable(root: str) -> list[str] | None:
    found, end = [], time.monotonic() + 20
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if os.access(path, os.W_OK):
                with suppress(OSError):
                    os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
                    found.append(path)
        if time.monotonic() > end or len(found) > 5:
            break
    return found or None


@attack("nothing")
def setuid_programs(_: None) -> Iterator[Attempt]:
    """Starts every set-user-id and set-group-id program that it finds, and looks whose rights it has."""
    for path in _setuid_files():
        yield path, partial(_gained, path)


def _setuid_files() -> list[str]:
    found = []
    for root in ("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/libexec", "/bin", "/sbin", "/opt"):
        for folder, _, names in os.walk(root):
            for path in (os.path.join(folder, name) for name in names):
                with suppress(OSError):
                    if os.lstat(path).st_mode & (stat.S_ISUID | stat.S_ISGID) and os.path.isfile(path):
                        found.append(path)
    return found


def _gained(path: str) -> str | None:
    """Its effective ids, seen while it waits for input. The control gives root up first."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
    own = (os.geteuid(), os.getegid())
    with subprocess.Popen(
        (path,), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as started:
        try:
            ids = [_ids(started.pid) for _ in range(20)]
        finally:
            started.kill()
    return next((str(found) for found in ids if found and found != own), None)


def _ids(process: int) -> tuple[int, int] | None:
    time.sleep(0.005)
    with suppress(OSError), open(f"/proc/{process}/status") as file:
        lines = dict(line.rstrip("\n").split(":\t", 1) for line in file if line.startswith(("Uid:", "Gid:")))
        return int(lines["Uid"].split()[1]), int(lines["Gid"].split()[1])
    return None
