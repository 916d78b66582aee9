"""The main job by the pages alone: from registering to the receipt and the report.

A person with a browser, a folder with a file of customers, and nothing else: every mail is read
where the catcher shows it, every number is read off a page.
"""

from __future__ import annotations

import csv
import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, expect

from tests.ops.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.flow]

#: A person's browser; headless Chromium says of itself that it is a machine.
HUMAN = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/150.0.0.0 Safari/537.36"
PASSWORD = "seventeen loaves of rye"
PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("main") / "home") as running:
        yield running


@pytest.fixture
def visitor(browser: Browser, running: Running) -> Iterator[BrowserContext]:
    context = browser.new_context(
        base_url=f"http://localhost:{running.port}", user_agent=HUMAN, locale="en-GB"
    )
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture
def customers(tmp_path: Path) -> Path:
    """Forty people, one of them twice, and one row that is no address."""
    path = tmp_path / "customers.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, delimiter=";")
        rows.writerow(["E-Mail", "Vorname", "Nachname", "Stadt"])
        for i in range(40):
            rows.writerow([f"reader{i}@example.com", f"Reader{i}" if i else "", "Müller", "Köln"])
        rows.writerow(["READER7@example.com", "Again", "", ""])
        rows.writerow(["not an address", "", "", ""])
    return path


def test_from_registering_to_the_report(visitor: BrowserContext, customers: Path) -> None:
    page = visitor.new_page()
    register(page)
    confirm_sender(page)
    import_customers(page, customers)
    campaign = write_and_send(page)
    expect_receipt(page, campaign, sent=40)

    read_and_leave(visitor.new_page())

    expect_report(page, campaign)


def press(page: Page, button: Locator) -> None:
    """Click, and wait for the server's answer: going elsewhere at once would stop the form."""
    with page.expect_response(lambda answer: is_pressed(answer.request)):
        button.click()
    page.wait_for_load_state()


def is_pressed(request: Request) -> bool:
    """Whether it is the button's, and not advice on what is typed."""
    return request.method == "POST" and not request.url.endswith("/strength")


def register(page: Page) -> None:
    page.goto("/register")
    page.get_by_label("Your name").fill("Alice Baker")
    page.get_by_label("E-mail address").fill("alice@bakery.example")
    page.get_by_label("Name of the business").fill("Bakery")
    page.get_by_label("Postal address").fill("1 High Street\n12345 Town")
    page.get_by_label(re.compile("I act for a business")).check()
    page.get_by_label(re.compile("I have read the privacy policy")).check()
    press(page, page.get_by_role("button", name="Open the account"))

    page.goto(link_in_mail(page, "Choose your password", "/password/"))
    page.get_by_label("New password").fill(PASSWORD)
    press(page, page.get_by_role("button", name="Set the password"))
    if "/sign-in" in page.url:
        page.get_by_label("E-mail address").fill("alice@bakery.example")
        page.get_by_label("Password").fill(PASSWORD)
        press(page, page.get_by_role("main").get_by_role("button", name="Sign in"))
    page.goto("/home")
    expect(page.get_by_role("link", name="Confirm your sender")).to_be_visible()


def confirm_sender(page: Page) -> None:
    page.get_by_role("link", name="Confirm your sender").click()
    page.locator("main [name=email]").fill("news@bakery.example")
    page.locator("main [name=name]").fill("Bakery")
    press(page, page.get_by_role("button", name="Add and confirm by mail"))

    page.goto(link_in_mail(page, "onfirm", "/senders/confirm/"))
    press(page, page.get_by_role("main").get_by_role("button"))


def import_customers(page: Page, customers: Path) -> None:
    page.goto("/imports/new")
    page.set_input_files("input[type=file]", customers)
    page.get_by_role("button", name="Upload and look").click()
    page.get_by_label(re.compile("Name of the new list")).fill("Customers")
    page.get_by_label(re.compile("Where do these people come from")).fill("Signed up at the till")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("Finished")).to_be_visible()

    told = page.get_by_role("main").inner_text()
    for label, number in {"New people": 40, "Updated": 1, "Rejected": 1, "Rows in all": 42}.items():
        assert re.search(rf"{label}\s+{number}\b", told), told


def write_and_send(page: Page) -> str:
    page.goto("/campaigns")
    page.get_by_role("button", name="New campaign").first.click()
    campaign = page.url.removesuffix("/write")
    page.get_by_label("Subject").fill("Hello {{ contact.first_name | default: 'there' }}")
    page.locator("[name=from_email]").select_option("news@bakery.example")
    page.locator("[name=body]").fill("# Fresh bread\n\nSee [the shop](http://localhost/shop).")
    press(page, page.get_by_role("button", name="Save").first)

    page.goto(f"{campaign}/people")
    page.get_by_role("group", name="Send to", exact=True).get_by_label("Customers").check()
    press(page, page.get_by_role("button", name="Save").first)

    page.goto(f"{campaign}/send")
    page.locator("[name=hold]").select_option(label="no wait")
    press(page, page.get_by_role("button", name="Send to 40 people"))
    return campaign


def expect_receipt(page: Page, campaign: str, *, sent: int) -> None:
    page.goto(campaign)
    expect(page.get_by_text("Everything is sent.").first).to_be_visible()
    page.goto(f"{campaign}/receipt")
    told = page.get_by_role("main").inner_text()

    assert re.search(rf"SENT\s+{sent}\b", told), told
    assert re.search(rf"INTENDED\s+{sent}\b", told), told
    assert "It adds up." in told


def read_and_leave(reader: Page) -> None:
    """Reader 5 looks at the pictures, follows the link and leaves."""
    # What happens within two seconds of the delivery is taken for a scanner's work.
    time.sleep(3)
    mail = open_mail(reader, "Hello Reader5")
    picture = address(mail.locator("img[src*='/o/']"), "src")
    leaving = address(mail.locator("a[href*='/u/']"), "href")
    following = address(mail.locator("a[href*='/c/']"), "href")

    assert reader.goto(picture)
    time.sleep(3)
    answer = reader.request.get(following, max_redirects=0, headers={"User-Agent": HUMAN})
    assert answer.headers["location"] == "http://localhost/shop"
    # Nobody follows every link of a mail within two seconds.
    time.sleep(3)
    reader.goto(leaving)
    reader.get_by_role("button", name="Unsubscribe").click()
    expect(reader.get_by_role("heading", name="You are out")).to_be_visible()
    expect(reader.get_by_role("button", name="Undo")).to_be_visible()


def expect_report(page: Page, campaign: str) -> None:
    told = ""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        page.goto(f"{campaign}/report")
        told = page.get_by_role("main").inner_text()
        if re.search(r"Followed a link\s+1\b", told):
            break
        time.sleep(0.5)

    for line in (r"Delivered\s+40\b", r"Opened\s+1\b", r"Followed a link\s+1\b", r"Left\s+1\b"):
        assert re.search(line, told), told


def link_in_mail(page: Page, subject: str, path: str) -> str:
    """The address in the newest caught mail with that subject."""
    mail = open_mail(page, subject)
    return address(mail.locator(f"a[href*='{path}']").first, "href")


def open_mail(page: Page, subject: str) -> Page:
    """The HTML of a caught mail, as a page of its own."""
    end = time.monotonic() + PATIENCE_MS / 1000
    page.goto("/mail")
    found = page.get_by_role("main").get_by_role("link", name=re.compile(re.escape(subject)))
    while not found.count() and time.monotonic() < end:
        time.sleep(0.3)
        page.goto("/mail")
    page.goto(urljoin(page.url, address(found, "href")).rstrip("/") + "/html")
    return page


def address(element: Locator, attribute: str) -> str:
    value = element.first.get_attribute(attribute)
    assert value
    return value
