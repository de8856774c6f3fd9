from pathlib import Path

from bottle.assets import Assets


def test_the_digest_is_what_tells_two_apart() -> None:
    root = Path("/cache/assets")

    assert Assets(root=root, digest="a") == Assets(root=root, digest="a")
    assert Assets(root=root, digest="a") != Assets(root=root, digest="b")
