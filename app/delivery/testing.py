"""Test mails: made by the engine's own renderer, sent at once by the sender's relay."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from app.accounts import relays
from app.campaigns import queries
from app.campaigns.models import Campaign
from app.contacts.models import Contact
from app.core.db import db
from app.core.errors import DomainError, Invalid
from app.delivery import rendering
from app.mailer.address import Address, BadAddress, parse
from app.mailer.message import BadHeader
from app.mailer.smtp import send_one

PATIENCE_S = 20


class TestFailed(DomainError):
    """The mail server did not take a test mail; the message has its words."""

    status = 422
    __test__ = False


def send_test(campaign: Campaign, to: Sequence[str]) -> None:
    """Send the campaign as it is now to any addresses. Raises Invalid or TestFailed.

    A contact of that address lends it the values for merge tags. Nothing is counted.
    """
    addresses = [_address(text) for text in to]
    if not addresses:
        raise Invalid("Give an address to send the test to.", {"to": ["Give an address."]})
    _demand_confirmed(campaign)
    try:
        mold = rendering.compile_test(campaign)
    except BadHeader as error:
        raise Invalid(str(error)) from None
    relay = relays.for_sender(campaign.account_id, campaign.from_email)
    account = campaign.account
    mails = []
    for address in addresses:
        contact = db.session.scalar(
            sa.select(Contact).where(
                Contact.account_id == account.id, Contact.address == address.address
            )
        )
        reader = rendering.reader_of(account, contact, email=address.email)
        mails.append((address.envelope, mold.render(reader)))
    # No socket while the database is held.
    db.session.rollback()
    for envelope, content in mails:
        outcome = send_one(relay, f"test@{mold.domain}", envelope, content, patience_s=PATIENCE_S)
        if outcome.kind != "accepted":
            words = f"{outcome.code} {outcome.text}" if outcome.code else outcome.text
            raise TestFailed(f"The test to {envelope} did not go out. {words}")


def _demand_confirmed(campaign: Campaign) -> None:
    """Nobody writes in another's name, not even a test."""
    sender = queries.sender(campaign.account_id, campaign.from_email)
    if sender is None or sender.confirmed_at is None:
        who = campaign.from_email or "The sender"
        raise Invalid(
            f"{who} is not confirmed yet, so nothing can be sent in its name.",
            {"from_email": ["Choose a confirmed sender."]},
        )


def _address(text: str) -> Address:
    try:
        return parse(text)
    except BadAddress as error:
        message = f"{text}: {error}"
        raise Invalid(message, {"to": [message]}) from None
