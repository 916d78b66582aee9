"""Who looks at their preferences: by the link of a mail, or by one that was mailed on request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.accounts.models import Account
from app.contacts import suppressions
from app.contacts.models import Contact
from app.core import settings, tokens
from app.core.clock import now
from app.core.db import db
from app.core.errors import DomainError, NotFound
from app.core.tokens import BadToken, Purpose
from app.tracking import leaving
from app.tracking.leaving import Visit

#: How long a link works that somebody asked for.
LINK_LIFE = timedelta(days=3)


class LinkOver(DomainError):
    """A link that was mailed on request, and came too late."""

    status = 410

    def __init__(self, account: Account) -> None:
        self.account = account
        super().__init__("This link is over. Get a new one by mail.")


@dataclass(frozen=True)
class Guest:
    """A person, or nobody where the mail was a test or the person was erased."""

    account: Account
    contact: Contact | None
    token: str
    mail: Visit | None = None
    """The mail whose link it was; None for a link that was mailed on request."""
    is_preview: bool = False
    """The owner looks at what people will see."""

    @property
    def is_test(self) -> bool:
        """Nothing they do changes anything."""
        return self.is_preview or (self.mail is not None and self.mail.is_test)

    @property
    def is_fresh(self) -> bool:
        """Came by a link that went to their own mailbox a short time ago: a mail of a campaign
        may have been passed on to anybody since."""
        return self.mail is None and not self.is_preview

    @property
    def is_out(self) -> bool:
        """Whether they have left the account altogether."""
        if self.contact is None:
            return False
        found = suppressions.find(self.contact.account_id, self.contact.address)
        return found is not None and found.by_person

    def evidence(self) -> dict[str, Any]:
        """What the proof of a change names."""
        return {"page": "preferences", **(self.mail.evidence() if self.mail else {"link": "asked"})}


def visit(token: str) -> Guest:
    """Whoever holds this link. Raises BadToken, LinkOver, NotFound."""
    try:
        numbers = tokens.read(Purpose.CHOICES, token)
    except BadToken:
        mail = leaving.visit(Purpose.PREFERENCES, token)
        return Guest(mail.account, mail.contact, token, mail)
    if len(numbers) != 3:
        raise BadToken
    contact_id, account_id, until = numbers
    account = db.session.get(Account, account_id)
    if account is None:
        raise NotFound("This page")
    if until < now().timestamp():
        raise LinkOver(account)
    contact = db.session.get(Contact, contact_id)
    # A contact's number is never given to another, nor does a contact change its account.
    return Guest(account, contact, token)


def link(contact: Contact) -> str:
    """The public address of somebody's preferences, for a mail to themselves."""
    until = int((now() + LINK_LIFE).timestamp())
    token = tokens.sign(Purpose.CHOICES, contact.id, contact.account_id, until)
    return f"{settings.get().BASE_URL}/p/{token}"
