"""The rules of core.db."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from app.accounts.models import Account
from app.config import Config
from app.core.db import CHOSEN, db, prepare_engine, transaction
from tests.conftest import Person


def test_rows_are_written_inside_a_transaction_only(alice: Person) -> None:
    db.session.add(Account(name="Stray"))

    with pytest.raises(RuntimeError, match="inside transaction"):
        db.session.flush()


def test_an_error_undoes_the_whole_transaction(alice: Person) -> None:
    def change_and_fail() -> None:
        with transaction():
            alice.account.name = "Changed"
            db.session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_and_fail()

    assert db.session.get_one(Account, alice.account.id).name == "Bakery"


def test_moments_come_back_in_utc(alice: Person) -> None:
    at = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    with transaction():
        alice.account.created_at = at
    db.session.expire_all()

    assert alice.account.created_at == at
    assert alice.account.created_at.tzinfo is not None


@pytest.mark.usefixtures("app")
@pytest.mark.skipif(
    os.environ.get("LEADERSEND_TEST_DATABASE") != "postgresql", reason="SQLite has pragmas for it"
)
def test_only_what_is_repeated_after_a_power_cut_does_not_wait_for_the_disk() -> None:
    asked = sa.text("SHOW synchronous_commit")
    waits = []
    for is_bulk in (False, True, False):
        with transaction(bulk=is_bulk):
            waits.append(db.session.scalar(asked))

    assert waits == ["on", "off", "on"]


@pytest.mark.skipif(
    os.environ.get("LEADERSEND_TEST_DATABASE") != "postgresql", reason="SQLite has neither"
)
@pytest.mark.parametrize("chosen", [{}, {"jit": "on"}])
def test_postgresql_reads_rows_by_their_index_unless_its_operator_chose(
    settings: Config, chosen: dict[str, str]
) -> None:
    given = {"options": " ".join(f"-c {name}={value}" for name, value in chosen.items())}
    engine = sa.create_engine(settings.DATABASE_URL, connect_args=given)
    prepare_engine(engine)
    with engine.connect() as connection:
        found = {name: connection.exec_driver_sql(f"SHOW {name}").scalar() for name in CHOSEN}
    engine.dispose()

    assert found == {**CHOSEN, **chosen}
