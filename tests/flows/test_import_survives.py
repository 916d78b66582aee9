"""An import that is killed with -9, again and again, ends as if nothing had happened."""

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
from app.contacts import importing, lists
from app.contacts.models import Consent, Contact, ContactList, Import, ImportProblem, Subscription
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


def content() -> bytes:
    rows = (
        "not an address,x,y"
        if number % 100 == 7
        else f"p{number % 25_000}@example.com,N{number % 13},T{number % 3}"
        for number in range(ROWS)
    )
    return "\n".join(["email,first name,town", *rows]).encode()


def work(settings: Config, import_id: int) -> subprocess.Popen[bytes]:
    environ = {
        "PATH": os.environ["PATH"],
        "LEADERSEND_HOME": str(settings.LEADERSEND_HOME),
        "DATABASE_URL": settings.DATABASE_URL,
        "REDIS_URL": settings.REDIS_URL,
        "SECRET_KEY": SECRET,
        "BASE_URL": settings.BASE_URL,
    }
    command = [sys.executable, "-c", WORKER, str(import_id)]
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
        wait_until(lambda seen=before: rows_done(import_.id) > seen + 1000, what="progress")  # type: ignore[misc]
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
