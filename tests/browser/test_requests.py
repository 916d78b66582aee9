"""Somebody writes to be erased everywhere: from the letter to the last word."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from app.accounts.models import Notice
from app.contacts import writing
from app.contacts.models import Contact
from app.core.db import db, transaction
from app.desk import tickets
from app.staff import answering
from tests.browser.looking import Onlooker
from tests.conftest import Person

pytestmark = pytest.mark.browser
EVE = "eve@reader.example"


def test_from_the_letter_to_the_last_word(
    onlooker: Onlooker, sign_in: Callable[[Person], None], alice: Person, charlie: Person
) -> None:
    page = onlooker.page
    with transaction():
        db.session.merge(charlie.member).staff_roles = ["support"]
        for person in (alice, charlie):
            writing.create(person.account, email=EVE)
        ticket = tickets.open_(email=EVE, subject="Erase me", text="Please erase me everywhere.")
    sign_in(charlie)
    page.goto(f"{onlooker.base_url}/staff/desk/{ticket.id}")
    page.get_by_role("link", name="Enter a request").click()
    assert page.get_by_label("Whole address of the person").input_value() == EVE
    page.get_by_text("To be erased", exact=True).click()
    page.get_by_role("button", name="Look where they are").click()
    page.get_by_role("heading", name="In 2 accounts").wait_for()
    at = page.url.removeprefix(onlooker.base_url).partition("?")[0]
    page.get_by_role("button", name="Mail the link").click()
    page.get_by_text("The link is on its way.").wait_for()
    assert onlooker.look_at(at, "request") == []
    assert onlooker.look_at("/staff/requests", "requests") == []

    mail = db.session.scalar(sa.select(Notice.text).where(Notice.kind == "person_request")) or ""
    db.session.rollback()
    (link,) = re.findall(r"/your-request/\S+", mail)
    assert onlooker.look_at(link, "your-request") == []
    page.get_by_role("button", name="Erase me").click()
    page.get_by_text("is being answered now").wait_for()
    assert onlooker.check("confirmed") == []
    assert answering.answer_confirmed() == 2
    assert db.session.scalar(sa.select(Contact.id).where(Contact.address == EVE)) is None
    db.session.rollback()
    page.goto(onlooker.base_url + at)
    page.get_by_text("forgotten: it is over").wait_for()
