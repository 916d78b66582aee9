"""A look into an account: for a purpose, with a reference, for some minutes, written down."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Account, Member, Notice
from app.contacts.models import Contact
from app.core.clock import now
from app.core.db import db, transaction
from app.staff import jobs, looking
from app.staff.models import StaffAccess, StaffLook
from app.staff.purposes import KINDS, PURPOSES
from tests.conftest import Client, Person, at_once
from tests.staff.conftest import Look


def book(account: Account) -> list[tuple[str, str, str, int | None]]:
    db.session.rollback()
    rows = db.session.scalars(
        sa.select(StaffAccess).where(StaffAccess.account_id == account.id).order_by(StaffAccess.id)
    )
    return [(row.verb, row.kind, row.reference, row.object_id) for row in rows]


def page(alice: Person) -> str:
    return f"/staff/accounts/{alice.account.id}"


def open_panel(staff: Client, alice: Person, kind: str) -> str:
    answer = staff.post(f"{page(alice)}/panels/{kind}")
    assert answer.status_code == 303, answer.status_code
    return staff.get(f"{page(alice)}/panels/{kind}").text


def with_purposes(sam: Person, *purposes: str) -> None:
    with transaction():
        db.session.get_one(Member, sam.member.id).staff_roles = list(purposes)


def test_without_a_look_nothing_of_the_account_is_shown(staff: Client, alice: Person) -> None:
    answer = staff.get(page(alice)).text

    assert "Begin to look" in answer
    assert alice.account.address not in answer
    for kind in KINDS:
        assert staff.get(f"{page(alice)}/panels/{kind}").status_code == 303
        assert staff.post(f"{page(alice)}/panels/{kind}").status_code == 403
    assert book(alice.account) == []


def test_what_is_seen_is_written_down_and_mailed(staff: Client, alice: Person, look: Look) -> None:
    look()
    shown = open_panel(staff, alice, "business")
    open_panel(staff, alice, "business")

    assert alice.account.address in shown
    assert book(alice.account) == [
        ("look.begin", "", "Ticket 123", None), ("see", "business", "Ticket 123", None),
    ]  # fmt: skip
    mail = db.session.scalars(sa.select(Notice).where(Notice.kind == "staff_look")).one()
    assert mail.to_email == alice.member.email
    assert "Sam Support" in mail.subject
    assert "Ticket 123" in mail.text


def test_a_panel_that_was_not_opened_is_not_shown(staff: Client, alice: Person, look: Look) -> None:
    look()

    assert staff.get(f"{page(alice)}/panels/people").status_code == 303
    assert [line[0] for line in book(alice.account)] == ["look.begin"]


@pytest.mark.parametrize("purpose", sorted(PURPOSES))
def test_each_purpose_sees_what_the_table_says(
    staff: Client, sam: Person, alice: Person, look: Look, purpose: str
) -> None:
    from app.staff import panels

    with_purposes(sam, purpose)
    look(purpose)

    for kind in KINDS:
        answer = staff.post(f"{page(alice)}/panels/{kind}")
        if kind not in PURPOSES[purpose].sees:
            assert answer.status_code == 403, kind
        elif kind in {one.kind for one in panels.for_purpose(purpose)}:
            assert answer.status_code == 303, kind
            assert staff.get(f"{page(alice)}/panels/{kind}").status_code == 200, kind
        else:
            assert answer.status_code == 404, kind


def test_the_customer_sees_it_while_it_lasts_and_afterwards(
    staff: Client, sam: Person, alice: Person, vera: Person, look: Look
) -> None:
    look()
    open_panel(staff, alice, "people")
    staff.sign_in(vera)

    assert "Sam Support" in staff.get("/home").text
    assert "Ticket 123" in staff.get("/settings/staff-access/now").text

    staff.sign_in(sam)
    staff.post(f"{page(alice)}/end")
    staff.sign_in(vera)

    assert "Sam Support" not in staff.get("/home").text
    written = staff.get("/settings/staff-access").text
    assert "who works in the account" in written
    assert "stopped looking" in written


def test_time_ends_a_look_by_itself(staff: Client, alice: Person, look: Look) -> None:
    look(minutes=15)
    open_panel(staff, alice, "business")
    with transaction():
        db.session.execute(
            sa.update(StaffLook).values(ends_at=now() - timedelta(seconds=1))
        )  # fmt: skip

    assert "Begin to look" in staff.get(page(alice)).text
    assert staff.get(f"{page(alice)}/panels/business").status_code == 303
    assert staff.post(f"{page(alice)}/panels/business").status_code == 403
    jobs.close_looks()
    jobs.close_looks()
    assert [line[0] for line in book(alice.account)] == ["look.begin", "see", "look.over"]


def test_of_looks_that_begin_at_once_one_goes_on(
    whole_app: Flask, app: Flask, alice: Person, sam: Person
) -> None:
    account_id, member_id = alice.account.id, sam.member.id
    db.session.rollback()

    def begin() -> None:
        account = db.session.get_one(Account, account_id)
        member = db.session.get_one(Member, member_id)
        looking.begin(account, member, purpose="support", reference="Ticket 1", minutes=15)

    assert not at_once(whole_app, 3, begin)

    assert len(looking.going_on(account_id)) == 1


def test_a_purpose_that_is_taken_away_ends_its_look(
    staff: Client, sam: Person, alice: Person, look: Look
) -> None:
    look()
    with_purposes(sam, "billing")

    assert staff.post(f"{page(alice)}/panels/campaigns").status_code == 403


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"reference": ""}, "Enter the ticket"),
        ({"reference": "mail of eve@example.com"}, "Leave addresses out"),
        ({"minutes": "600"}, "Choose one of those"),
        ({"purpose": "abuse"}, "Choose one of those"),
    ],
)
def test_a_look_without_reason_or_end_does_not_begin(
    staff: Client, alice: Person, form: dict[str, str], words: str
) -> None:
    whole = {"purpose": "support", "reference": "Ticket 1", "minutes": "15", **form}
    answer = staff.post(f"{page(alice)}/look", data=whole)

    assert answer.status_code == 422
    assert words in answer.text
    assert book(alice.account) == []


def test_the_owner_may_refuse_support_but_not_abuse(
    client: Client, alice: Person, sam: Person, look: Look
) -> None:
    with_purposes(sam, "support", "abuse")
    look()
    client.sign_in(alice)
    client.post("/settings/staff-access", data={"support": "ask"})
    client.sign_in(sam)

    assert "Begin to look" in client.get(page(alice)).text
    form = {"purpose": "support", "reference": "Ticket 1", "minutes": "15"}
    refused = client.post(f"{page(alice)}/look", data=form)
    assert refused.status_code == 403
    assert "only when asked" in refused.text
    look("abuse", "Complaints of Tuesday")

    client.sign_in(alice)
    assert "Complaints of Tuesday" in client.get("/home").text
    client.post("/settings/staff-access", data={"support": "day"})
    client.sign_in(sam)
    look()


def test_only_an_owner_decides(client: Client, bob: Person) -> None:
    client.sign_in(bob)

    assert client.post("/settings/staff-access", data={"support": "ask"}).status_code == 403
    assert client.get("/settings/staff-access").status_code == 200


def test_no_page_shows_a_trace_of_a_password(staff: Client, alice: Person, look: Look) -> None:
    with transaction():
        member = db.session.get_one(Member, alice.member.id)
        member.password_hash, member.password_set_at = "scrypt:32768:8:1$salt$hash", now()
    look()
    shown = open_panel(staff, alice, "people")

    assert "set on" in shown
    assert "scrypt" not in shown
    assert 'type="password"' not in shown


def test_staff_can_only_have_a_link_mailed(
    staff: Client, alice: Person, charlie: Person, look: Look
) -> None:
    look()
    url = f"{page(alice)}/people/{alice.member.id}/link"
    answer = staff.post(url)

    assert answer.status_code == 303
    mail = db.session.scalars(sa.select(Notice).where(Notice.kind == "password_first")).one()
    assert mail.to_email == alice.member.email
    assert book(alice.account)[-1] == ("link", "people", "Ticket 123", alice.member.id)
    assert staff.post(f"{page(alice)}/people/{charlie.member.id}/link").status_code == 404


def test_one_contact_is_seen_by_the_whole_address_alone(
    staff: Client, alice: Person, look: Look
) -> None:
    with transaction():
        eve = Contact(account_id=alice.account.id, email="eve@example.com",
                      address="eve@example.com", first_name="Eve")  # fmt: skip
        other = Contact(
            account_id=alice.account.id, email="o@example.com", address="o@example.com"
        )  # fmt: skip
        db.session.add_all([eve, other])
    look()
    url = f"{page(alice)}/contact"
    found = staff.post(url, data={"address": "eve@example.com", "reference": "Ticket 9"})
    missing = staff.post(url, data={"address": "eva@example.com", "reference": "Ticket 9"})

    assert "eve@example.com" in staff.get(found.location).text
    assert missing.status_code == 422
    assert "No contact" in missing.text
    assert staff.post(url, data={"address": "eve@example.com"}).status_code == 422
    assert staff.get(f"{page(alice)}/contacts/{other.id}").status_code == 403
    assert book(alice.account)[1:] == [
        ("see", "contact", "Ticket 9", eve.id), ("search", "contact", "Ticket 9", None),
    ]  # fmt: skip
    assert "example.com" not in repr(book(alice.account))


def test_the_book_is_only_added_to(staff: Client, alice: Person, look: Look) -> None:
    look()

    for statement in (
        sa.update(StaffAccess).values(reference="nothing"), sa.delete(StaffAccess),
    ):  # fmt: skip
        with pytest.raises(sa.exc.DBAPIError, match="only added to"), transaction():
            db.session.execute(statement)
    with transaction():
        db.session.execute(sa.delete(Account).where(Account.id == alice.account.id))
    assert db.session.scalar(sa.select(sa.func.count(StaffAccess.id))) == 0


def test_each_line_stands_under_the_hash_of_the_one_before(
    staff: Client, alice: Person, look: Look
) -> None:
    look()
    open_panel(staff, alice, "business")
    staff.post(f"{page(alice)}/end")

    rows = db.session.scalars(sa.select(StaffAccess).order_by(StaffAccess.id)).all()
    assert [row.link for row in rows] == [1, 2, 3]
    assert len({row.hash for row in rows}) == 3
