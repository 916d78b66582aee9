"""Writer asks, approver approves, sender sends: three people in one browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from app.campaigns import approving
from app.campaigns.models import Campaign
from app.core.db import db, transaction
from tests.browser.looking import Onlooker
from tests.campaigns.conftest import add_list, add_people, add_sender
from tests.conftest import Person, add_member

pytestmark = pytest.mark.browser
SignIn = Callable[[Person], None]


def test_a_campaign_goes_through_three_hands(
    onlooker: Onlooker, sign_in: SignIn, alice: Person
) -> None:
    newsletter = add_list(alice.account)
    add_people(alice.account, newsletter, "Anna", "Bert")
    add_sender(alice.account, "news@bakery.example")
    writer = add_member(alice.account, "wanda@bakery.example", "Wanda Writer", "writer")
    approver = add_member(alice.account, "ann@bakery.example", "Ann Approver", "approver")
    sender = add_member(alice.account, "sam@bakery.example", "Sam Sender", "sender")
    with transaction():
        approving.demand(alice.account, alice.member, wanted=True)
    page = onlooker.page

    sign_in(writer)
    page.goto("/campaigns")
    page.get_by_role("button", name="New campaign").click()
    page.get_by_label("Subject").fill("Fresh bread")
    page.get_by_label("From", exact=False).first.select_option("news@bakery.example")
    page.locator("#body").fill("# Hello\n\nBread from six.")
    page.keyboard.press("Control+s")
    expect(page.locator(".saved")).to_contain_text("saved")
    page.locator(".stops").get_by_role("link", name="People").click()
    page.get_by_label("Newsletter").first.check()
    page.keyboard.press("Control+s")
    expect(page.locator(".saved")).to_contain_text("saved")
    page.locator(".stops").get_by_role("link", name="Send").click()
    page.wait_for_url("**/send*")
    expect(page.get_by_text("It cannot go out yet")).to_be_visible()
    expect(page.get_by_role("button", name="Send to", exact=False)).to_have_count(0)
    page.get_by_label("What should they look at?", exact=False).fill("The opening hours")
    page.get_by_role("button", name="Ask for approval").click()
    expect(page.locator("#approval")).to_contain_text("Wanda Writer asked for approval")
    url = page.url.removeprefix(onlooker.base_url).partition("?")[0]

    sign_in(approver)
    page.goto("/campaigns")
    expect(page.get_by_text("1 campaign waits for your approval")).to_be_visible()
    page.get_by_role("region", name="1 campaign waits").get_by_role("link").first.click()
    expect(page.locator("#approval")).to_contain_text("The opening hours")
    assert onlooker.look_at(url, "approval-asked") == []
    page.get_by_role("button", name="Approve it").click()
    expect(page.locator("#approval")).to_contain_text("Ann Approver approved it")
    expect(page.get_by_role("button", name="Send to", exact=False)).to_have_count(0)

    sign_in(sender)
    page.goto("/campaigns")
    page.get_by_role("link", name="New campaign").first.click()
    page.get_by_role("button", name="Send to 2 people").click()
    expect(page.get_by_text("Until then you can take it back", exact=False)).to_be_visible()
    db.session.rollback()
    assert db.session.scalar(sa.select(Campaign.state)) == "held"

    sign_in(alice)
    for name in ("people", "audit"):
        assert onlooker.look_at(f"/settings/{name}", f"rights-{name}") == []
