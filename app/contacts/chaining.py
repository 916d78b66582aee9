"""Sealing: what was added to the record of consents comes under a hash that holds all before.

An entry costs nothing when it is written, a million at a time by an import. A tick seals what is
there, and whoever shows evidence asks for it at once. Two at a time do no harm: the seal's number
is unique, and the slower one leaves it to the other. A crash leaves entries that the next run
seals.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.accounts.models import Account
from app.contacts import canon
from app.contacts.models import Consent, ConsentSeal
from app.core.clock import now
from app.core.db import db, dialect_name, transaction

#: Entries under one seal, at most: evidence of one entry reads so many.
BLOCK = 1024
#: Seals written in one transaction, which lasts some milliseconds.
AT_ONCE = 2
#: How long to wait for those who are writing entries just now.
PATIENCE_S = 2.0


def due(*, limit: int = 1000) -> Sequence[int]:
    """Accounts with entries that no seal holds."""
    newest = (
        sa.select(sa.func.max(Consent.id)).where(Consent.account_id == Account.id).scalar_subquery()
    )
    sealed = (
        sa.select(sa.func.max(ConsentSeal.last_id))
        .where(ConsentSeal.account_id == Account.id)
        .scalar_subquery()
    )
    query = sa.select(Account.id).where(
        newest > sa.func.coalesce(sealed, 0), Account.erased_since.is_(None)
    )
    return db.session.scalars(query.order_by(Account.id).limit(limit)).all()


def head(account_id: int) -> ConsentSeal | None:
    """The account's newest seal; its hash commits to everything under it."""
    return db.session.scalar(
        sa.select(ConsentSeal)
        .where(ConsentSeal.account_id == account_id)
        .order_by(ConsentSeal.number.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    )


def seal(account_id: int, *, within_s: float = 60.0) -> int:
    """Seal what is there, in transactions of its own; returns how many entries.

    Stops when `within_s` is over; the rest is for the next time.
    """
    end, done = time.monotonic() + within_s, 0
    until = _settled(account_id)
    while until and time.monotonic() < end:
        last = head(account_id)
        rows = _unsealed(account_id, after=last.last_id if last else 0, until=until)
        db.session.rollback()  # nothing is held while hashing
        if not rows:
            break
        seals = _seals(account_id, rows, last)
        if not _write(seals):
            break
        done += len(rows)
    return done


def _unsealed(account_id: int, *, after: int, until: int) -> Sequence[sa.Row[tuple[object, ...]]]:
    query = (
        sa.select(*canon.COLUMNS)
        .where(Consent.account_id == account_id, Consent.id > after, Consent.id <= until)
        .order_by(Consent.id)
        .limit(BLOCK * AT_ONCE)
    )
    return db.session.connection().execute(query).all()


def _seals(
    account_id: int, rows: Sequence[sa.Row[tuple[object, ...]]], last: ConsentSeal | None
) -> list[ConsentSeal]:
    number, before = (last.number, last.hash) if last else (0, "")
    made: list[ConsentSeal] = []
    for part in (rows[at : at + BLOCK] for at in range(0, len(rows), BLOCK)):
        hashes, ids = canon.leaves(part), [int(row[0]) for row in part]  # type: ignore[call-overload]
        number += 1
        one = ConsentSeal(
            account_id=account_id, number=number, first_id=ids[0], last_id=ids[-1],
            entries=len(ids), root=canon.root_of(hashes), before=before, at=now(),
            marks=canon.marks_of(ids, hashes),
        )  # fmt: skip
        one.hash = before = canon.seal_hash(one)
        made.append(one)
    return made


def _write(seals: list[ConsentSeal]) -> bool:
    """False where somebody else was quicker, or the account is gone."""
    try:
        # Not in bulk: whoever takes evidence away takes this hash along, at any moment from now.
        with transaction() as session:
            session.add_all(seals)
    except IntegrityError:
        return False
    return True


def _settled(account_id: int) -> int:
    """Up to which id all entries are there that ever will be; 0 where nobody can say just now.

    PostgreSQL hands out ids before their rows can be seen, so a later id may be there earlier.
    Whoever writes has locked the table before getting an id: once those who had it locked when
    the newest entry was seen are gone, nothing is missing before it.
    """
    newest = _newest(account_id)
    if dialect_name() != "postgresql" or not newest:
        return newest
    waiting, end = _writers(), time.monotonic() + PATIENCE_S
    while waiting:
        if time.monotonic() > end:
            return 0
        time.sleep(0.02)
        waiting &= _writers()
    return newest


def _newest(account_id: int) -> int:
    query = sa.select(sa.func.max(Consent.id)).where(Consent.account_id == account_id)
    found = db.session.connection().execute(query).scalar() or 0
    db.session.rollback()
    return int(found)


def _writers() -> set[str]:
    """Transactions of PostgreSQL that are adding entries, or may be."""
    found = db.session.connection().execute(
        sa.text(
            "SELECT virtualtransaction FROM pg_locks WHERE relation = 'consent'::regclass "
            "AND mode = 'RowExclusiveLock' AND pid <> pg_backend_pid() "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
    )
    writers = set(found.scalars())
    db.session.rollback()
    return writers
