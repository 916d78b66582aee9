"""A recipient leaves, comes back, or chooses: what the links of a mail may do.

A link stands for one mail to one person. Whoever holds the mail may take them out; putting them
back is possible from the page that took them out. Everything here is idempotent.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from app.accounts.models import Account
from app.campaigns.models import Campaign, CampaignAudience
from app.contacts import consent, suppressions
from app.contacts.models import Contact, ContactList, Subscription
from app.core import settings, tokens
from app.core.clock import now
from app.core.db import db
from app.core.errors import NotFound
from app.core.tokens import Purpose
from app.delivery import deciding, heirs
from app.delivery.models import Delivery, Event
from app.tracking.counting import Counts


@dataclass(frozen=True)
class Visit:
    """Whose mail a link came from."""

    campaign: Campaign
    delivery: Delivery | None = None
    """None for a test mail."""
    contact: Contact | None = None
    """None for a test mail, and once the person was erased."""

    @property
    def account(self) -> Account:
        """The sender, as recipients see it."""
        return self.campaign.account

    @property
    def is_test(self) -> bool:
        """Whether the mail was a test, whose links change nothing."""
        return self.delivery is None

    def evidence(self) -> dict[str, int]:
        """What the proof of a change names."""
        delivery_id = self.delivery.id if self.delivery else 0
        return {"campaign": self.campaign.id, "delivery": delivery_id}


def visit(purpose: Purpose, token: str) -> Visit:
    """The mail behind a link. Raises BadToken, or NotFound for what was removed since."""
    return visit_of(tokens.read(purpose, token))


def visit_of(numbers: tuple[int, ...]) -> Visit:
    """As `visit`, from the numbers of a token: a delivery; or 0 and a campaign for tests."""
    is_test = len(numbers) == 2 and numbers[0] == 0
    delivery = db.session.get(Delivery, numbers[0]) if len(numbers) == 1 else None
    campaign_id = numbers[1] if is_test else delivery.campaign_id if delivery else 0
    campaign = db.session.get(Campaign, campaign_id)
    if campaign is None:
        raise NotFound("The mail behind this link")
    if delivery is None:
        return Visit(campaign)
    return Visit(campaign, delivery, heirs.person_of(delivery))


def is_out(guest: Visit) -> bool:
    """Whether the person has left, as opposed to being kept out for another reason."""
    contact = guest.contact
    if contact is None:
        return False
    found = suppressions.find(contact.account_id, contact.address)
    return found is not None and found.by_person


def leave(guest: Visit, *, source: str) -> bool:
    """End all mail of the account to this person; False when that was so already."""
    if guest.delivery is None or guest.contact is None:
        return False
    left = consent.withdraw(guest.contact, source=source, evidence=guest.evidence())
    if left:
        _note(guest, "unsubscribe", reason=source, people=1)
    _prove_arrival(guest.delivery)
    return left


def come_back(guest: Visit) -> bool:
    """Undo: the person gets mail again; False when nothing had to be undone."""
    if guest.contact is None:
        return False
    back = consent.restore(guest.contact, source="undo", evidence=guest.evidence())
    if back:
        _note(guest, "undo", reason="undo", people=-1)
    return back


def leave_lists(guest: Visit, list_ids: Collection[int], *, source: str = "link") -> int:
    """End subscriptions of this person in this account; returns how many there were."""
    contact = guest.contact
    if contact is None:
        return 0
    # Also those that ended since the page was made: the person's own no is kept.
    chosen = db.session.scalars(
        sa.select(ContactList)
        .join(Subscription, Subscription.list_id == ContactList.id)
        .where(Subscription.contact_id == contact.id, ContactList.id.in_(list_ids))
        .order_by(ContactList.id)
    )
    return sum(
        consent.leave_list(contact, found, source=source, evidence=guest.evidence())
        for found in chosen.all()
    )


def lists_of(guest: Visit) -> Sequence[ContactList]:
    """The lists that this person is on."""
    if guest.contact is None:
        return []
    return db.session.scalars(
        sa.select(ContactList)
        .join(Subscription, Subscription.list_id == ContactList.id)
        .where(Subscription.contact_id == guest.contact.id, Subscription.state == "active")
        .order_by(ContactList.name, ContactList.id)
    ).all()


def lists_behind(guest: Visit) -> Sequence[ContactList]:
    """Those of them that this mail went to."""
    aimed_at = set(
        db.session.scalars(
            sa.select(CampaignAudience.list_id).where(
                CampaignAudience.campaign_id == guest.campaign.id,
                CampaignAudience.excluded.is_(False),
            )
        )
    )
    return [found for found in lists_of(guest) if found.id in aimed_at]


def undo_token(guest: Visit) -> str:
    """Lets the page that took somebody out put them back."""
    if guest.delivery is None:
        return tokens.sign(Purpose.UNDO, 0, guest.campaign.id)
    return tokens.sign(Purpose.UNDO, guest.delivery.id)


def address_by_mail(unsubscribe_token: str) -> str:
    """The address that takes somebody out by mail; empty for a test. Needs no database."""
    numbers = tokens.read(Purpose.UNSUBSCRIBE, unsubscribe_token)
    if len(numbers) != 1:
        return ""
    by_mail = tokens.sign_for_address(Purpose.UNSUBSCRIBE, *numbers)
    return f"u+{by_mail}@{settings.get().MAIL_DOMAIN}"


def _note(guest: Visit, kind: str, *, reason: str, people: int) -> None:
    """Write the Event and keep the counter of those who left."""
    if guest.delivery is None:
        return
    moment = now()
    db.session.add(
        Event(
            campaign_id=guest.campaign.id, delivery_id=guest.delivery.id,
            contact_id=guest.contact.id if guest.contact else None, kind=kind, at=moment,
            reason=reason,
        )
    )  # fmt: skip
    db.session.flush()
    counts = Counts()
    if kind == "unsubscribe":
        counts.hit(guest.campaign.id, kind, "", at=moment)
    counts.person(guest.campaign.id, "unsubscribe", "", n=people)
    counts.write()


def _prove_arrival(delivery: Delivery) -> None:
    """Only who got the mail can leave by it."""
    if delivery.state == "uncertain":
        deciding.prove_arrival(delivery.id)
