"""Whoever signs in gets what is kept about them, and may go."""

from __future__ import annotations

import io
import json
import zipfile

import sqlalchemy as sa

from app.accounts.models import AuditEntry, Member, Membership, Notice
from app.auth import passwords
from app.core.db import db, transaction
from tests.conftest import Client, Person


def test_the_download_has_all_that_names_them_and_no_secret(
    alice: Person, bob: Person, client: Client
) -> None:
    with transaction():
        passwords.issue(bob.member)
        bob.member.password_hash = "scrypt:secret"
    client.sign_in(bob)

    answer = client.get("/profile/data.zip")

    assert answer.headers["Cache-Control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as file:
        data = json.loads(file.read("data.json"))
        readme = file.read("README.txt").decode()
    assert data["member"][0]["email"] == "bob@bakery.example"
    assert data["membership"][0]["account_id"] == alice.account.id
    assert data["signed_in"]
    assert data["password_link"]
    assert "bob@bakery.example" in readme
    text = json.dumps(data)
    assert "scrypt" not in text
    assert "alice" not in text
    hashes = db.session.execute(sa.text("SELECT token_hash FROM password_link")).scalars().all()
    assert not any(one in text for one in hashes)


def test_a_login_is_deleted_with_all_that_is_theirs(
    alice: Person, bob: Person, client: Client
) -> None:
    member_id = bob.member.id
    client.sign_in(bob)
    assert client.post("/profile/delete", data={"email": "no"}).status_code == 422

    assert client.post("/profile/delete", data={"email": "Bob@bakery.example"}).status_code == 303

    assert client.get("/home").location.startswith("/sign-in")
    db.session.rollback()
    assert db.session.get(Member, member_id, populate_existing=True) is None
    assert db.session.scalars(sa.select(Membership.role)).all() == ["owner"]
    (mail,) = db.session.scalars(sa.select(Notice)).all()
    assert (mail.kind, mail.to_email) == ("last_word", "bob@bakery.example")
    left = db.session.scalars(sa.select(AuditEntry.verb)).all()
    assert "person.leave" in left


def test_the_only_owner_hands_the_account_on_or_closes_it_first(
    alice: Person, client: Client
) -> None:
    client.sign_in(alice)

    assert "You are the only owner of" in client.get("/profile/data").text
    answer = client.post("/profile/delete", data={"email": alice.member.email})
    assert answer.status_code == 409
    assert db.session.get(Member, alice.member.id, populate_existing=True) is not None


def test_staff_ask_the_operator(olga: Person, alice: Person, client: Client) -> None:
    with transaction():
        db.session.execute(sa.delete(Membership).where(Membership.member_id == olga.member.id))
    client.sign_in(olga)

    assert client.post("/profile/delete", data={"email": olga.member.email}).status_code == 409
