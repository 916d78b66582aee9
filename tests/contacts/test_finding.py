"""Finding people: by beginnings, in any list, without ever walking through everybody."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from app.contacts import consent, finding, lists, queries, suppressions, tags, writing
from app.contacts.models import Contact, ContactList
from app.core.db import db, transaction
from app.core.errors import Invalid
from tests.conftest import Person

PEOPLE = (
    ("anna.muller@example.com", "Anna", "Müller", "Bakery North"),
    ("b.anders@example.com", "Bo", "Anders", ""),
    ("c@annual.example", "Anna Maria", "Schmidt", ""),
    ("info@example.org", "", "", "Annex 50%_off Ltd"),
    ("zed@example.org", "Zed", "Annason", ""),
    ("yo@bücher.example", "", "", ""),
)
Names = Callable[..., list[str]]


@pytest.fixture
def crowd(alice: Person, charlie: Person) -> list[Contact]:
    with transaction():
        writing.create(charlie.account, "anna@garage.example", first_name="Anna")
        return [
            writing.create(alice.account, email, first_name=first, last_name=last, company=company)
            for email, first, last, company in PEOPLE
        ]


@pytest.fixture
def find(alice: Person, crowd: list[Contact]) -> Names:
    def find(text: str = "", **wanted: object) -> list[str]:
        asked = finding.Wanted(text, **wanted)  # type: ignore[arg-type]
        found, cursor = [], None
        while True:
            page = finding.page(alice.account.id, asked, cursor=cursor, limit=2)
            found += [contact.email for contact in page.items]
            cursor = page.older
            if cursor is None:
                return found

    return find


def emails(*places: int) -> set[str]:
    return {PEOPLE[place][0] for place in places}


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("anna", {0, 2, 4}), ("ANNA.M", {0}), ("muller", {0}), ("MÜLL", {0}),
        ("anna mü", {0}), ("müller an", {0}), ("anna maria sch", {2}), ("anna maria", {2}),
        ("annex 50%_", {3}), ("%", set()), ("_", set()), ("'", set()), ("nna", set()),
        ("bakery n", {0}), ("ann", {0, 2, 3, 4}), ("b.a", {1}),
        ("yo@bücher", {5}), ("YO@Bu\u0308cher.ex", {5}), ("yo@xn--bcher", {5}),
        ("yo@büc", set()),
    ],
)  # fmt: skip
def test_text_is_looked_for_at_the_beginning(find: Names, text: str, places: set[int]) -> None:
    found = find(text)

    assert set(found) == emails(*places)
    assert len(found) == len(set(found))


def test_everybody_newest_first(find: Names) -> None:
    assert find() == [person[0] for person in reversed(PEOPLE)]


def test_filters_and_text_go_together(find: Names, alice: Person, crowd: list[Contact]) -> None:
    with transaction():
        news = lists.create(alice.account, "News")
        letters = lists.create(alice.account, "Letters", opt_in="double")
        vip = tags.named(alice.account.id, "vip")
        tags.add(vip, [crowd[0].id, crowd[3].id])
        for contact in crowd[:4]:
            consent.subscribe(contact, news, source="hand")
        consent.leave_list(crowd[3], news, source="hand")
        consent.subscribe(crowd[4], letters, source="hand")
        consent.withdraw(crowd[1], source="link")

    assert set(find(list_id=news.id)) == emails(0, 1, 2)
    assert set(find(list_id=news.id, state="ended")) == emails(3)
    assert set(find(list_id=letters.id, state="pending")) == emails(4)
    assert set(find(tag_id=vip.id)) == emails(0, 3)
    assert set(find(list_id=news.id, tag_id=vip.id)) == emails(0)
    assert set(find("ann", list_id=news.id)) == emails(0, 2)
    assert set(find("ann", tag_id=vip.id, list_id=news.id, state="ended")) == emails(3)
    assert set(find(state="suppressed")) == emails(1)
    assert set(find(list_id=news.id, state="suppressed")) == emails(1)
    assert find("b.", state="suppressed") == [PEOPLE[1][0]]


def test_people_by_their_kind_of_address(find: Names, alice: Person) -> None:
    with transaction():
        for email in ("x@gmail.com", "y@mailinator.com", "z@gmial.com"):
            writing.create(alice.account, email)

    assert find(mailbox="role") == ["info@example.org"]
    assert find(mailbox="free") == ["x@gmail.com"]
    assert find(mailbox="disposable") == ["y@mailinator.com"]
    assert find(mailbox="mistyped") == ["z@gmial.com"]
    assert find("an", mailbox="role") == ["info@example.org"]


def test_a_page_that_would_take_too_long_ends_early(
    alice: Person, crowd: list[Contact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "FIRST_BATCH", 1)
    monkeypatch.setattr(finding, "MOST_LOOKED_AT", 2)
    monkeypatch.setattr(finding, "FEW", 0)
    with transaction():
        vip = tags.named(alice.account.id, "vip")
        news = lists.create(alice.account, "News")
        for contact in crowd:
            consent.subscribe(contact, news, source="hand")
        tags.add(vip, [crowd[0].id])
    wanted = finding.Wanted(list_id=news.id, tag_id=vip.id)

    first = finding.page(alice.account.id, wanted, limit=1)
    assert not first.items
    pages = 1
    page = first
    while page.older and not page.items:
        page = finding.page(alice.account.id, wanted, cursor=page.older, limit=1)
        pages += 1

    assert [contact.email for contact in page.items] == [PEOPLE[0][0]]
    assert pages > 1


@pytest.mark.parametrize("cursor", ["x", "W10", "WzksMV0", "WzAsIngiXQ", "WzAsMSwyLDNd"])
def test_made_up_cursors_are_refused(alice: Person, cursor: str) -> None:
    with pytest.raises(Invalid):
        finding.page(alice.account.id, finding.Wanted(), cursor=cursor)


@pytest.fixture
def plans(app: object, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What SQLite does for each statement that reads."""
    if db.engine.dialect.name != "sqlite":
        pytest.skip("plans are checked on SQLite: run without LEADERSEND_TEST_DATABASE")
    seen: list[str] = []

    def explain(connection, cursor, statement, parameters, context, executemany):  # type: ignore[no-untyped-def]
        if statement.startswith("SELECT"):
            plan = connection.connection.driver_connection.execute(
                f"EXPLAIN QUERY PLAN {statement}", parameters
            )
            seen.extend(f"{row[3]} ← {' '.join(statement.split())[:200]}" for row in plan)

    sa.event.listen(db.engine, "before_cursor_execute", explain)
    yield seen  # type: ignore[misc]
    sa.event.remove(db.engine, "before_cursor_execute", explain)


def test_no_page_walks_through_a_table_or_sorts_it(
    alice: Person, crowd: list[Contact], plans: list[str]
) -> None:
    with transaction():
        news: ContactList = lists.create(alice.account, "News")
        vip = tags.named(alice.account.id, "vip")
        suppressions.add(alice.account.id, "zed@example.org", reason="account")
    plans.clear()
    account_id = alice.account.id
    for wanted in (
        finding.Wanted(), finding.Wanted("a"), finding.Wanted("anna m"),
        finding.Wanted(list_id=news.id), finding.Wanted(tag_id=vip.id),
        finding.Wanted("a", news.id, vip.id, "active"), finding.Wanted(state="suppressed"),
    ):  # fmt: skip
        page = finding.page(account_id, wanted, limit=1)
        if page.older:
            finding.page(account_id, wanted, cursor=page.older, limit=1)
    queries.suppressions(alice.account)
    queries.suppressions(alice.account, address="z")
    queries.consents(crowd[0])
    queries.headcount(alice.account)
    queries.not_mailed(alice.account, crowd)
    suppressions.find(account_id, "a@example.com")

    assert plans
    # json_each is a list of ids that we gave.
    slow = [
        plan
        for plan in plans
        if (plan.startswith("SCAN") and "VIRTUAL TABLE" not in plan) or "TEMP B-TREE" in plan
    ]
    assert slow == []
