"""The preference centre as people meet it: from a mail, and without one."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, BrowserContext, Page, expect

from app.contacts import consent, fields, handles, lists, pausing, writing
from app.contacts.models import LeavingReason, OpenField, PreferenceCentre, PublicList
from app.core.db import db, transaction
from app.preferences import guests
from tests.browser.looking import Onlooker
from tests.browser.test_main_job import (
    HUMAN,
    PATIENCE_MS,
    address,
    confirm_sender,
    link_in_mail,
    open_mail,
    press,
    register,
)
from tests.conftest import Person
from tests.ops.running import Running

pytestmark = [pytest.mark.browser]


def rich(alice: Person) -> str:
    """Much to choose, long and in other scripts; the path of a person's link."""
    account = alice.account
    with transaction():
        news = lists.create(account, "Newsletter")
        offers = lists.create(account, "Offers", opt_in="double")
        staff = lists.create(account, "Friends of the house " * 4)
        public = {
            news: ("", "What is new in the bakery, and when we are closed. Every second Friday."),
            offers: ("عروض الأسبوع", "كل يوم جمعة"),
        }
        for list_, (name, words) in public.items():
            db.session.add(
                PublicList(
                    list_id=list_.id, account_id=account.id, name=name, description=words
                )
            )  # fmt: skip
        for label, type_ in (
            ("Favourite cake", "text"), ("Guests", "number"), ("Birthday", "date"),
            ("Gluten free", "yes_no"),
        ):  # fmt: skip
            field = fields.create(account.id, label, type_=type_)
            db.session.add(OpenField(field_id=field.id, account_id=account.id))
        db.session.add(
            PreferenceCentre(account_id=account.id, words="Nice that you are here.\nStay a while.")
        )
        reader = writing.create(account, "reader.with.a.long.name@example.com", first_name="Zoë")
        for list_ in (news, staff):
            consent.subscribe(reader, list_, source="hand", wording="At the counter")
    return guests.link(reader).removeprefix("http://localhost")


@pytest.mark.parametrize("page", ["", "/erase", "/data"])
def test_a_persons_pages_are_in_order(onlooker: Onlooker, alice: Person, page: str) -> None:
    assert onlooker.look_at(rich(alice) + page, f"prefs {page or 'all'}") == []


def test_the_page_on_a_break_with_everything_open_is_in_order(
    onlooker: Onlooker, alice: Person
) -> None:
    path = rich(alice)
    with transaction():
        contact = guests.visit(path.removeprefix("/p/")).contact
        assert contact is not None
        pausing.pause(contact, 60)
    onlooker.look_at(path, "prefs paused")
    page = onlooker.page
    for fold in page.locator("details").all():
        fold.locator("summary").click()
    page.get_by_label("Guests").fill("many")
    page.get_by_role("group").filter(has_text="Your details").get_by_text("Save").click()

    expect(page.get_by_text("This is not a number.")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved yet.")
    for screen, width in (("phone", 360), ("desk", 1280)):
        page.set_viewport_size({"width": width, "height": 800})
        onlooker.take_picture("prefs wrong", screen, "dark")
    assert onlooker.check("with a mistake") == []


def test_the_way_without_a_mail_is_in_order(onlooker: Onlooker, alice: Person) -> None:
    path = f"/choices/{handles.handle(alice.account)}"

    assert onlooker.look_at(path, "prefs ask") == []

    onlooker.page.get_by_label("Your mail address").fill("nonsense")
    onlooker.page.get_by_role("button").click()
    expect(onlooker.page.get_by_text("not a mail address")).to_be_visible()
    assert onlooker.check("no address") == []


def test_the_pages_after_leaving_are_in_order(onlooker: Onlooker, alice: Person) -> None:
    path = rich(alice)
    onlooker.look_at(path)
    onlooker.page.get_by_role("button", name="Leave everything").click()
    expect(onlooker.page.get_by_role("heading", name="You are out")).to_be_visible()
    for screen, width in (("phone", 360), ("desk", 1280)):
        onlooker.page.set_viewport_size({"width": width, "height": 800})
        onlooker.take_picture("prefs left", screen, "light")

    assert onlooker.check("left") == []
    onlooker.page.get_by_label("Too many mails").check()
    onlooker.page.get_by_role("button", name="Tell them").click()
    expect(onlooker.page.get_by_text("Thank you")).to_be_visible()
    db.session.rollback()
    assert db.session.scalars(sa.select(LeavingReason.reason)).all() == ["often"]


def test_owners_choose_what_is_offered(onlooker: Onlooker, sign_in, alice: Person) -> None:  # type: ignore[no-untyped-def]
    rich(alice)
    sign_in(alice)

    assert onlooker.look_at("/settings/preferences", "prefs settings") == []
    assert onlooker.look_at("/settings/preferences/preview", "prefs preview") == []


def test_everything_works_by_keyboard_and_without_scripts(
    browser: Browser, web, alice: Person
) -> None:  # type: ignore[no-untyped-def]
    context = browser.new_context(base_url=web.url, java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    path = rich(alice)
    page.goto(path)

    page.get_by_label("At most one mail a month").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Save").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Saved.")
    expect(page.get_by_label("At most one mail a month")).to_be_checked()
    page.get_by_role("button", name="30 days").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("no mail before")
    context.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("prefs") / "home") as running:
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


@pytest.mark.flow
def test_from_a_mail_to_a_break_and_back(visitor: BrowserContext, tmp_path: Path) -> None:
    owner, reader = visitor.new_page(), visitor.new_page()
    register(owner)
    confirm_sender(owner)
    bring_sixty(owner, tmp_path / "customers.csv")
    offer_lists(owner)
    first = send_a_part(owner)

    # Reader 59 has got nothing yet, so there is no mail whose link could be used.
    last = link_for_address(owner, reader, "reader59@example.com")
    take_a_break(reader, last)
    let_it_go_on(owner)
    expect_receipt(owner, first, {"Sent": 59, "Paused all mail for a while": 1, "Intended": 60})

    choose = link_of_mail(reader, "First news for Reader5")
    correct_the_name(reader, choose)
    leave_and_join(reader, choose)
    look_at_ones_data(reader, choose)

    second = write(owner, "Second news")
    expect(owner.get_by_label("Who will get it")).to_contain_text("1 want no mail for a while")
    send(owner, second, "59 people")
    expect_receipt(owner, second, {"Sent": 59, "Intended": 59})
    assert open_mail(reader, "Second news for Zoë")

    reader.goto(last)
    press(reader, reader.get_by_role("button", name="End the break now"))
    third = write(owner, "Third news")
    send(owner, third, "60 people")
    expect_receipt(owner, third, {"Sent": 60, "Intended": 60})


def bring_sixty(page: Page, path: Path) -> None:
    rows = "".join(f"reader{i}@example.com,Reader{i}\n" for i in range(60))
    path.write_text(f"email,first name\n{rows}")
    page.goto("/imports/new")
    page.set_input_files("input[type=file]", path)
    page.get_by_role("button", name="Upload and look").click()
    page.get_by_label(re.compile("Name of the new list")).fill("Customers")
    page.get_by_label(re.compile("Where do these people come from")).fill("Signed up at the till")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("Finished")).to_be_visible()


def offer_lists(page: Page) -> None:
    page.goto("/lists")
    page.locator("main [name=name]").fill("Offers")
    page.get_by_label(re.compile("double opt-in")).check()
    press(page, page.get_by_role("button", name="Make the list"))
    page.goto("/settings/preferences")
    for name in ("Customers", "Offers"):
        page.get_by_role("checkbox", name=name, exact=True).check()
    press(page, page.get_by_role("button", name="Save"))


def send_a_part(page: Page) -> str:
    """A warm-up plan lets 50 of 60 go today; the rest waits in the middle of the campaign."""
    page.goto("/settings/warm-up/plan?subject=domain:bakery.example&goal=5000")
    press(page, page.get_by_role("button", name="Start with 50"))
    campaign = write(page, "First news")
    page.goto(f"{campaign}/send")
    page.locator("[name=hold]").select_option(label="no wait")
    press(page, page.get_by_role("button", name="Send to 60 people"))
    open_mail(page, "First news for Reader49")
    return campaign


def write(page: Page, subject: str) -> str:
    """Ready to go; ends on the page of those who get it."""
    page.goto("/campaigns")
    page.get_by_role("button", name="New campaign").first.click()
    campaign = page.url.removesuffix("/write")
    page.get_by_label("Subject").fill(subject + " for {{ contact.first_name }}")
    page.locator("[name=from_email]").select_option("news@bakery.example")
    page.locator("[name=body]").fill("# Fresh bread\n\nSee you.")
    press(page, page.get_by_role("button", name="Save").first)
    page.goto(f"{campaign}/people")
    page.get_by_role("group", name="Send to", exact=True).get_by_label("Customers").check()
    press(page, page.get_by_role("button", name="Save").first)
    page.goto(f"{campaign}/people")
    return campaign


def send(page: Page, campaign: str, whom: str) -> None:
    page.goto(f"{campaign}/send")
    page.locator("[name=hold]").select_option(label="no wait")
    press(page, page.get_by_role("button", name=f"Send to {whom}"))


def let_it_go_on(page: Page) -> None:
    page.goto("/settings/warm-up")
    press(page, page.get_by_role("button", name="End the plan"))


def expect_receipt(page: Page, campaign: str, lines: dict[str, int]) -> None:
    page.goto(campaign)
    expect(page.get_by_text("Everything is sent.").first).to_be_visible(timeout=60_000)
    page.goto(f"{campaign}/receipt")
    told = page.get_by_role("main").inner_text()
    for label, number in lines.items():
        assert re.search(rf"{label}\s+{number}\b", told, re.IGNORECASE), told
    assert "It adds up." in told


def link_for_address(owner: Page, reader: Page, email: str) -> str:
    owner.goto("/settings/preferences")
    reader.goto(owner.locator("code").first.inner_text())
    reader.get_by_label("Your mail address").fill(email)
    press(reader, reader.get_by_role("button", name="Mail me the link"))
    expect(reader.get_by_role("heading", name="Look into your mail")).to_be_visible()
    return link_in_mail(reader, "Your link", "/p/")


def take_a_break(reader: Page, choose: str) -> None:
    reader.goto(choose)
    press(reader, reader.get_by_role("button", name="30 days"))
    expect(reader.get_by_role("status")).to_contain_text("no mail before")


def link_of_mail(page: Page, subject: str) -> str:
    mail = open_mail(page, subject)
    links = mail.get_by_role("link", name="Change what you get")
    return address(links, "href")


def correct_the_name(reader: Page, choose: str) -> None:
    reader.goto(choose)
    reader.get_by_text("Your details").click()
    reader.get_by_label("First name").fill("Zoë")
    press(reader, reader.get_by_role("button", name="Save").nth(1))
    expect(reader.get_by_role("status")).to_contain_text("Saved.")


def leave_and_join(reader: Page, choose: str) -> None:
    """Leaves one list, joins one that asks for confirmation, and comes back to the first."""
    for customers, offers in ((False, True), (True, True)):
        reader.goto(choose)
        reader.get_by_label("Customers").set_checked(customers)
        reader.get_by_label("Offers").set_checked(offers)
        press(reader, reader.get_by_role("button", name="Save").first)
        expect(reader.get_by_role("status")).to_contain_text("Saved.")
        reader.goto(choose)
        expect(reader.get_by_label("Customers")).to_be_checked(checked=customers)
        expect(reader.get_by_label("Offers")).to_be_checked(checked=offers)


def look_at_ones_data(reader: Page, choose: str) -> None:
    """By a fresh link, for a mail may have been passed on."""
    reader.goto(choose)
    reader.get_by_text("Your data", exact=True).click()
    press(reader, reader.get_by_role("button", name="Mail me the link"))
    # The other mail with this subject came to somebody else.
    subject = reader.get_by_role("main").get_by_role("link", name="Your link")
    end = time.monotonic() + 30
    reader.goto("/mail")
    while subject.count() < 2 and time.monotonic() < end:
        time.sleep(0.3)
        reader.goto("/mail")
    fresh = link_in_mail(reader, "Your link", "/p/")
    reader.goto(fresh)
    reader.get_by_text("Your data", exact=True).click()
    reader.get_by_role("link", name="See it all").click()
    for part in ("reader5@example.com", "Zoë", "Customers", "Offers", "First news for Zoë"):
        expect(reader.get_by_role("main")).to_contain_text(part)
    answer = reader.request.get(f"{fresh}/data.json")
    assert answer.json()["person"]["email"] == "reader5@example.com"
