"""Idempotency-Key: a POST that is repeated is answered as the first time and acts once.

The answer is written in the transaction of the act itself. So a key without an answer whose
request died means that nothing was done, and after a while the key may be used again.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

import sqlalchemy as sa

from app.accounts.models import IdempotencyKey
from app.api.problems import KeyInUse
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid

LONGEST_KEY = 255
#: No request takes longer; a key still unanswered then belonged to a process that died.
GIVEN_UP_AFTER = timedelta(minutes=15)
KEPT = timedelta(hours=48)


def fingerprint(*parts: bytes) -> str:
    """What makes two requests the same."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def begin(account_id: int, key: str, request_hash: str) -> IdempotencyKey:
    """Take the key, or find the answer already given (`status` is set then).

    Raises Invalid when the key was used for another request, KeyInUse while that one runs.
    """
    if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
        raise Invalid(f"An Idempotency-Key has 1 to {LONGEST_KEY} printable characters.")
    try:
        return _take(account_id, key, request_hash)
    except sa.exc.IntegrityError:
        return _known(account_id, key, request_hash)


def _take(account_id: int, key: str, request_hash: str) -> IdempotencyKey:
    with transaction() as session:
        moment = now()
        session.execute(
            sa.delete(IdempotencyKey).where(
                IdempotencyKey.account_id == account_id,
                IdempotencyKey.key == key,
                sa.or_(
                    IdempotencyKey.created_at < moment - KEPT,
                    sa.and_(
                        IdempotencyKey.status.is_(None),
                        IdempotencyKey.created_at < moment - GIVEN_UP_AFTER,
                    ),
                ),
            )
        )
        row = IdempotencyKey(account_id=account_id, key=key, request_hash=request_hash)
        session.add(row)
        session.flush()
    return row


def _known(account_id: int, key: str, request_hash: str) -> IdempotencyKey:
    row = db.session.scalar(
        sa.select(IdempotencyKey).where(
            IdempotencyKey.account_id == account_id, IdempotencyKey.key == key
        )
    )
    if row is None or (row.request_hash == request_hash and row.status is None):
        raise KeyInUse("The first request with this Idempotency-Key is still running. Ask again.")
    if row.request_hash != request_hash:
        raise Invalid("This Idempotency-Key was used for another request. Take a new key.")
    return row


def remember(row_id: int, status: int, body: str) -> None:
    """Keep the answer, inside the transaction of the act."""
    db.session.execute(
        sa.update(IdempotencyKey)
        .where(IdempotencyKey.id == row_id)
        .values(status=status, body=body)
    )


def forget(row_id: int) -> None:
    """Nothing was done: let the key be used again."""
    with transaction() as session:
        session.execute(sa.delete(IdempotencyKey).where(IdempotencyKey.id == row_id))


def forget_old() -> int:
    """Delete answers that nobody will ask for again; returns how many."""
    gone = db.session.execute(
        sa.delete(IdempotencyKey)
        .where(IdempotencyKey.created_at < now() - KEPT)
        .returning(IdempotencyKey.id)
    )
    return len(gone.all())
