"""No export of a customer's contacts by staff without the owner's recorded, single permission."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Account, Member, Membership
from app.contacts.models import Contact
from app.core.clock import now
from app.core.db import db, transaction
from app.moving import taking_out
from app.moving.models import Takeout
from app.staff import granting
from app.staff.models import ExportGrant, StaffAccess
from app.staff.purposes import PURPOSES
from tests.architecture import everything
from tests.conftest import Client, Person, at_once
from tests.staff.conftest import Look

SECRET_PERSON = "eve.secret@example.com"


def grant(client: Client, alice: Person) -> None:
    client.sign_in(alice)
    form = {"reason": "Move to the new shop", "days": "1"}
    assert client.post("/settings/staff-access/grants", data=form).status_code == 303


def ask(client: Client, alice: Person) -> int:
    return client.post(f"/staff/accounts/{alice.account.id}/take-out").status_code


def test_without_a_permission_there_is_none(staff: Client, alice: Person, look: Look) -> None:
    look()

    assert ask(staff, alice) == 403
    assert db.session.scalar(sa.select(sa.func.count(Takeout.id))) == 0


def test_a_permission_is_used_once_and_written_down(
    client: Client, alice: Person, sam: Person, look: Look
) -> None:
    with transaction():
        db.session.add(
            Contact(account_id=alice.account.id, email=SECRET_PERSON, address=SECRET_PERSON)
        )
    grant(client, alice)
    client.sign_in(sam)
    look()

    assert ask(client, alice) == 303
    assert ask(client, alice) == 403
    takeout = db.session.scalars(sa.select(Takeout)).one()
    while taking_out.run(takeout.id):
        pass
    url = f"/staff/accounts/{alice.account.id}/take-out/{takeout.id}"
    assert client.get(url).status_code == 405
    with client.post(url) as answer:
        assert answer.data[:2] == b"PK"
    db.session.rollback()
    verbs = [row.verb for row in db.session.scalars(sa.select(StaffAccess).order_by("id"))]
    assert verbs == ["grant", "look.begin", "export", "fetch"]
    client.sign_in(alice)
    assert "fetched a take-out of everything" in " ".join(
        client.get("/settings/staff-access").text.split()
    )


def test_two_presses_at_once_leave_one_permission(
    whole_app: Flask, app: Flask, alice: Person
) -> None:
    account_id, member_id = alice.account.id, alice.member.id
    db.session.rollback()

    def press() -> None:
        account = db.session.get_one(Account, account_id)
        member = db.session.get_one(Member, member_id)
        granting.grant(account, member, reason="Move to the new shop", days=1)

    assert not at_once(whole_app, 3, press)

    still_open = sa.select(sa.func.count()).where(ExportGrant.ended_at.is_(None))
    assert db.session.scalar(still_open) == 1


def test_permissions_end(client: Client, alice: Person, sam: Person, look: Look) -> None:
    grant(client, alice)
    one = db.session.scalars(sa.select(ExportGrant)).one()
    client.post(f"/settings/staff-access/grants/{one.id}/take-back")
    client.sign_in(sam)
    look()
    assert ask(client, alice) == 403

    grant(client, alice)
    with transaction():
        db.session.execute(sa.update(ExportGrant).values(until=now() - timedelta(seconds=1)))
    client.sign_in(sam)
    assert ask(client, alice) == 403

    grant(client, alice)
    with transaction():
        mine = Membership.member_id == alice.member.id
        db.session.execute(sa.update(Membership).where(mine).values(role="viewer"))
    client.sign_in(sam)
    assert ask(client, alice) == 403, "who gave it is no owner any more"


def test_a_take_out_of_the_owner_is_not_for_staff(staff: Client, alice: Person, look: Look) -> None:
    with transaction():
        takeout = taking_out.start(alice.account, alice.member)
    while taking_out.run(takeout.id):
        pass
    look()

    url = f"/staff/accounts/{alice.account.id}/take-out/{takeout.id}"
    assert staff.post(url).status_code == 404


def test_no_page_of_staff_gives_out_the_contacts(
    app: Flask, client: Client, alice: Person, bob: Person, sam: Person, look: Look, home: Path
) -> None:
    """Somebody with every purpose walks every route of the console; no contact comes out."""
    ids = everything.make(alice, bob)
    with transaction():
        db.session.execute(sa.delete(ExportGrant))
        eve = Contact(account_id=alice.account.id, email=SECRET_PERSON, address=SECRET_PERSON)
        db.session.add(eve)
        db.session.merge(sam.member).staff_roles = list(PURPOSES)
    ids["contact_id"] = eve.id
    walked = 0
    for purpose in PURPOSES:
        client.sign_in(sam)
        look(purpose)
        for rule in app.url_map.iter_rules():
            if not rule.rule.startswith("/staff") or rule.endpoint == "staff.end_look":
                continue
            for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                answer = client.open(everything.url_of(rule, ids), method=method)
                assert SECRET_PERSON.encode() not in answer.get_data(), rule.rule
                walked += 1
            for kind in PURPOSES[purpose].sees if "<panel>" in rule.rule else ():
                url = everything.url_of(rule, ids).replace("panels/business", f"panels/{kind}")
                client.post(url)
                assert SECRET_PERSON.encode() not in client.get(url).get_data(), url
        assert db.session.scalar(sa.select(sa.func.count(Takeout.id))) == 1  # Alice's own

    assert walked > 50
