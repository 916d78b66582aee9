"""Whoever signs in gets what is kept about them, and may go."""

from __future__ import annotations

import io
import json
import zipfile

import sqlalchemy as sa
from flask import Flask

from app.accounts import people
from app.accounts.models import AuditEntry, Invitation, Member, Membership, Notice
from app.auth import passwords
from app.campaigns import composing
from app.contacts import writing
from app.contacts.changes import Actor
from app.core.db import Base, db, transaction
from app.trust import own_data
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


def test_what_is_the_businesss_is_not_in_it(alice: Person, bob: Person, client: Client) -> None:
    """Not even for who made it: rights are taken away, and people leave."""
    account, member_id = alice.account, bob.member.id
    with transaction():
        campaign = composing.create(account, by=member_id)
        campaign.subject = "Our secret autumn"
        contact = writing.create(account, "eve@home.example", first_name="Eve")
        writing.update(contact, by=Actor("hand", member_id), last_name="Malloy")
        people.invite(account, alice.member, email="dora@home.example", role="viewer")
        db.session.execute(sa.update(Invitation).values(invited_by_id=member_id))
        db.session.execute(sa.delete(Membership).where(Membership.member_id == member_id))
    client.sign_in(bob)

    page = client.get("/profile/data").text
    with zipfile.ZipFile(io.BytesIO(client.get("/profile/data.zip").data)) as file:
        text = file.read("data.json").decode()

    assert "<dt>Sessions</dt>" in page
    data = json.loads(text)
    assert data["campaign"][0]["created_by_id"] == member_id
    assert data["campaign"][0]["created_at"]
    for word in ("autumn", "eve@home.example", "Malloy", "dora@home.example"):
        assert word not in text


def test_looking_at_the_page_reads_by_indexes_alone(
    app: Flask, alice: Person, client: Client
) -> None:
    client.sign_in(alice)
    seen: list[str] = []

    def listen(*given: object) -> None:
        seen.append(str(given[2]))

    sa.event.listen(db.engine, "before_cursor_execute", listen)
    try:
        assert client.get("/profile/data").status_code == 200
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", listen)

    read = " ".join(seen)
    assert "signed_in" in read
    for large in ("contact_change", "channel_consent", "audit_entry", "import_journal", "notice"):
        assert large not in read


def test_the_page_has_words_for_everything(alice: Person, client: Client) -> None:
    own = {
        table.name for table in Base.metadata.sorted_tables
        if own_data._own(table, alice.member) is not None
    }  # fmt: skip
    assert own - {"notice"} == own_data.TITLES.keys()
    client.sign_in(alice)

    page = client.get("/profile/data").text

    assert "<dt>Businesses that you work in</dt>" in page


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
