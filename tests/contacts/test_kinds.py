"""Person or organisation: with a reason, and the owner's word above everything."""

from __future__ import annotations

import io

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from app.contacts import changes, channels, domain_lists, importing, kinds, writing
from app.contacts.models import Contact, ContactChange
from app.core.db import db, transaction
from tests.conftest import Client, Person

BY = changes.by_hand(1)


@pytest.mark.parametrize(
    ("address", "first", "last", "company", "kind", "reason"),
    [
        ("anna@b.example", "Anna", "Bee", "", "person", "name"),
        ("anna@b.example", "Anna", "Bee", "Bee Ltd", "person", "name"),
        ("x@b.example", "", "Müller Brot GmbH", "", "organisation", "legal_form"),
        ("x@b.example", "Bread &", "Butter Ltd.", "", "organisation", "legal_form"),
        ("x@b.example", "", "Pão e Mel, S.A.", "", "organisation", "legal_form"),
        ("x@b.example", "", "Brot GmbH & Co. KG", "", "person", "name"),
        ("x@b.example", "", "", "Brot GmbH & Co. KG", "organisation", "legal_form"),
        ("x@b.example", "", "", "The Bakery", "organisation", "company"),
        ("x@b.example", "The", "Bakery", "The Bakery", "organisation", "legal_form"),
        ("x@b.example", "Maria", "de Sa", "", "person", "name"),
        ("info@b.example", "", "", "", "organisation", "role"),
        ("Buchhaltung+2@b.example", "", "", "", "organisation", "role"),
        ("anna@gmail.com", "", "", "", "person", "free_mail"),
        ("anna@b.example", "", "", "", "person", "unknown"),
    ],
)
def test_the_reason(
    address: str, first: str, last: str, company: str, kind: str, reason: str
) -> None:
    assert kinds.explain(address, first, last, company) == kinds.Kind(kind, reason)
    assert kinds.REASONS[reason]


@given(
    st.sampled_from(["info", "anna", "a+b"]),
    *[st.sampled_from(["", "Anna", "Brot GmbH", "Brot AG", "Sa"]) for _ in range(3)],
)
def test_the_quick_way_says_the_same(local: str, first: str, last: str, company: str) -> None:
    whole = kinds.explain(f"{local}@b.example", first, last, company)

    assert kinds.guess(local, first, last, company) == whole.kind


def test_the_lists_are_whole() -> None:
    assert domain_lists.is_free_mail("gmail.com")
    assert domain_lists.is_disposable("0-mail.com")
    assert not domain_lists.is_free_mail("b.example")


def bring(alice: Person, text: str) -> None:
    import_ = importing.stage(
        alice.account, io.BytesIO(text.encode()), "people.csv", basis="At the counter"
    )
    while importing.run(import_.id):
        pass


def kind_of(address: str) -> tuple[str, str]:
    db.session.rollback()
    one = db.session.scalars(sa.select(Contact).where(Contact.address == address)).one()
    return one.kind, one.kind_by


def test_a_hand_wins_over_later_files_and_names(alice: Person) -> None:
    with transaction():
        bakery = writing.create(alice.account, "info@b.example")
        shop = writing.create(alice.account, "shop@b.example")
        writing.update(bakery, by=BY, kind="person")
    bring(
        alice,
        "email,company,kind\ninfo@b.example,Bakery GmbH,company\nshop@b.example,,person\n"
        "new@b.example,,company\nnew@b.example,,company\n",
    )

    assert kind_of("info@b.example") == ("person", "hand")
    assert kind_of(shop.address) == ("person", "file")
    assert kind_of("new@b.example") == ("organisation", "file")
    with transaction():
        writing.update(db.session.get_one(Contact, bakery.id), by=BY, kind="")
    assert kind_of("info@b.example") == ("organisation", "")


def test_a_name_that_comes_later_makes_a_person(alice: Person) -> None:
    with transaction():
        writing.create(alice.account, "info@b.example")
    assert kind_of("info@b.example") == ("organisation", "")
    bring(alice, "email,first name\ninfo@b.example,Anna\n")

    assert kind_of("info@b.example") == ("person", "")


def test_the_page_says_why_and_takes_a_correction(client: Client, alice: Person) -> None:
    client.sign_in(alice)
    with transaction():
        one = writing.create(alice.account, "info@b.example")
    assert "belongs to a desk" in client.get(f"/contacts/{one.id}").text
    assert "belongs to a desk" in client.get("/contacts?kind=organisation").text

    client.post(f"/contacts/{one.id}/kind", data={"kind": "person"})

    assert kind_of("info@b.example") == ("person", "hand")
    assert "you said so" in client.get(f"/contacts/{one.id}").text
    assert "info@b.example" not in client.get("/contacts?kind=organisation").text
    form = client.get(f"/contacts/{one.id}/edit").text
    assert '<option selected value="person">' in form


def test_saving_the_form_leaves_the_kind_to_us(client: Client, alice: Person) -> None:
    client.sign_in(alice)
    with transaction():
        one = writing.create(alice.account, "info@b.example")
    client.post(
        f"/contacts/{one.id}/edit", data={"email": "info@b.example", "kind": "", "company": "B"}
    )

    assert kind_of("info@b.example") == ("organisation", "")


def test_post_and_phone_have_a_yes_and_a_no(client: Client, alice: Person) -> None:
    client.sign_in(alice)
    with transaction():
        one = writing.create(alice.account, "anna@b.example", first_name="Anna")
    client.post(
        f"/contacts/{one.id}/channels",
        data={"post": "yes", "post-wording": "On the order form", "phone": "no"},
    )
    said = channels.of(one)
    assert (said["post"].is_allowed, said["phone"].is_allowed) == (True, False)
    assert said["post"].member_id == alice.member.id
    assert "On the order form" in client.get(f"/contacts/{one.id}").text
    lines = client.get("/contacts/export.csv").text.splitlines()
    assert "Post allowed,Phone allowed" in lines[0]
    assert ",yes,no" in lines[1]

    client.post(f"/contacts/{one.id}/channels", data={"post": "", "phone": "no"})
    db.session.rollback()
    assert set(channels.of(one)) == {"phone"}
    noted = db.session.scalars(sa.select(ContactChange).where(ContactChange.what == "channel"))
    assert [row.details for row in noted] == [
        {"post": ["", "yes"]}, {"phone": ["", "no"]}, {"post": ["yes", ""]},
    ]  # fmt: skip
