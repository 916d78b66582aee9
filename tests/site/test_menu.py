"""One finds the way: settings in groups, all of them in the palette, few notes above a page."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Account, Member
from app.auth.models import SignedIn
from app.core.clock import now
from app.core.db import db, transaction
from app.privacy import publishing
from app.site import menu
from app.staff import looking
from app.staff.sections import SECTIONS
from app.trust import suspending
from tests.conftest import Client, Person, add_member, make_person

ENTRIES = [entry for group in menu.SETTINGS for entry in group.entries]


def addresses(app: Flask) -> set[str]:
    """Of all settings there are."""
    with app.test_request_context():
        return {entry.url for entry in ENTRIES}


def found(client: Client, words: str) -> set[str]:
    """The addresses that the palette offers for some words."""
    return set(
        re.findall(r'<a href="([^"]+)"', client.htmx("GET", f"/palette?q={quote(words)}").text)
    )


def listed(client: Client, at: str) -> dict[str, str]:
    """What stands in the list beside a setting: address and aria-current."""
    page = client.get(at).text
    found = re.search(r'<nav [^>]*aria-label="Settings">(.*?)</nav>', page, re.DOTALL)
    assert found, page
    links = re.findall(r'<a href="([^"]+)"(?: aria-current="(\w+)")?>', found.group(1))
    assert len(links) == len(dict(links))
    return dict(links)


@pytest.mark.parametrize("role", ["owner", "editor", "approver", "viewer"])
def test_the_settings_list_what_the_person_may_open_and_nothing_else(
    app: Flask, client: Client, alice: Person, role: str
) -> None:
    person = alice if role == "owner" else add_member(alice.account, "b@b.example", "Bob", role)
    client.sign_in(person)

    shown = listed(client, "/settings/profile")

    opened = {url for url in addresses(app) if client.get(url).status_code == 200}
    assert set(shown) == opened


def test_each_page_of_the_settings_is_in_the_list(
    whole_app: Flask, app: Flask, client: Client, alice: Person
) -> None:
    client.sign_in(alice)
    rules = [
        rule.rule
        for rule in whole_app.url_map.iter_rules()
        if rule.rule.startswith("/settings/")
        and "GET" in (rule.methods or ())
        and not rule.arguments
    ]
    assert len(rules) > len(ENTRIES)

    for path in rules:
        answer = client.get(path)
        if answer.status_code == 200 and 'class="settings"' in answer.text:
            here = [place for place in listed(client, path).values() if place]
            assert here in (["page"], ["true"]), path


def test_the_palette_finds_every_setting_and_every_console_page(
    app: Flask, client: Client, alice: Person
) -> None:
    with transaction():
        every = ["support", "service", "billing", "abuse", "marketing"]
        db.session.get_one(Member, alice.member.id).staff_roles = every
    client.sign_in(alice)
    with app.test_request_context():
        wanted = {entry.label: entry.url for entry in ENTRIES if entry.endpoint != "billing.page"}

    for label, url in wanted.items():
        assert url in found(client, label)
    assert found(client, "dkim") == {"/settings/domains"}
    assert "/settings/sign-in" in found(client, "passw")
    assert found(client, "ettings") == set()
    assert len(found(client, "staff")) == len(SECTIONS) + len(["/settings/staff-access"])


def test_the_palette_offers_nobody_what_is_closed_to_them(client: Client, vera: Person) -> None:
    client.sign_in(vera)

    assert found(client, "API tokens") == set()
    assert found(client, "staff") == {"/settings/staff-access"}


def test_two_notes_at_most_are_spelled_out_above_a_page(client: Client, alice: Person) -> None:
    sam = make_person("sam@operator.example", "Sam Support", "Operator", "owner")
    publishing.current()
    with transaction():
        worker = db.session.get_one(Member, sam.member.id)
        worker.staff_roles = ["support", "abuse"]
        account = db.session.get_one(Account, alice.account.id)
        account.second_factor_from = now() + timedelta(days=3)
        looking.begin(account, worker, purpose="support", reference="Ticket 12", minutes=15)
        suspending.suspend(account, worker, kind="sending", reason="Complaints")
    client.sign_in(alice)
    with transaction():
        db.session.execute(sa.update(SignedIn).values(is_strong=False))

    page = client.get("/contacts").text

    above = page[page.index('id="news"') : page.index("<h1")]
    spelled_out, folded = above.split("<details", 1)
    assert spelled_out.count('class="note') == 2
    assert "Sam" in spelled_out
    assert "Sending is suspended." in spelled_out
    assert folded.count('class="note') == 2
    assert "2 more notes" in folded
