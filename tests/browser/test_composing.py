"""Composing in a real browser: it saves itself, looks right and holds no surprise for axe."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from app.campaigns import composing
from app.campaigns.models import Campaign
from app.core.db import db, transaction
from tests.browser.looking import Onlooker
from tests.campaigns.conftest import add_list, add_people, add_sender
from tests.conftest import Person
from tests.servers import wait_until

pytestmark = pytest.mark.browser
SignIn = Callable[[Person], None]


@pytest.fixture
def campaign(alice: Person) -> Campaign:
    """A draft with everything."""
    newsletter = add_list(alice.account)
    add_people(alice.account, newsletter, "Anna", "Bert", "Cleo")
    add_sender(alice.account, "news@bakery.example")
    with transaction():
        return composing.create(
            alice.account,
            composing.Draft(
                name="Spring", subject="Fresh bread", preheader="Warm since six",
                from_email="news@bakery.example", body="# Hello {{ contact.first_name }}",
                lists=[newsletter.id],
            ),
        )  # fmt: skip


def stored(campaign: Campaign) -> Campaign:
    db.session.rollback()
    db.session.expire_all()
    found = db.session.get(Campaign, campaign.id)
    assert found is not None
    return found


def test_writing_saves_itself(onlooker: Onlooker, sign_in: SignIn, alice: Person,
                              campaign: Campaign) -> None:  # fmt: skip
    sign_in(alice)
    page = onlooker.page
    page.goto(f"/campaigns/{campaign.id}/write")
    expect(page.locator(".findings")).to_contain_text("3 people will get it")

    page.get_by_label("Subject").fill("Rolls and cake")
    expect(page.locator(".saved")).to_contain_text("saved")
    wait_until(lambda: stored(campaign).subject == "Rolls and cake", what="the subject")

    page.get_by_label("Preheader").fill("")
    page.keyboard.press("Control+s")
    expect(page.locator(".findings")).to_contain_text("There is no preheader")
    page.get_by_text("Merge tags", exact=True).click()
    page.locator("#body").focus()
    page.locator("#body").press("Control+End")
    page.get_by_role("button", name="Company").click()
    page.get_by_role("link", name="Look", exact=False).first.click()

    page.wait_for_url(f"**/campaigns/{campaign.id}/look*")
    assert stored(campaign).body.endswith("{{ contact.company }}")
    assert onlooker.faults == []


def test_typing_on_while_it_saves_makes_no_conflict(
    onlooker: Onlooker, sign_in: SignIn, alice: Person, campaign: Campaign
) -> None:
    sign_in(alice)
    page = onlooker.page
    page.goto(f"/campaigns/{campaign.id}/write")

    for n in range(5):
        page.get_by_label("Subject").press_sequentially(f"{n}")
        page.keyboard.press("Control+s")

    expect(page.get_by_label("Subject")).to_have_value(re.compile("^01234"))
    wait_until(lambda: stored(campaign).subject.startswith("01234"), what="the last letter")
    expect(page.locator(".saved")).to_contain_text("saved")
    assert "Not saved" not in page.locator(".saved").inner_text()


def test_a_change_elsewhere_is_not_overwritten(
    onlooker: Onlooker, sign_in: SignIn, alice: Person, campaign: Campaign
) -> None:
    sign_in(alice)
    page = onlooker.page
    page.goto(f"/campaigns/{campaign.id}/write")
    with transaction():
        composing.revise(stored(campaign), composing.Draft(subject="Theirs"))

    page.get_by_label("Subject").fill("Mine")
    page.keyboard.press("Control+s")
    expect(page.locator(".saved")).to_contain_text("Not saved")
    assert stored(campaign).subject == "Theirs"
    page.get_by_role("button", name="Save mine over theirs").click()

    page.wait_for_url(f"**/campaigns/{campaign.id}/write")
    assert stored(campaign).subject == "Mine"


@pytest.mark.parametrize("stop", ["write", "look", "people", "send"])
def test_a_stop_looks_right_everywhere(
    onlooker: Onlooker, sign_in: SignIn, alice: Person, campaign: Campaign, stop: str
) -> None:
    sign_in(alice)

    assert onlooker.look_at(f"/campaigns/{campaign.id}/{stop}") == []


def test_the_list_looks_right_everywhere(
    onlooker: Onlooker, sign_in: SignIn, alice: Person, campaign: Campaign
) -> None:
    sign_in(alice)

    assert onlooker.look_at("/campaigns") == []
