"""What an agent did to a directory is told whole, whatever it did to hide it."""

import json
import os
from typing import Any

from support.native_operator import NativeOperator

IDENTITY = "agent-abcde"
HIDING = """
import os
for name in ('edited', 'sub'):
    for mark in ('whiteout', 'opaque', 'redirect', 'metacopy', 'origin'):
        try:
            os.setxattr(name, 'user.overlay.' + mark, b'y')
        except OSError as error:
            print(error)
try:
    os.mknod('sub/device', 0o020666, 0)
except PermissionError:
    print('no devices')
"""
WORK = f"""
printf 'more\n' >>edited; chmod 0 edited; rm removed; echo new >sub/new
mkdir closed; echo hidden >closed/file; chmod 0 closed/file closed
rm -r gone; mkdir gone; echo other >gone/other
chmod 600 edited; python3 -c "{HIDING}"; chmod 0 edited
"""


def test_nothing_that_an_agent_does_hides_a_change(operator: NativeOperator) -> None:
    directory = operator.base / "project"
    for name in ("edited", "removed", "sub/same", "gone/old"):
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text("text\n")
    for path in (directory, *directory.rglob("*")):
        os.chown(path, operator.uid, operator.uid)
    try:
        created = operator.ask("create", identity=IDENTITY, workspace=[str(directory), "private"])
        assert created["how"] == "overlay", created
        status, said = operator.sh(IDENTITY, WORK)
        assert (status, said.splitlines()[-1]) == (0, "no devices")
        told = operator.ask("changes", identity=IDENTITY)["told"]
    finally:
        operator.ask("remove", identity=IDENTITY)

    found = entries(told)
    assert found["edited"]["content"] == "text\nmore\n"
    assert found["edited"]["mode"] == 0
    assert found["closed/file"]["content"] == "hidden\n"
    assert found["removed"]["kind"] == "gone"
    assert "opaque" not in found["sub"]
    assert found["gone"]["opaque"]
    assert set(found) == {
        "closed", "closed/file", "edited", "gone", "gone/other", "removed", "sub", "sub/new"
    }  # fmt: skip


def entries(told: str) -> dict[str, dict[str, Any]]:
    """By path; each file here is of whole lines."""
    found: dict[str, dict[str, Any]] = {}
    lines = iter(told.splitlines(keepends=True))
    for line in lines:
        fields = json.loads(line)
        if "path" in fields:
            found[fields["path"]] = fields
        if "data" in fields:
            fields["content"] = "".join(iter(lines.__next__, "whole\n"))
    return found
