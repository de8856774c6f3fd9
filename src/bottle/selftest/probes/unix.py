"""Unix sockets; goes into a bottle beside the attacks."""

import socket

SECONDS = 3


def connect(address: str) -> str:
    """Any answer but "there is no such thing" and "not allowed" means that something is there."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        with socket.socket(socket.AF_UNIX, kind) as made:
            made.settimeout(SECONDS)
            try:
                made.connect(address)
            except ProtocolError:
                continue
            return "connected"
    raise ProtocolError("no kind of socket fits")


class ProtocolError(OSError):
    """Never raised by the system."""
