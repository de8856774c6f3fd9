"""A small HTTPS server for `bottle demo`: an upstream with a certificate of its own, beside the sidecar.

Its one argument is the host name or address to serve on. It prints one JSON line with its address and CA,
then one for each request that reached it, and ends when its standard input does.
"""

import datetime as dt
import json
import os
import socket
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "api.demo.test"
_LIFETIME = dt.timedelta(days=1)


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
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(key)
    server = ThreadingHTTPServer((socket.gethostbyname(sys.argv[1]), 0), _Handler)
    server.daemon_threads = True
    server.socket = _context(key, certificate).wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host, port = server.server_address[:2]
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    _tell({"address": f"{host!s}:{port}", "ca_pem": pem})
    sys.stdin.buffer.read()


def _tell(line: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _LIFETIME)
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )


def _context(key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with os.fdopen(os.memfd_create("certificate"), "wb") as file:  # the key touches no disk
        file.write(certificate.public_bytes(serialization.Encoding.PEM))
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
    return context


if __name__ == "__main__":
    main()
