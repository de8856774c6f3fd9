"""A small HTTPS server for `bottle demo`: an upstream with a certificate of its own, beside the sidecar.

Its one argument is the host name or address to serve on. It prints one JSON line with its address and CA,
then one for each request that reached it, and ends when its standard input does.
"""

import json
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bottle_sidecar.throwaway import ThrowAwayCertificate

HOST = "api.demo.test"


class _Handler(BaseHTTPRequestHandler):
    """Answers every GET with what it saw of the credential."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        authorization = self.headers.get("Authorization", "")
        _tell({"path": self.path, "authorization": authorization})
        body = json.dumps({"hello": "from the upstream", "you_sent": authorization}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's signature
        """Nothing: the requests are told on stdout."""


def main() -> None:
    certificate = ThrowAwayCertificate([HOST])
    server = ThreadingHTTPServer((socket.gethostbyname(sys.argv[1]), 0), _Handler)
    server.daemon_threads = True
    server.socket = certificate.context().wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host, port = server.server_address[:2]
    _tell({"address": f"{host!s}:{port}", "ca_pem": certificate.pem})
    sys.stdin.buffer.read()


def _tell(line: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
