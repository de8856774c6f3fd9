import pytest

from bottle.proc import Command, run
from bottle.tree import blob_id


@pytest.mark.parametrize("content", [b"", b"text\n", b"\0\xff" * 1000])
def test_a_blob_has_the_name_that_git_gives_it(content: bytes) -> None:
    said = run(Command(argv=("git", "hash-object", "--stdin")), stdin=content)

    assert blob_id(content) == said.stdout.decode().strip()
