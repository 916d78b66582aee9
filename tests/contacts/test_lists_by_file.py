"""A file names lists: they are made, people are put on them, and undoing removes just that."""

from __future__ import annotations

import io
from typing import Any

import pytest
import sqlalchemy as sa

from app.contacts import (
    checking,
    consent,
    importing,
    lists,
    mapping,
    suppressions,
    undoing,
    uploads,
    writing,
)
from app.contacts.models import Consent, Contact, ContactList, Import, ImportProblem, Subscription
from app.contacts.segments import keeping
from app.core.db import db, transaction
from tests.conftest import Client, Person

FILE = """email,name,groups
ann@example.com,Ann,"News, Cakes"
ben@example.com,Ben,Cakes;Bread
cid@example.com,Cid,
dan@example.com,Dan,News|Cakes
eve@example.com,Eve,Only For Eve
"""


@pytest.fixture(autouse=True)
def empty_folder(app: object) -> None:
    for path in uploads.folder().iterdir():
        path.unlink()


@pytest.fixture
def news(alice: Person) -> ContactList:
    """A list that Dan left; Eve must not be mailed."""
    with transaction():
        news = lists.create(alice.account, "News")
        dan = writing.create(alice.account, "dan@example.com")
        consent.subscribe(dan, news, source="hand")
        consent.leave_list(dan, news, source="link")
        suppressions.add(alice.account.id, "eve@example.com", reason="unsubscribed")
    return news


def staged(alice: Person, content: str = FILE, **options: Any) -> Import:
    options = {"basis": "From our old service.", "columns": {"groups": "lists"}} | options
    return importing.stage(alice.account, io.BytesIO(content.encode()), "people.csv", **options)


def worked(import_: Import) -> Import:
    while importing.run(import_.id):
        pass
    db.session.expire_all()
    assert import_.state == "finished", import_.error
    return import_


def places() -> set[tuple[str, str, str]]:
    query = sa.select(Contact.address, ContactList.name, Subscription.state)
    query = query.select_from(Subscription).join(Contact).join(ContactList)
    return {(row[0].partition("@")[0], row[1], row[2]) for row in db.session.execute(query)}


def named() -> dict[str, int]:
    query = sa.select(ContactList.name, ContactList.active)
    return {row.name: row.active for row in db.session.execute(query)}


def test_lists_are_made_and_people_put_on_them(alice: Person, news: ContactList) -> None:
    import_ = worked(staged(alice))

    assert places() == {
        ("ann", "News", "active"), ("ann", "Cakes", "active"), ("ben", "Cakes", "active"),
        ("ben", "Bread", "active"), ("dan", "Cakes", "active"), ("dan", "News", "ended"),
    }  # fmt: skip
    assert named() == {"News": 1, "Cakes": 3, "Bread": 1}
    assert (import_.created, import_.updated, import_.suppressed) == (3, 1, 1)
    said = db.session.execute(
        sa.select(Contact.address, Consent.evidence)
        .join(Contact, Contact.id == Consent.contact_id)
        .where(Consent.source == "import", Consent.kind == "stated", Consent.list_id.is_not(None))
    ).all()
    assert sorted((row.address, row.evidence["list"]) for row in said) == [
        ("ann@example.com", "Cakes"), ("ann@example.com", "News"), ("ben@example.com", "Bread"),
        ("ben@example.com", "Cakes"), ("dan@example.com", "Cakes"),
    ]  # fmt: skip

    again = worked(staged(alice))
    assert (again.created, again.updated, again.unchanged) == (0, 0, 4)
    assert named() == {"News": 1, "Cakes": 3, "Bread": 1}


def test_a_chosen_list_comes_on_top(alice: Person, news: ContactList) -> None:
    import_ = worked(staged(alice, list_=news, mode="add"))

    assert named() == {"News": 3, "Cakes": 3, "Bread": 1}
    assert (import_.created, import_.updated) == (3, 1)


def test_undoing_takes_them_off_again(alice: Person, news: ContactList) -> None:
    before = places()
    import_ = worked(staged(alice))
    with transaction():
        cakes, bread = (
            db.session.scalars(sa.select(ContactList.id).where(ContactList.name == name)).one()
            for name in ("Cakes", "Bread")
        )
        rule = {"all": [{"field": "list", "op": "on", "value": bread}]}
        keeping.create(alice.account.id, "Bread lovers", rule)
        undoing.start(import_)
    while undoing.run(import_.id):
        pass
    db.session.expire_all()

    assert places() == before
    # A segment asks for Bread; nothing asks for Cakes.
    assert named() == {"News": 0, "Bread": 0}
    assert db.session.get(ContactList, cakes) is None
    took_back = db.session.scalars(sa.select(Consent.list_id).where(Consent.kind == "withdrawn"))
    assert cakes in took_back.all()


def test_the_dry_run_names_the_lists(alice: Person, news: ContactList, client: Client) -> None:
    import_ = staged(alice, confirmed=False)
    with transaction():
        checking.begin(import_)
    while checking.run(import_.id, budget_s=0):
        pass
    db.session.expire_all()

    assert import_.checked["lists"] == ["Bread", "Cakes"]
    client.sign_in(alice)
    page = client.get(f"/imports/{import_.id}/columns").text
    assert "2 lists will be made:" in page
    assert named() == {"News": 0}


def test_a_file_cannot_make_lists_without_end(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "MOST_BY_FILE", 2)
    rows = "".join(f"p{n}@example.com,N{n},L{n}\n" for n in range(5))
    import_ = worked(staged(alice, f"email,name,groups\n{rows}p0@example.com,N0,L1\n"))

    assert named() == {"L0": 1, "L1": 2}
    assert (import_.created, import_.updated, import_.rejected) == (2, 1, 3)
    reason = db.session.scalars(sa.select(ImportProblem.reason)).first()
    assert reason == "It would make one list more than the 2 that files can make."


def test_lists_of_other_services_are_lists() -> None:
    head = ["Email", "Subscribed", "Sent", "Opens", "Clicks", "Groups"]
    assert mapping.guess(head, [], {})[-1]["to"] == "lists"
    assert mapping.guess(["email", "Mailing list"], [], {})[-1]["to"] == "lists"
    assert mapping.guess(["email", "groups"], [], {})[-1]["to"] == "tags"


def test_a_list_is_meant_however_its_name_is_written(alice: Person, news: ContactList) -> None:
    content = (
        "email,groups\nann@example.com,  NEWS ;news\nben@example.com,Fresh  Bread\n"
        "cid@example.com,fresh bread|News\n"
    )
    with transaction():
        checked = staged(alice, content, confirmed=False)
        checking.begin(checked)
    while checking.run(checked.id):
        pass
    assert db.session.get_one(Import, checked.id).checked["lists"] == ["Fresh  Bread"]

    import_ = worked(staged(alice, content))

    found = {
        row.name: row.active
        for row in db.session.scalars(sa.select(ContactList).order_by(ContactList.name))
    }
    assert found == {"Fresh  Bread": 2, "News": 2}
    assert (import_.created, import_.rejected) == (3, 0)
