"""From a sent campaign to a stranger's "never again", by the pages alone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Page, expect

from app.accounts.models import Notice
from app.campaigns.models import Campaign
from app.core.db import db, transaction
from app.sharing import telling
from app.sharing.models import NeverTell
from tests.browser.conftest import WebServer
from tests.browser.looking import Onlooker
from tests.browser.test_main_job import press
from tests.conftest import Person
from tests.sharing.conftest import Send, send

__all__ = ["send"]
pytestmark = pytest.mark.browser

BODY = "# Hello {{ contact.first_name | default: 'friend' }}\n\nBread is [here](https://b.example)."
PASSWORD = "crumbs and jam"


def test_from_a_sent_mail_to_a_strangers_never_again(
    browser: Browser, web: WebServer, onlooker: Onlooker, sign_in: Callable[[Person], None],
    alice: Person, send: Send,
) -> None:  # fmt: skip
    campaign = send("What we bake in December", choice="", body=BODY)
    sign_in(alice)
    address = show(onlooker.page, campaign)
    link = link_for_outsiders(onlooker.page)
    assert onlooker.look_at(f"/campaigns/{campaign.id}/share", "share of a campaign") == []

    assert onlooker.look_at(address, "archive page") == []
    assert onlooker.look_at(f"{address}/tell", "tell a friend") == []
    outside = browser.new_context(base_url=web.url, locale="en-GB")
    stranger = outside.new_page()
    read(stranger, address)
    leave_for_a_network(stranger, address)
    open_with_the_password(stranger, link)
    tell_a_friend(stranger, address)
    say_never(stranger)
    outside.close()

    onlooker.page.goto(f"/campaigns/{campaign.id}/share")
    expect(onlooker.page.get_by_text("1 friend was told")).to_be_visible()
    expect(onlooker.page.get_by_role("row", name=re.compile("The tax adviser"))).to_contain_text(
        re.compile(r"with a password.*1", re.DOTALL)
    )
    press(onlooker.page, onlooker.page.get_by_role("button", name="Take it down"))
    gone = onlooker.page.goto(address)
    assert gone is not None
    assert gone.status == 410


def show(page: Page, campaign: Campaign) -> str:
    """The path of the public page."""
    page.goto(f"/campaigns/{campaign.id}/share")
    expect(page.get_by_text("Only those it was sent to can read it.")).to_be_visible()
    press(page, page.get_by_role("button", name="Let everybody read it"))
    link = page.get_by_role("link", name="Look at it").get_attribute("href") or ""
    assert link.endswith("/archive/bakery/what-we-bake-in-december")
    return "/archive/bakery/what-we-bake-in-december"


def link_for_outsiders(page: Page) -> str:
    page.get_by_label("For whom").fill("The tax adviser")
    page.get_by_label("Password (optional)").fill(PASSWORD)
    press(page, page.get_by_role("button", name="Make the link"))
    expect(page.get_by_text("The link is ready")).to_be_visible()
    href = page.get_by_role("link", name="Open the link for The tax adviser").get_attribute("href")
    return href or ""


def read(page: Page, address: str) -> None:
    page.goto(address)
    mail = page.frame_locator("iframe[title='The mail']")
    expect(mail.get_by_role("heading", name="Hello friend")).to_be_visible()
    with page.expect_popup() as opened:
        mail.get_by_role("link", name="here").click()
    assert opened.value.evaluate("window.opener") is None
    opened.value.close()


def leave_for_a_network(page: Page, address: str) -> None:
    """Nothing is asked of the network here: its answer is made up on the way."""
    page.route("https://www.linkedin.com/**", lambda route: route.fulfill(body="LinkedIn"))
    page.goto(address)
    page.get_by_role("link", name=re.compile("LinkedIn")).click()
    expect(page.get_by_role("heading", name="You are leaving for LinkedIn")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("Privacy policy of"))).to_have_attribute(
        "href", "https://www.linkedin.com/legal/privacy-policy"
    )
    page.get_by_label("Do not show this again").check()
    page.get_by_role("button", name="Go on to LinkedIn").click()
    page.wait_for_url("https://www.linkedin.com/sharing/**")
    page.goto(address)
    page.get_by_role("link", name=re.compile("LinkedIn")).click()
    page.wait_for_url("https://www.linkedin.com/sharing/**")


def open_with_the_password(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_label("Password").fill("guess")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_text("That is not the password.")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("heading", name="From sent to followed")).to_be_visible()


def tell_a_friend(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(address)
    page.get_by_role("link", name="Tell a friend").click()
    page.get_by_label(re.compile("friend.s e-mail address")).fill("friend@people.example")
    page.get_by_label("This might be useful to you.").check()
    page.wait_for_timeout(2_100)
    page.get_by_role("button", name="Tell them").click()
    expect(page.get_by_text("one mail is on its way")).to_be_visible()


def say_never(page: Page) -> None:
    mail = db.session.scalar(sa.select(Notice).where(Notice.kind == "tell_a_friend"))
    assert mail is not None
    assert "This might be useful to you." in mail.text
    link = re.search(r"/never-tell/\S+", mail.text)
    assert link is not None
    page.goto(link[0])
    assert _nevers() == []
    page.get_by_role("button", name="Never again").click()
    expect(page.get_by_role("heading", name="Nobody tells you again")).to_be_visible()
    assert _nevers() == [telling.address_hash("friend@people.example")]


def _nevers() -> list[str]:
    with transaction():
        return list(db.session.scalars(sa.select(NeverTell.address_hash)))
