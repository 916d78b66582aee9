"""From registration to the report, by clicking alone, on all that `make run` starts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import browser, chromium_path
from tests.ops.running import Running

__all__ = ["browser", "chromium_path"]
pytestmark = [pytest.mark.browser, pytest.mark.flow]

PEOPLE = (
    "E-Mail,First name,Last name\n"
    "bob@reader.example,Bob,Reader\n"
    "charlie@reader.example,Charlie,Reader\n"
    "vera@reader.example,Vera,Reader\n"
    "not an address,No,Body\n"
)
PATIENCE_MS = 30_000


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """A browser in front of a fresh LeaderSend."""
    with Running(tmp_path / "home") as running:
        context = browser.new_context(base_url=f"http://localhost:{running.port}")
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        yield page
        context.close()
        expect.set_options(timeout=5_000)


def test_from_registration_to_the_report(page: Page) -> None:
    register(page)
    confirm_a_sender(page)
    bring_contacts(page)
    write_and_send(page)
    read_and_leave(page)
    see_receipt_and_report(page)


def register(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Start free").first.click()
    page.get_by_label("Your name").fill("Alice Baker")
    page.get_by_label("E-mail address").fill("alice@bakery.example")
    page.get_by_label("Name of the business").fill("Bakery")
    page.get_by_label("Postal address").fill("1 High Street, 12345 Town")
    page.get_by_label("I act for a business").check()
    page.get_by_label("I have read the privacy policy").check()
    page.get_by_role("button", name="Open the account").click()
    page.goto(link_of_mail(page, "alice@bakery.example", "/password/"))
    for field in page.locator('input[type="password"]').all():
        field.fill("a long sentence about bread and butter")
    page.get_by_role("button", name="Set the password").click()
    if "/sign-in" in page.url:
        page.get_by_label("E-mail address").fill("alice@bakery.example")
        page.get_by_label("Password").fill("a long sentence about bread and butter")
        page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Four steps")).to_be_visible()


def confirm_a_sender(page: Page) -> None:
    page.get_by_role("link", name="Confirm your sender").click()
    page.get_by_label("Address", exact=True).fill("news@bakery.example")
    page.get_by_role("button", name="Add and confirm by mail").click()
    page.goto(link_of_mail(page, "news@bakery.example", "/senders/confirm/"))
    page.get_by_role("button", name="Yes, they may").click()


def bring_contacts(page: Page) -> None:
    page.goto("/home")
    page.get_by_role("link", name="Bring your contacts").click()
    file = {"name": "people.csv", "mimeType": "text/csv", "buffer": PEOPLE.encode()}
    page.get_by_label("File", exact=True).set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Upload and look").click()
    page.get_by_label("Name of the new list").fill("Newsletter")
    page.locator('textarea[name="basis"]').fill("They signed up in our shop.")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("Finished")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Rows that were not taken")).to_be_visible()


def write_and_send(page: Page) -> None:
    page.goto("/campaigns")
    page.get_by_role("button", name="New campaign").first.click()
    page.get_by_label("Name", exact=True).fill("Opening hours")
    page.get_by_label("Subject").fill("Open till nine")
    page.get_by_label("From", exact=True).select_option("news@bakery.example")
    page.get_by_label("The mail", exact=True).fill(
        "Hello {{ contact.first_name | default: 'there' }},\n\n"
        "[our hours](https://www.example.com/hours)\n"
    )
    page.get_by_role("link", name="Look at it").click()
    page.get_by_role("link", name="People").last.click()
    page.locator("form").get_by_label("Newsletter").first.check()
    page.get_by_role("link", name="Go on to send").click()
    page.get_by_label("Wait before it leaves").select_option("0")
    page.get_by_role("button", name="Send to 3 people").click()
    expect(page.get_by_text("of 3 sent")).to_be_visible()
    expect(page.get_by_text("Sent", exact=True).first).to_be_visible()


def read_and_leave(page: Page) -> None:
    reader = page.context.new_page()
    reader.set_default_timeout(PATIENCE_MS)
    target = link_of_mail(reader, "bob@reader.example", "/c/")
    answer = reader.request.get(target, max_redirects=0)
    assert answer.headers["location"] == "https://www.example.com/hours"
    reader.goto(link_of_mail(reader, "vera@reader.example", "/u/"))
    reader.get_by_role("button").first.click()
    expect(reader.get_by_role("heading", name="out")).to_be_visible()
    reader.close()


def see_receipt_and_report(page: Page) -> None:
    page.goto("/campaigns")
    page.get_by_role("link", name="Opening hours").click()
    page.get_by_role("link", name="Receipt").first.click()
    expect(page.get_by_text("3 + 0 + 0 + 0 + 0 = 3")).to_be_visible()
    expect(page.get_by_text("It adds up.")).to_be_visible()
    page.get_by_role("link", name="Report", exact=True).click()
    expect(page.get_by_role("heading", name="Links")).to_be_visible()
    expect(page.get_by_text("https://www.example.com/hours")).to_be_visible()


def link_of_mail(page: Page, to: str, path: str) -> str:
    """The address with that path in the newest mail to somebody, as the catcher shows its text."""
    for _ in range(60):
        page.goto(f"/mail?query={to}")
        mails = page.locator('a[href^="/mail/"]')
        if mails.count():
            file = page.request.get(f"{mails.first.get_attribute('href')}/file").body()
            text = file.decode("utf-8", "replace").replace("=\r\n", "").replace("=\n", "")
            found = re.search(rf"https?://[^\s\"<>]*{path}[^\s\"<>=)]+", text)
            if found:
                return found.group()
        page.wait_for_timeout(500)
    raise AssertionError(f"no mail to {to} with {path}")
