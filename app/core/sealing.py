"""Secrets at rest (relay passwords): sealed with a key that is not in the database."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken

from app.core.errors import DomainError
from app.core.tokens import derive_key

_box: list[Fernet] = []


class Unreadable(DomainError):
    """Sealed with another key: SECRET_KEY has changed since."""

    status = 409


def configure(secret: str) -> None:
    """Derive the sealing key from the installation's secret."""
    _box[:] = [box_of(secret)]


def box_of(secret: str) -> Fernet:
    """The sealing key of a secret, whether it is this installation's or not."""
    return Fernet(base64.urlsafe_b64encode(derive_key(secret, "sealing")))


def seal(value: str) -> str:
    """Text that only this installation can open again."""
    return _box[0].encrypt(value.encode()).decode()


def seal_bytes(content: bytes) -> bytes:
    """As `seal`, for a file."""
    return _box[0].encrypt(content)


def unseal_bytes(sealed: bytes) -> bytes:
    """The file again. Raises Unreadable."""
    try:
        return _box[0].decrypt(sealed)
    except InvalidToken:
        raise Unreadable(
            "This file cannot be read with the present SECRET_KEY, or was altered."
        ) from None


def unseal(sealed: str) -> str:
    """The value again. Raises Unreadable."""
    try:
        return _box[0].decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Unreadable(
            "A stored password cannot be read with the present SECRET_KEY. Enter it again."
        ) from None
