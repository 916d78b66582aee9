"""The frame, the public site and the palette."""

from __future__ import annotations

import html5lib
import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Member, Membership
from app.auth.current import public
from app.campaigns.models import Campaign
from app.contacts.models import Contact
from app.core.db import db, transaction
from tests.conftest import Client, Person

PUBLIC = ["/", "/help", "/about"]
SIGNED_IN = ["/home", "/palette", "/palette?q=ada"]


@pytest.mark.parametrize("path", PUBLIC)
def test_strangers_see_the_public_site(client: Client, path: str) -> None:
    response = client.get(path)

    assert response.status_code == 200
    html5lib.HTMLParser(strict=True).parse(response.text)


@pytest.mark.parametrize("path", SIGNED_IN)
def test_members_see_their_pages(client: Client, alice: Person, path: str) -> None:
    client.sign_in(alice)

    response = client.get(path)

    assert response.status_code == 200
    html5lib.HTMLParser(strict=True).parse(response.text)


@pytest.mark.parametrize("path", SIGNED_IN)
def test_strangers_are_asked_to_sign_in(client: Client, path: str) -> None:
    assert client.get(path).status_code in (303, 401)


def test_the_start_of_a_member_is_home(client: Client, alice: Person) -> None:
    client.sign_in(alice)

    assert client.get("/").location == "/home"


def test_the_start_of_staff_without_an_account_is_the_console(client: Client, vera: Person) -> None:
    with transaction():
        db.session.execute(sa.delete(Membership).where(Membership.member_id == vera.member.id))
        db.session.get_one(Member, vera.member.id).staff_roles = ["support"]
    client.sign_in(vera)

    assert client.get("/home").location == "/staff"


def test_the_palette_finds_people_and_campaigns_of_this_account_only(
    client: Client, alice: Person, charlie: Person
) -> None:
    with transaction():
        for person in (alice, charlie):
            business = person.account
            db.session.add(Campaign(account_id=business.id, name=f"Spring at {business.name}"))
            address = f"ada@{business.name.lower()}.example"
            db.session.add(Contact(account_id=business.id, email=address, address=address))
    client.sign_in(alice)

    campaigns = client.htmx("GET", "/palette?q=spring").text
    people = client.htmx("GET", "/palette?q=ADA@").text

    assert "<html" not in campaigns
    assert "Garage" not in campaigns
    assert "garage" not in people


def test_light_and_dark_are_kept_in_a_cookie(client: Client) -> None:
    answer = client.post("/theme", data={"theme": "dark", "next": "/help"})

    assert answer.status_code == 303
    assert answer.location == "/help"
    assert 'data-theme="dark"' in client.get("/help").text


@pytest.mark.parametrize("path", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_the_theme_never_sends_people_elsewhere(client: Client, path: str) -> None:
    assert client.post("/theme", data={"theme": "dark", "next": path}).location == "/"


def test_static_files_get_a_new_address_when_they_change(client: Client) -> None:
    page = client.get("/").text

    assert "css/base.css?v=" in page
    assert "htmx.min.js?v" not in page


def test_who_comes_second_at_the_same_moment_reads_a_plain_answer(
    whole_app: Flask, client: Client, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No verb looks out for it: the rule of the database alone keeps the second one out."""

    @public
    def join() -> str:
        with transaction():
            db.session.add(Member(email=alice.member.email, name="", staff_roles=[]))
        return "joined"

    monkeypatch.setitem(whole_app.view_functions, "site.help_page", join)

    answer = client.get("/help")

    assert answer.status_code == 409
    assert "at the same moment" in answer.text
    assert alice.member.email not in answer.text
