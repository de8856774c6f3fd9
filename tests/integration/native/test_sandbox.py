"""What a native bottle is from inside, and what is left of it afterwards."""

import io
import tarfile
from pathlib import Path

from support.native_operator import NativeOperator, groups
from support.native_program import PIDS

_OF_THE_C_LIBRARY = 0b11 << 31  # signals 32 and 33: posix_spawn ignores them, and only it can undo that


def test_the_agent_is_an_ordinary_user_without_any_privilege(operator: NativeOperator, bottle: str) -> None:
    _, output = operator.sh(bottle, "id -un; id -u; id -G; grep -E 'Cap|NoNew|Seccomp:' /proc/self/status")

    lines = output.split()
    assert lines[:3] == ["agent", "1000", "1000"]
    assert dict(zip(lines[3::2], lines[4::2], strict=True)) == {
        **dict.fromkeys(("CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"), "0" * 16),
        "NoNewPrivs:": "1",
        "Seccomp:": "2",
    }


def test_the_host_user_of_a_root_operators_bottle_is_nobody_else(
    operator: NativeOperator, bottle: str
) -> None:
    operator.sh(bottle, "echo x > ~/mine; sleep 100 & echo")
    owner = (operator.base / "h" / "native" / bottle / "home" / "mine").stat().st_uid

    assert owner == operator.uid if operator.uid else owner >= 1_900_000_000


def test_exit_statuses_are_the_shells(operator: NativeOperator, bottle: str) -> None:
    codes = [operator.sh(bottle, script)[0] for script in ("exit 7", "kill -9 $$", "kill -TERM $$", "nosuch")]

    assert codes == [7, 137, 143, 127]


def test_standard_input_and_both_outputs_are_connected(operator: NativeOperator, bottle: str) -> None:
    assert operator.sh(bottle, "cat; echo err >&2", stdin="typed\n") == (0, "typed\nerr\n")


def test_signals_are_not_ignored_inside(operator: NativeOperator) -> None:
    operator.ask("ignore_signals")
    operator.ask("create", identity="agent-abcde")

    _, output = operator.sh("agent-abcde", "grep -E 'SigIgn|SigBlk' /proc/self/status; umask")

    operator.ask("remove", identity="agent-abcde")
    _, blocked, _, ignored, mask = output.split()
    assert (blocked, int(ignored, 16) & ~_OF_THE_C_LIBRARY, mask) == ("0" * 16, 0, "0022")


def test_only_streams_are_inherited(operator: NativeOperator, bottle: str) -> None:
    assert operator.sh(bottle, "ls /proc/self/fd")[1].split() == ["0", "1", "2", "3"]


def test_a_directory_is_refused_as_a_stream(operator: NativeOperator, bottle: str) -> None:
    answer = operator.ask("directory_stream", identity=bottle)

    assert "may not be a directory" in answer["message"]


def test_archives_are_unpacked_as_the_agents(operator: NativeOperator, bottle: str) -> None:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        entry = tarfile.TarInfo("folder/file")
        entry.size, entry.mode, entry.uid = 3, 0o640, 0
        archive.addfile(entry, io.BytesIO(b"abc"))
    operator.ask("put", identity=bottle, target="/workspace", archive=data.getvalue().hex())

    _, output = operator.sh(bottle, "stat -c '%u %g %a' folder/file; cat folder/file")
    assert output == "1000 1000 640\nabc"


def test_an_archive_cannot_leave_the_sandbox(operator: NativeOperator, bottle: str, tmp_path: Path) -> None:
    """A link to the host's path, planted by the agent or by the archive, leads nowhere but inside."""
    target = Path("/var/tmp") / f"bottle-escape-{tmp_path.name}"
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/var/tmp"
        archive.addfile(link)
        for name in (f"link/{target.name}", str(target), f"../../var/tmp/{target.name}"):
            archive.addfile(tarfile.TarInfo(name))
    operator.ask("put", identity=bottle, target="/workspace", archive=data.getvalue().hex())

    assert not target.exists()


def test_a_broken_archive_is_an_error_with_its_reason(operator: NativeOperator, bottle: str) -> None:
    answer = operator.ask("put", identity=bottle, target="/workspace", archive=b"nonsense".hex())

    assert "tar" in answer["message"]


def test_another_process_can_enter_and_see_the_same_sandbox(operator: NativeOperator, bottle: str) -> None:
    operator.sh(bottle, "echo here > /tmp/note")

    assert operator.sh(bottle, "cat /tmp/note", fresh=True) == (0, "here\n")


def test_the_base_is_read_only_and_the_agents_places_are_not(operator: NativeOperator, bottle: str) -> None:
    script = (
        'for d in / /usr /etc /dev /opt /home /var; do touch $d/x 2>/dev/null && echo "$d writable"; done; '
    )
    script += "for d in ~ /workspace /tmp /run /var/tmp /dev/shm; do touch $d/x || echo $d; done"

    assert operator.sh(bottle, script) == (0, "")


def test_a_fork_bomb_stops_at_the_limit(operator: NativeOperator, bottle: str) -> None:
    script = f"i=0; while [ $i -lt {PIDS * 2} ]; do sleep 100 & i=$((i+1)); done; jobs | wc -l"
    status, output = operator.sh(bottle, script)

    assert status == 2
    assert "fork" in output


def test_a_file_cannot_grow_past_the_disk_limit(operator: NativeOperator, bottle: str) -> None:
    status, output = operator.sh(
        bottle, "head -c 100M /dev/zero > big; s=$?; stat -c %s big; rm big; exit $s"
    )

    assert status != 0
    assert int(output.split()[-1]) <= 64 * 1024 * 1024


def test_memory_is_limited_where_a_group_can_be_made(operator: NativeOperator, bottle: str) -> None:
    if operator.uid:
        return  # an ordinary user has no group here; the documentation says what holds then
    status, _ = operator.sh(bottle, "head -c 600M /dev/zero | tail -c 600M > /dev/null")

    assert status != 0


def test_removal_leaves_nothing_and_can_be_repeated(operator: NativeOperator, bottle: str) -> None:
    operator.sh(
        bottle,
        "mkdir -p a/b; chmod 000 a; (setsid sleep 1000 &) ; i=0; cd ~; "
        "while [ $i -lt 1500 ]; do mkdir d; cd d; i=$((i+1)); done",
    )
    assert bool(groups(operator)) == (operator.uid == 0)
    for _ in range(2):
        operator.ask("remove", identity=bottle)

    assert operator.ask("resources") == {}
    assert [path for path in operator.base.rglob("*") if not path.is_dir()] == []
    assert not groups(operator)


def test_what_is_gone_says_so(operator: NativeOperator, bottle: str) -> None:
    operator.ask("remove", identity=bottle)

    answer = operator.ask("sh", identity=bottle, script="true", fresh=True)
    assert answer["error"] == "NotRunningError"
    assert operator.ask("running", identity=bottle) == {"running": False}
