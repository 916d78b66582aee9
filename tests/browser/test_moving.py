"""Moving house by the pages alone: a workbook is recognised, tried, taken in, and remembered."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app.contacts import checking, importing
from app.core.db import db, transaction
from tests.browser.looking import Onlooker
from tests.browser.test_main_job import HUMAN, PATIENCE_MS, press, register
from tests.conftest import Person
from tests.contacts.workbooks import xlsx
from tests.ops.running import Running

pytestmark = pytest.mark.browser
SignIn = Callable[[Person], None]

TITLES = [
    "Email Address", "First Name", "Last Name", "City", "MEMBER_RATING", "OPTIN_TIME", "OPTIN_IP",
    "CONFIRM_TIME", "CONFIRM_IP", "UNSUB_TIME", "LEID", "EUID", "NOTES", "TAGS",
]  # fmt: skip


def workbook() -> bytes:
    """Forty readers as Mailchimp exports them, saved from a spreadsheet program."""
    rows = [
        [
            f"reader{n}@{'gmial.com' if n < 3 else 'example.com'}", f"Reader{n}", "Müller", "Köln",
            2, "2024-02-03 04:05:06", "192.0.2.7", "2024-02-03 04:06:07", "192.0.2.7",
            "2025-01-01 10:00:00" if n == 39 else None, 1000 + n, "x", None, "vip",
        ]
        for n in range(40)
    ]  # fmt: skip
    rows += [["info@example.com", "", "", ""], ["nonsense", "Nobody", "", ""]]
    return xlsx({"Subscribers": [TITLES, *rows], "Sums": [["Total"], [42]]})


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("moving") / "home") as running:
        yield running


@pytest.fixture
def page(browser: Browser, running: Running) -> Iterator[Page]:
    context = browser.new_context(
        base_url=f"http://localhost:{running.port}", user_agent=HUMAN, locale="en-GB"
    )
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    yield context.new_page()
    context.close()


@pytest.mark.flow
def test_from_a_workbook_to_the_people(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "audience.xlsx"
    file.write_bytes(workbook())
    register(page)

    upload(page, file)
    expect(page.get_by_text("This looks like an export of Mailchimp.")).to_be_visible()
    expect(
        page.get_by_text("Left out, for there are no mail addresses in it: Sums.")
    ).to_be_visible()
    expect(page.locator("#column-7")).to_have_value("confirmed_at")
    page.locator("#column-3").select_option("new:City")
    page.get_by_label(re.compile("keep what is known instead of City")).check()
    expect(page.get_by_text("reader0@gmial.com")).to_be_visible()
    page.get_by_label("Put mistyped domains right in this import").check()
    expect(page.get_by_text("reader0@gmail.com")).to_be_visible()

    page.get_by_role("button", name="Try it without importing").click()
    expect(page.get_by_role("heading", name="What the import would do")).to_be_visible()
    tried = {"New people": 40, "Must not be mailed": 1, "Rejected": 1, "Rows in all": 42}
    expect_numbers(page, tried)

    page.get_by_label(re.compile("Name of the new list")).fill("Readers")
    page.get_by_label(re.compile("Where do these people come from")).fill("Signed up on our site")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("Finished")).to_be_visible()
    expect_numbers(page, {**tried, "Updated": 0})
    expect(page.get_by_text("3 mistyped addresses put right")).to_be_visible()
    expect(page.get_by_text("1 address of desks")).to_be_visible()
    expect(page.get_by_text("The @ is missing")).to_be_visible()

    upload(page, file)
    expect(page.get_by_text("You chose what these columns become")).to_be_visible()
    expect(page.get_by_label(re.compile("keep what is known instead of City"))).to_be_checked()


def upload(page: Page, file: Path) -> None:
    page.goto("/imports/new")
    page.set_input_files("input[type=file]", file)
    press(page, page.get_by_role("button", name="Upload and look"))


def expect_numbers(page: Page, wanted: dict[str, int]) -> None:
    told = page.get_by_role("main").inner_text()
    for label, number in wanted.items():
        assert re.search(rf"{label}\s+{number}\b", told), told


def test_the_pages_of_an_import_are_in_order(
    onlooker: Onlooker, sign_in: SignIn, alice: Person
) -> None:
    sign_in(alice)
    first = staged(alice)
    with transaction():
        importing.start(
            first, list_=None, columns=first.mapping["columns"], mode="update", basis="Our site"
        )
    importing.run(first.id)
    second, third = staged(alice), staged(alice)
    with transaction():
        for import_ in (second, third):
            importing.plan(import_, import_.mapping["columns"], {}, repair=True)
            checking.begin(import_)
    faults = onlooker.look_at(f"/imports/{third.id}", "import-checking")
    checking.run(second.id)
    db.session.expire_all()

    faults += onlooker.look_at(f"/imports/{second.id}/columns", "import-checked")
    faults += onlooker.look_at(f"/imports/{first.id}", "import-moved")
    faults += onlooker.look_at("/imports/new", "import-new")
    assert faults == []


def staged(person: Person) -> importing.Import:
    return importing.stage(person.account, io.BytesIO(workbook()), "audience.xlsx", confirmed=False)
