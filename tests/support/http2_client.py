"""A small blocking HTTP/2 client that sends whatever headers it is told to."""

import ssl
from collections.abc import Sequence

import h2.config
import h2.connection
import h2.events
import h2.exceptions
from attrs import define, field

Headers = Sequence[tuple[str, str]]


@define
class Stream:
    """One exchange. `reset` is the error code where the other side gave it up."""

    headers: dict[str, str] = field(factory=dict)
    trailers: dict[str, str] = field(factory=dict)
    body: bytearray = field(factory=bytearray)
    ended: bool = False
    reset: int | None = None

    @property
    def status(self) -> int:
        return int(self.headers[":status"])


class Http2Client:
    """Speaks on a TLS connection that negotiated h2. Without `acknowledge` it never opens a window again."""

    def __init__(self, connection: ssl.SSLSocket, *, acknowledge: bool = True) -> None:
        assert connection.selected_alpn_protocol() == "h2"
        self._socket = connection
        self._acknowledge = acknowledge
        config = h2.config.H2Configuration(
            client_side=True,
            header_encoding="utf-8",
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self.connection = h2.connection.H2Connection(config)
        self.streams: dict[int, Stream] = {}
        self.connection.initiate_connection()
        self.flush()

    def begin(self, headers: Headers, *, end: bool = True) -> int:
        number = self.connection.get_next_available_stream_id()
        self.streams[number] = Stream()
        self.connection.send_headers(number, list(headers), end_stream=end)
        self.flush()
        return number

    def request(self, host: str, path: str = "/", *, method: str = "GET", body: bytes = b"") -> Stream:
        head = [(":method", method), (":scheme", "https"), (":authority", host), (":path", path)]
        number = self.begin(head, end=not body)
        if body:
            self.send(number, body, end=True)
        return self.finish(number)

    def send(self, number: int, data: bytes, *, end: bool = False) -> None:
        """Sends data as fast as the windows permit."""
        while data:
            room = min(
                self.connection.local_flow_control_window(number), self.connection.max_outbound_frame_size
            )
            if not room:
                assert self.receive()
                continue
            self.connection.send_data(number, data[:room])
            data = data[room:]
            self.flush()
        if end:
            self.connection.end_stream(number)
            self.flush()

    def finish(self, number: int) -> Stream:
        """Receives until the stream has ended."""
        stream = self.streams[number]
        while not stream.ended:
            if not self.receive():
                stream.ended = True
        return stream

    def receive(self) -> bool:
        """Takes what came; False at the end of the connection."""
        try:
            data = self._socket.recv(65536)
            received = self.connection.receive_data(data) if data else []
        except (ConnectionError, ssl.SSLError, h2.exceptions.ProtocolError):
            return False
        for event in received:
            self._on(event)
        self.flush()
        return bool(data)

    def flush(self) -> None:
        data = self.connection.data_to_send()
        if data:
            self._socket.sendall(data)

    def _on(self, event: object) -> None:
        match event:
            case h2.events.ResponseReceived():
                self.streams[event.stream_id].headers.update(event.headers or ())  # type: ignore[arg-type]
            case h2.events.TrailersReceived():
                self.streams[event.stream_id].trailers.update(event.headers or ())  # type: ignore[arg-type]
            case h2.events.DataReceived():
                self.streams[event.stream_id].body += event.data
                if self._acknowledge:
                    self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.StreamEnded():
                self.streams[event.stream_id].ended = True
            case h2.events.StreamReset():
                self.streams[event.stream_id].reset = event.error_code
                self.streams[event.stream_id].ended = True
            case h2.events.ConnectionTerminated():
                for stream in self.streams.values():
                    stream.ended = True
