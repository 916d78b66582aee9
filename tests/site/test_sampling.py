"""Sample data comes in one click, adds up, and goes in one click."""

from __future__ import annotations

import sqlalchemy as sa

from app.campaigns.models import Campaign
from app.contacts.models import Consent, Contact, ContactList, Headcount, Subscription, Suppression
from app.core.db import Base, db, transaction
from app.delivery.models import Delivery, Event
from app.delivery.receipts import receipt
from app.site import sampling
from app.tracking.models import Score
from tests.conftest import Client, Person

LEFT_BEHIND = (Campaign, Consent, Contact, ContactList, Delivery, Event, Subscription, Suppression)


def count(model: type[Base]) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(model)) or 0


def test_three_campaigns_whose_receipts_add_up(alice: Person) -> None:
    with transaction():
        sampling.add(alice.account)

    campaigns = db.session.scalars(sa.select(Campaign).order_by(Campaign.id)).all()
    assert [campaign.state for campaign in campaigns] == ["sent"] * 3
    for campaign in campaigns:
        numbers = receipt(campaign.id)
        parts = numbers.sent + numbers.failed + numbers.uncertain + numbers.pending
        assert parts + numbers.left_out == numbers.intended > 190


def test_the_kept_counters_are_those_of_the_rows(alice: Person) -> None:
    with transaction():
        sampling.add(alice.account)

    opens = db.session.scalar(sa.select(sa.func.count()).where(Event.kind == "open"))
    kept = db.session.scalar(sa.select(sa.func.sum(Score.hits)).where(Score.kind == "open"))
    assert opens == kept
    assert db.session.get(Headcount, alice.account.id).people == count(Contact) == sampling.PEOPLE


def test_asking_twice_makes_it_once(client: Client, alice: Person) -> None:
    client.sign_in(alice)

    client.post("/home/samples")
    client.post("/home/samples")

    assert count(Contact) == sampling.PEOPLE
    assert count(Campaign) == 3


def test_removing_leaves_nothing_of_it_and_all_of_the_rest(client: Client, alice: Person) -> None:
    with transaction():
        own = Contact(account_id=alice.account.id, email="a@example.com", address="a@example.com")
        db.session.add(own)
        sampling.add(alice.account)
    client.sign_in(alice)

    answer = client.post("/home/samples/remove")

    assert answer.status_code == 303
    gone = [model for model in LEFT_BEHIND if model not in (Contact, Consent)]
    assert {model.__name__: count(model) for model in gone} == {model.__name__: 0 for model in gone}
    said = sa.select(Consent.address, Consent.wording, Consent.contact_id).distinct()
    assert db.session.execute(said).all() == [(None, "", None)]
    assert db.session.scalars(sa.select(Contact.email)).all() == ["a@example.com"]


def test_real_people_on_the_sample_list_keep_it(alice: Person) -> None:
    with transaction():
        sampling.add(alice.account)
        list_ = db.session.scalar(sa.select(ContactList))
        own = Contact(account_id=alice.account.id, email="a@example.com", address="a@example.com")
        db.session.add(own)
        db.session.flush()
        row = Subscription(contact_id=own.id, list_id=list_.id, account_id=alice.account.id)
        db.session.add(row)
    with transaction():
        sampling.remove(alice.account)

    assert [(row.name, row.is_sample) for row in db.session.scalars(sa.select(ContactList))] == [
        ("Sample list", False)
    ]


def test_samples_of_others_stay(alice: Person, charlie: Person) -> None:
    with transaction():
        sampling.add(alice.account)
        sampling.add(charlie.account)
    with transaction():
        sampling.remove(charlie.account)

    assert sampling.exists(alice.account)
    assert not sampling.exists(charlie.account)
    assert count(Contact) == sampling.PEOPLE


def test_who_only_looks_cannot_make_samples(client: Client, vera: Person) -> None:
    client.sign_in(vera)

    assert client.post("/home/samples").status_code == 403
