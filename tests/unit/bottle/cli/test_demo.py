import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bottle.cli import demo
from bottle.errors import BottleError, EnvironmentLacksError
from bottle.launch.launcher import LiveBottle
from bottle.proc import Completed
from support.command_line import CommandLine
from support.fakes import FakeBottle

STEP = demo._STEPS[0]


@contextmanager
def output(data: bytes) -> Iterator[int]:
    read_end, write_end = os.pipe()
    os.write(write_end, data)
    os.close(write_end)
    try:
        yield read_end
    finally:
        os.close(read_end)


def test_a_line_of_the_upstream_is_read_without_what_follows() -> None:
    with output(b'{"path": "/a"}\n{"path": "/b"}\n') as source:
        assert demo._line(source) == {"path": "/a"}
        assert demo._line(source) == {"path": "/b"}


def test_an_upstream_that_died_is_an_error_in_words() -> None:
    with output(b'{"pa') as source, pytest.raises(BottleError, match="gave no answer"):
        demo._line(source)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('{"reason": "No route."}', "No route."),
        ('{"hello": "x"}', '{"hello": "x"}'),
        ("[1]", "[1]"),
        ("plain", "plain"),
        ("", "curl: (56)"),
    ],
)
def test_a_refusal_is_told_in_the_sidecar_s_own_words(body: str, reason: str) -> None:
    assert demo._reason(demo._Outcome(status=403, body=body, complaint="curl: (56)")) == reason


def live(*curl: str) -> LiveBottle:
    bottle = FakeBottle(identity="demo-abcde", calls=[])
    return LiveBottle(
        bottle=bottle,
        identity="demo-abcde",
        argv=("bash",),
        env={demo._TOKEN: "placeholder", "PATH": os.pathsep.join((*curl, "/usr/bin", "/bin"))},
    )


def test_a_request_carries_the_placeholder_and_is_read_with_its_status(command_line: CommandLine) -> None:
    curl = command_line.folder / "curl"
    curl.write_text('#!/bin/sh\necho "$*"\nprintf "body\\n200"\necho complaint >&2\n')
    curl.chmod(0o755)
    outcome = demo._request(live(str(command_line.folder)), STEP)

    assert (outcome.status, outcome.complaint) == (200, "complaint")
    assert "Authorization: Bearer placeholder" in outcome.body
    assert f"-- {STEP.url}\n" in outcome.body


def test_a_sandbox_without_curl_is_told_what_it_lacks(command_line: CommandLine) -> None:
    curl = command_line.folder / "curl"
    curl.write_text("#!/bin/sh\nexit 127\n")
    curl.chmod(0o755)
    with pytest.raises(EnvironmentLacksError) as caught:
        demo._request(live(str(command_line.folder)), STEP)

    assert caught.value.hint == "sudo apt-get install -y curl"
    assert Completed(code=0, stdout=b"", stderr=b"").text == ""


def test_the_steps_show_what_the_readme_promises() -> None:
    assert [step.status for step in demo._STEPS] == [200, 403, 403, 403]


def test_an_unknown_backend_is_a_usage_error(command_line: CommandLine) -> None:
    assert command_line.run("demo", "--backend", "podman").code == 2
