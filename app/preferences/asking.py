"""A link to one's preferences, mailed to whoever types in an address that is known.

The request only writes a row, the same for every address; the tick looks whether anybody is known
by it. So neither the answer nor how long it takes tells anything.
"""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from app.accounts import notices
from app.accounts.models import Account
from app.contacts import handles
from app.contacts.models import Contact, LinkRequest
from app.contacts.suppressions import address_hash
from app.core.clock import now
from app.core.db import db, insert, transaction
from app.mailer.address import parse
from app.preferences import guests
from app.tracking.texts import Texts

#: Links that are mailed to one address of one account in a day.
MOST_A_DAY = 3
DAY = timedelta(days=1)


def ask(account: Account, email: str, *, language: str = "en") -> None:
    """Somebody wants the link for this address. Raises BadAddress."""
    _note(account.id, parse(email).address, language)


def _note(account_id: int, address: str, language: str) -> None:
    moment = now()
    row = insert(LinkRequest).values(
        account_id=account_id, address_hash=address_hash(account_id, address), address=address,
        language=language, n=1, since=moment,
    )  # fmt: skip
    is_old = LinkRequest.since < moment - DAY
    statement = row.on_conflict_do_update(
        index_elements=["account_id", "address_hash"],
        set_={
            "address": row.excluded.address,
            "language": row.excluded.language,
            "n": sa.case((is_old, 1), else_=LinkRequest.n + 1),
            "since": sa.case((is_old, row.excluded.since), else_=LinkRequest.since),
        },
        where=sa.or_(LinkRequest.n < MOST_A_DAY, is_old),
    )
    db.session.execute(statement)


def mail_links(limit: int = 50) -> int:
    """Mail the links that were asked for; returns how many. Several at once do no harm."""
    waiting = db.session.scalars(
        sa.select(LinkRequest.id)
        .where(LinkRequest.address.is_not(None))
        .order_by(LinkRequest.id)
        .limit(limit)
    ).all()
    return sum(_mail(request_id) for request_id in waiting)


def _mail(request_id: int) -> bool:
    with transaction():
        request = db.session.get(
            LinkRequest, request_id, with_for_update=True, populate_existing=True
        )
        if request is None or request.address is None:
            return False
        contact = db.session.scalar(
            sa.select(Contact).where(
                Contact.account_id == request.account_id, Contact.address == request.address
            )
        )
        request.address = None
        if contact is not None:
            queue(contact, request.language)
    return contact is not None


def queue(contact: Contact, language: str) -> None:
    """Put the mail with the link in line. Nothing that a visitor typed stands in it."""
    account = db.session.get_one(Account, contact.account_id)
    notices.queue(
        "preferences_link",
        contact.email,
        account=account,
        t=Texts(language, sender=account.name),
        link=guests.link(contact),
        days=guests.LINK_LIFE.days,
        privacy=handles.privacy_page(account),
    )


def forget_old() -> int:
    """Remove requests that count no more; returns how many."""
    gone = db.session.execute(
        sa.delete(LinkRequest)
        .where(LinkRequest.since < now() - DAY, LinkRequest.address.is_(None))
        .returning(LinkRequest.id)
    )
    return len(gone.all())
