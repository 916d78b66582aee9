"""Signed links: a few numbers and a purpose, no address in clear.

A token is base64url(varints ‖ 16 bytes of keyed BLAKE2b, RFC 7693), with a key of its own for each
purpose, so that a token of one purpose means nothing to another. 128 bits cannot be guessed;
comparing takes constant time. A mail has eight of them, and BLAKE2b takes a quarter of HMAC's
time. Secrets of single use (resets, invitations, API) are random and stored as a hash instead.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable
from enum import StrEnum

from app.core.errors import DomainError

MAC_BYTES = 16
_TO_URL, _FROM_URL = bytes.maketrans(b"+/", b"-_"), bytes.maketrans(b"-_", b"+/")


class Purpose(StrEnum):
    """What a token may be used for."""

    OPEN = "open"
    CLICK = "click"
    UNSUBSCRIBE = "unsubscribe"
    PREFERENCES = "preferences"
    BROWSER = "browser"
    BOUNCE = "bounce"
    MESSAGE = "message"
    CONFIRM = "confirm"
    UNDO = "undo"
    HOOK = "hook"
    FORM = "form"
    CHOICES = "choices"
    ADDRESS = "address"
    PAGE = "page"
    SHARE = "share"
    SHARE_OPENED = "share opened"
    FRIEND = "friend"
    FOLLOW = "follow"
    UNFOLLOW = "unfollow"
    DOT = "dot"
    TICKET = "ticket"
    PERSON_REQUEST = "person request"


class BadToken(DomainError):
    """Unknown, cut or altered."""

    status = 404

    def __init__(self) -> None:
        super().__init__("This link is not complete. Copy the whole link from the mail.")


Seal = Callable[[bytes], bytes]
"""From packed numbers to the same with their seal behind them."""
_seals: dict[Purpose, Seal] = {}


def configure(secret: str) -> None:
    """Derive one key per purpose from the installation's secret."""
    for purpose in Purpose:
        _seals[purpose] = _sealing_with(derive_key(secret, f"token:{purpose.value}"))


def derive_key(secret: str, label: str) -> bytes:
    """32 bytes for one use, from the installation's secret."""
    return hmac.new(secret.encode(), f"leadersend:{label}".encode(), hashlib.sha256).digest()


def sign(purpose: Purpose, *numbers: int) -> str:
    """A token for a link: url-safe, case matters."""
    return spelled(_seals[purpose](packed(*numbers))).decode()


def seal_for(purpose: Purpose) -> Seal:
    """What `sign` does to packed numbers, for those who make many tokens."""
    return _seals[purpose]


def packed(*numbers: int) -> bytes:
    """Numbers as varints, one behind the other."""
    return _varint(numbers[0]) if len(numbers) == 1 else b"".join(map(_varint, numbers))


def spelled(sealed: bytes) -> bytes:
    """Sealed numbers as they stand in a link."""
    return binascii.b2a_base64(sealed, newline=False).translate(_TO_URL, b"=")


def read(purpose: Purpose, token: str) -> tuple[int, ...]:
    """The numbers that were signed. Raises BadToken."""
    try:
        padded = (token + "=" * (-len(token) % 4)).encode("ascii").translate(_FROM_URL, b"+/")
        raw = binascii.a2b_base64(padded, strict_mode=True)
    except ValueError:
        raise BadToken from None
    # The last character has bits that decoding ignores; one link has one spelling.
    if spelled(raw) != token.encode():
        raise BadToken
    return _opened(purpose, raw)


def sign_for_address(purpose: Purpose, *numbers: int) -> str:
    """A token for the local part of an address, which some servers write in lower case."""
    return _seals[purpose](packed(*numbers)).hex()


def read_from_address(purpose: Purpose, token: str) -> tuple[int, ...]:
    """As `read`, for `sign_for_address`."""
    try:
        raw = binascii.unhexlify(token)
    except ValueError:
        raise BadToken from None
    return _opened(purpose, raw)


def secret() -> str:
    """A random secret of 256 bits for a link or an API token."""
    return secrets.token_urlsafe(32)


def hashed(value: str) -> str:
    """How a random secret is stored: SHA-256, hex. Enough, since the secret itself is 256 bits."""
    return hashlib.sha256(value.encode()).hexdigest()


def _sealing_with(key: bytes) -> Seal:
    ready = hashlib.blake2b(key=key, digest_size=MAC_BYTES)

    def seal(payload: bytes) -> bytes:
        mac = ready.copy()
        mac.update(payload)
        return payload + mac.digest()

    return seal


def _opened(purpose: Purpose, raw: bytes) -> tuple[int, ...]:
    payload = raw[:-MAC_BYTES]
    if not payload or not hmac.compare_digest(raw, _seals[purpose](payload)):
        raise BadToken
    return _numbers(payload)


def _varint(number: int) -> bytes:
    if number < 0:
        raise ValueError("Only numbers from 0 up can be signed.")
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _numbers(payload: bytes) -> tuple[int, ...]:
    numbers, value, shift = [], 0, 0
    for byte in payload:
        value |= (byte & 0x7F) << shift
        if byte & 0x80:
            shift += 7
        else:
            numbers.append(value)
            value, shift = 0, 0
    return tuple(numbers)
