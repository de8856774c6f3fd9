"""An operator of the native back-end, root or not, as a process that tests talk to."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Any

import attr
import attrs
import cattr
import cattrs
import typing_extensions

import bottle
import bottle_sidecar
from bottle import proc
from bottle.backends.native import places
from bottle.proc import Command, run

ORDINARY_UID = 54321
_LOCK = Path(bottle_sidecar.__file__).parents[1] / "native.lock"
# `setpriv` starts the program while it may still pass every folder, so the program itself must look.
_NEWEST = "import os, sys; sys.exit(sys.version_info < (3, 11) or not os.access(sys.executable, os.X_OK))"


class Role(StrEnum):
    ROOT = "root"
    ORDINARY = "ordinary"

    def possible(self) -> bool:
        return self is Role.ORDINARY or os.getuid() == 0


class NativeOperator:
    """One `native_program` process. `uid`: who it runs as on the host."""

    def __init__(self, base: Path, common: "Common", role: Role) -> None:
        self.uid = ORDINARY_UID if role is Role.ORDINARY and os.getuid() == 0 else os.getuid()
        self.base = base
        if self.uid != os.getuid():
            os.chown(base, self.uid, self.uid)
        command = Command(
            argv=(*_as(self.uid), _python(self.uid), str(common.program), str(base), str(common.venv)),
            env={"PYTHONPATH": str(common.code), "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
            cwd="/",
        )
        self.process = proc.spawn(command, stdin=proc.PIPE, stdout=proc.PIPE)

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the operator's process died"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def sh(self, identity: str, script: str, **more: Any) -> tuple[int, str]:
        answer = self.ask("sh", identity=identity, script=script, **more)
        assert "error" not in answer, answer
        return answer["status"], answer["output"]

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def groups(operator: NativeOperator) -> list[Path]:
    """The control groups of this operator's bottles."""
    scope = places.scope_of(operator.base / "r" / "native")
    return list(Path("/sys/fs/cgroup").glob(f"**/bot-bottle.{scope}.*"))


class Common:
    """What operators share, readable for every user: the code, bwrap, and the program."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o755)
        self.folder = folder
        self.code = folder / "code"
        self.code.mkdir()
        for package in (bottle, bottle_sidecar, attr, attrs, cattr, cattrs):
            source = Path(str(package.__file__)).parent
            shutil.copytree(source, self.code / source.name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(typing_extensions.__file__, self.code)
        self.program = Path(shutil.copy(Path(__file__).with_name("native_program.py"), folder))
        self.venv = folder / "venv"
        packages = self.venv / "lib" / "python3" / "site-packages"
        argv = (sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps")
        run(Command(argv=(*argv, "--target", str(packages), "--requirement", str(_LOCK)), timeout=300))

    @contextmanager
    def operator(self, role: Role) -> Iterator[NativeOperator]:
        base = Path(tempfile.mkdtemp(prefix="bb", dir="/tmp"))
        operator = NativeOperator(base, self, role)
        try:
            yield operator
        finally:
            operator.close()
            run(Command(argv=("rm", "-rf", str(base))))


def _as(uid: int) -> tuple[str, ...]:
    user = str(uid)
    changes = uid != os.getuid()
    return ("setpriv", "--reuid", user, "--regid", user, "--clear-groups") if changes else ()


def _python(uid: int) -> str:
    """An interpreter that this user may run; ours can lie in a home of root's."""
    for candidate in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        done = run(Command(argv=(*_as(uid), candidate, "-c", _NEWEST), cwd="/"), check=False)
        if done.code == 0:
            return candidate
    raise AssertionError("no Python 3.11 that an ordinary user may run")
