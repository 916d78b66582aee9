"""The record of consents: only added to, sealed, and any change to it found and named."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, cast

import pytest
import sqlalchemy as sa
from flask import current_app
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.accounts.models import Account
from app.contacts import (
    canon,
    chaining,
    consent,
    erasing,
    guarding,
    jobs,
    lists,
    suppressions,
    verifying,
    writing,
)
from app.contacts.models import Consent, ConsentSeal, Contact, ContactList
from app.core.canonical import plain
from app.core.clock import now
from app.core.db import db, dialect_name, transaction
from tests.conftest import Person

Tamper = Callable[..., None]


@pytest.fixture
def news(alice: Person) -> ContactList:
    with transaction():
        return lists.create(alice.account, "News")


@pytest.fixture
def crowd(alice: Person, news: ContactList) -> list[Contact]:
    """Five people who agreed."""
    with transaction():
        people = [writing.create(alice.account, f"p{n}@example.com") for n in range(5)]
        for person in people:
            consent.subscribe(person, news, source="hand", wording="Said so at the counter")
    return people


@pytest.fixture
def tamper(app: object) -> Iterator[Tamper]:
    """Raw SQL by somebody who owns the database and has dropped its triggers."""
    dialect = db.engine.dialect.name
    _run(*guarding.dropping(dialect))
    yield _run
    db.session.rollback()
    _run(*guarding.statements(dialect))


def _run(*statements: str, **values: Any) -> None:
    db.session.rollback()
    with db.engine.begin() as connection:
        # A connection that rested may still know the triggers that another one dropped, and SQLite
        # refuses to create them without looking again. Reading makes it look.
        connection.execute(sa.select(Consent.id).limit(1)).all()
        for statement in statements:
            connection.execute(sa.text(statement), values)
    db.session.expire_all()


def ids() -> list[int]:
    return list(db.session.scalars(sa.select(Consent.id).order_by(Consent.id)))


def sound(account: Account) -> verifying.Result:
    found = verifying.verify(account.id)
    assert found.problem is None, found.problem
    return found


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE consent SET wording = 'Never'",
        "UPDATE consent SET address = 'x@example.com'",
        "UPDATE consent SET kind = 'confirmed'",
        "UPDATE consent SET at = '2020-01-01 00:00:00'",
        "UPDATE consent SET account_id = account_id + 1",
        "UPDATE consent SET evidence = '{\"a\": 1}'",
        "UPDATE consent SET list_id = NULL",
        # Emptied only whole, and only once.
        "UPDATE consent SET address = NULL",
        "UPDATE consent SET proof = '" + "0" * 64 + "'",
        "DELETE FROM consent",
        "UPDATE consent_seal SET root = 'x'",
        "DELETE FROM consent_seal",
    ],
)
def test_the_database_itself_refuses_changes(
    crowd: list[Contact], alice: Person, statement: str
) -> None:
    chaining.seal(alice.account.id)

    with pytest.raises(sa.exc.DBAPIError, match="only added to"):
        _run(statement)

    db.session.rollback()
    sound(alice.account)


def test_the_triggers_are_those_that_the_code_asks_for(app: object) -> None:
    """A column that comes later must be guarded as well: its migration makes the triggers anew."""
    if dialect_name() == "postgresql":
        query = "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname LIKE '%_guard' "
        query += "OR proname LIKE '%_is_not_emptied'"
    else:
        query = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND "
        query += "(name LIKE 'consent%' OR name LIKE 'account_is_not_%')"
    found = "\n".join(db.session.scalars(sa.text(query)))

    for statement in guarding.statements(dialect_name()):
        body = statement.partition("$$")[2].partition("$$")[0] or statement
        if "EXECUTE FUNCTION" not in statement:
            assert " ".join(body.split()) in " ".join(found.split())


def test_every_entry_says_who_and_under_which_policy(
    crowd: list[Contact], news: ContactList
) -> None:
    row = db.session.scalars(sa.select(Consent).order_by(Consent.id)).first()

    assert row is not None
    assert row.address == "p0@example.com"
    assert row.evidence == {"list": "News"}


def test_sealing_takes_what_is_there_once(
    crowd: list[Contact], alice: Person, at_commits: Any
) -> None:
    seals = at_commits("SELECT count(*) FROM consent_seal")
    assert chaining.due() == [alice.account.id]
    assert chaining.seal(alice.account.id) == 5
    assert seals == [(1, True)]  # whoever reads it may take it along as evidence
    assert chaining.seal(alice.account.id) == 0
    assert chaining.due() == []

    found = sound(alice.account)
    assert (found.entries, found.seals, found.unsealed, found.erased) == (5, 1, 0, 0)
    assert found.head == chaining.head(alice.account.id).hash


def test_each_seal_holds_the_one_before(crowd: list[Contact], alice: Person) -> None:
    chaining.seal(alice.account.id)
    first = chaining.head(alice.account.id)
    with transaction():
        consent.withdraw(crowd[0], source="link")
    chaining.seal(alice.account.id)

    second = chaining.head(alice.account.id)
    assert (second.number, second.before, second.entries) == (2, first.hash, 1)
    assert verifying.holds(alice.account.id, first.hash)
    assert not verifying.holds(alice.account.id, "0" * 64)


def test_many_entries_come_under_several_seals(
    crowd: list[Contact], alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chaining, "BLOCK", 2)

    assert chaining.seal(alice.account.id) == 5

    assert [seal.entries for seal in db.session.scalars(sa.select(ConsentSeal))] == [2, 2, 1]
    assert sound(alice.account).seals == 3


def test_accounts_have_chains_of_their_own(
    crowd: list[Contact], alice: Person, charlie: Person, tamper: Tamper
) -> None:
    with transaction():
        other = writing.create(charlie.account, "p0@example.com")
        consent.subscribe(other, lists.create(charlie.account, "Cars"), source="hand")
    jobs.keep_ledger()

    tamper("UPDATE consent SET wording = 'x' WHERE account_id = :a", a=charlie.account.id)

    sound(alice.account)
    assert verifying.verify(charlie.account.id).problem


@pytest.mark.parametrize(
    "change",
    [
        "address = 'other@example.com'",
        "wording = 'Something else'",
        "kind = 'confirmed'",
        "source = 'form'",
        "at = '2020-01-01 00:00:00'",
        "list_id = 77",
        "policy_version_id = 77",
        'evidence = \'{"list": "Other"}\'',
    ],
)
def test_an_altered_entry_is_named(
    crowd: list[Contact], alice: Person, tamper: Tamper, change: str
) -> None:
    chaining.seal(alice.account.id)
    third = ids()[2]

    tamper(f"UPDATE consent SET {change} WHERE id = :id", id=third)  # noqa: S608

    problem = verifying.verify(alice.account.id).problem
    assert problem
    assert (problem.seal, problem.entry) == (1, third)
    assert problem.words == f"Entry {third} was altered after it was sealed."


def test_a_missing_entry_is_named(crowd: list[Contact], alice: Person, tamper: Tamper) -> None:
    chaining.seal(alice.account.id)
    second = ids()[1]

    tamper("DELETE FROM consent WHERE id = :id", id=second)

    assert verifying.verify(alice.account.id).problem.words == f"Entry {second} is missing."


def test_an_entry_that_was_put_in_later_is_named(
    crowd: list[Contact], alice: Person, tamper: Tamper
) -> None:
    with transaction():
        consent.withdraw(crowd[0], source="link")
    gap = ids()[-1]
    tamper("DELETE FROM consent WHERE id = :id", id=gap)
    with transaction():
        consent.withdraw(crowd[1], source="link")
    chaining.seal(alice.account.id)

    tamper(
        "INSERT INTO consent (id, account_id, contact_id, address, kind, source, wording, "
        "evidence, at) VALUES (:id, :account, :contact, 'p0@example.com', 'confirmed', 'link', "
        "'', '{}', '2026-01-01 00:00:00')",
        id=gap, account=alice.account.id, contact=crowd[0].id,
    )  # fmt: skip

    problem = verifying.verify(alice.account.id).problem
    assert problem.entry == gap
    assert "put in after" in problem.words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE consent_seal SET entries = 4 WHERE number = 1", "Seal 1 was altered."),
        ("UPDATE consent_seal SET root = before WHERE number = 2", "Seal 2 was altered."),
        ("DELETE FROM consent_seal WHERE number = 1", "Seal 1 is missing."),
    ],
)
def test_an_altered_seal_is_named(
    crowd: list[Contact], alice: Person, tamper: Tamper, change: str, words: str
) -> None:
    chaining.seal(alice.account.id)
    with transaction():
        consent.withdraw(crowd[0], source="link")
    chaining.seal(alice.account.id)

    tamper(change)

    assert verifying.verify(alice.account.id).problem.words == words


def test_a_seal_made_anew_over_altered_entries_breaks_the_chain(
    crowd: list[Contact], alice: Person, tamper: Tamper
) -> None:
    """Who owns the database and the key can hash one seal again, but not those that follow."""
    chaining.seal(alice.account.id)
    with transaction():
        consent.withdraw(crowd[0], source="link")
    chaining.seal(alice.account.id)
    pinned = chaining.head(alice.account.id).hash

    tamper("UPDATE consent SET wording = 'x' WHERE id = :id", id=ids()[0])
    rows = verifying._rows(alice.account.id, after=0, until=ids()[4])
    forged = db.session.scalars(sa.select(ConsentSeal).where(ConsentSeal.number == 1)).one()
    root = canon.root_of(canon.leaves(rows))
    forged.root = root
    forged_hash = canon.seal_hash(forged)
    db.session.rollback()
    tamper(
        "UPDATE consent_seal SET root = :root, hash = :hash WHERE number = 1",
        root=root, hash=forged_hash,
    )  # fmt: skip

    problem = verifying.verify(alice.account.id).problem
    assert problem.words == "Seal 2 does not follow the seal before it."

    # Rewriting all of it leaves no break, but the noted hash is gone.
    tamper("DELETE FROM consent_seal")
    chaining.seal(alice.account.id)
    sound(alice.account)
    assert not verifying.holds(alice.account.id, pinned)


def test_erasing_somebody_leaves_the_chain_whole(crowd: list[Contact], alice: Person) -> None:
    chaining.seal(alice.account.id)
    head = chaining.head(alice.account.id).hash
    with transaction():
        consent.withdraw(crowd[1], source="link")
        erasing.erase(crowd[1], by="person")
    with transaction():
        erasing.erase(crowd[2], by="owner")
    chaining.seal(alice.account.id)

    found = sound(alice.account)
    assert (found.entries, found.erased) == (6, 3)
    assert verifying.holds(alice.account.id, head)
    emptied = db.session.scalars(sa.select(Consent).where(Consent.proof.is_not(None))).all()
    assert {(row.address, row.wording, row.contact_id) for row in emptied} == {(None, "", None)}
    assert all(row.evidence == {} for row in emptied)


def test_contacts_that_go_by_another_way_are_emptied_by_the_tick(
    crowd: list[Contact], alice: Person
) -> None:
    chaining.seal(alice.account.id)
    with transaction():
        writing.delete_rows(alice.account.id, [crowd[0].id, crowd[4].id])

    jobs.keep_ledger()

    assert sound(alice.account).erased == 2


def test_an_entry_can_move_to_the_contact_that_remains_of_two(
    crowd: list[Contact], alice: Person
) -> None:
    chaining.seal(alice.account.id)
    with transaction() as session:
        session.execute(
            sa.update(Consent)
            .where(Consent.contact_id == crowd[0].id)
            .values(contact_id=crowd[1].id)
        )

    sound(alice.account)
    rows = db.session.scalars(sa.select(Consent.address).where(Consent.contact_id == crowd[1].id))
    assert sorted(rows) == ["p0@example.com", "p1@example.com"]


def test_the_whole_account_takes_its_chain_along(crowd: list[Contact], alice: Person) -> None:
    chaining.seal(alice.account.id)

    with transaction() as session:
        session.execute(sa.delete(Account).where(Account.id == alice.account.id))

    assert ids() == []
    assert db.session.scalars(sa.select(ConsentSeal.id)).all() == []


def test_of_two_that_seal_at_once_one_leaves_it_to_the_other(
    crowd: list[Contact], alice: Person
) -> None:
    account_id = alice.account.id
    rows = chaining._unsealed(account_id, after=0, until=10**9)
    one, other = (chaining._seals(account_id, rows, None) for _ in range(2))

    assert chaining._write(one)
    assert not chaining._write(other)

    assert sound(alice.account).entries == 5


def test_several_threads_seal_while_others_write(
    crowd: list[Contact], alice: Person, news: ContactList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chaining, "BLOCK", 3)
    account_id = alice.account.id
    contacts = [person.id for person in crowd]
    app = cast(Any, current_app)._get_current_object()

    def write(contact_id: int) -> None:
        with app.app_context():
            for _ in range(10):
                with transaction():
                    person = db.session.get_one(Contact, contact_id)
                    consent.withdraw(person, source="link")
                    consent.restore(person, source="undo")

    def seal() -> None:
        with app.app_context():
            for _ in range(15):
                chaining.seal(account_id)

    threads = [threading.Thread(target=write, args=(one,)) for one in contacts[:3]]
    threads += [threading.Thread(target=seal) for _ in range(2)]
    db.session.rollback()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    chaining.seal(account_id)

    found = sound(alice.account)
    assert (found.entries, found.unsealed) == (5 + 3 * 10 * 2, 0)


def test_what_is_written_but_not_committed_is_waited_for(
    crowd: list[Contact], alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL a later id can be seen before an earlier one."""
    if dialect_name() != "postgresql":
        pytest.skip("SQLite has one writer at a time, so ids appear in order.")
    monkeypatch.setattr(chaining, "PATIENCE_S", 0.1)
    with db.engine.connect() as slow:
        slow.execute(
            sa.insert(Consent).values(
                account_id=alice.account.id, contact_id=crowd[0].id, kind="stated", source="hand",
                wording="", evidence={}, at=now(),
            )
        )  # fmt: skip
        with transaction():
            consent.withdraw(crowd[1], source="link")

        assert chaining.seal(alice.account.id) == 0
        slow.commit()

    assert chaining.seal(alice.account.id) == 7
    sound(alice.account)


def test_the_command_names_what_is_broken(
    crowd: list[Contact], alice: Person, tamper: Tamper
) -> None:
    chaining.seal(alice.account.id)
    assert verifying.check(alice.account.id).problem is None
    assert not verifying.is_guarded()

    tamper("UPDATE consent SET source = 'form' WHERE id = :id", id=ids()[4])

    assert verifying.verify(alice.account.id).to_json()["sound"] is False
    assert str(ids()[4]) in verifying.check(alice.account.id).problem.words


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(("subscribe", "leave", "withdraw", "restore", "erase", "seal", "rename")),
        st.integers(0, 4),
        st.text(max_size=20).filter(lambda text: "\x00" not in text and text.isprintable()),
    ),
    min_size=1,
    max_size=25,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(operations=OPERATIONS, chosen=st.integers(0, 10**6), block=st.integers(1, 4))
def test_whatever_happens_the_chain_holds_and_any_change_is_found(
    alice: Person, tamper: Tamper, operations: list[Any], chosen: int, block: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chaining, "BLOCK", block)
        with transaction():
            account = Account(name="Some", address="Street", state="active")
            db.session.add(account)
            db.session.flush()
            list_ = lists.create(account, "News")
        for what, number, text in operations:
            if what == "seal":
                chaining.seal(account.id)
                continue
            with transaction():
                _do(account, list_, what, f"p{number}@example.com", text)
        chaining.seal(account.id)
    found = sound(account)
    of_account = sa.select(Consent.id).where(Consent.account_id == account.id)
    every = list(db.session.scalars(of_account.order_by(Consent.id)))
    assert (found.entries, found.unsealed) == (len(every), 0)
    if not every:
        return

    victim = every[chosen % len(every)]
    tamper("UPDATE consent SET source = 'forged' WHERE id = :id", id=victim)

    problem = verifying.verify(account.id).problem
    assert problem
    assert problem.entry == victim


def _do(account: Account, list_: ContactList, what: str, email: str, text: str) -> None:
    query = sa.select(Contact).where(Contact.account_id == account.id, Contact.address == email)
    person = db.session.scalar(query)
    if person is None:
        if what != "subscribe" or erasing_keeps_out(account, email):
            return
        person = writing.create(account, email)
    if what == "subscribe" and not erasing_keeps_out(account, email):
        consent.subscribe(person, list_, source="hand", wording=text, evidence={"note": text})
    elif what == "leave":
        consent.leave_list(person, list_, source="link", evidence={"campaign": 1})
    elif what == "withdraw":
        consent.withdraw(person, source="one_click")
    elif what == "restore":
        consent.restore(person, source="undo")
    elif what == "erase":
        erasing.erase(person, by="owner", keep_out=bool(text))
    elif what == "rename" and text.strip():
        list_.name = text


def erasing_keeps_out(account: Account, email: str) -> bool:
    return suppressions.find(account.id, email) is not None


def test_a_moment_is_the_same_on_both_databases() -> None:
    at = now().replace(microsecond=120)

    assert plain(at).endswith(".000120Z")
    assert plain(at) != canon.plain(at + timedelta(microseconds=1))
