"""What tests stand on: a real database, a real queue server, and three people.

Alice owns a bakery's account and Bob helps her there; Charlie owns another business.
LEADERSEND_TEST_DATABASE=postgresql runs everything on PostgreSQL instead of SQLite.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask, g
from flask.testing import FlaskClient
from hypothesis import settings as properties
from werkzeug.test import TestResponse

from app.accounts import auditing
from app.accounts.models import Account, Member, Membership
from app.auth import sessions
from app.config import Config, load
from app.core import queue_server
from app.core.chaining import HEAD_GUARD
from app.core.db import Base, db, transaction
from app.core.errors import DomainError
from app.core.migrating import upgrade
from app.factory import configure_process, create_app
from app.privacy import guarding
from tests.servers import PostgresServer, QueueServer

# Where the tests run in the background of a shell, Ctrl-C is ignored, and every program that they
# start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Property tests try the same examples each time, so that a change is judged by what it changed.
# `make explore` tries others.
properties.register_profile("same", derandomize=True, database=None)
properties.register_profile("explore", print_blob=True)
properties.load_profile(os.environ.get("LEADERSEND_PROPERTIES", "same"))

#: Tables that are only added to, of whose rows some belong to no account.
CHAINS = (auditing.CHAIN,)
SECRET = "a secret of the tests, long enough to pass 0123456789"


@pytest.fixture(scope="session")
def queue() -> Iterator[QueueServer]:
    """A real queue server for the whole run."""
    with QueueServer() as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL; the test is skipped by name where it is not installed."""
    if PostgresServer.programs() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An empty, migrated database."""
    if os.environ.get("LEADERSEND_TEST_DATABASE") == "postgresql":
        url = request.getfixturevalue("postgres").database("tests")
    else:
        file = tmp_path_factory.mktemp("db") / "tests.sqlite"
        url = f"sqlite:///{file}"
        _keep_locks_on(str(file))
    upgrade(url)
    return url


def _keep_locks_on(file: str) -> None:
    """Let nobody but SQLite open this file in this process. Whoever closes it takes away all locks
    that the process has on it (POSIX), and the next program that looks at the database removes the
    log of what was just written."""

    def look(event: str, values: tuple[Any, ...]) -> None:
        if event == "open" and str(values[0]).startswith(file):
            raise RuntimeError("Read this file by another process: `cat`, for example.")

    sys.addaudithook(look)


@pytest.fixture(scope="session")
def settings(
    database_url: str, queue: QueueServer, tmp_path_factory: pytest.TempPathFactory
) -> Config:
    """Settings of the application under test."""
    return load(
        {
            "LEADERSEND_HOME": str(tmp_path_factory.mktemp("home")),
            "DATABASE_URL": database_url,
            "REDIS_URL": queue.url,
            "SECRET_KEY": SECRET,
            "BASE_URL": "http://localhost",
            "MAIL_DOMAIN": "mail.test",
            # What is about it switches it on.
            "SENDING_LADDER": "off",
        }
    )


@pytest.fixture(scope="session")
def whole_app(settings: Config) -> Iterator[Flask]:
    """The application, made once."""
    app = create_app(settings)
    gc.freeze()  # it stays until the end; looking through it takes a tenth of the time of all tests
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False, RATELIMIT_ENABLED=False)
    from app.extensions import limiter

    limiter.enabled = False
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def app(whole_app: Flask, settings: Config) -> Iterator[Flask]:
    """The application on an empty database, inside an application context."""
    # Some tests make applications of their own, each of which takes the process over.
    configure_process(settings)
    with whole_app.app_context():
        _empty()
        _remove_files(settings.LEADERSEND_HOME)
        queue_server.client().flushall()
        yield whole_app
        db.session.rollback()
        db.session.remove()


def _empty() -> None:
    with db.engine.connect() as connection:
        filled = _filled(connection)
        if connection.dialect.name == "postgresql":
            # Without triggers and foreign keys: a TRUNCATE of all tables takes longer than a test.
            connection.exec_driver_sql("SET session_replication_role = replica")
            _run(connection, [f'DELETE FROM "{name}"' for name in filled])  # noqa: S608
            connection.exec_driver_sql("SET session_replication_role = DEFAULT")
        elif filled:
            # First the accounts: only with them does the record of consents go.
            connection.execute(sa.delete(Base.metadata.tables["account"]))
            kept = [one for one in guarding.GUARDS if one.table in filled]
            for one in kept:  # these do not go at all
                _run(connection, one.dropping("sqlite"))
            _empty_books_of_nobody(connection)
            for table in reversed(Base.metadata.sorted_tables):
                if table.name in filled:
                    connection.execute(sa.delete(table))
            for one in kept:
                _run(connection, one.statements("sqlite"))
        connection.commit()


def _remove_files(home: Path) -> None:
    """What tests before this one left in folders of the data folder, which one process shares."""
    for path in home.glob("*/**/*"):
        # Hits are noted into files that stay open.
        if path.is_file() and path.relative_to(home).parts[0] != "hits":
            path.unlink(missing_ok=True)


def _filled(connection: sa.Connection) -> set[str]:
    """Tables that have rows."""
    asked = " UNION ALL ".join(
        f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM \"{name}\")"  # noqa: S608
        for name in Base.metadata.tables
    )
    return {row[0] for row in connection.exec_driver_sql(asked)}


def _run(connection: sa.Connection, statements: list[str]) -> None:
    for statement in statements:
        connection.exec_driver_sql(statement)


def _empty_books_of_nobody(connection: sa.Connection) -> None:
    """What belongs to no account never goes: for once, without the triggers that keep it."""
    heads = Base.metadata.tables["chain_head"]
    names = connection.scalars(sa.select(heads.c.name)).all()
    for guard in [HEAD_GUARD, *(chain.guard for chain in CHAINS)] if names else []:
        for statement in guard.dropping("sqlite"):
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql(f"DELETE FROM {guard.table}")  # noqa: S608
        for statement in guard.statements("sqlite"):
            connection.exec_driver_sql(statement)


@dataclass
class Person:
    """A member with the account that they see first."""

    member: Member
    account: Account


class Client(FlaskClient):
    """A browser without JavaScript."""

    def open(self, *args: Any, **options: Any) -> TestResponse:
        # The tests' own application context is around every request: what one request
        # remembered (who is signed in, in which account) is nothing to the next.
        for name in list(g):
            g.pop(name)
        return super().open(*args, **options)

    def sign_in(self, person: Person) -> None:
        with transaction():
            secret = sessions.start(person.member, is_strong=True)
        with self.session_transaction() as cookie:
            cookie["_user_id"] = secret
            cookie["_fresh"] = True
        # Requests of a test share its application context, which remembers who asked before.
        for name in ("_login_user", "membership", "zone"):
            g.pop(name, None)

    def htmx(self, method: str, url: str, **options: object) -> TestResponse:
        """As htmx asks for a fragment."""
        headers = {"HX-Request": "true"}
        return self.open(url, method=method, headers=headers, **options)  # type: ignore[arg-type]


@pytest.fixture
def client(app: Flask) -> Client:
    app.test_client_class = Client
    client = app.test_client()
    assert isinstance(client, Client)
    return client


@pytest.fixture
def alice(app: Flask) -> Person:
    """Owns the bakery."""
    return make_person("alice@bakery.example", "Alice Baker", "Bakery", "owner")


@pytest.fixture
def bob(alice: Person) -> Person:
    """Helps in the bakery, as an editor."""
    return add_member(alice.account, "bob@bakery.example", "Bob Helper", "editor")


@pytest.fixture
def vera(alice: Person) -> Person:
    """Only looks, in the bakery."""
    return add_member(alice.account, "vera@bakery.example", "Vera Viewer", "viewer")


@pytest.fixture
def charlie(app: Flask) -> Person:
    """A stranger: owns another business."""
    return make_person("charlie@garage.example", "Charlie Stranger", "Garage", "owner")


def make_person(email: str, name: str, business: str, role: str) -> Person:
    """A member with an account of their own."""
    with transaction():
        account = Account(
            name=business, address=f"{business}, 1 High Street, 12345 Town", state="active"
        )
        db.session.add(account)
        db.session.flush()
    return add_member(account, email, name, role)


def add_member(account: Account, email: str, name: str, role: str) -> Person:
    """A member of an account."""
    with transaction():
        member = Member(email=email, name=name, staff_roles=[])
        db.session.add(member)
        db.session.flush()
        db.session.add(Membership(account_id=account.id, member_id=member.id, role=role))
        db.session.flush()
    return Person(member, account)


def at_once(app: Flask, number: int, work: Callable[[], None]) -> list[BaseException]:
    """Do the same in many threads; returns what was refused."""
    begin = threading.Barrier(number)
    refused: list[BaseException] = []

    def run() -> None:
        with app.app_context():
            begin.wait(30)
            try:
                with transaction():
                    work()
            except DomainError as error:
                refused.append(error)
            db.session.remove()

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    db.session.rollback()
    return refused


@pytest.fixture
def at_commits(app: Flask) -> Iterator[Callable[[str], list[tuple[Any, bool]]]]:
    """at_commits(query) tells of each commit from then on what the query finds in it, and whether
    it waits for the disk."""
    asked: list[Callable[[sa.Connection], None]] = []

    def listen(query: str) -> list[tuple[Any, bool]]:
        found: list[tuple[Any, bool]] = []

        def look(connection: sa.Connection) -> None:
            is_sqlite = connection.dialect.name == "sqlite"
            ask = "PRAGMA synchronous" if is_sqlite else "SHOW synchronous_commit"
            waits = connection.exec_driver_sql(ask).scalar() in (2, "on")
            found.append((connection.exec_driver_sql(query).scalar(), waits))

        sa.event.listen(db.engine, "commit", look)
        asked.append(look)
        return found

    yield listen
    for look in asked:
        sa.event.remove(db.engine, "commit", look)


@pytest.fixture
def home(settings: Config) -> Path:
    """The data folder."""
    return settings.LEADERSEND_HOME
