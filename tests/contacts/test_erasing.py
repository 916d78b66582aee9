"""Whoever is erased is nowhere any more, stays out, and the numbers still add up."""

from __future__ import annotations

import io
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.accounts import auditing
from app.accounts.models import AuditEntry, IdempotencyKey, Notice
from app.campaigns.models import Campaign
from app.contacts import (
    chaining,
    consent,
    erasing,
    importing,
    jobs,
    lists,
    suppressions,
    tags,
    uploads,
    verifying,
    writing,
)
from app.contacts.models import (
    Contact,
    ContactList,
    Erasure,
    Headcount,
    Import,
    ImportProblem,
    Suppression,
    Tag,
)
from app.core.clock import now
from app.core.db import Base, db, dialect_name, transaction
from app.delivery import receipts
from app.delivery.models import Delivery, DiaryEntry, Event, Outage
from app.privacy import publishing
from tests.api.conftest import Program, program  # noqa: F401  # a fixture
from tests.conftest import Client, Person
from tests.tracking.mails import Sent, send

ADDRESS = "Zyxanna.Qqfoster@Erasable-Mailbox.example"
NAMES = ("zyxanna", "qqfoster", "erasable-mailbox")
BASIS = "Wrote their names down at the fair."


@pytest.fixture(autouse=True)
def empty_folder(app: object) -> None:
    for path in uploads.folder().iterdir():
        path.unlink()


@pytest.fixture
def letters(alice: Person) -> ContactList:
    with transaction():
        return lists.create(alice.account, "Letters", opt_in="double")


@pytest.fixture
def story(
    program: Program,  # noqa: F811
    alice: Person,
    letters: ContactList,
) -> tuple[int, Sent]:
    """Everything that can happen to a person, with the id of the contact."""
    publishing.current()
    body = {
        "email": ADDRESS, "first_name": "Zyxanna", "last_name": "Qqfoster", "company": "Qqfoster",
        "fields": {"cake": "Zyxanna's own"}, "tags": ["new"], "lists": [letters.id],
    }  # fmt: skip
    answer = program("POST", "/contacts", body, headers={"Idempotency-Key": "one"})
    assert answer.status_code == 201, answer.get_json()
    contact_id = int(answer.get_json()["id"])
    _import(alice, letters)
    sent = send(alice.account, people=2)
    with transaction() as session:
        contact = session.get_one(Contact, contact_id)
        writing.update(contact, notes="Zyxanna calls on Mondays")
        tags.add(tags.named(alice.account.id, "regular"), [contact_id])
        consent.subscribe(
            contact,
            lists.create(alice.account, "News"),
            source="hand",
            wording="Zyxanna said yes at the counter",
            evidence={"network": "192.0.2.0/24"},
        )
        _mailed(contact, sent)
        auditing.note(alice.account, alice.member, "contact.edit", ADDRESS.lower())
    chaining.seal(alice.account.id)
    return contact_id, sent


def _import(alice: Person, list_: ContactList) -> None:
    rows = (
        f"Email,First name,Last name,Note\n{ADDRESS},Zyxanna,Qqfoster,hello\n"
        f"not {ADDRESS},Zyxanna,Qqfoster,\nbob@example.com,Bob,,\n"
    )
    import_ = importing.stage(
        alice.account, io.BytesIO(rows.encode()), "people.csv", list_=list_, basis=BASIS
    )
    while importing.run(import_.id):
        pass


def _mailed(contact: Contact, sent: Sent) -> None:
    """A mail that came back, with the server's words."""
    words = f"550 5.1.1 <{ADDRESS}>: Recipient address rejected"
    delivery = db.session.get_one(Delivery, sent.deliveries[0].id)
    delivery.contact_id, delivery.answer = contact.id, words
    session = db.session
    session.add(
        Event(
            campaign_id=sent.campaign.id, delivery_id=delivery.id, contact_id=contact.id,
            kind="bounce", verdict="hard", fault="mailbox", reason=words,
        )
    )  # fmt: skip
    session.add(DiaryEntry(campaign_id=sent.campaign.id, text=f"The server said: {words}"))
    session.add(Outage(relay="r", until=now(), reason=words))


def everything() -> list[tuple[str, dict[str, Any]]]:
    """Every row of every table."""
    db.session.rollback()
    found = []
    for table in Base.metadata.sorted_tables:
        rows = db.session.connection().execute(sa.select(table)).mappings()
        found += [(table.name, dict(row)) for row in rows]
    return found


def traces(home: Path) -> list[str]:
    """Where the person still is: tables, and files of the data folder."""
    rows = [name for name, row in everything() if _names_them(repr(row).encode())]
    files = [path.name for path in home.rglob("*") if path.is_file() and _in_file(path)]
    return rows + files + _in_database_file()


def _names_them(raw: bytes) -> bool:
    return any(name.encode() in raw.lower() for name in NAMES)


def _in_file(path: Path) -> bool:
    return _names_them(path.read_bytes())


def _in_database_file() -> list[str]:
    """What SQLite left in its pages; PostgreSQL's own files are not ours to read."""
    if dialect_name() != "sqlite":
        return []
    path = Path(str(db.engine.url.database))
    found = [path, path.with_name(path.name + "-wal")]
    return [one.name for one in found if one.exists() and _names_them(_from_outside(one))]


def _from_outside(path: Path) -> bytes:
    """A file of SQLite's, read by another process: closing it in this one would take away the
    locks that its connections hold (https://www.sqlite.org/howtocorrupt.html, 2.2)."""
    return subprocess.run(["cat", str(path)], capture_output=True, check=True).stdout  # noqa: S603, S607


def test_the_story_leaves_traces_before(story: tuple[int, Sent], home: Path) -> None:
    """Or the next test would show nothing."""
    found = set(traces(home))

    assert found >= {
        "contact", "consent", "notice", "import_problem", "idempotency_key", "delivery", "event",
        "diary_entry", "outage",
    }  # fmt: skip
    assert any(name.endswith(".csv") for name in found)


@pytest.mark.parametrize("by", ["person", "owner"])
def test_the_address_and_the_name_are_nowhere(
    story: tuple[int, Sent], alice: Person, home: Path, by: erasing.By
) -> None:
    contact_id, sent = story
    before = receipts.receipt(sent.campaign.id)
    head = chaining.head(alice.account.id).hash

    with transaction() as session:
        erasing.erase(session.get_one(Contact, contact_id), by=by)
    jobs.keep_ledger()

    assert traces(home) == []
    assert receipts.receipt(sent.campaign.id) == before
    assert verifying.verify(alice.account.id).problem is None
    assert verifying.holds(alice.account.id, head)
    # What was about others, or about nobody, is as it was.
    assert db.session.scalar(
        sa.select(Contact.first_name).where(Contact.email == "bob@example.com")
    )
    problem = db.session.scalars(sa.select(ImportProblem)).one()
    assert problem.row == erasing.GONE
    assert db.session.scalars(sa.select(Import)).one().rejected == 1
    entry = db.session.scalars(sa.select(DiaryEntry)).one()
    assert entry.text == f"The server said: 550 5.1.1 <{erasing.GONE}>: Recipient address rejected"


def test_a_request_repeated_later_is_told_that_the_person_is_gone(
    story: tuple[int, Sent],
    program: Program,  # noqa: F811
) -> None:
    contact_id, _ = story
    program("DELETE", f"/contacts/{contact_id}?keep_out=yes")
    jobs.keep_ledger()

    stored = db.session.scalars(sa.select(IdempotencyKey).where(IdempotencyKey.key == "one")).one()
    assert stored.status == 410
    again = program("POST", "/contacts", {"email": ADDRESS})
    assert again.status_code == 409


def test_counters_are_those_of_who_is_left(story: tuple[int, Sent], alice: Person) -> None:
    contact_id, _ = story
    before = db.session.get_one(Headcount, alice.account.id).people
    with transaction() as session:
        erasing.erase(session.get_one(Contact, contact_id), by="owner")

    db.session.expire_all()
    assert db.session.get_one(Headcount, alice.account.id).people == before - 1
    news = db.session.scalars(sa.select(ContactList).where(ContactList.name == "News")).one()
    assert news.active == 0
    assert set(db.session.scalars(sa.select(Tag.people))) == {0}


@pytest.mark.parametrize(
    ("by", "keep_out", "left", "stays_out"),
    [
        ("person", False, False, "erased"),
        ("owner", True, False, "erased"),
        ("owner", False, False, ""),
        ("owner", False, True, "unsubscribed"),
        ("person", False, True, "erased"),
        ("api", False, True, "unsubscribed"),
    ],
)
def test_who_is_kept_out_by_a_hash_alone(
    alice: Person, by: erasing.By, keep_out: bool, left: bool, stays_out: str
) -> None:
    with transaction():
        ann = writing.create(alice.account, "ann@example.com")
        if left:
            consent.withdraw(ann, source="link")
        erasing.erase(ann, by=by, keep_out=keep_out)

    rows = db.session.scalars(sa.select(Suppression)).all()
    assert [(row.reason, row.address, row.detail) for row in rows] == (
        [(stays_out, None, "")] if stays_out else []
    )
    with transaction():
        list_ = lists.create(alice.account, "News")
    file = io.BytesIO(b"Email\nann@example.com\nANN@example.com\nben@example.com\n")
    import_ = importing.stage(alice.account, file, "a.csv", list_=list_, basis=BASIS)
    while importing.run(import_.id):
        pass
    db.session.refresh(import_)
    assert import_.suppressed == (2 if stays_out else 0)


def test_another_accounts_copy_of_the_person_stays(alice: Person, charlie: Person) -> None:
    with transaction():
        ours = writing.create(alice.account, "ann@example.com", first_name="Ann")
        theirs = writing.create(charlie.account, "ann@example.com", first_name="Ann")
        db.session.add(
            Notice(
                kind="x", account_id=charlie.account.id, to_email="ann@example.com", subject="",
                text="", state="sent", due_at=now(),
            )
        )  # fmt: skip
        erasing.erase(ours, by="person")
    jobs.keep_ledger()

    assert db.session.get(Contact, theirs.id)
    assert db.session.scalars(sa.select(Notice.to_email)).all() == ["ann@example.com"]
    assert suppressions.find(charlie.account.id, "ann@example.com") is None


def test_a_longer_address_that_ends_alike_is_somebody_else(alice: Person) -> None:
    with transaction():
        import_ = Import(
            account_id=alice.account.id, filename="a", stored_as="x" * 32 + ".csv",
            state="finished",
        )  # fmt: skip
        db.session.add(import_)
        db.session.flush()
        for row in ("joann@example.com,x", "ann@example.com.au", "Ann <ANN@example.com>"):
            db.session.add(ImportProblem(import_id=import_.id, row_number=1, row=row, reason="?"))
        erasing.erase(writing.create(alice.account, "ann@example.com"), by="person")
    jobs.keep_ledger()

    rows = list(db.session.scalars(sa.select(ImportProblem.row).order_by(ImportProblem.id)))
    assert rows == ["joann@example.com,x", "ann@example.com.au", erasing.GONE]


def test_a_file_at_work_is_waited_for(alice: Person, letters: ContactList) -> None:
    file = io.BytesIO(b"Email\nann@example.com\n")
    import_ = importing.stage(alice.account, file, "a.csv", list_=letters, basis=BASIS)
    path = uploads.path_of(import_.stored_as)
    with transaction():
        erasing.erase(writing.create(alice.account, "ann@example.com"), by="person")

    jobs.keep_ledger()

    assert path.exists()
    assert db.session.scalars(sa.select(Erasure.spellings)).one() == ["ann@example.com"]
    while importing.run(import_.id):
        pass
    jobs.keep_ledger()
    db.session.expire_all()
    assert not path.exists()
    order = db.session.scalars(sa.select(Erasure)).one()
    assert (order.spellings, order.keeps_out) == ([], True)
    assert order.finished_at


def test_a_draft_that_nobody_went_on_with_goes(alice: Person) -> None:
    with transaction():
        import_ = Import(
            account_id=alice.account.id, filename="a", stored_as="0" * 32 + ".csv", state="draft",
            created_at=now() - timedelta(days=2),
        )  # fmt: skip
        db.session.add(import_)
        path = uploads.path_of(import_.stored_as)
        path.write_bytes(b"ann@example.com")
        erasing.erase(writing.create(alice.account, "ann@example.com"), by="owner")

    jobs.keep_ledger()

    assert not path.exists()


def test_erasing_twice_and_the_tick_twice_are_harmless(alice: Person) -> None:
    with transaction():
        ann = writing.create(alice.account, "ann@example.com")
        assert erasing.erase_many(alice.account.id, [ann.id, ann.id + 1], by="owner") == 1
        assert erasing.erase_many(alice.account.id, [ann.id], by="owner") == 0

    assert jobs.keep_ledger() == 1
    assert jobs.keep_ledger() == 0


def test_the_page_says_what_will_go(client: Client, alice: Person, story: tuple[int, Sent]) -> None:
    contact_id, _ = story
    client.sign_in(alice)

    page = client.get(f"/contacts/{contact_id}/delete").text

    assert "place on 2 lists" in page
    assert "in 1 campaign" in page
    assert "Backups and take-outs made before" in page
    done = client.post(f"/contacts/{contact_id}/delete", data={"by_person": "yes"})
    assert done.status_code == 303
    db.session.expire_all()
    assert db.session.scalars(sa.select(Erasure.keeps_out)).all() == [True]
    line = sa.select(AuditEntry).where(AuditEntry.verb == "contact.erase")
    (noted,) = db.session.scalars(line)
    assert (noted.member_id, noted.about) == (alice.member.id, "by hand")


def test_a_campaign_on_its_way_skips_who_was_erased(alice: Person) -> None:
    """Its row stays and counts; nobody is behind it any more."""
    sent = send(alice.account, people=2)
    with transaction() as session:
        erasing.erase(session.get_one(Contact, sent.contacts[0].id), by="person")

    rows = db.session.scalars(sa.select(Delivery.contact_id).order_by(Delivery.id)).all()
    assert rows == [None, sent.contacts[1].id]
    assert db.session.get_one(Campaign, sent.campaign.id)
