"""Something done to many that is killed with -9, again and again, ends as if nothing had been."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
import sqlalchemy as sa

from app.config import CHECKOUT, Config
from app.contacts import bulk_actions, lists
from app.contacts.models import BulkAction, Consent, Contact, ContactList, Subscription, bulk_change
from app.contacts.selecting import Selection
from app.core.clock import now
from app.core.db import db, transaction
from tests.conftest import SECRET, Person
from tests.servers import wait_until

pytestmark = pytest.mark.flow

PEOPLE = 4_000
WORKER = """
import sys
from app.contacts import bulk_actions
from app.factory import create_app
for verb in bulk_actions.VERBS.values():
    type(verb).chunk = 20
with create_app().app_context():
    while bulk_actions.run(int(sys.argv[1])):
        pass
"""


def work(settings: Config, action_id: int) -> subprocess.Popen[bytes]:
    environ = {
        "PATH": os.environ["PATH"],
        "LEADERSEND_HOME": str(settings.LEADERSEND_HOME),
        "DATABASE_URL": settings.DATABASE_URL,
        "REDIS_URL": settings.REDIS_URL,
        "SECRET_KEY": SECRET,
        "BASE_URL": settings.BASE_URL,
    }
    command = [sys.executable, "-c", WORKER, str(action_id)]
    return subprocess.Popen(command, cwd=CHECKOUT, env=environ)  # noqa: S603


def walked(action_id: int) -> int:
    db.session.rollback()
    found = sa.select(BulkAction.walked).where(BulkAction.id == action_id)
    return db.session.scalar(found) or 0


def sizes() -> tuple[int, ...]:
    """Who is on the list, its counter, what was written down, the evidence."""
    db.session.rollback()
    rows = [
        db.session.scalar(sa.select(sa.func.count()).select_from(table)) or 0
        for table in (Subscription, bulk_change, Consent)
    ]
    return (db.session.scalar(sa.select(ContactList.active)) or 0, *rows)


def kill_again_and_again(settings: Config, action_id: int, times: int) -> None:
    for number in range(times):
        before = walked(action_id)
        worker = work(settings, action_id)
        try:
            wait_until(lambda seen=before: walked(action_id) > seen + 40, what="progress")  # type: ignore[misc]
            time.sleep(0.01 * number)
        finally:
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        with transaction():  # what the end of the lease does some seconds later
            db.session.execute(sa.update(BulkAction).values(lease_until=now()))
    assert walked(action_id) < PEOPLE
    assert work(settings, action_id).wait(120) == 0


def test_killing_the_worker_changes_nothing(settings: Config, alice: Person) -> None:
    with transaction():
        news = lists.create(alice.account, "News")
        rows = [
            {"account_id": alice.account.id, "email": f"p{n}@b.example",
             "address": f"p{n}@b.example", "fields": {}}
            for n in range(PEOPLE)
        ]  # fmt: skip
        db.session.execute(sa.insert(Contact), rows)
        action = bulk_actions.ask(alice.account, "list", {"list": news.id}, Selection())
    while bulk_actions.run(action.id):
        pass
    with transaction():
        bulk_actions.start(db.session.get_one(BulkAction, action.id, populate_existing=True))

    kill_again_and_again(settings, action.id, 3)

    assert sizes() == (PEOPLE, PEOPLE, PEOPLE, PEOPLE)
    done = db.session.get_one(BulkAction, action.id, populate_existing=True)
    assert (done.state, done.changed, done.matched) == ("done", PEOPLE, PEOPLE)

    with transaction():
        bulk_actions.undo(db.session.get_one(BulkAction, action.id, populate_existing=True))
    kill_again_and_again(settings, action.id, 3)

    assert sizes() == (0, 0, PEOPLE, 2 * PEOPLE)
    undone = db.session.get_one(BulkAction, action.id, populate_existing=True)
    assert (undone.state, undone.undone) == ("undone", PEOPLE)
