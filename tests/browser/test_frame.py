"""What the frame does with scripts and without: palette, keys, menu, colours, lost connections."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, expect

from app.accounts.models import Member, Membership
from app.campaigns.models import Campaign
from app.core.db import db, transaction
from app.delivery.models import Tally
from app.site import sampling
from tests.browser.conftest import WebServer
from tests.browser.looking import Onlooker
from tests.conftest import Person

pytestmark = pytest.mark.browser
SignIn = Callable[[Person], None]


def test_the_palette_opens_by_key_finds_and_goes(
    onlooker: Onlooker, sign_in: SignIn, alice: Person
) -> None:
    with transaction():
        sampling.add(alice.account)
    sign_in(alice)
    page = onlooker.page
    page.goto("/home")

    page.keyboard.press("Control+k")
    page.keyboard.type("spring")
    expect(page.locator("#palette-results")).to_contain_text("Spring rolls")
    assert onlooker.check("palette") == []
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")

    expect(page.locator("h1")).to_have_text("Spring rolls")
    assert onlooker.faults == []


def test_single_keys_can_be_turned_off(onlooker: Onlooker, sign_in: SignIn, alice: Person) -> None:
    sign_in(alice)
    page = onlooker.page
    page.goto("/home")

    page.keyboard.press("?")
    expect(page.locator("dialog[data-keys]")).to_be_visible()
    assert onlooker.check("keys") == []
    page.get_by_label("Single keys are on").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("?")

    expect(page.locator("dialog[data-keys]")).to_be_hidden()


def test_dark_stays_dark(onlooker: Onlooker, sign_in: SignIn, alice: Person) -> None:
    sign_in(alice)
    page = onlooker.page
    page.goto("/home")

    with page.expect_response("**/theme"):
        page.get_by_role("button", name="Dark").first.click()
    page.reload()

    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert onlooker.faults == []


def test_the_phone_menu_works_without_scripts(
    browser: Browser, web: WebServer, alice: Person, sign_in: SignIn, onlooker: Onlooker
) -> None:
    sign_in(alice)
    plain = browser.new_context(
        base_url=web.url, java_script_enabled=False, viewport={"width": 360, "height": 700}
    )
    plain.add_cookies(onlooker.page.context.cookies())  # type: ignore[arg-type]
    page = plain.new_page()
    page.goto("/home")

    page.get_by_text("Menu", exact=True).click()
    page.get_by_role("link", name="Campaigns").click()

    expect(page.locator("h1")).to_have_text("Campaigns")
    page.goto("/settings/business")
    page.locator("summary", has_text="Settings: Business").press("Enter")
    expect(page.get_by_role("link", name="Business", exact=True)).to_have_attribute(
        "aria-current", "page"
    )
    page.get_by_role("link", name="Domains").click()
    expect(page.locator("h1")).to_have_text("Domains")
    expect(page.get_by_role("link", name="Senders")).to_be_hidden()
    plain.close()


def test_the_console_is_folded_for_who_looks_at_a_business_and_open_inside_it(
    onlooker: Onlooker, sign_in: SignIn, alice: Person
) -> None:
    with transaction():
        db.session.get_one(Member, alice.member.id).staff_roles = ["service"]
    sign_in(alice)
    page = onlooker.page
    page.goto("/home")
    console = page.get_by_role("navigation", name="Main", exact=True)
    expect(console.get_by_role("link", name="Incidents")).to_be_hidden()

    console.locator("summary", has_text="Staff").press("Enter")
    console.get_by_role("link", name="Incidents").click()

    expect(page.locator("h1")).to_have_text("Incidents")
    expect(console.get_by_role("link", name="Incidents")).to_have_attribute("aria-current", "page")
    assert onlooker.check("console") == []


def test_progress_follows_the_campaign_and_ends_by_itself(
    onlooker: Onlooker, sign_in: SignIn, alice: Person
) -> None:
    with transaction():
        sampling.add(alice.account)
        newest = db.session.scalar(sa.select(sa.func.max(Campaign.id)))
        db.session.execute(sa.update(Campaign).values(state="sending"))
        db.session.add(Tally(campaign_id=newest, state="pending", n=50))
    sign_in(alice)
    page = onlooker.page
    page.goto(f"/campaigns/{newest}/progress")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.get_by_text("Sending", exact=True)).to_be_visible()

    with transaction():
        db.session.execute(sa.delete(Tally).where(Tally.state == "pending"))
        db.session.execute(sa.update(Campaign).values(state="sent"))

    expect(page.get_by_role("button", name="Pause")).to_be_hidden()
    expect(page.get_by_role("link", name="Receipt")).to_be_visible()
    assert page.locator("[hx-trigger^='load']").count() == 0
    assert onlooker.faults == []


def test_a_lost_connection_is_said(onlooker: Onlooker, sign_in: SignIn, alice: Person) -> None:
    sign_in(alice)
    page = onlooker.page
    page.goto("/home")
    page.route("**/palette*", lambda route: route.abort())

    page.keyboard.press("Control+k")

    expect(page.locator("#flash")).to_contain_text("Reload and try again")


def test_text_at_twice_the_size_still_fits(
    onlooker: Onlooker, sign_in: SignIn, alice: Person
) -> None:
    with transaction():
        sampling.add(alice.account)
    newest = db.session.scalar(sa.select(sa.func.max(Campaign.id)))
    sign_in(alice)
    page = onlooker.page
    page.set_viewport_size({"width": 640, "height": 900})
    for path in ("/", "/home", "/campaigns", "/contacts", f"/campaigns/{newest}/receipt"):
        page.goto(path)
        page.evaluate("document.documentElement.style.fontSize = '200%'")

        assert onlooker.check(f"{path} at 200 %") == []


def test_long_words_large_numbers_and_right_to_left_fit(
    onlooker: Onlooker, sign_in: SignIn, alice: Person
) -> None:
    with transaction():
        sampling.add(alice.account)
        newest = db.session.scalar(sa.select(sa.func.max(Campaign.id)))
        db.session.execute(
            sa.update(Campaign)
            .where(Campaign.id == newest)
            .values(
                name="Verschwiegenheitserklärungsformularnachfrage " * 2, subject="شكرا لكم " * 9
            )
        )
        db.session.execute(sa.update(Tally).values(n=Tally.n * 10_001))
    sign_in(alice)
    pages = ("receipt", "recipients", "progress", "report", "uncertain")

    for path in ("/home", *(f"/campaigns/{newest}/{page}" for page in pages)):
        onlooker.page.set_viewport_size({"width": 360, "height": 700})
        onlooker.page.goto(path)

        assert onlooker.check(f"{path} full") == []


def test_one_can_change_between_businesses(
    onlooker: Onlooker, sign_in: SignIn, alice: Person, charlie: Person
) -> None:
    with transaction():
        db.session.add(
            Membership(account_id=charlie.account.id, member_id=alice.member.id, role="viewer")
        )
    sign_in(alice)
    page = onlooker.page
    page.goto("/home")

    page.get_by_role("button", name="Change to Garage").first.click()

    expect(page.locator("h1")).to_have_text("Garage")
