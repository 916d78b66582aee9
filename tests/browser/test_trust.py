"""A suspension and its answer, and closing an account with its undo, in a browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from app.core.db import db, transaction
from app.trust.models import Appeal, Closing
from tests.browser.looking import Onlooker
from tests.browser.test_pages import used_account
from tests.conftest import Person, make_person

pytestmark = pytest.mark.browser
REASON = "Readers report mail that they never asked for."


def test_suspended_answered_and_let_go_on(
    onlooker: Onlooker, sign_in: Callable[[Person], None], alice: Person
) -> None:
    olga = make_person("olga@operator.example", "Olga Operator", "Operator", "owner")
    with transaction():
        olga.member.staff_roles = ["abuse"]
    used_account(alice)
    page = onlooker.page
    sign_in(olga)

    page.goto(f"{onlooker.base_url}/staff/abuse")
    page.goto(f"{onlooker.base_url}/staff/accounts/{alice.account.id}")
    page.get_by_label("Ticket number, or why").fill("Report A-7F3K")
    page.get_by_role("button", name="Begin to look").click()
    page.get_by_role("button", name="Abuse").click()
    page.get_by_label("Sending only").check()
    page.get_by_label("The reason, as the owner reads it").fill(REASON)
    page.get_by_role("button", name="Suspend now").click()
    panel = f"/staff/accounts/{alice.account.id}/panels/abuse"
    assert onlooker.look_at(panel, "staff-abuse-account") == []

    sign_in(alice)
    page.goto(f"{onlooker.base_url}/contacts")
    page.get_by_role("link", name="Read more and answer").click()
    assert onlooker.look_at("/settings/standing", "standing") == []
    page.get_by_label("What should we know?").fill("We have removed that list.")
    page.get_by_role("button", name="Send your answer").click()
    page.get_by_text("Your answer is here and waits to be read.").first.wait_for()

    sign_in(olga)
    page.goto(f"{onlooker.base_url}/staff/abuse")
    page.get_by_text("We have removed that list.").wait_for()
    page.goto(f"{onlooker.base_url}/staff/accounts/{alice.account.id}/panels/abuse")
    page.get_by_label("Your answer").fill("Thank you.")
    page.get_by_role("button", name="Send the answer").click()
    page.get_by_role("button", name="End the suspension").click()
    page.get_by_text("The account may go on").wait_for()
    db.session.rollback()
    assert db.session.scalars(sa.select(Appeal.answer)).all() == ["Thank you."]


def test_closed_and_undone(
    onlooker: Onlooker, sign_in: Callable[[Person], None], alice: Person
) -> None:
    used_account(alice)
    sign_in(alice)
    page = onlooker.page

    assert onlooker.look_at("/profile/data", "own-data") == []
    page.get_by_role("link", name="Close the account").last.click()
    assert onlooker.look_at("/settings/close", "close") == []
    page.get_by_label("Type the name of the business").fill("Something else")
    page.get_by_role("button", name="Close the account").click()
    page.get_by_text("Type the name exactly as it is").wait_for()
    page.get_by_label("Type the name of the business").fill(alice.account.name)
    page.get_by_role("button", name="Close the account").click()
    page.get_by_role("heading", name="It is being closed").wait_for()
    page.goto(f"{onlooker.base_url}/campaigns")
    assert page.url.endswith("/settings/close")
    page.get_by_role("button", name="Undo: keep the account").click()
    page.get_by_text("Everything stays as it was").wait_for()

    db.session.rollback()
    assert db.session.get(Closing, alice.account.id) is None
    assert onlooker.look_at("/abuse", "abuse") == []
