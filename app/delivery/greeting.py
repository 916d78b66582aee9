"""Welcome mails: people who came by a form become Deliveries of its welcome campaign."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from app.accounts import standing
from app.campaigns import content, greeting
from app.campaigns.models import Campaign, Greeting
from app.contacts.models import ContactList, FormEntry, SignUpForm
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import DomainError
from app.delivery import linking, tallying
from app.delivery.models import Batch, Delivery

#: People of one Batch.
AT_ONCE = 500


def greet() -> list[int]:
    """Make what is due ready to go out; returns Batches to wake workers for.

    The mark on the entry is taken off in the transaction that writes the Delivery, so nobody is
    greeted twice and nobody is forgotten.
    """
    batches = []
    for form_id in _waiting():
        with transaction():
            if batch_id := _greet_of(form_id):
                batches.append(batch_id)
    return batches


def _waiting() -> Sequence[int]:
    found = db.session.scalars(
        sa.select(FormEntry.form_id)
        .join(SignUpForm, SignUpForm.id == FormEntry.form_id)
        .where(FormEntry.is_to_greet, standing.may_send(SignUpForm.account_id))
        .distinct()
        .limit(100)
    ).all()
    db.session.rollback()
    return found


def _greet_of(form_id: int) -> int | None:
    mail = db.session.get(Greeting, form_id, populate_existing=True)
    people = _take(form_id)
    if mail is None or not mail.is_on or mail.campaign_id is None or not people:
        return None
    campaign = db.session.get(Campaign, mail.campaign_id, with_for_update=True)
    if campaign is None or campaign.state not in ("sent", "sending", "paused"):
        return None
    greeting.aim(campaign, _lists(campaign.account_id, people))
    try:
        linking.keep(campaign, content.compile(campaign))
    except DomainError as error:
        tallying.note(campaign.id, f"Nobody was greeted: {error}")
        return None
    return _write(campaign, [contact_id for contact_id, _ in people])


def _take(form_id: int) -> list[tuple[int, list[int]]]:
    """Contact and lists of those whose turn it is; their mark is taken off."""
    chosen = (
        sa.select(FormEntry.id)
        .where(FormEntry.form_id == form_id, FormEntry.is_to_greet)
        .order_by(FormEntry.id)
        .limit(AT_ONCE)
    )
    rows = db.session.execute(
        sa.update(FormEntry)
        .where(FormEntry.id.in_(chosen), FormEntry.is_to_greet)
        .values(is_to_greet=False)
        .returning(FormEntry.contact_id, FormEntry.lists)
        .execution_options(synchronize_session=False)
    ).all()
    return [(row[0], row[1]) for row in rows]


def _lists(account_id: int, people: list[tuple[int, list[int]]]) -> set[int]:
    """Those lists that are there still."""
    asked = {list_id for _, lists in people for list_id in lists}
    return set(
        db.session.scalars(
            sa.select(ContactList.id).where(
                ContactList.account_id == account_id, ContactList.id.in_(asked)
            )
        )
    )


def _write(campaign: Campaign, contact_ids: list[int]) -> int | None:
    had_it = set(
        db.session.scalars(
            sa.select(Delivery.contact_id).where(
                Delivery.contact_id.in_(contact_ids), Delivery.campaign_id == campaign.id
            )
        )
    )
    due = [contact_id for contact_id in contact_ids if contact_id not in had_it]
    if not due:
        return None
    last = db.session.scalar(
        sa.select(sa.func.max(Batch.number)).where(Batch.campaign_id == campaign.id)
    )
    batch = Batch(campaign_id=campaign.id, number=(last or 0) + 1, size=len(due), state="ready")
    db.session.add(batch)
    db.session.flush()
    rows = [
        Delivery(campaign_id=campaign.id, contact_id=contact_id, batch_id=batch.id, state="pending")
        for contact_id in due
    ]
    db.session.add_all(rows)
    db.session.flush()
    batch.first_id, batch.last_id = min(one.id for one in rows), max(one.id for one in rows)
    tallying.shift(campaign.id, {("pending", ""): len(rows)})
    campaign.move("sent", to="sending", finished_at=None, started_at=now())
    return batch.id
