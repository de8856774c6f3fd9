"""The agent's system-call filter: an allowlist, in the JSON form that `--security-opt seccomp=` takes.

No capability is ever held, so nothing that needs one is listed; nor are io_uring, keyrings, userfaultfd,
bpf, perf and new namespaces. `ptrace` is, for debuggers: the agent sees its own processes only. No
other architecture is declared, so that 32-bit system calls, which would evade the argument checks below,
kill the process.

The kernel reads `ioctl` requests and socket families as 32 bits while the filter compares 64: every
comparison here is masked to the low 32.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

_LOW = 0xFFFFFFFF
_TIOCSTI = 0x5412  # types into the terminal
_TIOCLINUX = 0x541C  # the same by way of a console's selection
_NEW_NAMESPACES = 0x7E020000
_ENOSYS = 38
_AF_NETLINK = 16
_NETLINK_ROUTE = 0
_AF_UNIX = 1
_INTERNET = (2, 10)  # IPv4, IPv6
_PROTOCOLS = (0, 1, 6, 17, 58)  # default, ICMP, TCP, UDP, ICMPv6; rarer ones make the kernel load modules
_PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)

_FILES = """
    access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2
    fadvise64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr
    flistxattr flock fremovexattr fsetxattr fstat fstatfs fsync ftruncate futimesat getcwd getdents
    getdents64 getxattr inotify_add_watch inotify_init inotify_init1 inotify_rm_watch lchown lgetxattr
    link linkat listxattr llistxattr lremovexattr lseek lsetxattr lstat memfd_create mkdir mkdirat mknod
    mknodat newfstatat open openat openat2 pipe pipe2 pread64 preadv preadv2 pwrite64 pwritev pwritev2
    read readahead readlink readlinkat readv removexattr rename renameat renameat2 rmdir sendfile
    setxattr splice stat statfs statx symlink symlinkat sync sync_file_range sync_file_range2 syncfs tee
    truncate umask unlink unlinkat utime utimensat utimes vmsplice write writev getxattrat listxattrat
    removexattrat setxattrat
"""
_WAITING = """
    epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 io_cancel
    io_destroy io_getevents io_pgetevents io_setup io_submit poll ppoll pselect6 select signalfd
    signalfd4 timerfd_create timerfd_gettime timerfd_settime
"""
_PROCESSES = """
    arch_prctl capget capset execve execveat exit exit_group fork getegid geteuid getgid getgroups
    getpgid getpgrp getpid getppid getpriority getresgid getresuid getrlimit getrusage getsid gettid
    getuid ioprio_get ioprio_set kill membarrier pause pidfd_open pidfd_send_signal prctl prlimit64
    process_mrelease restart_syscall rseq sched_get_priority_max sched_get_priority_min sched_getaffinity
    sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr
    sched_setparam sched_setscheduler sched_yield seccomp setfsgid setfsuid setgid setgroups setpgid
    setpriority setregid setresgid setresuid setreuid setrlimit setsid setuid set_robust_list
    get_robust_list set_thread_area get_thread_area set_tid_address sysinfo tgkill times tkill uname
    vfork wait4 waitid landlock_add_rule landlock_create_ruleset landlock_restrict_self ptrace
    process_vm_readv process_vm_writev riscv_flush_icache riscv_hwprobe getcpu
"""
_SIGNALS = """
    rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
    rt_tgsigqueueinfo sigaltstack
"""
_MEMORY = """
    brk futex futex_requeue futex_wait futex_waitv futex_wake madvise map_shadow_stack memfd_secret
    mincore mlock mlock2 mlockall mmap mprotect mremap mseal msync munlock munlockall munmap pkey_alloc
    pkey_free pkey_mprotect remap_file_pages
"""
_TIME = """
    adjtimex alarm clock_adjtime clock_getres clock_gettime clock_nanosleep getitimer gettimeofday
    nanosleep setitimer time timer_create timer_delete timer_getoverrun timer_gettime timer_settime
"""
_MESSAGES = """
    mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd
    semctl semget semop semtimedop shmat shmctl shmdt shmget getrandom
"""
_SOCKETS = """
    accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg
    sendmmsg sendmsg sendto setsockopt shutdown socketpair
"""
_GROUPS = (_FILES, _WAITING, _PROCESSES, _SIGNALS, _MEMORY, _TIME, _MESSAGES, _SOCKETS)

Rule = dict[str, Any]


def profile() -> dict[str, Any]:
    """Default: EPERM. `clone3` says ENOSYS, upon which the C library falls back to `clone`."""
    return {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "syscalls": list(_rules())}


def profile_json() -> str:
    return json.dumps(profile(), separators=(",", ":"))


def _rules() -> Iterator[Rule]:
    yield {"names": sorted({name for group in _GROUPS for name in group.split()}), "action": "SCMP_ACT_ALLOW"}
    for mask, value in everything_but((_TIOCSTI, _TIOCLINUX)):
        yield _allow("ioctl", _masked(1, mask, value))
    yield _allow("socket", _masked(0, _LOW, _AF_UNIX))
    for family in _INTERNET:
        for protocol in _PROTOCOLS:
            yield _allow("socket", _masked(0, _LOW, family), _masked(2, _LOW, protocol))
    yield _allow("socket", _masked(0, _LOW, _AF_NETLINK), _masked(2, _LOW, _NETLINK_ROUTE))
    for personality in _PERSONALITIES:
        yield _allow("personality", _masked(0, _LOW, personality))
    yield _allow("clone", _masked(0, _NEW_NAMESPACES, 0))
    yield {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": _ENOSYS}


def _allow(name: str, *arguments: Rule) -> Rule:
    return {"names": [name], "action": "SCMP_ACT_ALLOW", "args": list(arguments)}


def _masked(index: int, mask: int, value: int) -> Rule:
    return {"index": index, "value": mask, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}


def everything_but(excluded: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Pairs (mask, value): `x & mask == value` holds for one of them iff x's low 32 bits are not excluded.

    An allowlist cannot say "not equal, under a mask", so the complement is spelled out: for each
    excluded value and each bit, the numbers that share its higher bits and differ in this one.
    """
    values = tuple(excluded)
    seen = set()
    for value in values:
        for bit in reversed(range(32)):
            mask = _LOW & ~((1 << bit) - 1)
            branch = (value ^ (1 << bit)) & mask
            if (mask, branch) in seen or any(other & mask == branch for other in values):
                continue
            seen.add((mask, branch))
            yield mask, branch
