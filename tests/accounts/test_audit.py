"""The page of the audit: filters, the file, and whether it is as it was written."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
import sqlalchemy as sa
import time_machine

from app.accounts import auditing
from app.contacts import guarding as consents
from app.core.chaining import HEAD_GUARD, ChainHead
from app.core.clock import now
from app.core.db import db, dialect_name, transaction
from app.core.guarding import Guard, are_in_place
from app.privacy import guarding as registers
from app.staff import book
from tests.conftest import Client, Person


@pytest.fixture
def log(alice: Person, bob: Person, charlie: Person) -> None:
    with time_machine.travel(now() - timedelta(days=10)), transaction():
        auditing.note(alice.account, alice.member, "sender.add", "sender 1")
    with transaction():
        auditing.note(alice.account, bob.member, "campaign.send", "campaign 7")
        auditing.note(alice.account, alice.member, "token.make", "=1+1 by vera@people.example")
        auditing.note(charlie.account, charlie.member, "campaign.send", "campaign 99")


def lines(client: Client, query: str) -> list[dict[str, str]]:
    text = client.get(f"/settings/audit.csv{query}").get_data(as_text=True)
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_lines_are_found_by_person_kind_and_day(
    client: Client, log: None, alice: Person, bob: Person
) -> None:
    client.sign_in(alice)
    since = (now() - timedelta(days=3)).date()

    def verbs(query: str) -> list[str]:
        page = client.get(f"/settings/audit{query}").get_data(as_text=True)
        found = [line["verb"] for line in lines(client, query)]
        assert all(f'title="{verb}"' in page for verb in found)
        assert page.count("<tr>") == len(found) + bool(found)
        return found

    assert verbs("") == ["sender.add", "campaign.send", "token.make"]
    assert verbs(f"?who={bob.member.id}") == ["campaign.send"]
    assert verbs("?kind=token") == ["token.make"]
    assert verbs(f"?since={since}") == ["campaign.send", "token.make"]
    assert verbs(f"?until={since}") == ["sender.add"]
    assert verbs("?kind=domain&since=nonsense") == []
    assert "campaign 99" not in client.get("/settings/audit").get_data(as_text=True)


def test_the_file_has_the_chain_and_no_formula_or_address(
    client: Client, log: None, alice: Person
) -> None:
    client.sign_in(alice)

    found = lines(client, "")

    assert [line["place"] for line in found] == ["1", "2", "3"]
    assert all(len(line["hash"]) == 64 for line in found)
    assert not found[2]["about"].startswith("=")
    assert "an address" in found[2]["about"]


def test_verifying_says_what_it_found(client: Client, log: None, alice: Person) -> None:
    client.sign_in(alice)
    assert b"not been verified yet" in client.get("/settings/audit").data

    client.post("/settings/audit/verify")

    assert b"No alteration" in client.get("/settings/audit").data
    guards = (auditing.CHAIN.guard, HEAD_GUARD)
    db.session.rollback()
    with db.engine.begin() as link:
        for guard in guards:
            for words in guard.dropping(dialect_name()):
                link.execute(sa.text(words))
        link.execute(sa.text("UPDATE audit_entry SET about = 'campaign 8' WHERE link = 2"))
        for guard in guards:
            for words in guard.statements(dialect_name()):
                link.execute(sa.text(words))
    db.session.expire_all()
    client.post("/settings/audit/verify")
    page = client.get("/settings/audit").get_data(as_text=True)
    assert "Entry number 2" in page
    assert "No alteration" not in page
    assert db.session.scalars(sa.select(ChainHead.problem)).all().count("") == 1


GUARDS = (
    auditing.CHAIN.guard, HEAD_GUARD, book.BOOK.guard, *consents.GUARDS, *registers.GUARDS,
)  # fmt: skip


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.table)
def test_no_record_is_emptied_past_its_triggers(log: None, guard: Guard) -> None:
    """TRUNCATE and REPLACE remove rows without a DELETE."""
    if dialect_name() == "postgresql":
        statements = [f"TRUNCATE {guard.table} CASCADE", "TRUNCATE account CASCADE"]
    elif guard.table in ("audit_entry", "chain_head"):
        statements = [f"REPLACE INTO {guard.table} SELECT * FROM {guard.table}"]  # noqa: S608
    else:
        pytest.skip("SQLite has no TRUNCATE, and the table has no rows to replace.")

    for statement in statements:
        with pytest.raises(sa.exc.DBAPIError, match=r"only added to|never changed"), transaction():
            db.session.execute(sa.text(statement))
    assert are_in_place([guard])


def test_a_long_log_comes_in_pages(client: Client, alice: Person) -> None:
    with transaction():
        for number in range(60):
            auditing.note(alice.account, alice.member, "import.undo", f"import {number}")
    client.sign_in(alice)

    page = client.get("/settings/audit?kind=import").get_data(as_text=True)

    assert "import 59" in page
    assert "import 5<" not in page
    assert "kind=import" in page.partition('rel="next"')[2][:200]
    assert len(lines(client, "?kind=import")) == 60
