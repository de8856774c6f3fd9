"""Messages and descriptors between the host and a warden."""

import os
import socket

import pytest

from bottle.jail import requests, wire
from bottle.jail.requests import Entry


def test_a_message_brings_its_descriptors_closed_on_exec() -> None:
    ours, theirs = socket.socketpair()
    read, write = os.pipe()
    with ours, theirs:
        wire.send(ours, {"text": "ü\udcff" * 1000}, [write])
        os.close(write)
        received = wire.receive(theirs)
        assert received is not None
        message, (descriptor,) = received
        assert message == {"text": "ü\udcff" * 1000}
        assert not os.get_inheritable(descriptor)
        os.write(descriptor, b"x")
        assert os.read(read, 1) == b"x"
    os.close(descriptor)
    os.close(read)


def test_the_end_of_the_stream_is_none_and_within_a_message_an_error() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        ours.close()
        assert wire.receive(theirs) is None
    ours, theirs = socket.socketpair()
    with theirs:
        ours.send(b"\0\0")
        ours.close()
        with pytest.raises(EOFError):
            wire.receive(theirs)


def test_a_length_beyond_reason_is_refused() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.send(b"\xff\xff\xff\xff")
        with pytest.raises(ValueError, match="too long"):
            wire.receive(theirs)


def test_a_request_comes_back_as_it_was() -> None:
    entry = Entry(
        pid=1,
        started=2,
        uid=1000,
        seccomp="",
        limits=(),
        cgroups=(),
        oom_score=0,
        argv=("a",),
        env={"A": "b"},
        cwd="/",
        terminal=None,
    )

    assert requests.from_json(requests.to_json(entry)) == entry
