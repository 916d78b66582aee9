"""The public address of an account's pages for people: its name, and a short code.

The code is the account's number with a seal, so it needs no row, stays when the business is
renamed, and nobody finds other businesses by counting up.
"""

from __future__ import annotations

import base64
import binascii
import hmac

from app.accounts.models import Account
from app.contacts.fields import key_for
from app.core import settings, tokens
from app.core.db import db
from app.core.errors import NotFound
from app.core.tokens import Purpose

SEAL_BYTES = 5


def handle(account: Account) -> str:
    """As it stands in the address: bakery-aflh3xy2q."""
    code = base64.b32encode(_sealed(account.id)).decode().rstrip("=").lower()
    name = key_for(account.name)[:40].replace("_", "-").strip("-")
    return f"{name}-{code}"


def address(account: Account) -> str:
    """The page on which people ask for their link."""
    return f"{settings.get().BASE_URL}/choices/{handle(account)}"


def privacy_page(account: Account) -> str:
    """The account's own privacy page."""
    return f"{settings.get().BASE_URL}/privacy/of/{handle(account)}"


def account_of(text: str) -> Account:
    """The account behind a handle, whatever name stands before its code. Raises NotFound."""
    code = text.rpartition("-")[2].upper()
    try:
        raw = base64.b32decode(code + "=" * (-len(code) % 8))
    except (binascii.Error, ValueError):
        raise NotFound("This page") from None
    number = _number(raw[:-SEAL_BYTES])
    if not hmac.compare_digest(raw, _sealed(number)):
        raise NotFound("This page")
    account = db.session.get(Account, number)
    if account is None:
        raise NotFound("This page")
    return account


def _sealed(number: int) -> bytes:
    packed = number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")
    seal = tokens.seal_for(Purpose.PAGE)(packed)[len(packed) :]
    return packed + seal[:SEAL_BYTES]


def _number(packed: bytes) -> int:
    """0 for what nobody has."""
    return int.from_bytes(packed, "big") if 0 < len(packed) <= 7 else 0
