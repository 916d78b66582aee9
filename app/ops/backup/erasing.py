"""Who had themselves erased after a backup was made is erased once more when it is brought back."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from app.config import Config
from app.contacts import erasing
from app.contacts.models import Contact
from app.contacts.suppressions import address_hash
from app.core.db import db, transaction

AT_ONCE = 1000


def erase_again(config: Config, hashes: Mapping[int, set[str]]) -> int:
    """`hashes`: account → keyed hashes of addresses. Returns how many people that were.

    Addresses are not known any more, so those of the account are all hashed: seconds for a
    million, and only where somebody was erased.
    """
    if not hashes:
        return 0
    from app.factory import create_app  # it knows every part, and the commands know it alone

    with create_app(config).app_context():
        try:
            return sum(_of_account(account, wanted) for account, wanted in hashes.items())
        finally:
            db.session.remove()
            db.engine.dispose()


def _of_account(account_id: int, wanted: set[str]) -> int:
    behind, n = 0, 0
    while True:
        rows = db.session.execute(
            sa.select(Contact.id, Contact.address)
            .where(Contact.account_id == account_id, Contact.id > behind)
            .order_by(Contact.id)
            .limit(AT_ONCE)
        ).all()
        if not rows:
            return n
        behind = rows[-1].id
        gone = [row.id for row in rows if address_hash(account_id, row.address) in wanted]
        if gone:
            with transaction():
                n += erasing.erase_many(account_id, gone, by="person")
