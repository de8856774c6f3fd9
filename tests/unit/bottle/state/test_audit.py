import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bottle.errors import BottleError
from bottle.state.audit import AuditLog, AuditLogs, Flaw, entry_of
from bottle.state.usage import Usage
from bottle_sidecar.policy.chain import Head

IDENTITY = "dev-abcde"
COUNT = 8


def chained(*events: str, head: Head | None = None) -> list[bytes]:
    """Whole lines, as a sidecar of IDENTITY writes them."""
    lines, head = [], head or Head.seed(IDENTITY)
    for event in events:
        link = head.link({"time": 1.0, "event": event})
        lines.append(link.line)
        head = link.head
    return lines


WHOLE = chained("opened", *(["allowed", "done"] * (COUNT // 2 - 1)), "closed")


def written(folder: Path, lines: Sequence[bytes], *, identity: str = IDENTITY) -> AuditLog:
    log = AuditLogs(folder=folder).of(identity)
    log.prepare()
    log.path.write_bytes(b"".join(line + b"\n" for line in lines))
    return log


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


def flaws(folder: Path, lines: Sequence[bytes], *, sealed: bool = True) -> tuple[Flaw, ...]:
    """What a check finds in `lines`, where WHOLE stood when the bottle ended."""
    log = written(folder, WHOLE)
    if sealed:
        log.seal()
    written(folder, lines)
    return log.verify().flaws


def test_a_whole_log_is_in_order(folder: Path) -> None:
    log = written(folder, WHOLE)
    log.seal()
    found = log.verify()
    assert (found.lines, found.closed, found.flaws) == (COUNT, True, ())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, COUNT - 1), st.data())
def test_a_changed_line_is_named(folder: Path, at: int, data: st.DataObject) -> None:
    line = bytearray(WHOLE[at])
    place = data.draw(st.integers(0, len(line) - 1))
    line[place] ^= data.draw(st.integers(1, 255))
    assume(b"\n" not in line)
    found = flaws(folder, [*WHOLE[:at], bytes(line), *WHOLE[at + 1 :]])
    assert found[0].line == at + 1


@given(st.integers(0, COUNT - 1))
@settings(max_examples=20, deadline=None)
def test_a_dropped_line_is_named_by_the_one_behind_it(folder: Path, at: int) -> None:
    found = flaws(folder, [*WHOLE[:at], *WHOLE[at + 1 :]])
    assert found[0].line == at + 1
    assert f"number {at + 1} is missing" in found[0].what


@given(st.integers(0, COUNT - 1), st.integers(0, COUNT - 1))
@settings(max_examples=40, deadline=None)
def test_two_swapped_lines_are_named(folder: Path, first: int, second: int) -> None:
    assume(first < second)
    lines = list(WHOLE)
    lines[first], lines[second] = lines[second], lines[first]
    assert flaws(folder, lines)[0].line == first + 1


@given(st.integers(0, COUNT), st.integers(0, COUNT - 1) | st.binary(max_size=40))
@settings(max_examples=60, deadline=None)
def test_an_inserted_line_is_named(folder: Path, at: int, what: int | bytes) -> None:
    """A repeated one, or any text."""
    line = WHOLE[what] if isinstance(what, int) else what.replace(b"\n", b"")
    assert flaws(folder, [*WHOLE[:at], line, *WHOLE[at:]])[0].line in {at + 1, at + 2}


@given(st.integers(0, COUNT - 1))
@settings(max_examples=20, deadline=None)
def test_a_cut_off_end_is_named(folder: Path, left: int) -> None:
    found = flaws(folder, WHOLE[:left])
    assert [flaw.line for flaw in found] == [left + 1]
    assert "the end was cut off" in found[0].what


def test_a_log_written_anew_is_not_the_one_that_stood_there(folder: Path) -> None:
    found = flaws(folder, chained("opened", *["refused"] * (COUNT - 2), "closed"))
    assert [flaw.line for flaw in found] == [COUNT]


def test_a_log_of_a_killed_sidecar_is_in_order_but_not_closed(folder: Path) -> None:
    log = written(folder, WHOLE[:3])
    log.seal()
    found = log.verify()
    assert (found.flaws, found.closed) == ((), False)


def test_a_chain_goes_on_behind_a_line_that_was_cut_off(tmp_path: Path) -> None:
    log = written(tmp_path, WHOLE[:3])
    with log.path.open("ab") as file:
        file.write(WHOLE[3][:20])
    head = log.prepare()
    assert head is not None
    with log.path.open("ab") as file:
        file.writelines(line + b"\n" for line in chained("opened", "closed", head=head))
    found = log.verify()
    assert [flaw.line for flaw in found.flaws] == [4]
    assert found.closed


def test_the_log_is_private_and_an_empty_one_is_none(tmp_path: Path) -> None:
    log = AuditLogs(folder=tmp_path / "logs").of(IDENTITY)
    assert log.prepare() is None
    assert (log.path.stat().st_mode & 0o777, log.path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    log.seal()
    assert list(log.path.parent.iterdir()) == []


def test_a_damaged_head_is_an_error_in_words(tmp_path: Path) -> None:
    log = written(tmp_path, WHOLE)
    log.path.with_suffix(".head").write_text("{}")
    with pytest.raises(BottleError, match="where the log ended"):
        log.verify()


def test_a_line_past_all_measure_is_foreign_and_bounded(tmp_path: Path) -> None:
    log = written(tmp_path, [*WHOLE, b"x" * 200_000])
    found = log.verify().flaws
    assert found[0].line == COUNT + 1
    assert all(len(flaw.what) < 200 for flaw in found)


def test_following_ends_with_the_bottle_and_misses_nothing(tmp_path: Path) -> None:
    log = written(tmp_path, WHOLE[:2])
    answers = iter([True, True, False])

    def live() -> bool:
        answer = next(answers)
        with log.path.open("ab") as file:
            file.write(WHOLE[2] + b"\n")
        return answer

    assert list(log.follow(live)) == [*WHOLE[:3], *[WHOLE[2]] * 2]


def test_logs_are_found_by_an_unambiguous_beginning(tmp_path: Path) -> None:
    logs = AuditLogs(folder=tmp_path)
    with pytest.raises(BottleError, match="of no other bottle"):
        logs.find("dev")
    for identity in ("dev-abcde", "dev-abcdf", "ops-aaaaa"):
        written(tmp_path, WHOLE, identity=identity)
    assert logs.identities() == ["dev-abcde", "dev-abcdf", "ops-aaaaa"]
    assert logs.find("ops").identity == "ops-aaaaa"
    assert logs.find("dev-abcde").identity == "dev-abcde"
    with pytest.raises(BottleError, match="could be any of dev-abcde, dev-abcdf"):
        logs.find("dev")
    with pytest.raises(BottleError) as caught:
        logs.find("../../etc/passwd")
    assert "ops-aaaaa" in str(caught.value.hint)


def test_old_logs_are_those_not_written_to_for_long(tmp_path: Path) -> None:
    log = written(tmp_path, WHOLE)
    log.seal()
    os.utime(log.path, (0, 0))
    logs = AuditLogs(folder=tmp_path)
    assert logs.older_than(30, 29 * 86400.0) == []
    (old,) = logs.older_than(30, 31 * 86400.0)
    old.remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "line", [b"", b"{}", b'{"seq":1}', b"[" * 3000, b'{"seq":1,[[,"hash":"' + b"a" * 64 + b'"}']
)
def test_what_is_no_line_says_nothing(line: bytes) -> None:
    assert entry_of(line) is None


def test_refusals_are_counted_also_those_that_were_not_written_and_no_text_passes_for_one(
    tmp_path: Path,
) -> None:
    path = 'x","event":"refused","y":"'
    fields: list[dict[str, str | int]] = [
        {"event": "allowed", "path": path},
        {"event": "refused", "path": path},
        {"event": "done", "verdict": "refused"},
        {"event": "suppressed", "of": "refused", "host": "a", "lines": 40, "sent": 7},
        {"event": "suppressed", "of": "allowed", "host": ',"of":"refused","lines":9', "lines": 1000},
        {"event": "refused"},
    ]
    lines, head = list[bytes](), Head.seed(IDENTITY)
    for entry in fields * 4000:  # more than is read at once
        link = head.link({"time": 1.0, "identity": IDENTITY, **entry})
        lines.append(link.line)
        head = link.head
    log = written(tmp_path, lines)

    assert log.refusals() == 42 * 4000
    usage = Usage.of(log.entries())
    assert log.refusals() == sum(host.blocked for host in usage.hosts.values())


def test_a_log_that_is_not_there_yet_has_no_refusals(tmp_path: Path) -> None:
    log = AuditLogs(folder=tmp_path).of(IDENTITY)

    assert (log.refusals(), log.written()) == (0, None)


def test_notes_go_with_the_log(tmp_path: Path) -> None:
    log = written(tmp_path, WHOLE)
    os.close(log.notes.open())
    log.seal()
    log.remove()

    assert list(tmp_path.iterdir()) == []
