"""Test mails: made by the engine's own renderer, sent at once by the sender's relay."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from app.accounts import relays
from app.accounts.models import Account, Member, Membership
from app.campaigns import queries
from app.campaigns.models import Campaign
from app.contacts import suppressions
from app.contacts.models import Contact
from app.core.db import db, transaction
from app.core.errors import DomainError, Invalid, TooMany
from app.delivery import allowing, rendering
from app.mailer.address import Address, BadAddress, parse
from app.mailer.message import BadHeader
from app.mailer.smtp import send_one

PATIENCE_S = 20
#: Test mails of an account in a day (UTC), so that nobody sends campaigns as tests.
PER_DAY = 100


class TestFailed(DomainError):
    """The mail server did not take a test mail; the message has its words."""

    status = 422
    __test__ = False


def send_test(campaign: Campaign, to: Sequence[str], *, seen_by: Contact | None = None) -> None:
    """Send the campaign as it is now to any addresses. Raises Invalid, TooMany or TestFailed.

    Merge tags are filled in as for `seen_by`; where that is nobody, as for the contact of that
    address. Nothing is counted. Call it outside of a transaction.
    """
    addresses = list({one.address: one for one in map(_address, to)}.values())
    if not addresses:
        raise Invalid("Give an address to send the test to.", {"to": ["Give an address."]})
    _demand_confirmed(campaign)
    for address in addresses:
        _demand_willing(campaign.account_id, address)
    try:
        mold = rendering.compile_test(campaign)
    except BadHeader as error:
        raise Invalid(str(error)) from None
    relay = relays.for_sender(campaign.account_id, campaign.from_email)
    account = campaign.account
    mails = []
    for address in addresses:
        reader = rendering.reader_of(
            account, seen_by or _contact(account, address), email=address.email
        )
        mails.append((address.envelope, mold.render(reader)))
    _take(account, len(mails))
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


def _demand_willing(account_id: int, address: Address) -> None:
    """Who left gets no test either, but for those who work here and try out the way to leave."""
    works_here = sa.select(Membership.id).where(
        Membership.account_id == account_id,
        Membership.member_id == Member.id,
        Member.email == address.address,
    )
    suppression = suppressions.find(account_id, address.address)
    if suppression and db.session.scalar(works_here.limit(1)) is None:
        message = f"{address.email} is never mailed, so no test goes there either."
        raise Invalid(message, {"to": [message]})


def _contact(account: Account, address: Address) -> Contact | None:
    return db.session.scalar(
        sa.select(Contact).where(
            Contact.account_id == account.id, Contact.address == address.address
        )
    )


def _take(account: Account, n: int) -> None:
    """Count test mails of the day, before they go. Whom the operator vouches for has no limit."""
    if account.vouched:
        return
    with transaction():
        if not allowing.take_whole(f"tests-{account.id}", n, per_day=PER_DAY):
            raise TooMany(
                f"An account can send {PER_DAY} test mails a day, and these would be more."
                " Go on tomorrow, or test with fewer addresses."
            )


def _address(text: str) -> Address:
    try:
        return parse(text)
    except BadAddress as error:
        message = f"{text}: {error}"
        raise Invalid(message, {"to": [message]}) from None
