"""The sidecar's end of the control channel: messages from the host on stdin, answers on stdout."""

import asyncio
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from bottle_sidecar.control.protocol import VERSION, Message, Shutdown, Start, from_json, to_json

LIMIT = 16 * 1024 * 1024  # bytes of one message; a policy may carry several CA bundles


class ProtocolError(Exception):
    """The host sent something that this sidecar cannot act on; the text is for the operator."""


class ControlServer:
    """Reads the host's messages. End of file counts as Shutdown: the owner is gone."""

    def __init__(self, reader: asyncio.StreamReader, answers: TextIO) -> None:
        self._reader = reader
        self._answers = answers

    @classmethod
    async def on_standard_streams(cls) -> "ControlServer":
        reader = asyncio.StreamReader(limit=LIMIT)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        return cls(reader, sys.stdout)

    async def start(self) -> Start | Shutdown:
        """The first message. Raises ProtocolError."""
        message = await self._receive()
        if isinstance(message, Shutdown):
            return message
        if not isinstance(message, Start):
            raise ProtocolError(f"expected a start message, got {type(message).__name__}")
        if message.version != VERSION:
            raise ProtocolError(f"the host speaks control version {message.version}, the sidecar {VERSION}")
        return message

    async def shutdown(self, hear: Callable[[Message], None]) -> None:
        """Returns when the host wants the end: by a message, by closing its end, or by talking nonsense.

        What else it says goes to `hear`.
        """
        try:
            while not isinstance(message := await self._receive(), Shutdown):
                hear(message)
        except ProtocolError:
            return

    def send(self, message: Message) -> None:
        """Says something to the host; where it is gone, the end of stdin tells soon enough."""
        with suppress(BrokenPipeError):
            self._answers.write(json.dumps(to_json(message)) + "\n")
            self._answers.flush()

    async def _receive(self) -> Message:
        try:
            line = await self._reader.readline()
        except ValueError as error:
            raise ProtocolError(f"a control message is longer than {LIMIT} bytes") from error
        if not line.endswith(b"\n"):
            return Shutdown()
        try:
            document = json.loads(line)
            if not isinstance(document, dict):
                raise ProtocolError("a control message is not a JSON object")
            return from_json(document)
        except ValueError as error:
            raise ProtocolError(str(error)) from None
