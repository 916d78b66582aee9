"""One last mail to whoever has left on a page, where the account has written one."""

from __future__ import annotations

import sqlalchemy as sa

from app.accounts import notices, standing
from app.accounts.models import Account
from app.contacts import handles, suppressions
from app.contacts.models import Consent, Contact, PreferenceCentre
from app.core import settings
from app.core.db import db
from app.tracking.texts import Texts


def is_due(account: Account, contact: Contact | None) -> bool:
    """Whether somebody who leaves now gets it; ask before leaving, in the same transaction.

    Once in all, for whoever holds a mail can leave and come back in that person's name. Nobody
    gets it who is kept out already, dead addresses among them, nor from an account that must not
    send.
    """
    centre = db.session.get(PreferenceCentre, account.id)
    if contact is None or centre is None or not centre.goodbye or not standing.is_shown(account):
        return False
    # Of several buttons at once the later ones see what the first one did.
    db.session.execute(sa.select(Contact.id).where(Contact.id == contact.id).with_for_update())
    left = sa.select(Consent.id).where(
        Consent.contact_id == contact.id, Consent.kind == "withdrawn", Consent.list_id.is_(None)
    )
    return (
        suppressions.find(account.id, contact.address) is None
        and db.session.scalar(left.limit(1)) is None
    )


def say(account: Account, contact: Contact, *, language: str, undo: str = "") -> None:
    """Queue it, in the transaction of leaving; `undo` is the token that puts them back.

    For buttons on pages only: one click in a mail program, a mail or a complaint asks for silence.
    """
    centre = db.session.get_one(PreferenceCentre, account.id)
    base = settings.get().BASE_URL
    notices.queue(
        "goodbye",
        contact.email,
        account=account,
        t=Texts(language, sender=account.name),
        words=centre.goodbye,
        link=f"{base}/back/{undo}" if undo else "",
        privacy=handles.privacy_page(account),
    )
