"""A one-shot inside the agent's network namespace: makes its one exit, hands it over, looks for others.

    python -m bottle_sidecar.listener SOCKET [ADDRESS…]

SOCKET is where the sidecar waits for the listener; ADDRESSes are the host's, for the probe. Prints
`{"findings": […]}` and ends with 0; ends with 1 and a message where the exit could not be made.
"""

import argparse
import fcntl
import json
import socket
import struct
import sys
import time
from collections.abc import Sequence

from bottle_sidecar import probe
from bottle_sidecar.control.handover import HandoverError, send_listener

BACKLOG = 512
_RETRY = 0.01  # seconds
_SIOCSIFFLAGS = 0x8914
_IFF_UP_RUNNING = 0x41


def open_listener(port: int) -> socket.socket:
    """A TCP listener on 127.0.0.1 of this namespace. Brings `lo` up where it is down. Raises OSError."""
    if not probe.is_up("lo"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP_RUNNING))
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def hand_over(path: str, listener: socket.socket, seconds: float) -> None:
    """Gives the listener to the sidecar, which may take up to `seconds` to be there. Raises HandoverError."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return send_listener(path, listener)
        except HandoverError as error:
            absent = isinstance(error.__cause__, FileNotFoundError | ConnectionRefusedError)
            if not absent or time.monotonic() > deadline:
                raise
        time.sleep(_RETRY)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bottle_sidecar.listener")
    parser.add_argument("socket", help="where the sidecar waits")
    parser.add_argument("addresses", nargs="*", help="addresses of the host, for the probe")
    parser.add_argument("--port", type=int, default=probe.PORT)
    parser.add_argument("--identity", default=None)
    parser.add_argument("--wait", type=float, default=0.0, help="seconds to wait for the sidecar to be there")
    options = parser.parse_args(arguments)
    try:
        with open_listener(options.port) as listener:
            hand_over(options.socket, listener, options.wait)
    except OSError as error:
        sys.stderr.write(f"the bottle's exit cannot be made: {error}\n")
        return 1
    findings = probe.run(options.addresses, port=options.port, identity=options.identity)
    sys.stdout.write(json.dumps({"findings": findings}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
