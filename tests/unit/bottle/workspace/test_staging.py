import io
import json
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from bottle.errors import BottleError
from bottle.tree import Kind, Node, blob_id
from bottle.workspace.staging import Found, Staging, StreamError

END = b'{"end": true}\n'


def line(**fields: Any) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def file(path: str, content: bytes, verdict: bytes = b"whole\n", **fields: Any) -> bytes:
    data = [[0, len(content)]] if content else []
    head = {"path": path, "kind": "file", "mode": 0o644, "size": len(content), "data": data}
    return line(**{**head, **fields}) + content + verdict


def taken(
    stream: bytes,
    into: Path,
    limit: int = 1 << 20,
    wanted: Callable[[PurePosixPath], bool] = lambda _path: True,
) -> dict[str, Found]:
    found = Staging(stream=io.BytesIO(stream), into=into, limit=limit, wanted=wanted).entries()
    return {str(entry.path): entry for entry in found}


def test_each_kind_is_taken_apart(tmp_path: Path) -> None:
    stream = (
        file("f", b"text", origin=True, mode=0o4755)
        + line(path="d", kind="folder", mode=0o2700, opaque=True)
        + line(path="d/l", kind="link", target="/x\udcff")
        + line(path="gone", kind="gone")
        + line(path="p", kind="other")
        + line(path=".git", kind="git")
        + file("t", b"", verdict=b"torn\n")
        + END
    )

    found = taken(stream, tmp_path)

    content = found["f"].content
    assert content is not None
    assert content.read_bytes() == b"text"
    assert content.parent == tmp_path
    assert found["f"].new == Node(kind=Kind.FILE, mode=0o755, size=4, blob=blob_id(b"text"))
    assert found["f"].origin
    assert found["d"] == Found(path=PurePosixPath("d"), new=Node(kind=Kind.FOLDER, mode=0o700), opaque=True)
    assert found["d/l"].new == Node(kind=Kind.LINK, target="/x\udcff", blob=blob_id(b"/x\xff"))
    assert found["gone"] == Found(path=PurePosixPath("gone"))
    assert found["p"].special
    assert found[".git"].git
    assert found["t"].torn


def test_holes_stay_holes_and_count_in_the_name(tmp_path: Path) -> None:
    size = 64 << 20
    stream = line(
        path="f", kind="file", mode=0o644, size=size, data=[[4096, 2], [size - 3, 3]]
    ) + b"abcdewhole\n"  # fmt: skip

    found = taken(stream + END, tmp_path, limit=size)["f"]

    expected = bytearray(size)
    expected[4096:4098], expected[-3:] = b"ab", b"cde"
    assert found.content is not None
    assert found.content.stat().st_blocks * 512 < 1 << 20
    assert found.new is not None
    assert found.new.blob == blob_id(bytes(expected))


def test_no_more_is_staged_than_the_limit(tmp_path: Path) -> None:
    stream = file("a", b"x" * 60) + file("big", b"x" * 41) + END
    with pytest.raises(BottleError, match=r"more than 100 B.*the last one was big with 41 B") as raised:
        taken(stream, tmp_path, limit=100)
    assert raised.value.hint == "name the PATHs that you want to see"

    giant = line(path="giant", kind="file", mode=0o644, size=1 << 50, data=[]) + b"whole\n"
    with pytest.raises(BottleError, match="more than 100 B"):
        taken(giant + END, tmp_path, limit=100)


def test_what_is_not_wanted_is_not_staged(tmp_path: Path) -> None:
    stream = file("big", b"x" * 200) + file("small", b"x") + END

    found = taken(stream, tmp_path, limit=100, wanted=lambda path: path.name == "small")

    assert set(found) == {"small"}
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../x", "a/../../x", "a/..", "", ".", "a//b", "./a", "a/", "a\0b", None, 7]
)
def test_a_path_that_leads_out_ends_it(tmp_path: Path, path: object) -> None:
    with pytest.raises(StreamError, match="no path of a workspace"):
        taken(line(path=path, kind="gone") + END, tmp_path)


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        line(path="a", kind="gone"),
        b"nonsense\n",
        b"[1]\n",
        b"[" * 100_000,
        file("a", b"text")[:-1],
        file("a", b"text")[:-8],
        file("a", b"text", verdict=b"?\n") + END,
        line(path="a", kind="file", mode=0, size=4, data=[[2, 4]]) + b"abcdwhole\n" + END,
        line(path="a", kind="file", mode=0, size=4, data=[[2, 1], [0, 1]]) + b"abwhole\n" + END,
        line(path="a", kind="file", mode=0, size=4, data=[[-1, 1]]) + b"awhole\n" + END,
        line(path="a", kind="strange") + END,
    ],
)
def test_a_stream_that_breaks_off_or_is_none_is_an_error(tmp_path: Path, stream: bytes) -> None:
    with pytest.raises(StreamError):
        taken(stream, tmp_path)


def test_what_the_scanner_says_is_passed_on(tmp_path: Path) -> None:
    with pytest.raises(StreamError, match="folders are nested"):
        taken(line(error="folders are nested more than 400 deep"), tmp_path)


def test_too_many_entries_are_an_error(tmp_path: Path) -> None:
    stream = io.BytesIO(line(path="a", kind="gone") * 4)
    with pytest.raises(BottleError, match="more than 3 files"):
        list(Staging(stream=stream, into=tmp_path, limit=1, wanted=lambda _path: True, most=3).entries())
