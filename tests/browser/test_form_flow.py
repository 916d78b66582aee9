"""Signing up by the pages and the mails alone, with everything running as `make run` runs it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.test_main_job import (
    HUMAN,
    PATIENCE_MS,
    confirm_sender,
    link_in_mail,
    open_mail,
    press,
    register,
)
from tests.ops.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.flow]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("forms") / "home") as running:
        yield running


def browse(browser: Browser, running: Running, language: str) -> BrowserContext:
    context = browser.new_context(
        base_url=f"http://localhost:{running.port}", user_agent=HUMAN, locale=language
    )
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    return context


def test_from_a_form_to_a_welcome(browser: Browser, running: Running) -> None:
    owner = browse(browser, running, "en-GB").new_page()
    register(owner)
    confirm_sender(owner)
    address = build(owner)
    welcome(owner)

    vera = browse(browser, running, "de-AT").new_page()
    vera.goto(address)
    vera.get_by_label("Mail-Adresse").fill("vera@example.com")
    vera.get_by_label(re.compile("Vorname")).fill("Vera")
    vera.wait_for_timeout(2500)
    vera.get_by_role("button", name="Anmelden").click()
    expect(vera.get_by_role("heading", name="Sehen Sie in Ihre Mails")).to_be_visible()
    vera.goto(link_in_mail(vera, "Bitte bestätigen", "/subscribe/confirm/"))
    vera.get_by_role("button", name="Bestätigen").click()
    expect(vera.get_by_text("Danke, Vera")).to_be_visible()

    mail = open_mail(vera, "Servus Vera")
    expect(mail.get_by_text("Fresh bread from now on")).to_be_visible()
    told = open_mail(owner, "Somebody signed up")
    expect(told.get_by_text("vera@example.com (Vera)")).to_be_visible()
    owner.goto("/forms")
    row = owner.get_by_role("row", name=re.compile("Website"))
    expect(row.get_by_role("cell").nth(3)).to_have_text("1")
    expect(row.get_by_role("cell").nth(4)).to_have_text("1")


def build(owner: Page) -> str:
    owner.goto("/lists")
    owner.get_by_label("Name").fill("Letters")
    owner.get_by_label(re.compile("Only after they confirmed")).check()
    press(owner, owner.get_by_role("button", name="Make the list"))
    owner.goto("/forms")
    owner.get_by_label("Name").fill("Website")
    press(owner, owner.get_by_role("button", name="Make the form"))
    owner.get_by_label("Thank-you").fill("Danke, {{ contact.first_name }}")
    owner.get_by_label("Tell the owners").select_option("each")
    press(owner, owner.get_by_role("button", name="Save and open the form"))
    return owner.get_by_role("link", name="Open its page").get_attribute("href") or ""


def welcome(owner: Page) -> None:
    owner.get_by_role("link", name="Mails", exact=True).click()
    owner.get_by_label("Send a welcome mail").check()
    owner.get_by_label("From").select_option("news@bakery.example")
    owner.get_by_label("Subject").fill("Servus {{ contact.first_name }}")
    owner.get_by_label("Mail", exact=True).fill("Fresh bread from now on.")
    press(owner, owner.get_by_role("main").get_by_role("button", name="Save"))
    expect(owner.get_by_text("is welcomed")).to_be_visible()
