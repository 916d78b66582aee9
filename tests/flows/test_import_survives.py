"""An import, and its undo, that are killed with -9, again and again, end as if nothing happened."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.config import CHECKOUT, Config
from app.contacts import importing, lists, undoing
from app.contacts.models import (
    Consent,
    Contact,
    ContactList,
    Headcount,
    Import,
    ImportChange,
    ImportJournal,
    ImportProblem,
    Subscription,
    Tag,
    contact_tag,
)
from app.core.clock import now
from app.core.db import db, transaction
from tests.conftest import SECRET, Person
from tests.servers import wait_until

pytestmark = pytest.mark.flow

ROWS = 30_000
WORKER = """
import sys
from app.contacts import importing
from app.factory import create_app
importing.CHUNK = 1000
with create_app().app_context():
    while importing.run(int(sys.argv[1])):
        pass
"""


UNDOER = """
import sys
from app.contacts import undoing
from app.factory import create_app
undoing.AT_ONCE = 100
with create_app().app_context():
    while undoing.run(int(sys.argv[1])):
        pass
"""


def content() -> bytes:
    rows = (
        "not an address,x,y"
        if number % 100 == 7
        else f"p{number % 25_000}@example.com,N{number % 13},T{number % 3}"
        for number in range(ROWS)
    )
    return "\n".join(["email,first name,town", *rows]).encode()


def work(settings: Config, import_id: int, how: str = WORKER) -> subprocess.Popen[bytes]:
    environ = {
        "PATH": os.environ["PATH"],
        "LEADERSEND_HOME": str(settings.LEADERSEND_HOME),
        "DATABASE_URL": settings.DATABASE_URL,
        "REDIS_URL": settings.REDIS_URL,
        "SECRET_KEY": SECRET,
        "BASE_URL": settings.BASE_URL,
    }
    command = [sys.executable, "-c", how, str(import_id)]
    return subprocess.Popen(command, cwd=CHECKOUT, env=environ)  # noqa: S603


def rows_done(import_id: int) -> int:
    db.session.rollback()
    return db.session.scalar(sa.select(Import.rows).where(Import.id == import_id)) or 0


def state_of(import_id: int) -> tuple[object, ...]:
    db.session.rollback()  # begins a new look at the database
    row = db.session.get_one(Import, import_id)
    counters = db.session.scalars(sa.select(ContactList.active)).all()
    sizes = [
        db.session.scalar(sa.select(sa.func.count()).select_from(model))
        for model in (Contact, Subscription, Consent, ImportProblem)
    ]
    return (
        row.state, row.rows, row.created, row.updated, row.unchanged, row.suppressed,
        row.rejected, *counters, *sizes,
    )  # fmt: skip


def test_killing_the_worker_changes_nothing(settings: Config, alice: Person, home: Path) -> None:
    with transaction():
        news = lists.create(alice.account, "News")
    import_ = importing.stage(
        alice.account, io.BytesIO(content()), "people.csv", list_=news, basis="At the counter"
    )
    kills = 0
    while kills < 4:
        before = rows_done(import_.id)
        worker = work(settings, import_.id)
        wait_until(
            lambda seen=before: rows_done(import_.id) > seen + 1000, seconds=90, what="progress"
        )  # type: ignore[misc]
        time.sleep(0.01 * kills)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        kills += 1
        with transaction():  # what the end of the lease does some seconds later
            gone = sa.update(Import).where(Import.state == "running")
            db.session.execute(gone.values(lease_until=now()))
    assert import_.id in [found for found, _ in importing.waiting()]
    assert rows_done(import_.id) < ROWS

    assert work(settings, import_.id).wait(120) == 0

    bad = ROWS // 100
    known = len({n % 25_000 for n in range(ROWS) if n % 100 != 7})
    again = ROWS - bad - known
    # Of the second rows of an address, those that say the same as the first change nothing.
    same = sum(
        (n - 25_000) % 13 == n % 13 and (n - 25_000) % 3 == n % 3
        for n in range(25_000, ROWS)
        if n % 100 != 7
    )
    assert state_of(import_.id) == (
        "finished", ROWS, known, again - same, same, 0, bad,
        known, known, known, known, bad,
    )  # fmt: skip


def all_there_is() -> dict[str, object]:
    """People with their values, places and tags, and what is counted of them."""
    db.session.rollback()
    shown = [
        sa.select(
            Contact.address, Contact.first_name, Contact.first_key, Contact.fields,
            Contact.updated_at,
        ),
        sa.select(Contact.address, ContactList.name, Subscription.state, Subscription.since)
        .select_from(Subscription).join(Contact).join(ContactList),
        sa.select(Contact.address, Tag.name)
        .select_from(contact_tag).join(Contact).join(Tag),
        sa.select(ContactList.name, ContactList.active),
        sa.select(Tag.name, Tag.people),
        sa.select(Headcount.people),
        sa.select(ImportChange.contact_id),
    ]  # fmt: skip
    return {
        str(query): sorted((tuple(row) for row in db.session.execute(query)), key=str)
        for query in shown
    }


def undone_so_far(import_id: int) -> int:
    """People whom the undo looked at."""
    db.session.rollback()
    numbers = db.session.scalar(
        sa.select(ImportJournal.numbers).where(ImportJournal.import_id == import_id)
    )
    return sum((numbers or {}).values())


def imported(alice: Person, rows: list[str], news: ContactList | None) -> Import:
    file = "\n".join(["email,first name,town,tags,lists", *rows]).encode()
    import_ = importing.stage(
        alice.account, io.BytesIO(file), "people.csv", list_=news, basis="At the counter"
    )
    while importing.run(import_.id):
        pass
    return import_


def test_killing_the_worker_of_an_undo_changes_nothing(
    settings: Config, alice: Person, home: Path
) -> None:
    with transaction():
        news = lists.create(alice.account, "News")
    imported(alice, [f"p{n}@example.com,Ann,Oslo,old,Cakes" for n in range(2_000)], None)
    before = all_there_is()
    rows = [f"p{n}@example.com,B{n % 5},Rome,new;old,Bread" for n in range(5_000)]
    import_ = imported(alice, rows, news)
    with transaction():
        undoing.start(import_)

    for kills in range(4):
        seen = undone_so_far(import_.id)
        worker = work(settings, import_.id, UNDOER)
        wait_until(
            lambda seen=seen: undone_so_far(import_.id) > seen + 300, seconds=90, what="progress"
        )  # type: ignore[misc]
        time.sleep(0.01 * kills)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        with transaction():  # what the end of the lease does some seconds later
            db.session.execute(sa.update(ImportJournal).values(lease_until=now()))
    assert undone_so_far(import_.id) < 5_000
    assert import_.id in [found for found, _ in undoing.waiting()]

    assert work(settings, import_.id, UNDOER).wait(120) == 0

    db.session.rollback()
    journal = db.session.get_one(ImportJournal, import_.id, populate_existing=True)
    assert (journal.state, journal.numbers) == ("undone", {"removed": 3_000, "restored": 2_000})
    assert all_there_is() == before
