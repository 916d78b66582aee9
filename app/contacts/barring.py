"""Who of many must not be mailed, by address and by the hashes that erased people left."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from app.contacts import suppressions, travelling
from app.contacts.bulk import among
from app.contacts.models import Suppression
from app.core.db import db


def barred(account_id: int, addresses: Sequence[str]) -> dict[str, str]:
    """Normalised address → reason; "erased" also for whom only a hash keeps out."""
    named = sa.select(Suppression.address, Suppression.reason).where(
        Suppression.account_id == account_id, among(Suppression.address, addresses)
    )
    found = {row.address: row.reason for row in db.session.execute(named) if row.address}
    return {**found, **dict.fromkeys(erased(account_id, addresses), "erased")}


def erased(account_id: int, addresses: Sequence[str]) -> set[str]:
    """Whose address was forgotten here: nobody may bring them back but they themselves."""
    nameless = sa.select(Suppression.address_hash).where(
        Suppression.account_id == account_id, Suppression.address.is_(None)
    )
    if db.session.scalar(nameless.limit(1)) is None:
        return set()
    hashes = {suppressions.address_hash(account_id, address): address for address in addresses}
    hashes |= travelling.foreign_hashes(account_id, addresses)
    hits = nameless.where(among(Suppression.address_hash, list(hashes)))
    return {hashes[hit] for hit in db.session.scalars(hits)}
