"""Runs inside a sandbox with a network stack of its own (gVisor), by `python3 -c`: standard library only.

    python3 -c SOURCE UNIX_SOCKET PORT

Listens on 127.0.0.1:PORT and joins each connection to UNIX_SOCKET, which the sidecar serves. Prints
`up` once it listens; ends when its standard input does. It runs as the agent's user: an agent that
kills it cuts off its own way out.
"""

import asyncio
import sys
from contextlib import suppress

_CHUNK = 65536
_AT_ONCE = 256
"""As many as the sidecar serves. With more, its queue would fill, and gVisor's `connect` then stops this
whole process, which alone could empty it."""


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The end of what is read is handed on; so is a reset, or the other side would wait for ever."""
    try:
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()


async def _join(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        try:
            out_reader, out_writer = await asyncio.open_unix_connection(path)
            try:
                await asyncio.gather(_pump(reader, out_writer), _pump(out_reader, writer))
            finally:
                out_writer.close()
        finally:
            writer.close()


async def forward(path: str, port: int) -> None:
    capacity = asyncio.Semaphore(_AT_ONCE)

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with capacity:
            await _join(path, reader, writer)

    server = await asyncio.start_server(join, "127.0.0.1", port)
    print("up", flush=True)  # noqa: T201 - the owner waits for this line
    async with server:
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)


if __name__ == "__main__":
    asyncio.run(forward(sys.argv[1], int(sys.argv[2])))
