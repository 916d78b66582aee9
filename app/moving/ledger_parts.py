"""Parts of a take-out about the record of consents, in a form that anybody can verify."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from app.contacts import canon
from app.contacts.bulk import among
from app.contacts.models import Consent, ConsentSeal
from app.core.canonical import plain
from app.core.db import db
from app.moving.parts import CHUNK, Chunk, Key, Scope, by_id, chunk, table

_SEAL = ("account_id", "number", "first_id", "last_id", "entries", "root", "before", "hash", "at")


# Before the consents, so that every entry under a seal of the file is in the file.
@table(
    "consent_seals.jsonl",
    "Hashes over the ledger, each of which holds all before it: whoever noted one on another day "
    "can tell whether the ledger was altered since.",
    covers=("consent_seal",),
)
def seals(scope: Scope, after: Key | None) -> Chunk:
    """{account_id, number, first_id, last_id, entries, root, before, hash, at}."""
    rows = db.session.execute(
        sa.select(*(getattr(ConsentSeal, name) for name in _SEAL))
        .where(ConsentSeal.account_id == scope.account.id, ConsentSeal.number > (after or [0])[0])
        .order_by(ConsentSeal.number)
        .limit(CHUNK)
    ).all()
    told = [{**row._asdict(), "at": plain(row.at)} for row in rows]
    return chunk(told, lambda row: [row["number"]])


@table(
    "consents.jsonl",
    "The whole ledger: who agreed to what, when, how, in which words, and who took it back.",
    covers=("consent",),
)
def consents(scope: Scope, after: Key | None) -> Chunk:
    """Every column, and the salt of what is personal; an erased person's lines have neither
    contact_id nor anything personal, only the digest of it in `proof`."""
    found = by_id(Consent, scope, after)
    _empty([row for row in found.rows if row["contact_id"] is None and row["proof"] is None])
    for row in found.rows:
        row["salt"] = "" if row["proof"] else canon.salt(scope.account.id, row["id"])
    return found


def _empty(orphans: Iterable[dict[str, Any]]) -> None:
    """Their person went just now, and the sweep has not emptied them yet."""
    rows = {row["id"]: row for row in orphans}
    if not rows:
        return
    raw = db.session.connection().execute(
        sa.select(*canon.COLUMNS).where(among(Consent.id, list(rows)))
    )
    for one in raw:
        proof = canon.entry(one).personal_digest
        rows[one[0]].update(address=None, wording="", evidence={}, proof=proof)
