"""The operator's directory as a copy in a volume of the engine."""

import os
from pathlib import Path

import pytest
from attrs import evolve

from bottle.backends.base import Arrival
from bottle.errors import UsageError
from bottle.launch.intake import Intake
from bottle.plan import How, Workspace, WorkspaceMode
from bottle.workspace.origin import Origin
from support.docker_lab import DockerLab, LiveBottle
from support.fakes import RecordedProgress


@pytest.fixture(scope="module")
def origin(live: LiveBottle, tmp_path_factory: pytest.TempPathFactory) -> Origin:
    """Of a directory with a bit of everything, which has come in."""
    folder = tmp_path_factory.mktemp("operator")
    top = folder / "top"
    (top / "sub").mkdir(parents=True)
    (top / "sub").chmod(0o750)
    (top / "program").write_text("#!/bin/sh\necho ran\n")
    (top / "program").chmod(0o4755)
    os.link(top / "program", top / "sub" / "same")
    (top / "link").symlink_to("/etc/shadow")
    (top / os.fsdecode(b"odd\xff\n")).write_text("odd")
    (top / ("long" * 40)).mkdir()
    (top / ("long" * 40) / ("name" * 40)).write_text("long")
    (top / "large").write_bytes(os.urandom(1_000_000))
    (top / "left.o").touch()
    os.mkfifo(top / "pipe")
    (top / "locked").mkdir()
    (top / "locked" / "inside").touch()
    (top / "locked").chmod(0o555)
    if os.getuid() == 0:
        os.chown(top / "large", 12345, 12345)
    workspace = Workspace(source=top, excludes=("*.o",))
    Intake.begin(workspace, folder, RecordedProgress()).fill(live.bottle, Arrival())
    (top / "locked").chmod(0o755)
    found = Origin.read(folder)
    assert found
    return found


def test_all_of_it_is_the_agent_s(live: LiveBottle, origin: Origin) -> None:
    listed = live.run("find . -mindepth 1 -printf '%y %m %u %s %P\\0' | tr '\\n\\0' '?\\n' | sort -k5")
    base = origin.base()

    assert origin.how is How.COPY
    assert len(listed.output.splitlines()) == len(base) == 10
    assert "f 755 agent 19 program\n" in listed.output
    assert "d 750 agent " in listed.output
    assert live.run("./program; readlink link; stat -c %h program; cat long*/name*").output == (
        "ran\n/etc/shadow\n2\nlong"
    )
    said = live.run("{ printf 'blob 1000000\\0'; cat large; } | sha1sum").output
    assert said.split()[0] == next(node.blob for path, node in base.items() if path.name == "large")


def test_what_is_changed_later_is_newer_than_the_copy(live: LiveBottle, origin: Origin) -> None:
    """By the clock of the file system that it lies on."""
    assert origin.filled_ns
    times = "find . -mindepth 1 -printf '%C@ %P\\0' | tr '\\n\\0' '?\\n' | sort -n | cut -c -20"
    before = [float(line.split()[0]) for line in live.run(times).output.splitlines()]
    live.run("chmod 700 large")
    after = [float(line.split()[0]) for line in live.run(times).output.splitlines()]

    assert max(before) <= origin.filled_ns / 1e9 + 0.02
    assert max(after) > origin.filled_ns / 1e9
    assert len([each for each in after if each > origin.filled_ns / 1e9 + 0.02]) == 1


@pytest.mark.usefixtures("engine")
def test_no_directory_is_mounted(lab: DockerLab) -> None:
    mounted = Workspace(source=Path("/"), mode=WorkspaceMode.MOUNT)
    with pytest.raises(UsageError, match="mounts no directory") as caught:
        lab.build(evolve(lab.plan("agent-aaaaa"), workspace=mounted))

    assert "--workspace private" in str(caught.value.hint)
