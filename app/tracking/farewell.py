"""One last mail to whoever has left on a page, where the account has written one."""

from __future__ import annotations

from app.accounts import notices
from app.accounts.models import Account
from app.contacts import handles
from app.contacts.models import Contact, PreferenceCentre
from app.core import settings
from app.core.db import db
from app.tracking.texts import Texts


def say(account: Account, contact: Contact | None, *, language: str, undo: str = "") -> bool:
    """Queue it, in the transaction of leaving; `undo` is the token that puts them back.

    For buttons on pages only: one click in a mail program, a mail or a complaint asks for silence.
    """
    centre = db.session.get(PreferenceCentre, account.id)
    if contact is None or centre is None or not centre.goodbye:
        return False
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
    return True
