"""Chains: what is added stands behind what was there, and whatever is altered is named."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts import auditing
from app.accounts.auditing import CHAIN
from app.accounts.jobs import keep_books
from app.accounts.models import Account, AuditEntry
from app.core import books, chaining
from app.core.chaining import HEAD_GUARD, ChainHead
from app.core.clock import now
from app.core.db import db, dialect_name, transaction
from tests.conftest import Person

Tamper = Callable[..., None]


@pytest.fixture
def lines(alice: Person) -> list[int]:
    """Places of seven entries of the bakery."""
    for number in range(7):
        with transaction():
            auditing.note(alice.account, alice.member, "campaign.send", f"campaign {number}")
    return list(range(1, 8))


@pytest.fixture
def tamper(app: Flask) -> Iterator[Tamper]:
    """Raw SQL by somebody who owns the database and has dropped its triggers."""
    guards = (CHAIN.guard, HEAD_GUARD)
    _run(*(words for guard in guards for words in guard.dropping(dialect_name())))
    yield _run
    _run(
        "DELETE FROM audit_entry WHERE account_id IS NULL",
        "DELETE FROM chain_head WHERE account_id IS NULL",
        *(words for guard in guards for words in guard.statements(dialect_name())),
    )


def _run(*statements: str, **values: Any) -> None:
    db.session.rollback()
    with db.engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement), values)
    db.session.expire_all()


def found(account: Account | None) -> books.Verdict:
    return books.verify(CHAIN, account.id if account else None)


def ids(account: Account) -> list[int]:
    query = sa.select(AuditEntry.id).where(AuditEntry.account_id == account.id)
    return list(db.session.scalars(query.order_by(AuditEntry.link)))


def test_each_entry_stands_behind_the_one_before(
    alice: Person, charlie: Person, lines: list[int]
) -> None:
    with transaction():
        auditing.note(charlie.account, charlie.member, "sender.add", "sender 1")
        auditing.note(alice.account, alice.member, "sender.add", "sender 2")
        auditing.note(alice.account, alice.member, "sender.add", "sender 3")

    query = sa.select(AuditEntry.link).where(AuditEntry.account_id == alice.account.id)
    assert db.session.scalars(query.order_by(AuditEntry.id)).all() == [*lines, 8, 9]
    verdict = found(alice.account)
    assert (verdict.entries, verdict.loose, verdict.problem) == (9, 0, "")
    assert verdict.head == db.session.scalar(
        sa.select(ChainHead.hash).where(ChainHead.account_id == alice.account.id)
    )
    assert found(charlie.account).entries == 1


def test_what_is_taken_back_leaves_no_gap(alice: Person, lines: list[int]) -> None:
    def note_and_fail() -> None:
        auditing.note(alice.account, None, "sender.add")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), transaction():
        note_and_fail()
    with transaction():
        with pytest.raises(ZeroDivisionError), db.session.begin_nested():
            note_and_fail()
        with db.session.begin_nested():
            auditing.note(alice.account, None, "sender.confirm")

    verdict = found(alice.account)
    assert (verdict.entries, verdict.problem) == (len(lines) + 1, "")


def test_many_at_once_stand_in_one_line(app: Flask, alice: Person, charlie: Person) -> None:
    def work(number: int) -> None:
        with app.app_context():
            for _ in range(5):
                # Crosswise, and with the account locked as a change of roles has it.
                pair = [alice.account.id, charlie.account.id][:: 1 if number % 2 else -1]
                with transaction():
                    for account_id in pair:
                        account = db.session.get_one(Account, account_id)
                        auditing.note(account, None, "person.role", f"by {number}")
                with transaction():
                    query = sa.select(Account.id).where(Account.id == pair[0])
                    db.session.execute(query.with_for_update())
                    auditing.note(db.session.get_one(Account, pair[0]), None, "person.role")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    db.session.rollback()
    both = [found(alice.account), found(charlie.account)]
    assert [one.problem for one in both] == ["", ""]
    assert sum(one.entries for one in both) == 6 * 5 * 3


def test_the_database_refuses_to_change_or_remove_anything(alice: Person, lines: list[int]) -> None:
    for statement in (
        "UPDATE audit_entry SET about = 'campaign 99' WHERE link = 3",
        "UPDATE audit_entry SET hash = NULL WHERE link = 3",
        "DELETE FROM audit_entry WHERE link = 7",
        "UPDATE chain_head SET links = 6",
        "DELETE FROM chain_head",
    ):
        with pytest.raises(sa.exc.DatabaseError, match="only added to"):
            _run(statement)
    assert found(alice.account).problem == ""


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (["UPDATE audit_entry SET about = 'x' WHERE link = 3"], "number 3 (row {2}) was altered"),
        (["UPDATE audit_entry SET member_id = 99 WHERE link = 7"], "number 7 (row {6}) was"),
        (["UPDATE audit_entry SET at = '2020-01-01 00:00:00' WHERE link = 1"], "number 1 (row"),
        (["DELETE FROM audit_entry WHERE link = 4"], "Entry number 4 is missing."),
        (["DELETE FROM audit_entry WHERE link IN (4, 5, 6)"], "number 4 is missing, and 2 behind"),
        (["DELETE FROM audit_entry WHERE link > 5"], "The last 2 entries are missing."),
        (
            [
                "DELETE FROM audit_entry WHERE link > 5",
                "UPDATE chain_head SET links = 5",
                "UPDATE chain_head SET hash = (SELECT hash FROM audit_entry WHERE link = 5)",
            ],
            "There were 7 entries",
        ),
        (
            ["UPDATE chain_head SET links = 5", "DELETE FROM audit_entry WHERE link > 5"],
            "The last entry is not the one",
        ),
        (["UPDATE chain_head SET links = 5"], "2 entries were put in behind the end"),
    ],
)  # fmt: skip
def test_what_was_altered_or_removed_is_named(
    alice: Person, lines: list[int], tamper: Tamper, statements: list[str], words: str
) -> None:
    numbers = ids(alice.account)
    books.check(CHAIN, alice.account.id)

    tamper(*statements)

    assert words.format(*numbers) in found(alice.account).problem


def test_a_chain_written_anew_is_not_the_one_that_was_verified(
    alice: Person, lines: list[int], tamper: Tamper
) -> None:
    checked = books.check(CHAIN, alice.account.id)
    assert checked is not None
    noted = checked.checked_hash
    assert books.of_chain(CHAIN).holds(alice.account.id, noted)

    tamper(
        "UPDATE audit_entry SET about = 'x' WHERE link = 3",
        "UPDATE audit_entry SET link = NULL, hash = NULL WHERE link >= 3",
        "UPDATE chain_head SET links = 2, hash = (SELECT hash FROM audit_entry WHERE link = 2)",
    )
    with transaction():
        chaining.link_up(CHAIN, alice.account.id)

    assert "written anew since" in found(alice.account).problem
    assert not books.of_chain(CHAIN).holds(alice.account.id, noted)


def test_the_tick_chains_what_nobody_chained_and_verifies_in_slices(
    alice: Person, lines: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    statement = sa.insert(AuditEntry).values(
        account_id=alice.account.id, verb="sender.add", about="", at=now()
    )
    with db.engine.begin() as connection:
        connection.execute(statement)
    assert found(alice.account).loose == 1
    monkeypatch.setattr(books, "SLICE", 3)

    assert keep_books() == 1 + 3

    head = chaining.head(CHAIN, alice.account.id)
    assert head is not None
    assert (head.links, head.checked_links, head.walked, head.problem) == (8, 8, 0, "")
    assert keep_books() == 0
    with transaction():
        db.session.execute(sa.update(ChainHead).values(checked_at=now() - timedelta(hours=25)))
    assert keep_books() > 0


def test_the_tick_finds_what_was_altered(alice: Person, lines: list[int], tamper: Tamper) -> None:
    tamper("UPDATE audit_entry SET verb = 'x' WHERE link = 6")

    keep_books()

    ((name, account_id, words),) = books.problems()
    assert (name, account_id) == ("audit", alice.account.id)
    assert "number 6" in words


def test_what_belongs_to_no_account_is_one_chain(app: Flask, tamper: Tamper) -> None:
    for _ in range(3):
        with transaction():
            auditing.note(None, None, "staff.create", "support")
    assert found(None).entries == 3

    tamper("UPDATE audit_entry SET about = 'billing' WHERE link = 2")

    assert "number 2" in found(None).problem


def test_an_account_goes_with_its_log(alice: Person, charlie: Person, lines: list[int]) -> None:
    _run("DELETE FROM account WHERE id = :id", id=alice.account.id)

    assert db.session.scalar(sa.select(sa.func.count()).select_from(AuditEntry)) == 0
    assert db.session.scalar(sa.select(sa.func.count()).select_from(ChainHead)) == 0
