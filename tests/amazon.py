"""A stand-in for Amazon SNS: a real https server on loopback, with certificates made on the spot.

It hands out the certificate that it signs reports with, and notes who confirms a subscription.
"""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from app.mailer.providers import ses

HOST = "sns.eu-west-1.amazonaws.com"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:bounces"
CERTIFICATE = f"https://{HOST}/SimpleNotificationService-0123456789abcdef.pem"


def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certify(
    name: str,
    private: rsa.RSAPrivateKey,
    *,
    by: tuple[x509.Certificate, rsa.RSAPrivateKey] | None = None,
    is_ca: bool = False,
    starts: timedelta = timedelta(days=-1),
    ends: timedelta = timedelta(days=30),
) -> x509.Certificate:
    """A certificate for `name`, signed by itself where nobody else is given."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    moment = datetime.now(UTC)
    signer = by[1] if by else private
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by[0].subject if by else subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment + starts)
        .not_valid_after(moment + ends)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)


class Amazon:
    """The server, its signing key, and what was asked of it."""

    def __init__(self, folder: Path) -> None:
        root, served, self.key = key(), key(), key()
        authority = certify("Tests", root, is_ca=True)
        server = certify(HOST, served, by=(authority, root))
        self.certificate = pem(certify("sns.amazonaws.com", self.key, by=(authority, root)))
        self.trusted = folder / "authority.pem"
        self.trusted.write_bytes(pem(authority))
        chain = folder / "server.pem"
        chain.write_bytes(
            pem(server)
            + served.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        self.asked: list[str] = []
        self.answer: Callable[[BaseHTTPRequestHandler], None] = self._usual
        self._start(chain)

    def _start(self, chain: Path) -> None:
        amazon = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                amazon.asked.append(self.path)
                amazon.answer(self)

            def log_message(self, *_arguments: Any) -> None:
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def connect(self, _host: str, timeout_s: float) -> socket.socket:
        """In place of resolving a name and judging its addresses."""
        return socket.create_connection(("127.0.0.1", self.port), timeout_s)

    def _usual(self, handler: BaseHTTPRequestHandler) -> None:
        body = self.certificate if handler.path.endswith(".pem") else b"<Confirmed/>"
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def sign(self, envelope: dict[str, Any], version: str = "2") -> dict[str, Any]:
        """Add what SNS adds."""
        method = hashes.SHA1() if version == "1" else hashes.SHA256()  # noqa: S303
        made = self.key.sign(ses.signed(envelope), padding.PKCS1v15(), method)
        return {
            **envelope, "SignatureVersion": version, "SigningCertURL": CERTIFICATE,
            "Signature": base64.b64encode(made).decode(),
        }  # fmt: skip
