"""Import against the bare database, pages of the large account, plan against a bare INSERT."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import bench_import
import bench_pages
from bench_result import Result

FEW = 60


def run(folder: Path, size: int) -> Iterator[Result]:
    """On SQLite in a folder of its own, inside this process."""
    from app.config import load
    from app.core.db import db
    from app.core.migrating import upgrade
    from app.factory import create_app

    config = load({"LEADERSEND_HOME": str(folder / "home")})
    upgrade(config.DATABASE_URL)
    app = create_app(config)
    app.config["WTF_CSRF_ENABLED"] = False
    file = folder / "people.csv"
    bench_import.write_file(file, size)
    few = folder / "few.csv"
    bench_import.write_file(few, FEW)
    with app.app_context():
        alice, small = _accounts()
        lists = [_list(account_id) for account_id in (alice, small)]
        bench_import.take_in(small, lists[1], few)
        yield from bench_import.run(folder / "home", file, alice, lists[0])
    yield from bench_pages.run(app, alice, small, size)
    with app.app_context():
        yield _plan(alice, folder)
        db.session.remove()
        db.engine.dispose()


def _accounts() -> tuple[int, int]:
    from app.accounts import opening
    from app.core.db import transaction

    ids = []
    for name in ("alice", "charlie"):
        with transaction():
            account, _ = opening.open_account(
                business=name, email=f"{name}@{name}.example", address="1 High Street, 12345 Town",
                vouched=True, sender=f"news@{name}.example",
            )  # fmt: skip
            ids.append(account.id)
    return ids[0], ids[1]


def _list(account_id: int) -> int:
    from app.accounts.models import Account
    from app.contacts import lists
    from app.core.db import db, transaction

    with transaction():
        return lists.create(db.session.get_one(Account, account_id), "Everybody").id


def _plan(account_id: int, folder: Path) -> Result:
    from app.accounts.models import Account
    from app.campaigns import composing, scheduling
    from app.contacts.models import ContactList
    from app.core.db import db, transaction
    from app.delivery import receipts, starting

    account = db.session.get_one(Account, account_id)
    lists = [row.id for row in db.session.query(ContactList).filter_by(account_id=account_id)]
    draft = composing.Draft(
        name="Plan", subject="Plan", from_name="Alice", from_email="news@alice.example",
        body="Hello [you](https://example.com/)", lists=lists,
    )  # fmt: skip
    with transaction():
        campaign = composing.create(account, draft)
        scheduling.schedule(campaign)
    began = time.perf_counter()
    starting.plan(campaign.id)
    seconds = time.perf_counter() - began
    people = receipts.receipt(campaign.id).intended
    with transaction():
        scheduling.cancel(campaign)
    bare = _bare_plan(folder, people)
    return Result(
        f"plan, {people:,} recipients", people / seconds, people / bare, "rows/s",
        "a bare INSERT … SELECT",
    )  # fmt: skip


def _bare_plan(folder: Path, people: int) -> float:
    connection = sqlite3.connect(folder / "plan.sqlite")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE source (id INTEGER PRIMARY KEY)")
    connection.executemany("INSERT INTO source VALUES (?)", ((n,) for n in range(people)))
    connection.execute(
        "CREATE TABLE delivery (id INTEGER PRIMARY KEY, campaign INTEGER, contact INTEGER,"
        " batch INTEGER, state TEXT, UNIQUE (campaign, contact))"
    )
    connection.execute("CREATE INDEX by_batch ON delivery (batch, id)")
    connection.execute("CREATE INDEX by_contact ON delivery (contact, id)")
    connection.commit()
    began = time.perf_counter()
    connection.execute(
        "INSERT INTO delivery (campaign, contact, batch, state)"
        " SELECT 1, id, id / 2000, 'pending' FROM source ORDER BY id"
    )
    connection.commit()
    seconds = time.perf_counter() - began
    connection.close()
    return seconds
