"""Groups are found from what the kernel says of mounts and membership; made and removed as folders."""

from pathlib import Path

from bottle.backends.native import cgroup
from bottle.backends.native.cgroup import Group
from bottle.plan import Limits

LIMITS = Limits(cpus=1.5, memory=1000, pids=50, disk=1)


def _proc(root: Path, cgroups: str, *mounts: str) -> Path:
    proc = root / "proc"
    proc.mkdir()
    (proc / "cgroup").write_text(cgroups)
    (proc / "mounts").write_text("".join(f"{mount}\n" for mount in mounts))
    return proc


def test_version_1_has_a_group_for_each_controller_below_our_own(tmp_path: Path) -> None:
    for controller in ("memory/ours", "pids", "cpu"):
        (tmp_path / controller).mkdir(parents=True)
    proc = _proc(
        tmp_path,
        "4:memory:/ours\n8:pids:/\n1:cpu,cpuacct:/elsewhere\n0::/\n",
        *(f"cgroup {tmp_path}/{name} cgroup rw,{name} 0 0" for name in ("memory", "pids", "cpu")),
        f"cgroup2 {tmp_path}/unified cgroup2 rw 0 0",
    )

    groups = {next(iter(group.controllers)): group for group in cgroup.plan("b", LIMITS, proc=proc)}

    assert groups["memory"].folder == tmp_path / "memory" / "ours" / "b"
    assert groups["memory"].settings == {"memory.limit_in_bytes": "1000"}
    assert groups["pids"].folder == tmp_path / "pids" / "b"
    assert groups["cpu"].settings == {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "150000"}


def test_version_2_takes_the_nearest_group_that_hands_its_controllers_on(tmp_path: Path) -> None:
    own = tmp_path / "slice" / "scope"
    own.mkdir(parents=True)
    for folder, handed in ((own, ""), (own.parent, "cpu memory pids"), (tmp_path, "memory pids")):
        (folder / "cgroup.subtree_control").write_text(handed)
        (folder / "cgroup.procs").write_text("")
    proc = _proc(tmp_path, "0::/slice/scope\n", f"cgroup2 {tmp_path} cgroup2 rw 0 0")

    (group,) = cgroup.plan("b", LIMITS, proc=proc)

    assert group.folder == tmp_path / "slice" / "b"
    assert group.settings == {"memory.max": "1000", "pids.max": "50"}
    assert group.optional["cpu.max"] == "150000 100000"


def test_what_is_possible_is_what_may_be_written(tmp_path: Path) -> None:
    for controller in ("memory", "pids"):
        (tmp_path / controller).mkdir()
    proc = _proc(
        tmp_path,
        "4:memory:/\n8:pids:/\n",
        *(f"cgroup {tmp_path}/{name} cgroup rw,{name} 0 0" for name in ("memory", "pids")),
    )

    assert cgroup.possible(proc) == {"memory", "pids"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["memory", "pids", "proc"]


def test_nothing_is_planned_where_nothing_is_handed_on(tmp_path: Path) -> None:
    (tmp_path / "cgroup.subtree_control").write_text("")
    (tmp_path / "cgroup.procs").write_text("")
    proc = _proc(tmp_path, "0::/\n", f"cgroup2 {tmp_path} cgroup2 rw 0 0")

    assert list(cgroup.plan("b", LIMITS, proc=proc)) == []


def test_a_group_that_cannot_be_set_is_not_made(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "memory.max").mkdir()
    group = Group(folder=tmp_path / "b", controllers=frozenset(), settings={"memory.max": "1"})

    assert not group.make()


def test_removal_is_idempotent_and_members_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "b"
    folder.mkdir()
    (folder / "cgroup.procs").write_text("12\n13\n")
    assert cgroup.members([str(folder), str(tmp_path / "none")]) == {12, 13}

    (folder / "cgroup.procs").unlink()
    cgroup.remove([str(folder), str(tmp_path / "none")])
    assert not folder.exists()
