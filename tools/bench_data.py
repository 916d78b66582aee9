"""Import against the bare database, plan against a bare INSERT … SELECT, pages large and small."""

from __future__ import annotations

import csv
import io
import shutil
import sqlite3
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import demo_file
from bench_result import Result

ROUNDS = 15
FEW = 50


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
    text = demo_file.make(size, 0).text
    with app.app_context():
        alice, small = _accounts()
        yield _import(alice, text, folder)
        _take_in(small, demo_file.make(FEW, 0, seed=8).text)
        yield _plan(alice, folder)
        yield from _pages(app, alice, small, size)
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


def _take_in(account_id: int, text: str) -> tuple[float, int]:
    """Import a file into a new list; how long it took, and its rows."""
    from app.accounts.models import Account
    from app.contacts import importing, lists
    from app.contacts.models import Import
    from app.core.db import db, transaction

    with transaction():
        account = db.session.get_one(Account, account_id)
        list_ = lists.create(account, "Everybody")
    began = time.perf_counter()
    import_ = importing.stage(
        account, io.BytesIO(text.encode()), "people.csv", list_=list_, basis="A benchmark."
    )
    while importing.run(import_.id):
        pass
    seconds = time.perf_counter() - began
    done = db.session.get_one(Import, import_.id, populate_existing=True)
    if done.state != "finished":
        raise RuntimeError(f"the import ended as {done.state}: {done.error}")
    return seconds, done.rows


def _import(account_id: int, text: str, folder: Path) -> Result:
    seconds, rows = _take_in(account_id, text)
    columns = ", ".join(f"c{n} TEXT" for n in range(len(demo_file.COLUMNS) - 1))
    table = f"CREATE TABLE people (address TEXT PRIMARY KEY, {columns})"
    shell = shutil.which("sqlite3")
    bare = _by_shell(shell, table, text, folder) if shell else _by_csv(table, text, folder)
    return Result(
        f"import, {rows:,} rows", seconds, bare, "s",
        "sqlite3 .import into a bare table" if shell else "Python's csv into a bare table",
        is_times=True, wanted="≤ 5 ×",  # noqa: RUF001
    )  # fmt: skip


def _by_shell(shell: str, table: str, text: str, folder: Path) -> float:
    """Rows that repeat an address are refused there one by one; that is part of its work."""
    file, database = folder / "people.csv", folder / "reference.sqlite"
    file.write_text(text, encoding="utf-8")
    script = f"PRAGMA journal_mode = WAL;\n{table};\n.import --csv --skip 1 {file} people\n"
    began = time.perf_counter()
    subprocess.run([shell, str(database)], input=script.encode(), capture_output=True, check=False)  # noqa: S603
    seconds = time.perf_counter() - began
    with closing(sqlite3.connect(database)) as connection:
        (rows,) = connection.execute("SELECT count(*) FROM people").fetchone()
    if rows < text.count("\n") * 0.8:
        raise RuntimeError(f"sqlite3 took only {rows} rows")
    return seconds


def _by_csv(table: str, text: str, folder: Path) -> float:
    began = time.perf_counter()
    connection = sqlite3.connect(folder / "reference.sqlite")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(table)
    marks = ", ".join("?" * len(demo_file.COLUMNS))
    parsed = (row for row in csv.reader(io.StringIO(text)) if len(row) == len(demo_file.COLUMNS))
    connection.executemany(f"INSERT OR REPLACE INTO people VALUES ({marks})", parsed)  # noqa: S608
    connection.commit()
    connection.close()
    return time.perf_counter() - began


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


def _pages(app: object, large: int, small: int, size: int) -> Iterator[Result]:
    """The same page of a large account and of a small one: it should cost the same."""
    pages = {
        "contacts": "/contacts",
        "search as you type": "/contacts?q=vera",
        "home": "/home",
        "campaigns": "/campaigns",
    }
    many, few = _Browser(app, large), _Browser(app, small)
    for name, url in pages.items():
        yield Result(
            f"page {name}, {size:,} contacts", many.ms(url), few.ms(url), "ms",
            f"the same with {FEW}", more_is_better=False,
        )  # fmt: skip


class _Browser:
    """Signed in as the owner of an account."""

    def __init__(self, app: object, account_id: int) -> None:
        import sqlalchemy as sa
        from flask import Flask

        from app.accounts.models import Member, Membership
        from app.auth import sessions
        from app.core.db import db, transaction

        assert isinstance(app, Flask)  # noqa: S101
        self.client = app.test_client()
        owner = sa.select(Member).join(Membership).where(Membership.account_id == account_id)
        with transaction():
            secret = sessions.start(db.session.scalars(owner).one())
        with self.client.session_transaction() as cookie:
            cookie["_user_id"] = secret
            cookie["_fresh"] = True

    def ms(self, url: str) -> float:
        """The median of some rounds, after one to warm up."""
        times = []
        for _ in range(ROUNDS + 1):
            began = time.perf_counter()
            answer = self.client.get(url)
            answer.get_data()
            times.append((time.perf_counter() - began) * 1000)
            if answer.status_code != 200:
                raise RuntimeError(f"{url} answers {answer.status_code}")
        return statistics.median(times[1:])
