"""Looking through all contacts for what could be cleaned up."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from app.contacts import (
    bulk_actions,
    consent,
    fields,
    finding,
    hygiene,
    lists,
    suppressions,
    writing,
)
from app.contacts.models import BulkAction, CleanUpLook, Contact, Finding, Subscription, likeness
from app.contacts.selecting import Selection
from app.core.clock import now
from app.core.db import db, transaction
from app.delivery.models import Delivery
from app.mailer.address import normalise
from app.tracking import intake, scanning, silence
from tests.conftest import Client, Person
from tests.tracking.mails import READER, send

PEOPLE = (
    ("anna.bee@gmail.com", "", "", ""), ("annabee@gmail.com", "", "", ""),
    ("a.nnabee+shop@googlemail.com", "", "", ""), ("bo+x@b.example", "", "", ""),
    ("bo+y@b.example", "", "", ""), ("cleo@gmial.com", "", "", "+49 171 2345678"),
    ("dan@b.example", "Dan", "Dee", "0171/2345678"), ("dan@c.example", "DAN", "Dée", ""),
    ("info@b.example", "", "", ""), ("e@0-mail.com", "Dan", "", ""),
    ("gone@b.example", "", "", ""), ("slow@b.example", "", "", ""),
)  # fmt: skip


@pytest.fixture(params=[4, 5000])
def looked(
    alice: Person, charlie: Person, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> CleanUpLook:
    """Alice's contacts, looked through in parts of different sizes."""
    monkeypatch.setattr(scanning, "CHUNK", request.param)
    with transaction():
        writing.create(charlie.account, "anna.bee@gmail.com", first_name="Dan", last_name="Dee")
        fields.create(alice.account.id, "Mobile phone")
        asked = lists.create(alice.account, "Asked", opt_in="double")
        people = {}
        for email, first, last, phone in PEOPLE:
            people[email] = writing.create(
                alice.account, email, first_name=first, last_name=last,
                fields={"mobile_phone": phone} if phone else {},
            )  # fmt: skip
        suppressions.add(alice.account.id, "gone@b.example", reason="bounced")
        consent.subscribe(people["slow@b.example"], asked, source="hand")
        consent.subscribe(people["dan@b.example"], asked, source="hand")
        long_ago = sa.update(Subscription).where(
            Subscription.contact_id == people["slow@b.example"].id
        )
        db.session.execute(long_ago.values(since=now() - timedelta(days=31)))
    return look(alice)


def look(person: Person) -> CleanUpLook:
    with transaction():
        assert hygiene.begin(person.account)
        assert not hygiene.begin(person.account)
    while scanning.run(person.account.id, budget_s=0):
        assert scanning.due() == [person.account.id]
    db.session.rollback()
    return db.session.get_one(CleanUpLook, person.account.id, populate_existing=True)


def found(alice: Person, kind: str) -> set[str]:
    return {
        one.email for some in finding.everyone(alice.account.id, finding.Wanted(finding=kind))
        for one in some
    }  # fmt: skip


def test_each_is_found_with_an_exact_number(alice: Person, looked: CleanUpLook) -> None:
    assert looked.state == "done"
    assert looked.counts == {
        "typo": 1, "role": 1, "disposable": 1, "bounced": 1, "unconfirmed": 1,
        "same_mailbox": 3, "same_phone": 1, "same_name": 1,
    }  # fmt: skip
    assert found(alice, "typo") == {"cleo@gmial.com"}
    assert found(alice, "role") == {"info@b.example"}
    assert found(alice, "disposable") == {"e@0-mail.com"}
    assert found(alice, "bounced") == {"gone@b.example"}
    assert found(alice, "unconfirmed") == {"slow@b.example"}
    assert scanning.due() == []


def test_pairs_that_may_be_one(alice: Person, looked: CleanUpLook) -> None:
    pairs = {
        (pair.kind, frozenset((pair.contact.email, pair.other.email)))
        for pair in hygiene.pairs(alice.account)
    }

    assert pairs == {
        ("same_mailbox", frozenset(("annabee@gmail.com", "anna.bee@gmail.com"))),
        ("same_mailbox", frozenset(("annabee@gmail.com", "a.nnabee+shop@googlemail.com"))),
        ("same_mailbox", frozenset(("bo+x@b.example", "bo+y@b.example"))),
        ("same_phone", frozenset(("cleo@gmial.com", "dan@b.example"))),
        ("same_name", frozenset(("dan@b.example", "dan@c.example"))),
    }


def test_looking_again_starts_from_nothing(alice: Person, looked: CleanUpLook) -> None:
    with transaction():
        info = sa.select(Contact).where(Contact.address == "info@b.example")
        writing.update(db.session.scalars(info).one(), email="ida@b.example")
    again = look(alice)

    assert "role" not in again.counts
    assert again.counts["same_mailbox"] == 3
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Finding)) == 9


def test_mistyped_addresses_are_mended_and_put_back(alice: Person, looked: CleanUpLook) -> None:
    with transaction():
        wanted = Selection(finding.Wanted(finding="typo"))
        action = bulk_actions.ask(alice.account, "mend", {}, wanted)
    bulk_actions.run(action.id)
    with transaction():
        bulk_actions.start(db.session.get_one(BulkAction, action.id))
    bulk_actions.run(action.id)
    right = sa.select(Contact.id).where(Contact.address == "cleo@gmail.com")
    assert db.session.scalar(right)

    with transaction():
        bulk_actions.undo(db.session.get_one(BulkAction, action.id))
    bulk_actions.run(action.id)
    db.session.rollback()
    assert db.session.scalar(right) is None


@given(st.emails())
def test_the_plain_mailbox_is_an_address_and_stays_one(email: str) -> None:
    try:
        address = normalise(email)
    except ValueError:
        return
    plain = hygiene.same_mailbox_as(address)

    assert plain.count("@") == (1 if plain else 0)
    assert hygiene.same_mailbox_as(plain) == "" if plain else True


@pytest.mark.parametrize(
    ("one", "two"),
    [("+49 171 2345678", "0171/234 56 78"), ("(020) 7946 0958", "+44 20 7946 0958")],
)
def test_a_number_is_the_same_however_it_is_written(one: str, two: str) -> None:
    assert hygiene.phone_key(one) == hygiene.phone_key(two) != ""
    assert hygiene.phone_key("12 34") == ""


@pytest.fixture
def silent(client: Client, alice: Person) -> list[str]:
    """Three campaigns to the same three people: one clicked, one was read by a machine only."""
    campaigns = [send(alice.account, people=3, name=f"No{n} news") for n in range(3)]
    addresses = [one.address for one in campaigns[0].contacts]
    with transaction():  # the same people each time
        for sent in campaigns[1:]:
            for delivery, contact in zip(sent.deliveries, campaigns[0].contacts, strict=True):
                same = sa.update(Delivery).where(Delivery.id == delivery.id)
                db.session.execute(same.values(contact_id=contact.id))
        long_ago = sa.update(Contact).values(created_at=now() - timedelta(days=200))
        db.session.execute(long_ago)
    client.get(campaigns[0].click(0, 0), headers=READER)
    client.get(campaigns[0].open(1), headers={"User-Agent": "Mozilla/5.0"})
    intake.take_hits()
    return addresses


def test_silent_are_those_who_got_enough_and_gave_no_sign(alice: Person, silent: list[str]) -> None:
    result = look(alice)

    quiet = {normalise(email) for email in found(alice, "silent-90")}
    assert quiet == set(silent[1:])
    assert found(alice, "silent-180") == found(alice, "silent-90")
    assert found(alice, "silent-365") == set()
    assert result.counts["silent-180"] == 2


def test_the_forecast_says_what_leaving_them_out_changes(
    client: Client, alice: Person, silent: list[str]
) -> None:
    (one, *_) = silence.forecasts(alice.account, look(alice))

    assert (one.silent, one.recipients, one.fewer) == (2, 3, 1)
    client.sign_in(alice)
    page = client.get("/contacts/clean-up").text
    assert "Mails saved each time" in page


def test_the_pages(client: Client, alice: Person, looked: CleanUpLook) -> None:
    client.sign_in(alice)
    page = client.get("/contacts/clean-up").text
    assert "Twice here" in page
    assert "Mend them…" in page
    pairs = hygiene.pairs(alice.account)
    assert "One mailbox, written in two ways" in client.get("/contacts/clean-up/duplicates").text

    first = pairs[0]
    client.post(f"/contacts/{first.contact.id}/differs/{first.other.id}")
    db.session.rollback()
    assert len(hygiene.pairs(alice.account)) == len(pairs) - 1
    client.post("/contacts/clean-up/look")
    assert client.get("/contacts/clean-up/progress").status_code == 200
    assert db.session.scalar(sa.select(sa.func.count()).select_from(likeness)) is not None
