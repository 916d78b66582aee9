"""From identities: usable once the address itself has agreed by mail."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from app.accounts import auditing, mail_servers, notices
from app.accounts.models import Account, Member, Sender
from app.core import settings, tokens
from app.core.clock import now
from app.core.db import db
from app.core.errors import DomainError, Invalid
from app.core.owning import owned
from app.mailer import address as addresses
from app.plans import allowance

AT_MOST = 50


class DeadConfirmation(DomainError):
    """Answered, replaced by a newer mail, or never sent."""

    status = 410

    def __init__(self) -> None:
        super().__init__("This link has been used already or was replaced. The newest mail counts.")


def add(account: Account, by: Member, *, email: str, name: str = "") -> Sender:
    """A new From address; its mailbox gets a link to agree."""
    try:
        address = addresses.parse(email).address
    except addresses.BadAddress as error:
        raise Invalid(str(error), {"email": [str(error)]}) from None
    allowance.hold(account)
    existing = of_account(account)
    if any(sender.email == address for sender in existing):
        raise Invalid("This sender is there already.", {"email": ["It is in the list already."]})
    if len(existing) >= AT_MOST:
        raise Invalid(f"{AT_MOST} senders are enough. Remove one first.")
    allowance.demand_room(account, "senders", len(existing))
    relay = mail_servers.of_account(account.id)
    sender = Sender(
        account_id=account.id, email=address, name=name, relay_id=relay.id if relay else None
    )
    db.session.add(sender)
    db.session.flush()
    ask(account, sender)
    auditing.note(account, by, "sender.add", f"sender {sender.id}")
    return sender


def ask(account: Account, sender: Sender) -> None:
    """Mail a link to agree; earlier links die."""
    if sender.confirmed_at:
        raise Invalid("This sender is confirmed already.")
    secret = tokens.secret()
    sender.token_hash = tokens.hashed(secret)
    url = f"{settings.get().BASE_URL}/senders/confirm/{secret}"
    notices.queue("sender_confirm", sender.email, account=account, url=url)


def by_secret(secret: str) -> Sender:
    """The sender that a living link is about. Raises DeadConfirmation."""
    found = db.session.scalar(
        sa.select(Sender).where(
            Sender.token_hash == tokens.hashed(secret), Sender.confirmed_at.is_(None)
        )
    )
    if found is None:
        raise DeadConfirmation
    return found


def confirm(secret: str) -> Sender:
    """The mailbox agrees. Raises DeadConfirmation."""
    sender = by_secret(secret)
    sender.confirmed_at = now()
    sender.token_hash = None
    account = db.session.get(Account, sender.account_id)
    auditing.note(account, None, "sender.confirm", f"sender {sender.id}")
    return sender


def remove(account: Account, by: Member, sender: Sender) -> None:
    """No more mail from this address."""
    db.session.delete(sender)
    auditing.note(account, by, "sender.remove", f"sender {sender.id}")


def find(account: Account, sender_id: int) -> Sender:
    """One of the account's senders. Raises NotFound."""
    return owned(Sender, account.id, sender_id, "That sender")


def of_account(account: Account) -> Sequence[Sender]:
    """All of them, in order of their address."""
    return db.session.scalars(
        sa.select(Sender).where(Sender.account_id == account.id).order_by(Sender.email)
    ).all()


def business_of(sender: Sender) -> Account:
    """The account that wants to send from this address."""
    return db.session.get_one(Account, sender.account_id)
