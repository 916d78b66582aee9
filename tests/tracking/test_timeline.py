"""The history of one contact: everything once, page by page, whoever did it."""

from __future__ import annotations

import io

import pytest
import sqlalchemy as sa

from app.contacts import (
    bulk_actions,
    changes,
    consent,
    finding,
    growth,
    hygiene,
    importing,
    lists,
    selecting,
    writing,
)
from app.contacts.models import Contact, ContactList
from app.core.db import db, transaction
from app.core.errors import Invalid
from app.tracking import intake, timeline
from tests.conftest import Client, Person
from tests.contacts.test_finding import plans
from tests.tracking.mails import READER, Sent

__all__ = ["plans"]


@pytest.fixture
def busy(client: Client, sent: Sent, alice: Person) -> Contact:
    """Somebody with something of everything."""
    person = sent.contacts[0]
    client.get(sent.click(0, 0), headers=READER)
    client.get(sent.open(0), headers={"User-Agent": "Mozilla/5.0"})
    intake.take_hits()
    me = changes.by_hand(alice.member.id)
    with transaction():
        news = lists.create(alice.account, "Extra")
        person = db.session.get_one(Contact, person.id)
        writing.update(person, by=me, first_name="Anna", tags=["vip"], fields={"town": "Ulm"})
        writing.update(person, by=changes.BY_API, first_name="Annie", tags=[])
        consent.subscribe(person, news, source="hand", evidence={"member": alice.member.id})
        action = bulk_actions.ask(
            alice.account, "tag", {"tag": "spring"}, selecting.ticked([person.id]),
            member_id=alice.member.id,
        )  # fmt: skip
    bulk_actions.run(action.id)
    with transaction():
        bulk_actions.start(db.session.get_one(type(action), action.id))
    bulk_actions.run(action.id)
    return db.session.get_one(Contact, person.id)


def all_of(contact: Contact, only: str = "", limit: int = 2) -> list[timeline.Entry]:
    found, cursor = [], None
    while True:
        page = timeline.page(contact, only=only, cursor=cursor, limit=limit)
        assert len(page.items) <= limit
        found += page.items
        cursor = page.older
        if cursor is None:
            return found


def test_every_entry_comes_once_newest_first(busy: Contact) -> None:
    entries = all_of(busy)

    assert sorted(entry.kind for entry in entries) == sorted(
        ["added", "bulk", "changed", "changed", "click", "open", "sent", "stated"]
    )
    assert [entry.at for entry in entries] == sorted((e.at for e in entries), reverse=True)
    assert entries == all_of(busy, limit=50)


def test_who_was_added_by_a_person_was_added_once(alice: Person) -> None:
    with transaction():
        contact = writing.create(
            alice.account, "ann@example.com", by=changes.by_hand(alice.member.id)
        )

    (added,) = all_of(contact, only="changes")

    assert (added.kind, added.source, added.who) == ("added", "hand", alice.member.name)


def test_it_says_what_changed_and_who_did_it(busy: Contact, alice: Person) -> None:
    by = {(entry.kind, entry.source): entry for entry in all_of(busy)}

    mine = by["changed", "hand"]
    assert mine.who == alice.member.name
    assert mine.details["fields.town"] == [None, "Ulm"]
    assert mine.details["tags"] == {"added": ["vip"], "removed": []}
    assert by["changed", "api"].details["first_name"] == ["Anna", "Annie"]
    assert by["bulk", "hand"].text == "Add the tag “spring”"
    assert by["stated", "hand"].who == alice.member.name


@pytest.mark.parametrize(
    ("only", "kinds"),
    [
        ("mails", {"sent"}),
        ("reading", {"click"}),
        ("machines", {"open"}),
        ("permission", {"stated"}),
        ("changes", {"bulk", "changed", "added"}),
    ],
)
def test_one_kind_of_entries(busy: Contact, only: str, kinds: set[str]) -> None:
    assert {entry.kind for entry in all_of(busy, only)} == kinds


def test_it_says_what_a_file_changed(client: Client, alice: Person, busy: Contact) -> None:
    file = f"email,first name,town,tags,lists\n{busy.email},Anja,Bonn,file,Cakes\n"
    with transaction():
        extra = db.session.scalars(sa.select(ContactList).where(ContactList.name == "News")).first()
    import_ = importing.stage(
        alice.account, io.BytesIO(file.encode()), "people.csv", list_=extra,
        basis="At the counter", member_id=alice.member.id,
    )  # fmt: skip
    while importing.run(import_.id):
        pass
    db.session.expire_all()

    entry = all_of(busy, "changes")[0]
    assert (entry.kind, entry.source, entry.text) == ("changed", "import", "people.csv")
    assert entry.who == alice.member.name
    assert entry.details == {
        "first_name": ["Annie", "Anja"], "fields.town": ["Ulm", "Bonn"],
        "tags": {"added": ["file"], "removed": []}, "lists": ["Cakes"],
    }  # fmt: skip
    client.sign_in(alice)
    page = client.get(f"/contacts/{busy.id}/history").text
    assert f'href="/imports/{import_.id}"' in page
    assert "put on: Cakes" in page


@pytest.mark.parametrize("cursor", ["x", "W10", "WzFd", "W1sieCIsMV1d", "W1sibWFpbHMiLCIxIl1d"])
def test_made_up_cursors_are_refused(busy: Contact, cursor: str) -> None:
    if cursor == "W10":  # an empty list: the beginning
        assert timeline.page(busy, cursor=cursor).items
        return
    with pytest.raises(Invalid):
        timeline.page(busy, cursor=cursor)


def test_the_page_and_its_fragment(client: Client, alice: Person, busy: Contact) -> None:
    client.sign_in(alice)

    assert "Add the tag “spring”" in client.get(f"/contacts/{busy.id}").text
    part = client.htmx("GET", f"/contacts/{busy.id}/history?only=machines")
    assert part.text.lstrip().startswith("<section")
    assert "Machine" in part.text
    assert "Add the tag" not in part.text


def test_no_page_walks_through_a_table_or_sorts_it(
    alice: Person, busy: Contact, plans: list[str]
) -> None:  # fmt: skip
    account = alice.account
    news = db.session.scalars(sa.select(ContactList)).first()
    assert news is not None
    plans.clear()
    first = timeline.page(busy, limit=2)
    timeline.page(busy, limit=2, cursor=first.older)
    growth.of_account(account, "month")
    growth.of_list(news, "month")
    hygiene.pairs(account)
    hygiene.latest(account)
    bulk_actions.recent(account)
    finding.page(account.id, finding.Wanted(finding="role"))
    finding.page(account.id, finding.Wanted(finding="silent-90"))
    finding.page(account.id, finding.Wanted(kind="organisation"))

    assert plans
    slow = [
        plan
        for plan in plans
        if (plan.startswith("SCAN") and "VIRTUAL TABLE" not in plan) or "TEMP B-TREE" in plan
    ]
    assert slow == []
