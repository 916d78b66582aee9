"""Two workers import overlapping people at once: nobody is lost, doubled or miscounted."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from app.config import CHECKOUT, Config
from app.contacts import importing, lists, undoing
from app.contacts.models import Consent, Contact, ContactList, Headcount, Import, Subscription, Tag
from app.contacts.models import contact_tag as tagged
from app.core.db import db, transaction
from tests.conftest import SECRET, Person

WORKER = """
import sys
from app.contacts import importing
from app.factory import create_app
importing.CHUNK = 150
with create_app().app_context():
    while importing.run(int(sys.argv[1])):
        pass
"""
PEOPLE = 3_000


def stage(person: Person, list_: ContactList, numbers: range, town: str) -> Import:
    rows = "".join(f"p{n}@example.com,N{n},{town},both;{town}\n" for n in numbers)
    return importing.stage(
        person.account, io.BytesIO(f"email,first name,town,tags\n{rows}".encode()),
        f"{town}.csv", list_=list_, basis="At the counter",
    )  # fmt: skip


@pytest.fixture
def work_at_once(settings: Config) -> Callable[[list[Import]], None]:
    def run(imports: list[Import]) -> None:
        given = {
            "LEADERSEND_HOME": str(settings.LEADERSEND_HOME),
            "DATABASE_URL": settings.DATABASE_URL,
            "REDIS_URL": settings.REDIS_URL,
            "SECRET_KEY": SECRET,
            "BASE_URL": settings.BASE_URL,
        }
        db.session.rollback()
        workers = [
            subprocess.Popen(  # noqa: S603
                [sys.executable, "-c", WORKER, str(import_.id)], cwd=CHECKOUT,
                env={"PATH": os.environ["PATH"], **given},
            )
            for import_ in imports
        ]  # fmt: skip
        assert [worker.wait(120) for worker in workers] == [0] * len(workers)
        db.session.rollback()
        db.session.expire_all()

    return run


def size(model: object, *conditions: object) -> int:
    query = sa.select(sa.func.count()).select_from(model).where(*conditions)  # type: ignore[arg-type]
    return db.session.scalar(query) or 0


@pytest.mark.flow
def test_overlapping_files_and_another_account_at_once(
    alice: Person, charlie: Person, work_at_once: Callable[[list[Import]], None]
) -> None:
    with transaction():
        news, garage = lists.create(alice.account, "News"), lists.create(charlie.account, "Garage")
    imports = [
        stage(alice, news, range(PEOPLE), "Oslo"),
        stage(alice, news, range(PEOPLE - 1, PEOPLE // 2, -1), "Rome"),
        stage(charlie, garage, range(PEOPLE), "Oslo"),
    ]

    work_at_once(imports)

    assert [import_.state for import_ in imports] == ["finished"] * 3
    first, second, other = imports
    assert first.created + second.created == PEOPLE == other.created
    assert (first.rejected, first.suppressed, other.updated) == (0, 0, 0)
    assert first.rows == first.created + first.updated + first.unchanged
    mine = Contact.account_id == alice.account.id
    assert size(Contact, mine) == PEOPLE
    assert size(Subscription, Subscription.list_id == news.id) == news.active == PEOPLE
    assert db.session.get_one(Headcount, alice.account.id).people == PEOPLE
    for tag in db.session.scalars(sa.select(Tag)):
        assert size(tagged, tagged.c.tag_id == tag.id) == tag.people
    stated = sa.select(Consent.contact_id).where(Consent.account_id == alice.account.id)
    assert len(set(db.session.scalars(stated))) == PEOPLE

    for import_ in (second, first):
        with transaction():
            undoing.start(import_)
        while undoing.run(import_.id):
            pass
    db.session.expire_all()
    assert size(Contact, mine) == news.active == 0
    assert db.session.get_one(Headcount, alice.account.id).people == 0
    assert size(Contact) == PEOPLE
