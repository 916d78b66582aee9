"""People who ask the operator: confirmed by them, answered in every account, and provable."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts.models import AuditEntry, Notice
from app.contacts import barring, erasing, suppressions, writing
from app.contacts.models import Contact, Suppression
from app.core.clock import now
from app.core.db import db, transaction
from app.desk import tickets
from app.desk.models import Ticket, TicketMessage
from app.staff import answering, asked
from app.staff.models import StaffAccess
from app.trust import rules
from app.trust.models import PersonRequest, PersonRequestPlace
from tests.conftest import Client, Person, make_person

EVE = "eve@reader.example"


@pytest.fixture(autouse=True)
def known(alice: Person, charlie: Person) -> None:
    """Eve is a contact of the bakery, and must not be mailed by the garage."""
    dora = make_person("dora@florist.example", "Dora", "Florist", "owner")
    with transaction():
        writing.create(alice.account, email=EVE, first_name="Eve", notes="Likes plum cake")
        writing.create(alice.account, email="frank@reader.example")
        writing.create(dora.account, email="eve@other.example")
        suppressions.add(charlie.account.id, EVE, reason="account")


def enter(staff: Client, kind: str, **more: str) -> PersonRequest:
    form = {"email": " Eve@Reader.example", "kind": kind, "reference": "By phone", **more}
    answer = staff.post("/staff/requests", data=form)
    assert answer.status_code == 303, answer.text
    return one()


def one() -> PersonRequest:
    db.session.rollback()
    query = sa.select(PersonRequest).order_by(PersonRequest.id.desc()).limit(1)
    return db.session.scalars(query.execution_options(populate_existing=True)).one()


def link(staff: Client, row: PersonRequest) -> str:
    """What stands in the newest mail to Eve."""
    assert staff.post(f"/staff/requests/{row.id}/ask").status_code == 303
    mail = mails("person_request")[-1]
    assert mail.to_email == EVE
    (found,) = re.findall(r"/your-request/\S+", mail.text)
    return str(found)


def mails(kind: str) -> list[Notice]:
    db.session.rollback()
    return list(db.session.scalars(sa.select(Notice).where(Notice.kind == kind).order_by("id")))


def book(person: Person) -> list[str]:
    query = sa.select(StaffAccess.verb).where(StaffAccess.account_id == person.account.id)
    return list(db.session.scalars(query.order_by(StaffAccess.id)))


def test_somebody_is_erased_everywhere_once_they_have_confirmed(
    staff: Client, client: Client, app: Flask, alice: Person, charlie: Person
) -> None:
    row = enter(staff, "erase")
    page = staff.get(f"/staff/requests/{row.id}").text
    assert "In 2 accounts" in page
    assert "Bakery" in page
    assert "Garage" in page
    assert "Florist" not in page
    assert "plum cake" not in page
    at = link(staff, row)
    anybody = app.test_client()

    assert "Erase me" in anybody.get(at).text, "a scanner looks, and nothing happens"
    assert answering.answer_confirmed() == 0
    both = {"account": [str(alice.account.id), str(charlie.account.id)]}
    assert anybody.post(at, data=both).status_code == 200
    assert anybody.post(at, data=both).status_code == 410, "a link works once"
    assert answering.answer_confirmed() == 2
    assert answering.answer_confirmed() == 0
    erasing.sweep()

    db.session.rollback()
    assert db.session.scalar(sa.select(Contact.id).where(Contact.address == EVE)) is None
    assert db.session.scalar(sa.select(Suppression.id).where(Suppression.address == EVE)) is None
    for person in (alice, charlie):
        assert barring.erased(person.account.id, [EVE]) == {EVE}, "a tombstone keeps her out"
        assert book(person) == ["person.found", "person.erase"]
        verbs = db.session.scalars(
            sa.select(AuditEntry.verb).where(AuditEntry.account_id == person.account.id)
        ).all()
        assert "person.erase" in verbs
    told = {mail.to_email for mail in mails("person_answered")}
    assert told == {alice.member.email, charlie.member.email}
    (word,) = mails("last_word")
    assert word.to_email == EVE
    assert "Bakery, Garage" in word.text
    row = one()
    assert (row.state, row.address) == ("done", None)
    assert EVE not in staff.get(f"/staff/requests/{row.id}").text
    assert mails("person_request") == []
    client.sign_in(alice)
    assert "erased, as the person asked and confirmed" in " ".join(
        client.get("/settings/staff-access").text.split()
    )


def test_the_person_chooses_where(
    staff: Client, app: Flask, alice: Person, charlie: Person
) -> None:
    at = link(staff, enter(staff, "stop"))
    anybody = app.test_client()
    assert anybody.post(at).status_code == 422, "nobody was chosen"
    assert anybody.post(at, data={"account": str(alice.account.id)}).status_code == 200
    assert answering.answer_confirmed() == 1

    db.session.rollback()
    here = suppressions.find(alice.account.id, EVE)
    there = suppressions.find(charlie.account.id, EVE)
    assert here is not None
    assert there is not None
    assert (here.reason, there.reason) == ("unsubscribed", "account")
    states = db.session.scalars(sa.select(PersonRequestPlace.state).order_by("id")).all()
    assert list(states) == ["done", "left"]
    assert [mail.to_email for mail in mails("person_answered")] == [alice.member.email]


def test_links_to_ones_own_data_come_by_mail(
    staff: Client, app: Flask, alice: Person, charlie: Person
) -> None:
    at = link(staff, enter(staff, "download"))
    anybody = app.test_client()
    both = {"account": [str(alice.account.id), str(charlie.account.id)]}
    anybody.post(at, data=both)
    answering.answer_confirmed()

    (mail,) = mails("person_data")
    (data,) = re.findall(r"/p/\S+/data", mail.text)
    page = anybody.get(data).text
    assert "Bakery" in page
    assert "plum cake" in page
    assert "Nothing but that you get no mail is kept by: Garage" in mail.text
    assert book(alice) == ["person.found", "person.data"]
    assert mails("person_answered") == []


def test_it_was_not_them(staff: Client, app: Flask, alice: Person) -> None:
    at = link(staff, enter(staff, "erase"))

    assert app.test_client().post(f"{at}/not-me").status_code == 200
    assert answering.answer_confirmed() == 0
    row = one()
    assert (row.state, row.address) == ("declined", None)
    assert app.test_client().get(at).status_code == 410
    assert db.session.scalar(sa.select(Contact.id).where(Contact.address == EVE)) is not None


def test_a_newer_link_replaces_the_older_and_each_ends(staff: Client, app: Flask) -> None:
    row = enter(staff, "erase")
    first, second = link(staff, row), link(staff, row)

    assert app.test_client().get(first).status_code == 410
    assert app.test_client().get(second).status_code == 200
    with transaction():
        one().mailed_at = now() - asked.LINK_LIFE - timedelta(seconds=1)
    assert app.test_client().get(second).status_code == 410


def test_who_is_nowhere_gets_that_in_writing(staff: Client, app: Flask) -> None:
    form = {"email": "nobody@reader.example", "kind": "erase", "reference": "By phone"}
    staff.post("/staff/requests", data=form)
    row = one()
    assert "In no account" in staff.get(f"/staff/requests/{row.id}").text
    staff.post(f"/staff/requests/{row.id}/ask")
    (at,) = re.findall(r"/your-request/\S+", mails("person_request")[0].text)
    assert app.test_client().post(at).status_code == 200
    answering.answer_confirmed()

    (word,) = mails("last_word")
    assert "No business here knows this address." in word.text


def test_only_a_keyed_hash_is_found_too(staff: Client, alice: Person) -> None:
    with transaction():
        contact = db.session.scalars(sa.select(Contact).where(Contact.address == EVE)).one()
        erasing.erase(contact, by="person")

    assert alice.account.id in asked.knowing(EVE)


def test_from_a_letter_with_its_address_and_its_day(
    client: Client, sam: Person, alice: Person
) -> None:
    with transaction():
        ticket = tickets.open_(email=EVE, subject="Erase me", text="Please erase me everywhere.")
        ticket.opened_at = now() - timedelta(days=31)
    client.sign_in(sam)
    assert f"/staff/requests?ticket={ticket.id}" in client.get(f"/staff/desk/{ticket.id}").text
    page = client.get(f"/staff/requests?ticket={ticket.id}").text
    assert f'value="{EVE}"' in page
    row = enter(client, "erase", ticket=str(ticket.id), reference=f"letter #{ticket.reference}")

    assert row.ticket_id == ticket.id
    assert "1 is overdue" in client.get("/staff/requests").text
    said = sa.select(TicketMessage.text).where(TicketMessage.kind == "event")
    assert row.reference in " ".join(db.session.scalars(said))
    assert db.session.get_one(Ticket, ticket.id).state == "open"


def test_wrong_entries_are_explained(staff: Client) -> None:
    form = {"email": EVE, "kind": "erase", "reference": "By phone"}
    for wrong, words in (
        ({"email": "eve"}, "@"),
        ({"kind": "spy"}, "Choose one of those"),
        ({"reference": "Wrote from eve@reader.example"}, "Leave addresses out"),
        ({"came_on": "2999-01-01"}, "later than today"),
    ):
        answer = staff.post("/staff/requests", data={**form, **wrong})
        assert answer.status_code == 422, wrong
        assert words in answer.text, wrong
    staff.post("/staff/requests", data=form)
    again = staff.post("/staff/requests", data=form)
    assert again.status_code == 409
    assert one().reference in again.text


def test_closed_ones_are_forgotten_after_their_time(staff: Client) -> None:
    row = enter(staff, "erase")
    staff.post(f"/staff/requests/{row.id}/close", data={"words": ""})
    assert one().state == "open"
    staff.post(f"/staff/requests/{row.id}/close", data={"words": "Answered by letter"})
    row = one()
    assert (row.state, row.address) == ("closed", None)
    (rule,) = (rule for rule in rules.rules() if rule.key == "person_requests")
    assert rule.forget is not None

    assert rule.forget(now() - timedelta(days=1), 100) == 0
    assert rule.forget(now() + timedelta(days=1), 100) == 1
    assert db.session.scalar(sa.select(sa.func.count(PersonRequestPlace.id))) == 0


@pytest.mark.parametrize("purpose", ["service", "marketing", "billing"])
def test_it_is_for_support_and_abuse_alone(client: Client, sam: Person, purpose: str) -> None:
    with transaction():
        db.session.merge(sam.member).staff_roles = [purpose]
    client.sign_in(sam)

    assert client.get("/staff/requests").status_code == 404
    form = {"email": EVE, "kind": "erase", "reference": "By phone"}
    assert client.post("/staff/requests", data=form).status_code == 404
    with transaction():
        db.session.merge(sam.member).staff_roles = ["abuse"]
    assert client.post("/staff/requests", data=form).status_code == 303
