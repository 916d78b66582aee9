"""Who came and who went, day by day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from app.contacts import consent, erasing, growth, lists, writing
from app.contacts.models import Contact, ContactList, ListDay, PeopleDay
from app.core.clock import now
from app.core.db import db, transaction
from tests.conftest import Client, Person


@pytest.fixture
def news(alice: Person, monkeypatch: pytest.MonkeyPatch) -> ContactList:
    """Ten joined two days ago, three left yesterday, one joined today."""
    with transaction():
        news = lists.create(alice.account, "News")
    for days, come, go in ((2, range(10), ()), (1, (), range(3)), (0, (10,), ())):
        at = now() - timedelta(days=days)
        with transaction(), monkeypatch.context() as patch:
            patch.setattr("app.contacts.counting.now", lambda at=at: at)
            for n in come:
                person = writing.create(alice.account, f"p{n}@b.example")
                consent.subscribe(person, news, source="hand")
            for n in go:
                person = sa.select(writing.Contact).where(
                    writing.Contact.address == f"p{n}@b.example"
                )
                consent.leave_list(db.session.scalars(person).one(), news, source="link")
    db.session.rollback()
    return db.session.get_one(ContactList, news.id)


def test_a_list(news: ContactList) -> None:
    found = growth.of_list(news, "day")

    assert [(s.joined, s.gone, s.total) for s in found.steps[-4:]] == [
        (0, 0, 0), (10, 0, 10), (0, 3, 7), (1, 0, 8),
    ]  # fmt: skip
    assert (found.joined, found.gone, found.total) == (11, 3, 8)
    assert len(found.steps) == 30


def test_the_account(alice: Person, news: ContactList) -> None:
    found = growth.of_account(alice.account, "month")

    assert (found.joined, found.gone, found.total) == (11, 0, 11)
    assert len(found.steps) == 24


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    day = date(2025, 3, 5)

    assert growth._beginnings(day, "week")[-2:] == [date(2025, 2, 24), date(2025, 3, 3)]
    assert growth._beginnings(day, "month")[-2:] == [date(2025, 2, 1), date(2025, 3, 1)]


def test_erased_people_are_gone(alice: Person, news: ContactList) -> None:
    with transaction():
        erasing.erase_many(
            alice.account.id, list(db.session.scalars(sa.select(Contact.id))), by="owner"
        )

    today = datetime.now(UTC).date()
    assert db.session.get_one(ListDay, (news.id, today)).gone == 8
    assert db.session.get_one(PeopleDay, (alice.account.id, today)).gone == 11


def test_the_pages(client: Client, alice: Person, news: ContactList) -> None:
    client.sign_in(alice)
    for url in ("/contacts/growth", f"/lists/{news.id}/growth?by=week", "/contacts/growth?by=x"):
        page = client.get(url)
        assert page.status_code == 200
        assert "<svg" in page.text
        assert "As a table" in page.text
