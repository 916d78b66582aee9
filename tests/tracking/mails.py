"""A campaign that was sent, as rows: what a reader's links stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from app.accounts.models import Account
from app.campaigns.models import Campaign, CampaignAudience
from app.contacts.models import Contact, ContactList, Subscription, Suppression
from app.core.clock import now
from app.core.db import db, transaction
from app.core.tokens import Purpose, sign
from app.delivery.models import Batch, Delivery, Event, Link, Tally
from app.tracking.models import HourScore, Score

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"
READER = {"User-Agent": BROWSER}


@dataclass
class Sent:
    """Rows of a campaign that went out an hour ago."""

    account: Account
    campaign: Campaign
    list: ContactList
    contacts: list[Contact]
    deliveries: list[Delivery]
    links: list[Link]

    def open(self, person: int = 0) -> str:
        return f"/o/{sign(Purpose.OPEN, self.deliveries[person].id)}.gif"

    def click(self, person: int = 0, link: int = 0) -> str:
        return f"/c/{sign(Purpose.CLICK, self.deliveries[person].id, self.links[link].id)}"

    def leave(self, person: int = 0) -> str:
        return f"/u/{sign(Purpose.UNSUBSCRIBE, self.deliveries[person].id)}"

    def preferences(self, person: int = 0) -> str:
        return f"/p/{sign(Purpose.PREFERENCES, self.deliveries[person].id)}"

    def view(self, person: int = 0) -> str:
        return f"/v/{sign(Purpose.BROWSER, self.deliveries[person].id)}"

    def back(self, person: int = 0) -> str:
        return f"/back/{sign(Purpose.UNDO, self.deliveries[person].id)}"


def send(
    account: Account,
    *,
    people: int = 1,
    urls: tuple[str, ...] = (
        "https://shop.example/bread",
        "https://shop.example/rolls",
        "https://shop.example/cake",
        "https://shop.example/buns",
    ),
    tracking: str = "individual",
    state: str = "sent",
    name: str = "May news",
) -> Sent:
    """A campaign, its list, people, deliveries and links."""
    sent_at = now() - timedelta(hours=1)
    with transaction() as session:
        campaign = Campaign(
            account_id=account.id, name=name, subject="Fresh bread", state="sent",
            from_name=account.name, from_email="news@bakery.example", tracking=tracking,
            body="Hello {{ contact.first_name | default: 'you' }}", started_at=sent_at,
            planned_at=sent_at, finished_at=sent_at,
        )  # fmt: skip
        list_ = ContactList(account_id=account.id, name=f"List of {name}", active=people)
        session.add_all([campaign, list_])
        session.flush()
        batch = Batch(campaign_id=campaign.id, number=1, size=people, state="done")
        audience = CampaignAudience(campaign_id=campaign.id, list_id=list_.id)
        contacts = [_contact(account, name, n) for n in range(people)]
        links = [
            Link(campaign_id=campaign.id, position=n, url=url, label=f"Link {n}")
            for n, url in enumerate(urls)
        ]
        session.add_all([batch, audience, *contacts, *links])
        session.flush()
        deliveries = [
            Delivery(
                campaign_id=campaign.id, contact_id=contact.id, batch_id=batch.id, state=state,
                sent_at=sent_at if state == "sent" else None,
            )
            for contact in contacts
        ]  # fmt: skip
        session.add_all(deliveries)
        session.add_all(
            Subscription(contact_id=contact.id, list_id=list_.id, account_id=account.id)
            for contact in contacts
        )
        session.add(Tally(campaign_id=campaign.id, state=state, reason="", n=people))
        session.flush()
    return Sent(account, campaign, list_, contacts, deliveries, links)


def _contact(account: Account, name: str, n: int) -> Contact:
    address = f"{name.split()[0].lower()}{n}@example.com"
    return Contact(
        account_id=account.id, email=address, address=address, first_name=f"Reader {n}", fields={}
    )


def score(
    sent: Sent, kind: str, verdict: str = "human", link: int | None = None
) -> tuple[int, int]:
    """(hits, people) as kept."""
    db.session.rollback()
    link_id = 0 if link is None else sent.links[link].id
    row = db.session.get(Score, (sent.campaign.id, kind, verdict, link_id), populate_existing=True)
    return (row.hits, row.people) if row else (0, 0)


def hours(sent: Sent, kind: str, verdict: str = "human") -> int:
    """Hits in the curve."""
    db.session.rollback()
    return db.session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(HourScore.n), 0)).where(
            HourScore.campaign_id == sent.campaign.id,
            HourScore.kind == kind,
            HourScore.verdict == verdict,
        )
    )


def events(kind: str = "bounce") -> Sequence[Event]:
    """What was noted of that kind, in order, as the database has it now."""
    db.session.rollback()
    query = sa.select(Event).where(Event.kind == kind).order_by(Event.id)
    return db.session.scalars(query.execution_options(populate_existing=True)).all()


def suppressed() -> dict[str, str]:
    """Who is not mailed any more, and why."""
    db.session.rollback()
    found = db.session.execute(sa.select(Suppression.address, Suppression.reason))
    return {row.address: row.reason for row in found}
