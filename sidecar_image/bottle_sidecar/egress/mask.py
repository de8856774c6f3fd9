"""Masks the bottle's secrets in what an upstream sends back: headers, streamed bodies, WebSocket messages.

A compressed body is decompressed on the way, since a secret cannot be seen in it otherwise.
"""

from collections.abc import Iterable, Sequence

from mitmproxy import http

from bottle_sidecar.egress.decoding import Decoder, decoded, decoders
from bottle_sidecar.policy.masking import Masker, Needles


class BodyMask:
    """The `stream` of a response: takes what came, gives what may go on. Never an empty chunk."""

    def __init__(self, needles: Needles, undo: Sequence[Decoder] = ()) -> None:
        self._masker = Masker(needles)
        self._undo = undo

    def __call__(self, data: bytes) -> Iterable[bytes]:
        """An empty `data` is the end of the body. Raises UnreadableBodyError."""
        masked = self._masker.feed(decoded(self._undo, data))
        if not data:
            masked += self._masker.finish()
        return [masked] if masked else []


class ResponseMask:
    """Masks one bottle's secrets in responses."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Masks these from now on; bodies under way answer requests that knew nothing of new ones."""
        self._needles = Needles(secrets)
        self._whole = Masker(self._needles)

    def headers(self, headers: http.Headers) -> None:
        mask = self._whole.mask
        headers.fields = tuple((mask(name), mask(value)) for name, value in headers.fields)

    def body(self, response: http.Response) -> BodyMask:
        """A mask for the body, whose headers then tell the new length. Raises UnreadableBodyError."""
        undo = decoders(response.headers.get("content-encoding", ""))
        if undo:
            response.headers.pop("content-encoding", None)
            response.headers.pop("content-length", None)
            if response.is_http11:
                response.headers["transfer-encoding"] = "chunked"
        return BodyMask(self._needles, undo)

    def message(self, content: bytes) -> bytes:
        return self._whole.mask(content)
