from __future__ import annotations

import re

import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Member, Notice
from app.auth import links, passwords, profiles
from app.auth.models import EmailChange, SignedIn
from app.core import tokens
from app.core.db import db, transaction
from tests.auth.helpers import PASSWORD, kinds, link
from tests.conftest import Client, Person, at_once


def test_name_and_telephone_can_be_changed_by_everybody(client: Client, vera: Person):
    client.sign_in(vera)

    client.post("/settings/profile", data={"name": "Vera V.", "phone": "+43 1 234"})

    db.session.refresh(vera.member)
    assert (vera.member.name, vera.member.phone) == ("Vera V.", "+43 1 234")


def test_a_new_address_counts_once_its_mailbox_answered(client: Client, alice: Person):
    client.sign_in(alice)
    client.post("/settings/profile/email", data={"email": "Alice@New.example"})
    path = link("email_change")
    assert client.get(path).status_code == 200
    db.session.refresh(alice.member)
    assert alice.member.email == "alice@bakery.example"

    assert client.post(path).status_code == 303

    db.session.refresh(alice.member)
    assert alice.member.email == "alice@new.example"
    assert kinds() == ["email_change", "email_changed"]
    assert client.post(path).status_code == 410
    row = db.session.scalar(sa.select(EmailChange))
    assert row.token_hash == tokens.hashed(path.removeprefix("/email/"))


def test_links_to_the_old_address_die_with_it(client: Client, alice: Person):
    with transaction():
        alice.member.password_hash = passwords.hashed(PASSWORD)
        secret = passwords.issue(alice.member)
        profiles.ask_for_email(alice.member, "alice@new.example")

    client.post(link("email_change"))

    assert client.get(f"/password/{secret}").status_code == 410


def test_of_two_who_take_the_same_address_at_once_one_has_it_and_the_other_is_told(
    whole_app: Flask, app: Flask, alice: Person, charlie: Person
):
    with transaction():
        for person in (alice, charlie):
            profiles.ask_for_email(person.member, "shared@new.example")
    mailed = " ".join(db.session.scalars(sa.select(Notice.text)))
    secrets = iter(re.findall(r"/email/(\S+)", mailed))
    db.session.rollback()

    refused = at_once(whole_app, 2, lambda: profiles.confirm_email(next(secrets)))

    assert [type(error) for error in refused] == [links.DeadLink]
    emails = set(db.session.scalars(sa.select(Member.email)))
    assert "shared@new.example" in emails
    assert len(emails & {"alice@bakery.example", "charlie@garage.example"}) == 1


def test_an_address_of_somebody_else_gets_no_link_and_the_same_answer(
    client: Client, alice: Person, charlie: Person
):
    client.sign_in(alice)

    taken = client.post("/settings/profile/email", data={"email": charlie.member.email})
    free = client.post("/settings/profile/email", data={"email": "free@new.example"})

    assert (taken.status_code, taken.location) == (free.status_code, free.location)
    assert kinds() == ["email_change"]


def test_sessions_are_listed_and_ended(client: Client, alice: Person):
    client.sign_in(alice)
    other = client.application.test_client()
    other.sign_in(alice)
    row = db.session.scalars(sa.select(SignedIn).order_by(SignedIn.id.desc())).first()
    assert client.get("/settings/sign-in").text.count('data-label="Browser"') == 2

    client.post(f"/settings/sessions/{row.id}/end")

    assert other.get("/settings/business").status_code == 303
    assert client.get("/settings/business").status_code == 200


def test_one_can_sign_out_everywhere_else(client: Client, alice: Person):
    client.sign_in(alice)
    others = [client.application.test_client() for _ in range(2)]
    for other in others:
        other.sign_in(alice)

    client.post("/settings/sessions/end-others")

    assert [other.get("/settings/people").status_code for other in others] == [303, 303]
    assert client.get("/settings/people").status_code == 200


def test_sessions_of_others_are_not_found(client: Client, alice: Person, charlie: Person):
    other = client.application.test_client()
    other.sign_in(alice)
    row = db.session.scalar(sa.select(SignedIn))
    client.sign_in(charlie)

    assert client.post(f"/settings/sessions/{row.id}/end").status_code == 404
    assert other.get("/settings/people").status_code == 200


def test_a_password_is_only_changed_by_a_mailed_link(client: Client, alice: Person):
    client.sign_in(alice)

    for page in ("/settings/profile", "/settings/sign-in"):
        assert 'type="password"' not in client.get(page).text
    client.post("/settings/profile/password")

    assert kinds() == ["password_first"]
