"""Staff look into an account; the customer sees it at once, reads of it, and time ends it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from playwright.sync_api import BrowserContext, expect

from app.accounts.models import Member
from app.core.clock import now
from app.core.db import db, transaction
from app.staff import jobs
from app.staff.models import StaffLook
from tests.browser.looking import Onlooker
from tests.conftest import Person, make_person

pytestmark = pytest.mark.browser


def test_a_look_is_seen_by_the_customer_and_ends(
    onlooker: Onlooker,
    context: BrowserContext,
    sign_in: Callable[[Person], None],
    alice: Person,
    charlie: Person,
) -> None:
    sam = make_person("sam@operator.example", "Sam Support", "Operator", "owner")
    with transaction():
        db.session.get_one(Member, sam.member.id).staff_roles = ["support"]
    sign_in(alice)
    hers = context.new_page()
    hers.goto("/campaigns")
    sign_in(sam)
    page = onlooker.page
    assert onlooker.look_at("/staff/accounts", "staff accounts") == []
    page.goto("/staff/accounts")
    page.get_by_role("searchbox").fill("bak")
    expect(page.get_by_role("link", name="Garage")).to_have_count(0)
    page.get_by_role("link", name="Bakery").click()
    begin = page.url
    onlooker.check("before a look")
    page.get_by_label("Ticket number, or why").fill("Ticket 123")
    page.get_by_label("15 minutes").check()
    page.get_by_role("button", name="Begin to look").click()
    for panel in ("Business", "People", "Sending", "Campaigns", "Contacts", "Take-out", "Changes"):
        page.get_by_role("button", name=panel, exact=True).click()
        expect(page.get_by_role("button", name=panel, exact=True)).to_have_attribute(
            "aria-current", "page"
        )
        onlooker.check(panel)
    assert onlooker.look_at(page.url.removeprefix(onlooker.base_url), "staff panel") == []
    page.get_by_role("button", name="Contacts", exact=True).click()
    page.get_by_label("Whole address of the contact").fill("nobody@example.com")
    page.get_by_label("Ticket number, or why").fill("Ticket 123")
    page.get_by_role("button", name="Show this one").click()
    expect(page.get_by_text("No contact of this account has this address.")).to_be_visible()

    # An open page of hers shows it by itself.
    sign_in(alice)
    hers.bring_to_front()
    hers.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(hers.get_by_text("Sam Support of LeaderSend looks into this account")).to_be_visible()
    hers.get_by_role("link", name="See what they see").click()
    expect(hers.get_by_role("cell", name="began to look")).to_be_visible()
    assert hers.get_by_role("row").count() == 10
    assert onlooker.look_at("/settings/staff-access", "staff access") == []

    with transaction():
        db.session.execute(sa.update(StaffLook).values(ends_at=now() - timedelta(seconds=1)))
    jobs.close_looks()
    hers.reload()
    expect(hers.get_by_text("looks into this account")).to_have_count(0)
    expect(hers.get_by_role("cell", name="the time was over")).to_be_visible()
    sign_in(sam)
    page.goto(begin)
    expect(page.get_by_role("button", name="Begin to look")).to_be_visible()
    assert onlooker.faults == []


def test_the_pages_of_mailings_are_in_order(
    onlooker: Onlooker, sign_in: Callable[[Person], None], alice: Person
) -> None:
    with transaction():
        db.session.get_one(Member, alice.member.id).staff_roles = ["marketing"]
    sign_in(alice)
    page = onlooker.page
    page.goto("/staff/mailings")
    onlooker.check("before it is made")
    page.get_by_label("Name that mailings come from").fill("LeaderSend")
    page.get_by_label("Postal address").fill("1 Low Street, 12345 Town")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_text("Lists for post and phone")).to_be_visible()

    assert onlooker.look_at("/staff/mailings", "mailings") == []
    page.goto("/settings/data")
    page.get_by_role("row", name="Promotions").get_by_role("button").click()
    expect(page.get_by_role("row", name="Promotions")).to_contain_text("left out")
    assert onlooker.look_at("/settings/data", "data") == []
