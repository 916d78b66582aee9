"""Three campaigns that look as if they had been sent, with receipts, reports and curves."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.accounts.models import Account
from app.campaigns.models import Campaign, CampaignAudience
from app.contacts import consent
from app.contacts.models import Contact, ContactList
from app.core.clock import now
from app.core.db import db
from app.delivery import tallying
from app.delivery.models import Batch, Delivery, DiaryEntry, Event, Link, Tally
from app.tracking.counting import Counts
from app.tracking.models import Reader

NO_MAILBOX = (550, "5.1.1", "5.1.1 No such user here")
FULL = (552, "5.2.2", "5.2.2 Mailbox full, tried for two days")


@dataclass(frozen=True)
class Story:
    """What one campaign said and how it was received."""

    name: str
    subject: str
    days_ago: int
    opens: float
    """Share of readers who open."""
    clicks: float
    """Share of those who then click."""
    leave: int
    links: tuple[tuple[str, str], ...]
    body: str


STORIES = (
    Story(
        "Hello again", "We are back from the holidays", 38, 0.46, 0.18, 2,
        (("https://www.example.com/hours", "Our hours"), ("https://www.example.com/", "Website")),
        "Hello {{ contact.first_name | default: 'there' }},\n\nwe are back, and so are the hours "
        "you know.\n\n[Our hours](https://www.example.com/hours)\n",
    ),
    Story(
        "Spring rolls", "Spring rolls are back", 17, 0.52, 0.31, 1,
        (
            ("https://www.example.com/spring", "See the menu"),
            ("https://www.example.com/order", "Order by Friday"),
            ("https://www.example.com/", "Website"),
        ),
        "Hello {{ contact.first_name | default: 'there' }},\n\nfrom Thursday on.\n\n"
        "[See the menu](https://www.example.com/spring)\n",
    ),
    Story(
        "A table for Sunday", "Is Sunday free?", 3, 0.57, 0.24, 2,
        (
            ("https://www.example.com/table", "Keep a table"),
            ("https://www.example.com/map", "How to find us"),
        ),
        "Hello {{ contact.first_name | default: 'there' }},\n\nwe kept some tables for readers "
        "of this letter.\n\n[Keep a table](https://www.example.com/table)\n",
    ),
)  # fmt: skip


def add(
    account: Account, list_: ContactList, people: Sequence[Contact], chance: random.Random
) -> None:
    """Write the campaigns with all that hangs on them, and count it."""
    audience = list(people)
    for story in STORIES:
        started = (now() - timedelta(days=story.days_ago)).replace(hour=9, minute=0, second=4)
        campaign = _campaign(account, list_, story, started)
        deliveries = _deliveries(campaign, audience, chance, is_last=story is STORIES[-1])
        _tally(campaign, deliveries)
        reception = _Reception(campaign, story, started, chance)
        gone = reception.play([each for each in deliveries if each.state == "sent"])
        by_id = {person.id: person for person in audience}
        for contact_id in gone:
            consent.withdraw(by_id[contact_id], source="link", evidence={"sample": True})
        audience = [person for person in audience if person.id not in gone]
    db.session.flush()


def _campaign(account: Account, list_: ContactList, story: Story, started: datetime) -> Campaign:
    finished = started + timedelta(seconds=41)
    campaign = Campaign(
        account_id=account.id, name=story.name, subject=story.subject, body=story.body,
        from_name=account.name, from_email="alice@sample.example", state="sent", is_sample=True,
        created_at=started - timedelta(hours=2), updated_at=finished, due_at=started,
        started_at=started, planned_at=started + timedelta(seconds=1), finished_at=finished,
    )  # fmt: skip
    campaign.audience = [CampaignAudience(list_id=list_.id)]
    db.session.add(campaign)
    db.session.flush()
    for position, (url, label) in enumerate(story.links):
        db.session.add(Link(campaign_id=campaign.id, position=position, url=url, label=label))
    diary = (
        (started, "Planned: everybody on the list but those who left."),
        (started + timedelta(seconds=12), "One server asked us to slow down; we did."),
        (started + timedelta(seconds=20), "We went on at full speed."),
        (finished, "All done."),
    )
    db.session.add_all(DiaryEntry(campaign_id=campaign.id, at=at, text=text) for at, text in diary)
    return campaign


def _deliveries(
    campaign: Campaign, people: Sequence[Contact], chance: random.Random, *, is_last: bool
) -> list[Delivery]:
    batch = Batch(campaign_id=campaign.id, number=1, size=len(people), state="done")
    db.session.add(batch)
    db.session.flush()
    fates = ["failed"] * 4 + ["skipped"] * 2 + ["uncertain"] * (1 if is_last else 0)
    fates += ["sent"] * (len(people) - len(fates))
    chance.shuffle(fates)
    rows = [
        _delivery(campaign, batch, person, fate, chance)
        for person, fate in zip(people, fates, strict=False)
    ]
    db.session.add_all(rows)
    db.session.flush()
    batch.first_id, batch.last_id = rows[0].id, rows[-1].id
    return rows


def _delivery(
    campaign: Campaign, batch: Batch, person: Contact, fate: str, chance: random.Random
) -> Delivery:
    started = campaign.started_at or now()
    row = Delivery(
        campaign_id=campaign.id, contact_id=person.id, batch_id=batch.id, state=fate,
        tries=0 if fate == "skipped" else 1,
        sent_at=started + timedelta(seconds=chance.uniform(1, 40)),
    )  # fmt: skip
    if fate == "failed":
        row.code, row.status, row.answer = chance.choice((NO_MAILBOX, NO_MAILBOX, FULL))
        row.reason = "mailbox_full" if row.code == FULL[0] else "mailbox"
    elif fate == "skipped":
        row.reason = "unsubscribed"
    elif fate == "sent":
        row.code, row.tls = 250, True
    return row


def _tally(campaign: Campaign, deliveries: Sequence[Delivery]) -> None:
    counts = Counter(
        (row.state, tallying.ENCRYPTED if row.tls else row.reason or "") for row in deliveries
    )
    for (state, reason), n in counts.items():
        db.session.add(Tally(campaign_id=campaign.id, state=state, reason=reason, n=n))


class _Reception:
    """How readers took a campaign: events, first times, counters; all of one story."""

    def __init__(
        self, campaign: Campaign, story: Story, started: datetime, chance: random.Random
    ) -> None:
        self.campaign, self.story, self.started, self.chance = campaign, story, started, chance
        self.counts = Counts()
        self.links = list(
            db.session.query(Link).filter_by(campaign_id=campaign.id).order_by(Link.position)
        )

    def play(self, deliveries: Sequence[Delivery]) -> set[int]:
        """Open, click, leave; returns the ids of those who left."""
        for delivery in deliveries:
            if self.chance.random() < 0.22:
                self._machine_opens(delivery)
            if self.chance.random() < self.story.opens:
                self._reads(delivery)
        leaving = self.chance.sample(list(deliveries), self.story.leave)
        for delivery in leaving:
            self._event(delivery, "unsubscribe", "", self._later(5))
            self.counts.person(self.campaign.id, "unsubscribe", "")
        db.session.flush()
        self.counts.write()
        return {delivery.contact_id for delivery in leaving if delivery.contact_id}

    def _machine_opens(self, delivery: Delivery) -> None:
        at = self.started + timedelta(seconds=self.chance.uniform(2, 60))
        self._event(delivery, "open", "machine", at, reason="loaded by the mailbox provider")
        self.counts.person(self.campaign.id, "open", "machine")
        self._reader(delivery).machine_opened_at = at

    def _reads(self, delivery: Delivery) -> None:
        at = self._later(9)
        reader = self._reader(delivery)
        reader.opened_at = at
        self.counts.person(self.campaign.id, "open", "human")
        for again in range(self.chance.choice((1, 1, 1, 2, 3))):
            self._event(delivery, "open", "human", min(at + timedelta(hours=5 * again), now()))
        if self.chance.random() < self.story.clicks:
            link = self.chance.choices(self.links, weights=range(len(self.links), 0, -1))[0]
            clicked = min(at + timedelta(seconds=self.chance.uniform(4, 90)), now())
            reader.clicked_at = clicked
            self._event(delivery, "click", "human", clicked, link_id=link.id)
            self.counts.person(self.campaign.id, "click", "human")
            self.counts.person(self.campaign.id, "click", "human", link_id=link.id)

    def _reader(self, delivery: Delivery) -> Reader:
        found = db.session.get(Reader, delivery.id)
        if found is None:
            found = Reader(delivery_id=delivery.id, campaign_id=self.campaign.id)
            db.session.add(found)
            db.session.flush()
        return found

    def _later(self, mean_hours: float) -> datetime:
        at = self.started + timedelta(hours=self.chance.expovariate(1 / mean_hours), minutes=2)
        return min(at, now() - timedelta(minutes=5))

    def _event(
        self, delivery: Delivery, kind: str, verdict: str, at: datetime, *,
        link_id: int | None = None, reason: str = "",
    ) -> None:  # fmt: skip
        db.session.add(
            Event(
                campaign_id=self.campaign.id, delivery_id=delivery.id,
                contact_id=delivery.contact_id, kind=kind, verdict=verdict or None, at=at,
                link_id=link_id, reason=reason,
            )
        )  # fmt: skip
        self.counts.hit(self.campaign.id, kind, verdict, at=at, link_id=link_id or 0)
