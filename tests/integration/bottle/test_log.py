"""The audit log of a whole bottle, as its operator reads it."""

import json
from tempfile import TemporaryFile

from bottle import proc
from support.certificates import CertificateAuthority
from support.project import BottleProject, shell_agent
from support.sites import route
from support.upstreams import Upstream

TASK = "curl -sS https://api.example.com/v1?q=1; curl -sS https://refused.example.com/x"


def test_a_log_is_followed_live_outlives_its_bottle_and_holds(
    project: BottleProject, upstream: Upstream, authority: CertificateAuthority
) -> None:
    project.write(shell_agent([route(authority, upstream)]))
    outcome = project.run("run", "shell", TASK)
    (path,) = (project.home / "logs").glob("*.jsonl")

    shown = project.run("log", path.stem)
    verified = project.run("log", path.stem[:-2], "--verify")
    usage = json.loads(project.run("log", path.stem, "--usage", "--json").out)["data"]

    assert outcome.err
    assert "api.example.com/v1 sent 0 B" in shown.out
    assert "refused.example.com/x [route.unknown-host]" in shown.out
    assert "?" not in shown.out
    assert (verified.code, verified.out.endswith("all in order, closed\n")) == (0, True)
    assert usage["hosts"]["api.example.com"]["requests"] == 1
    assert usage["hosts"]["refused.example.com"]["blocked"] == 1
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    cut = project.run("log", path.stem, "--verify")
    assert (cut.code, "the end was cut off" in cut.out) == (1, True)


def test_following_ends_with_the_bottle(project: BottleProject) -> None:
    project.write(shell_agent())
    with TemporaryFile() as ran, TemporaryFile() as followed:
        bottle = project.spawn("run", "shell", "curl -sS https://a.example.com; sleep 3", stdout=ran)
        while not any(b"refused" in path.read_bytes() for path in (project.home / "logs").glob("*.jsonl")):
            assert proc.wait(bottle, 0.05) is None
        (path,) = (project.home / "logs").glob("*.jsonl")
        follower = project.spawn("log", path.stem, "--follow", "--json", stdout=followed)
        assert proc.wait(bottle) == 0
        assert proc.wait(follower) == 0
        followed.seek(0)
        assert followed.read() == path.read_bytes()
