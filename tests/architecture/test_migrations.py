"""Any installation reaches the schema of the models, step by step, and can go back."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import app.factory  # noqa: F401  # knows every part, so that every table is known here
from app.config import CHECKOUT
from app.core import migrating
from app.core.clock import now
from app.core.db import Base

VERSIONS = sorted((CHECKOUT / "migrations" / "versions").glob("*.py"))


def test_migrations_are_numbered_without_gaps() -> None:
    numbers = [int(path.name[:4]) for path in VERSIONS]

    assert all(re.fullmatch(r"\d{4}_[a-z0-9_]+\.py", path.name) for path in VERSIONS)
    assert numbers == list(range(1, len(numbers) + 1))


def test_there_is_one_head_and_one_line() -> None:
    scripts = ScriptDirectory.from_config(migrating.settings())

    assert len(scripts.get_heads()) == 1
    assert len(list(scripts.walk_revisions())) == len(VERSIONS)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/empty.sqlite"
    url: str = request.getfixturevalue("postgres").database("migrations")
    return url


def tables(url: str) -> set[str]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    return set(sa.inspect(engine).get_table_names()) - {"alembic_version", "sqlite_sequence"}


def downgrade(url: str) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        command.downgrade(migrating.settings(connection), "base")
        connection.commit()


def test_up_down_and_up_again(empty: str) -> None:
    migrating.upgrade(empty)
    everything = tables(empty)
    downgrade(empty)
    nothing = tables(empty)
    migrating.upgrade(empty)

    assert everything == tables(empty) == set(Base.metadata.tables)
    assert nothing == set()


def test_the_schema_is_that_of_the_models(empty: str) -> None:
    migrating.upgrade(empty)

    engine = sa.create_engine(empty, poolclass=sa.NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_upgrading_again_does_nothing(empty: str) -> None:
    migrating.upgrade(empty)
    migrating.upgrade(empty)

    engine = sa.create_engine(empty, poolclass=sa.NullPool)
    assert migrating.is_current(engine)


def test_no_id_is_ever_given_twice(tmp_path: Path) -> None:
    """SQLite forgets AUTOINCREMENT when a migration copies a table without saying so."""
    url = f"sqlite:///{tmp_path}/ids.sqlite"
    migrating.upgrade(url)

    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        tables = dict(
            connection.exec_driver_sql(
                "SELECT name, sql FROM sqlite_master WHERE type = 'table'"
            ).all()
        )
    numbered = [table.name for table in Base.metadata.sorted_tables if "id" in table.c]
    assert [name for name in numbered if "AUTOINCREMENT" not in tables[name]] == []


def test_what_hangs_on_a_delivery_without_foreign_keys_is_kept_in_order(empty: str) -> None:
    """SQLite forgets triggers when a migration copies their table."""
    migrating.upgrade(empty)

    engine = sa.create_engine(empty, poolclass=sa.NullPool)
    with engine.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
            if engine.dialect.name == "postgresql"
            else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        )
        assert {row[0] for row in found} >= {
            "delivery_forgets_contact", "delivery_goes_with_campaign", "event_forgets_contact",
        }  # fmt: skip


def test_growth_and_said_kinds_are_filled_in(empty: str) -> None:
    """Migration of people: days so far, and kinds that somebody must have said."""
    engine = sa.create_engine(empty, poolclass=sa.NullPool)
    at = "'2025-03-01 23:30:00+00'" if engine.dialect.name == "postgresql" else (
        "'2025-03-01 23:30:00.000000'"
    )  # fmt: skip
    with engine.connect() as connection:
        command.upgrade(migrating.settings(connection), "0003")
        connection.execute(_filled(connection, "account", id=1))
        for number, (first, company) in enumerate((("", ""), ("Ann", ""), ("", "Inc")), 1):
            kind = "organisation" if number == 2 else "person"
            connection.execute(
                _filled(
                    connection, "contact", id=number, account_id=1, address=f"p{number}@b.example",
                    first_name=first, company=company, kind=kind,
                )
            )  # fmt: skip
        connection.execute(_filled(connection, "list", id=1, account_id=1))
        for number, state in enumerate(("active", "ended", "pending"), 1):
            place = {"contact_id": number, "list_id": 1, "account_id": 1, "state": state}
            connection.execute(_filled(connection, "subscription", **place))
        connection.exec_driver_sql(f"UPDATE subscription SET since = {at}")  # noqa: S608
        connection.exec_driver_sql(
            f"UPDATE subscription SET ended_at = {at} WHERE state = 'ended'"  # noqa: S608
        )
        connection.commit()
        command.upgrade(migrating.settings(connection), "head")
        connection.commit()
        days = connection.exec_driver_sql("SELECT day, joined, gone FROM list_day").all()
        assert [(str(day), joined, gone) for day, joined, gone in days] == [("2025-03-01", 2, 1)]
        people = connection.exec_driver_sql("SELECT SUM(joined) FROM people_day").scalar()
        assert people == 3
        said = connection.exec_driver_sql("SELECT kind_by FROM contact ORDER BY id").scalars()
        assert said.all() == ["", "hand", "hand"]


def _filled(connection: sa.Connection, name: str, **values: object) -> sa.Insert:
    """A row of a table as it was then, with something in each column that must not be empty."""
    table = sa.Table(name, sa.MetaData(), autoload_with=connection)
    for column in table.columns:
        if column.name not in values and not column.nullable:
            kind = column.type.python_type
            known = {datetime: now().replace(tzinfo=None), object: {}, dict: {}}
            values[column.name] = known.get(kind) if kind in known else kind()
    return sa.insert(table).values(**values)
