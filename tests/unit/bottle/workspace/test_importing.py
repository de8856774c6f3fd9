import io
from pathlib import Path, PurePosixPath

import pytest

from bottle.tree import Kind, Node
from bottle.workspace.importing import Entry, git_mode, write_commit


@pytest.mark.parametrize(
    ("node", "mode"),
    [
        (Node(kind=Kind.FILE, mode=0o600), "100644"),
        (Node(kind=Kind.FILE, mode=0o711), "100755"),
        (Node(kind=Kind.FILE, mode=0o611), "100644"),
        (Node(kind=Kind.LINK, target="x"), "120000"),
        (Node(kind=Kind.FOLDER, mode=0o755), "040000"),
    ],
)
def test_modes_are_gits(node: Node, mode: str) -> None:
    assert git_mode(node) == mode


def test_names_and_contents_of_any_bytes_are_written(tmp_path: Path) -> None:
    content = tmp_path / "0"
    content.write_bytes(b"\n\xff")
    name = PurePosixPath('new\nline\\"\udcff')
    stream = io.BytesIO()

    write_commit(
        stream,
        "refs/heads/x",
        [
            Entry(path=name, node=Node(kind=Kind.FILE, mode=0o755), content=content),
            Entry(path=PurePosixPath("l"), node=Node(kind=Kind.LINK, target="\udcfe")),
        ],
    )

    assert stream.getvalue() == (
        b"commit refs/heads/x\ncommitter bottle <> 0 +0000\ndata 0\n\n"
        b'M 100755 inline "new\\nline\\\\\\"\xff"\ndata 2\n\n\xff\n'
        b'M 120000 inline "l"\ndata 1\n\xfe\n'
        b"\n"
    )
