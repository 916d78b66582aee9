"""What is foretold of silent people: fewer mails, another open rate."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from app.campaigns.models import Campaign
from app.contacts import jobs
from app.contacts.models import Contact, Headcount, SegmentCount
from app.contacts.segments import keeping, ready_made
from app.core.clock import now
from app.core.db import db, transaction
from app.delivery.models import Batch, Delivery, Event, Tally
from app.tracking.models import Score
from tests.campaigns.conftest import add_list, add_people
from tests.conftest import Client, Person


def mail(person: Person, days_ago: int, people: list[Contact], readers: list[Contact]) -> None:
    """A campaign that these people got and these of them opened; machines opened each."""
    at = now() - timedelta(days=days_ago)
    with transaction():
        campaign = Campaign(
            account_id=person.account.id, name=f"{days_ago} days ago", state="sent", started_at=at
        )
        db.session.add(campaign)
        db.session.flush()
        batch = Batch(campaign_id=campaign.id, number=1, size=len(people))
        db.session.add(batch)
        db.session.flush()
        for one in people:
            delivery = Delivery(
                campaign_id=campaign.id, contact_id=one.id, batch_id=batch.id, state="sent",
                sent_at=at,
            )  # fmt: skip
            db.session.add(delivery)
            db.session.flush()
            for verdict in ("machine", "human") if one in readers else ("machine",):
                db.session.add(
                    Event(campaign_id=campaign.id, delivery_id=delivery.id, contact_id=one.id,
                          kind="open", verdict=verdict, at=at)
                )  # fmt: skip
        db.session.add(Tally(campaign_id=campaign.id, state="sent", n=len(people)))
        db.session.add(
            Score(
                campaign_id=campaign.id, kind="open", verdict="human", hits=9, people=len(readers)
            )
        )


def test_silent_people_come_with_a_forecast(client: Client, alice: Person) -> None:
    long_ago = now() - timedelta(days=400)
    people = add_people(
        alice.account, add_list(alice.account), *"ABCDEFGHIJ", created_at=long_ago
    )  # fmt: skip
    with transaction():
        db.session.add(Headcount(account_id=alice.account.id, people=10))
        people[9].tracking_off = True
    readers = people[:4]
    for days_ago in (300, 90, 60, 30):
        mail(alice, days_ago, people, readers)
    with transaction():
        silent = keeping.create(alice.account.id, "Silent", ready_made.silent())
    client.sign_in(alice)

    client.post(f"/segments/{silent.id}/count")
    row = db.session.scalars(sa.select(SegmentCount)).one()
    jobs.count_segment(row.id)

    db.session.expire_all()
    assert row.people == 5  # not the one who does not let us count, and who may well read
    assert row.forecast == {
        "campaigns": 3, "sent": 30, "fewer": 15, "opened": 12, "opened_of_them": 0,
    }  # fmt: skip
    page = " ".join(client.get(f"/segments/{silent.id}").text.split())
    assert "5 mails fewer per campaign" in page
    assert "<strong>40.0 %</strong> to <strong>80.0 %</strong>" in page


def test_who_did_not_open_a_campaign_is_one_click_away(
    client: Client, alice: Person, charlie: Person
) -> None:
    anna, bert = add_people(alice.account, add_list(alice.account), "Anna", "Bert")
    mail(alice, 3, [anna, bert], [anna])
    mail(charlie, 3, add_people(charlie.account, add_list(charlie.account), "Carl"), [])
    mine, theirs = db.session.scalars(sa.select(Campaign.id).order_by(Campaign.id)).all()
    client.sign_in(alice)

    link = f"/segments/new?not_opened={mine}"
    assert link in client.get(f"/campaigns/{mine}/report").text
    assert "Did not open 3 days ago" in client.get(link).text
    assert client.get(f"/segments/new?not_opened={theirs}").status_code == 404
    with transaction():
        rule = ready_made.not_opened(mine, "it").rule
        segment = keeping.create(alice.account.id, "Again", rule)
    found = client.get(f"/segments/{segment.id}").text
    assert "bert@people.example" in found
    assert "anna@people.example" not in found
