"""What people agree to and refuse, and that nobody else can undo it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.accounts.models import Notice
from app.contacts import asking, consent, lists, suppressions, writing
from app.contacts.models import Consent, Contact, ContactList, Subscription, Suppression
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import NotFound
from tests.conftest import Person


@pytest.fixture
def news(alice: Person) -> ContactList:
    with transaction():
        return lists.create(alice.account, "News")


@pytest.fixture
def letters(alice: Person) -> ContactList:
    with transaction():
        return lists.create(alice.account, "Letters", opt_in="double")


@pytest.fixture
def ann(alice: Person) -> Contact:
    with transaction():
        return writing.create(alice.account, "Ann@Example.com", first_name="Ann")


def kinds(contact: Contact) -> list[str]:
    rows = sa.select(Consent.kind).where(Consent.contact_id == contact.id).order_by(Consent.id)
    return list(db.session.scalars(rows))


def counters(list_: ContactList) -> tuple[int, int]:
    db.session.refresh(list_)
    return list_.active, list_.pending


def state(contact: Contact, list_: ContactList) -> str:
    return db.session.get_one(Subscription, (contact.id, list_.id)).state


def token_of(notice: Notice) -> str:
    return notice.text.partition("/subscribe/confirm/")[2].split()[0]


def test_subscribing_counts_once_however_often(ann: Contact, news: ContactList) -> None:
    for _ in range(3):
        with transaction():
            consent.subscribe(ann, news, source="hand", wording="Asked me at the counter")

    assert counters(news) == (1, 0)
    assert kinds(ann) == ["stated"]


def test_a_double_opt_in_list_asks_first(ann: Contact, letters: ContactList) -> None:
    for _ in range(2):
        with transaction():
            consent.subscribe(ann, letters, source="form")

    notice = db.session.scalars(sa.select(Notice)).one()
    assert (counters(letters), state(ann, letters)) == ((0, 1), "pending")
    assert notice.to_email == "Ann@Example.com"

    for _ in range(2):
        with transaction():
            consent.confirm(token_of(notice))

    assert counters(letters) == (1, 0)
    assert kinds(ann) == ["asked", "confirmed"]


def test_who_left_is_not_mailed_and_not_brought_back_by_the_owner(
    ann: Contact, news: ContactList
) -> None:
    with transaction():
        consent.subscribe(ann, news, source="hand")
    for _ in range(2):
        with transaction():
            consent.withdraw(ann, source="one_click", evidence={"campaign": 1})

    with pytest.raises(suppressions.Suppressed, match="Only they"), transaction():
        consent.subscribe(ann, news, source="api")
    found = suppressions.find(ann.account_id, ann.address)
    assert found is not None
    with pytest.raises(suppressions.OnlyThePerson), transaction():
        suppressions.lift(found)
    assert kinds(ann) == ["stated", "withdrawn"]


def test_the_person_can_undo(ann: Contact, news: ContactList) -> None:
    with transaction():
        consent.subscribe(ann, news, source="hand")
        consent.withdraw(ann, source="link")
    with transaction():
        assert consent.restore(ann, source="undo")
        assert not consent.restore(ann, source="undo")

    assert suppressions.find(ann.account_id, ann.address) is None
    assert state(ann, news) == "active"
    assert kinds(ann) == ["stated", "withdrawn", "restored"]


def test_signing_up_anew_lifts_only_after_the_confirmation(ann: Contact, news: ContactList) -> None:
    with transaction():
        consent.withdraw(ann, source="link")
    with transaction():
        consent.subscribe(ann, news, source="form")

    assert state(ann, news) == "pending"
    assert suppressions.find(ann.account_id, ann.address)

    with transaction():
        consent.confirm(token_of(db.session.scalars(sa.select(Notice)).one()))

    assert state(ann, news) == "active"
    assert suppressions.find(ann.account_id, ann.address) is None


def test_leaving_one_list_ends_only_that(
    ann: Contact, news: ContactList, letters: ContactList
) -> None:
    with transaction():
        consent.subscribe(ann, news, source="hand")
        consent.subscribe(ann, letters, source="hand")
    with transaction():
        assert consent.leave_list(ann, news, source="link")
        assert not consent.leave_list(ann, news, source="link")

    assert counters(news) == (0, 0)
    assert counters(letters) == (0, 1)
    with transaction():
        assert consent.rejoin_list(ann, news, source="undo")
    assert counters(news) == (1, 0)


def test_who_left_a_list_is_asked_when_the_owner_adds_them_again(
    ann: Contact, news: ContactList
) -> None:
    with transaction():
        consent.subscribe(ann, news, source="hand")
        consent.leave_list(ann, news, source="link")
        consent.subscribe(ann, news, source="hand")

    assert state(ann, news) == "pending"


def test_whom_the_owner_took_off_the_owner_can_add(ann: Contact, news: ContactList) -> None:
    with transaction():
        consent.subscribe(ann, news, source="hand")
        consent.leave_list(ann, news, source="hand")
        consent.subscribe(ann, news, source="hand")

    assert state(ann, news) == "active"


def test_an_old_link_does_nothing(ann: Contact, letters: ContactList, monkeypatch) -> None:
    with transaction():
        consent.subscribe(ann, letters, source="form")
    link = asking.link(ann, [letters])
    later = now() + consent.LINK_LIFE + timedelta(minutes=1)
    monkeypatch.setattr(consent, "now", lambda: later)

    with pytest.raises(consent.LinkOver), transaction():
        consent.confirm(link.rpartition("/")[2])


def test_lists_of_others_are_out_of_reach(ann: Contact, charlie: Person, news: ContactList) -> None:
    with transaction():
        foreign = lists.create(charlie.account, "Garage news")

    with pytest.raises(NotFound), transaction():
        consent.subscribe(ann, foreign, source="hand")


def test_the_persons_wish_is_stronger_than_the_owners_entry(alice: Person) -> None:
    account_id = alice.account.id
    with transaction():
        assert suppressions.add(account_id, "a@example.com", reason="account")
        assert suppressions.add(account_id, "a@example.com", reason="unsubscribed")
        assert not suppressions.add(account_id, "a@example.com", reason="bounced")

    found = db.session.scalars(sa.select(Suppression)).one()
    assert found.reason == "unsubscribed"


def test_nobody_can_make_a_business_write_to_them(ann: Contact) -> None:
    with transaction():
        suppressions.add(ann.account_id, ann.address, reason="account")
        assert not consent.restore(ann, source="undo")

    assert suppressions.find(ann.account_id, ann.address)


def test_suppressions_of_one_account_mean_nothing_to_another(
    alice: Person, charlie: Person
) -> None:
    with transaction():
        suppressions.add(alice.account.id, "a@example.com", reason="account")

    assert suppressions.find(charlie.account.id, "a@example.com") is None
    assert suppressions.address_hash(1, "a@example.com") != suppressions.address_hash(
        2, "a@example.com"
    )
