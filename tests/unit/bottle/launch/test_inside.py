from bottle.launch.inside import capture
from support.fakes import FakeBottle


def test_what_a_command_prints_and_how_it_ends() -> None:
    bottle = FakeBottle(identity="dev-abcde", calls=[])
    done = capture(
        bottle, ("sh", "-c", "cat; echo out; echo err >&2; echo $X; exit 3"), {"X": "x", "PATH": "/bin"}
    )

    assert (done.code, done.stdout, done.stderr) == (3, b"out\nx\n", b"err\n")
    assert bottle.requests[0].cwd == "/workspace"
