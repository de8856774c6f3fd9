import asyncio
import io
import json

import pytest

from bottle_sidecar.control.protocol import Exit, Failed, Message, Remark, Renew, Shutdown, Start, to_json
from bottle_sidecar.control.server import ControlServer, ProtocolError
from bottle_sidecar.policy.document import Policy

START = Start(identity="demo-abcde", policy=Policy(), exit=Exit(handover="/x"))


def received(*lines: bytes, limit: int = 2**16) -> Start | Shutdown:
    async def run() -> Start | Shutdown:
        reader = asyncio.StreamReader(limit=limit)
        for line in lines:
            reader.feed_data(line)
        reader.feed_eof()
        return await ControlServer(reader, io.StringIO()).start()

    return asyncio.run(run())


def line(message: Message) -> bytes:
    return json.dumps(to_json(message)).encode() + b"\n"


def test_start() -> None:
    assert received(line(START)) == START


@pytest.mark.parametrize("lines", [(), (line(START)[:-1],), (b'{"kind": "shutdown"}\n',)])
def test_an_end_before_the_start(lines: tuple[bytes, ...]) -> None:
    assert received(*lines) == Shutdown()


@pytest.mark.parametrize(
    "text", [b"\n", b"x\n", b"[]\n", b'{"kind": "start"}\n', b'{"kind": "failed", "message": ""}\n']
)
def test_nonsense(text: bytes) -> None:
    with pytest.raises(ProtocolError):
        received(text)


def test_another_version() -> None:
    with pytest.raises(ProtocolError, match="version 1"):
        received(line(Start(version=1, identity="a", policy=Policy(), exit=Exit(handover="/x"))))


def test_an_endless_line() -> None:
    with pytest.raises(ProtocolError, match="longer"):
        received(b"x" * 100_000, limit=1000)


@pytest.mark.parametrize(
    "text", [b'{"kind": "shutdown"}\n', b"", b"nonsense\n", line(START) + b'{"kind": "shutdown"}\n']
)
def test_shutdown(text: bytes) -> None:
    async def run() -> None:
        reader = asyncio.StreamReader()
        reader.feed_data(text)
        reader.feed_eof()
        async with asyncio.timeout(10):
            await ControlServer(reader, io.StringIO()).shutdown(lambda _: None)

    asyncio.run(run())


def test_answers_are_lines() -> None:
    async def run() -> str:
        out = io.StringIO()
        ControlServer(asyncio.StreamReader(), out).send(Failed(message="a\nb"))
        return out.getvalue()

    text = asyncio.run(run())
    assert text.count("\n") == 1
    assert json.loads(text) == {"kind": "failed", "message": "a\nb"}


def test_what_is_said_before_the_shutdown_is_heard() -> None:
    heard: list[Message] = []
    said: list[Message] = [
        Renew(tokens={"T": "v"}),
        Remark(reason="r"),
        Shutdown(),
        Remark(reason="too late"),
    ]

    async def run() -> None:
        reader = asyncio.StreamReader()
        for message in said:
            reader.feed_data(line(message))
        async with asyncio.timeout(10):
            await ControlServer(reader, io.StringIO()).shutdown(heard.append)

    asyncio.run(run())
    assert heard == said[:2]
