"""Erased people stay out when an account moves, and their addresses travel in no form.

`Suppression.address_hash` is keyed with the installation's secret, which no file may hold. So a
person who is erased leaves a second hash, keyed for this account and for this use alone. That key
goes with a take-out; where it was taken in, addresses are compared with hashes made by each key
that came. Whoever has the file can try whether a certain address is among them, one by one; no
address can be read from it, and other accounts' hashes are made with other keys.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import sqlalchemy as sa

from app.contacts.models import SuppressionKey
from app.core import sealing, settings
from app.core.db import db
from app.core.tokens import derive_key

KEY_BYTES = 32
NAME_LENGTH = 16


@dataclass(frozen=True)
class TravelKey:
    """A key with the name by which rows refer to it."""

    secret: bytes

    @property
    def name(self) -> str:
        """Tells keys apart and nothing about them."""
        return hashlib.sha256(b"leadersend:travel:" + self.secret).hexdigest()[:NAME_LENGTH]

    def hash(self, address: str) -> str:
        """Of a normalised address, hex."""
        return hmac.digest(self.secret, address.encode(), "sha256").hex()


def own_key(account_id: int) -> TravelKey:
    """What this account's erased people are hashed with."""
    return _derived(settings.get().SECRET_KEY, account_id)


@lru_cache(maxsize=256)
def _derived(secret: str, account_id: int) -> TravelKey:
    return TravelKey(derive_key(secret, f"travel:{account_id}"))


def foreign_keys(account_id: int) -> list[TravelKey]:
    """Keys that came with take-outs; most accounts have none."""
    rows = db.session.scalars(
        sa.select(SuppressionKey.sealed_key)
        .where(SuppressionKey.account_id == account_id)
        .order_by(SuppressionKey.name)
    )
    return [TravelKey(bytes.fromhex(sealing.unseal(sealed))) for sealed in rows]


def keys(account_id: int) -> list[TravelKey]:
    """All that hashes of this account may have been made with, its own first."""
    own = own_key(account_id)
    return [own, *(key for key in foreign_keys(account_id) if key != own)]


def add_key(account_id: int, key: TravelKey) -> None:
    """Compare addresses with this key's hashes from now on; harmless when it is there already.

    The account's own key too: its file may come back after the hashes were lost here.
    """
    known = {one.name for one in foreign_keys(account_id)}
    if key.name not in known:
        sealed = sealing.seal(key.secret.hex())
        db.session.add(SuppressionKey(account_id=account_id, name=key.name, sealed_key=sealed))
        db.session.flush()


def foreign_hashes(account_id: int, addresses: Iterable[str]) -> dict[str, str]:
    """What these addresses would be under keys that came with take-outs: hash → address."""
    found: Sequence[TravelKey] = foreign_keys(account_id)
    if not found:
        return {}
    return {key.hash(address): address for address in addresses for key in found}
