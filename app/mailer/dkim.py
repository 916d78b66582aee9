"""DKIM signatures (RFC 6376; RFC 8301: rsa-sha256 with 2048 bits; RFC 8463: ed25519-sha256).

Relaxed canonicalization of header and body. A campaign's mails differ in a few header fields and
in the body, so a key is loaded once and every signature works on bytes that are ready to send.
From and what a reader relies on are signed once more than they occur, so that nobody can add
another one (section 5.4.2 and 8.15); `l=` is never used.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

PrivateKey = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

#: Signed as often as they occur and once more.
OVERSIGNED = (
    b"from", b"to", b"subject", b"date", b"reply-to", b"message-id", b"list-unsubscribe",
    b"list-unsubscribe-post",
)  # fmt: skip
#: Signed where they occur.
SIGNED = (
    b"list-id",
    b"feedback-id",
    b"mime-version",
    b"content-type",
    b"content-transfer-encoding",
)
RSA_BITS = 2048
_BLANKS = re.compile(rb"[ \t]+")
_FOLDS = re.compile(rb"\r\n(?=[ \t])")


class BadKey(ValueError):
    """Not a private key that can sign."""


@dataclass(frozen=True)
class Signer:
    """One key under one name: `selector`._domainkey.`domain` holds its public half."""

    domain: str
    selector: str
    key: PrivateKey

    @classmethod
    def from_pem(cls, domain: str, selector: str, pem: bytes) -> Signer:
        """From an unencrypted PEM. Raises BadKey."""
        try:
            key = serialization.load_pem_private_key(pem, None)
        except ValueError as error:
            raise BadKey(f"This is not a private key: {error}") from None
        if isinstance(key, rsa.RSAPrivateKey) and key.key_size < 1024:
            raise BadKey("RSA keys below 1024 bits are refused everywhere; make a new one.")
        if not isinstance(key, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
            raise BadKey("Only RSA and Ed25519 keys can sign mail.")
        return cls(domain, selector, key)

    @property
    def algorithm(self) -> str:
        """As in the a= tag."""
        return "rsa-sha256" if isinstance(self.key, rsa.RSAPrivateKey) else "ed25519-sha256"

    def record(self) -> str:
        """The TXT record to publish at `selector`._domainkey.`domain`."""
        public = self.key.public_key()
        if isinstance(public, rsa.RSAPublicKey):
            raw = public.public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            return f"v=DKIM1; k=rsa; p={base64.b64encode(raw).decode()}"
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return f"v=DKIM1; k=ed25519; p={base64.b64encode(raw).decode()}"

    def _sign(self, data: bytes) -> bytes:
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        # RFC 8463 section 3: Ed25519 signs the SHA-256 digest.
        return self.key.sign(hashlib.sha256(data).digest())


def make_key(kind: str) -> bytes:
    """A new private key as PEM; `kind` is rsa or ed25519."""
    key: PrivateKey = (
        rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
        if kind == "rsa"
        else ed25519.Ed25519PrivateKey.generate()
    )
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def sign(message: bytes, signers: Sequence[Signer], *, at: int | None = None) -> bytes:
    """The message with a DKIM-Signature for each signer on top. `message` has CRLF lines."""
    head, _, body = message.partition(b"\r\n\r\n")
    fields = [_field(raw) for raw in _FOLDS.sub(b"", head).split(b"\r\n")]
    body_hash = base64.b64encode(hashlib.sha256(relaxed_body(body)).digest())
    names, canonical = _chosen(fields)
    stamp = int(time.time()) if at is None else at
    signatures = [
        _signature(signer, names, canonical, body_hash=body_hash, at=stamp) for signer in signers
    ]
    return b"".join(signatures) + message


def relaxed_body(body: bytes) -> bytes:
    """RFC 6376 section 3.4.4."""
    lines = [_BLANKS.sub(b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def _field(raw: bytes) -> tuple[bytes, bytes]:
    """Name and value, relaxed (section 3.4.2)."""
    name, _, value = raw.partition(b":")
    return name.strip().lower(), _BLANKS.sub(b" ", value).strip(b" ")


def _chosen(fields: list[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
    """The h= tag, and the canonical form of what it names; the last of a name comes first."""
    names: list[bytes] = []
    canonical: list[bytes] = []
    for name in (*OVERSIGNED, *SIGNED):
        values = [value for field, value in fields if field == name]
        canonical += [name + b":" + value + b"\r\n" for value in reversed(values)]
        names += [name] * (len(values) + (name in OVERSIGNED))
    return b":".join(names), b"".join(canonical)


def _signature(
    signer: Signer, names: bytes, canonical: bytes, *, body_hash: bytes, at: int
) -> bytes:
    tags = (
        f"v=1; a={signer.algorithm}; c=relaxed/relaxed; d={signer.domain}; "
        f"s={signer.selector}; t={at}; "
    ).encode()
    value = _folded(tags + b"h=" + names + b"; bh=" + body_hash + b"; b=")
    field = b"dkim-signature:" + _BLANKS.sub(b" ", _FOLDS.sub(b"", value))
    told = base64.b64encode(signer._sign(canonical + field))
    lines = b"".join(b"\r\n  " + told[i : i + 72] for i in range(0, len(told), 72))
    return b"DKIM-Signature: " + value + lines + b"\r\n"


def _folded(value: bytes) -> bytes:
    """A tag a line, and lines of at most 78."""
    return b";\r\n ".join(_wrapped(part) for part in value.split(b"; "))


def _wrapped(part: bytes) -> bytes:
    if not part.startswith(b"h="):
        return part
    lines, line = [], b""
    for name in part.split(b":"):
        if len(line) + len(name) > 70:
            lines.append(line)
            line = b""
        line += (b":" if line or lines else b"") + name
    return b"\r\n  ".join([*lines, line])
