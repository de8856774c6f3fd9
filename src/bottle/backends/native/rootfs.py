"""What a sandbox's file system is made of: the host's programs, and an /etc that says nothing of it."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from attrs import frozen

from bottle.plan import AGENT_HOME, AGENT_UID, AGENT_USER
from bottle.proc import Command, run

ETC = "etc"
HOME = "home"
WORKSPACE = "workspace"
UPPER = "upper"
WORK = "work"
TRUST_STORE = "ca-certificates.crt"
# Where distributions other than Debian look for the same bundle.
TRUST_STORE_LINKS = (
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
)
_PROGRAM_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
# Neither secret nor particular to this host, and needed by the programs of /usr.
_HOST_ETC = (
    "alternatives",
    "debian_version",
    "fonts",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "magic",
    "mime.types",
    "os-release",
    "perl",
    "protocols",
    "services",
    "shells",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
)
_MASKED_FILES = (
    "kcore",
    "keys",
    "kmsg",
    "kallsyms",
    "latency_stats",
    "timer_list",
    "sched_debug",
    "sysrq-trigger",
)
_MASKED_FOLDERS = ("acpi", "asound", "scsi", "fs", "bus", "irq", "driver")

_SYNTHETIC: Mapping[str, str] = {
    "passwd": f"""\
root:x:0:0:root:/root:/usr/sbin/nologin
{AGENT_USER}:x:{AGENT_UID}:{AGENT_UID}::{AGENT_HOME}:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
""",
    "group": f"root:x:0:\ntty:x:5:\n{AGENT_USER}:x:{AGENT_UID}:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1 localhost bottle\n::1 localhost\n",
    "hostname": "bottle\n",
    "host.conf": "multi on\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\n",
    "resolv.conf": "",
    "profile": "umask 022\nif [ -n \"$BASH\" ]; then PS1='bottle:\\w\\$ '; else PS1='$ '; fi\n",
}


@frozen(kw_only=True)
class HostLayout:
    """What of the host is shown, as it was found: links stay links.

    `links`: (name below /, target). `folders`: absolute, read-only. `etc`: names below /etc.
    `masked_files`, `masked_folders`: absolute, in /proc.
    """

    links: Sequence[tuple[str, str]]
    folders: Sequence[str]
    etc: Sequence[str]
    masked_files: Sequence[str]
    masked_folders: Sequence[str]

    @classmethod
    def detect(cls, root: Path = Path("/")) -> Self:
        present = [name for name in _PROGRAM_FOLDERS if (root / name).exists()]
        links = [
            (name, os.fspath((root / name).readlink())) for name in present if (root / name).is_symlink()
        ]
        linked = {name for name, _ in links}
        folders = ["/usr", *(f"/{name}" for name in present if name not in linked)]
        return cls(
            links=tuple(links),
            folders=tuple(folders),
            etc=tuple(name for name in _HOST_ETC if (root / "etc" / name).exists()),
            masked_files=tuple(f"/proc/{name}" for name in _MASKED_FILES if (root / "proc" / name).exists()),
            masked_folders=tuple(
                f"/proc/{name}" for name in _MASKED_FOLDERS if (root / "proc" / name).is_dir()
            ),
        )


def fill(box: Path, *, trust_store: str) -> None:
    """Makes a bottle's own folders in `box`: its /etc, and an empty home and workspace."""
    etc = box / ETC
    for folder in (etc, box / HOME, box / WORKSPACE):
        folder.mkdir(mode=0o755, exist_ok=True)
    for name, content in {**_SYNTHETIC, TRUST_STORE: trust_store}.items():
        (etc / name).write_text(content)
        (etc / name).chmod(0o644)


def synthetic_etc() -> Mapping[str, str]:
    """Where each file of a bottle's own /etc is seen: name in `box` -> path in the sandbox."""
    return {**{name: f"/etc/{name}" for name in _SYNTHETIC}, TRUST_STORE: f"/etc/ssl/certs/{TRUST_STORE}"}


def give(box: Path, uid: int) -> None:
    """Makes `box` and all in it a host user's, while nobody can change it.

    What a kept bottle's agent left there is looked through only where it is another user's.
    """
    os.chown(box, uid, uid)
    others = [str(entry) for entry in box.iterdir() if entry.lstat().st_uid != uid]
    if others:
        run(Command(argv=("chown", "-hR", f"{uid}:{uid}", "--", *others), timeout=None))
