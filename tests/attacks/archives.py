"""Archives that an agent could answer `bottle cp` with, instead of what was asked for."""

import io
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

Maker = Callable[[Path], bytes]
MARK = b"written by the agent"


def _archive(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def _member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mode = kind, target, mode
    return member


def _outside(victim: Path) -> str:
    return f"{victim}/escaped"


def _upwards(victim: Path) -> str:
    return f"{'../' * 20}{victim.relative_to('/')}/escaped"


# Each is given a folder of the host in which nothing may appear, and from which nothing may be linked.
ESCAPES: Mapping[str, Maker] = {
    "absolute name": lambda victim: _archive((_member(_outside(victim)), MARK)),
    "name with dots": lambda victim: _archive((_member(_upwards(victim)), MARK)),
    "through a link to a folder": lambda victim: _archive(
        (_member("out", tarfile.SYMTYPE, str(victim)), b""), (_member("out/escaped"), MARK)
    ),
    "through a link inside": lambda victim: _archive(
        (_member("out", tarfile.DIRTYPE, mode=0o755), b""),
        (_member("out/link", tarfile.SYMTYPE, str(victim)), b""),
        (_member("out/link/escaped"), MARK),
    ),
    "through two links": lambda victim: _archive(
        (_member("out", tarfile.DIRTYPE, mode=0o755), b""),
        (_member("out/a", tarfile.SYMTYPE, "."), b""),
        (_member("out/a/b", tarfile.SYMTYPE, f"{'../' * 20}{victim.relative_to('/')}"), b""),
        (_member("out/b/escaped"), MARK),
    ),
    "over a link to a file": lambda victim: _archive(
        (_member("out", tarfile.SYMTYPE, f"{victim}/private"), b""), (_member("out"), MARK)
    ),
    "hard link to a file": lambda victim: _archive(
        (_member("out", tarfile.LNKTYPE, f"{victim}/private"), b"")
    ),
    "link to a file": lambda victim: _archive((_member("out", tarfile.SYMTYPE, f"{victim}/private"), b"")),
    "hard link, then over it": lambda victim: _archive(
        (_member("out", tarfile.LNKTYPE, f"{victim}/private"), b""), (_member("out"), MARK)
    ),
    "device": lambda _: _archive((_member("out", tarfile.CHRTYPE), b"")),
    "pipe": lambda _: _archive((_member("out", tarfile.FIFOTYPE), b"")),
    "set-user-id": lambda _: _archive((_member("out", mode=0o6755), MARK)),
}
