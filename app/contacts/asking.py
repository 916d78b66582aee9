"""Mails that ask somebody to confirm that they signed up.

An address gets one such mail a day from an account, and three an hour from all accounts of the
installation together, however often and by whomever it is typed in. The row that says so is
claimed by one conditional statement, so two requests at once send one mail.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from app.accounts import notices
from app.accounts.models import Account
from app.contacts import handles
from app.contacts.models import ConfirmationMail, Contact, ContactList
from app.contacts.signup.words import Words
from app.core import settings, tokens
from app.core.clock import now
from app.core.db import db, insert
from app.core.errors import TooMany

EVERY = timedelta(days=1)
#: Mails of this kind an hour to one address, over all accounts.
PER_ADDRESS = 3
#: People an account may ask in a day; whom the operator vouches for has no limit.
PER_ACCOUNT = 2_000
LINK_LIFE = timedelta(days=30)


class AskedEnough(TooMany):
    """The account has asked as many people today as it may."""

    def __init__(self) -> None:
        super().__init__(
            f"An account can ask {PER_ACCOUNT:,} people a day to confirm. Go on tomorrow."
        )


def ask(
    contact: Contact,
    lists: Sequence[ContactList],
    *,
    language: str = "en",
    again: bool = False,
) -> bool:
    """Mail a link by which the person confirms these lists; False when they were asked lately.

    `again`: the owner reminds somebody, which happens once. Nothing that a visitor typed stands
    in the mail. Raises AskedEnough.
    """
    if not lists:
        return False
    account = db.session.get_one(Account, contact.account_id)
    demand_room(account)
    if not _claim(contact, again=again):
        return False
    notices.queue(
        "confirm_subscription",
        contact.email,
        account=account,
        t=Words(language, sender=account.name),
        lists=[list_.name for list_ in lists],
        link=link(contact, lists),
        days=LINK_LIFE.days,
        privacy=handles.privacy_page(account),
    )
    return True


def link(contact: Contact, lists: Sequence[ContactList]) -> str:
    """The public address of the page that confirms."""
    until = int((now() + LINK_LIFE).timestamp())
    first, *more = [list_.id for list_ in lists]
    token = tokens.sign(tokens.Purpose.CONFIRM, contact.id, first, until, *more)
    return f"{settings.get().BASE_URL}/subscribe/confirm/{token}"


def demand_room(account: Account) -> None:
    """Raises AskedEnough once the day's mails are used up."""
    if account.vouched:
        return
    today = (
        sa.select(sa.literal(1))
        .where(ConfirmationMail.account_id == account.id, ConfirmationMail.sent_at > now() - EVERY)
        .limit(PER_ACCOUNT)
        .subquery()
    )
    if (db.session.scalar(sa.select(sa.func.count()).select_from(today)) or 0) >= PER_ACCOUNT:
        raise AskedEnough


def was_asked(contact: Contact) -> bool:
    """Whether this account asked the person within the last day."""
    key = (contact.account_id, address_hash(contact.address))
    found = db.session.get(ConfirmationMail, key, populate_existing=True)
    return found is not None and found.sent_at > now() - EVERY


def address_hash(address: str) -> str:
    """The same for all accounts, so that their mails to one address can be counted together."""
    key = tokens.derive_key(settings.get().SECRET_KEY, "confirmation mails")
    return hmac.digest(key, address.encode(), "sha256").hex()


def forget_old() -> int:
    """Addresses that were asked long ago and have nobody to be reminded any more; how many."""
    gone = db.session.execute(
        sa.delete(ConfirmationMail).where(ConfirmationMail.sent_at < now() - 2 * LINK_LIFE)
    )
    return int(gone.rowcount)  # type: ignore[attr-defined]


def _claim(contact: Contact, *, again: bool) -> bool:
    hashed, moment = address_hash(contact.address), now()
    lately = sa.select(sa.func.count()).where(
        ConfirmationMail.address_hash == hashed,
        ConfirmationMail.sent_at > moment - timedelta(hours=1),
    )
    if (db.session.scalar(lately) or 0) >= PER_ADDRESS:
        return False
    row = insert(ConfirmationMail).values(
        account_id=contact.account_id,
        address_hash=hashed,
        sent_at=moment,
        reminded_at=moment if again else None,
    )
    is_due = [ConfirmationMail.sent_at <= moment - EVERY]
    if again:
        is_due.append(ConfirmationMail.reminded_at.is_(None))
    changes = {"sent_at": row.excluded.sent_at}
    if again:
        changes["reminded_at"] = row.excluded.reminded_at
    claimed = row.on_conflict_do_update(
        index_elements=["account_id", "address_hash"], set_=changes, where=sa.and_(*is_due)
    ).returning(ConfirmationMail.sent_at)
    return db.session.execute(claimed).first() is not None
