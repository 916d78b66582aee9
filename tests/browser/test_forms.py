"""From building a form to a confirmed subscriber, with scripts and without, here and elsewhere."""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, BrowserContext, Page, expect

from app.accounts.models import Account, Notice
from app.contacts import fields, lists
from app.contacts.models import Consent, Contact, ContactList, FormEntry, SignUpForm, Subscription
from app.core.db import db, transaction
from tests.browser.conftest import WebServer
from tests.browser.looking import SCHEMES, Onlooker
from tests.conftest import Person
from tests.contacts.signup.conftest import form_on

pytestmark = pytest.mark.browser


@pytest.fixture
def letters(alice: Person) -> ContactList:
    with transaction():
        return lists.create(alice.account, "Letters", opt_in="double")


class Shop:
    """Somebody's own website, on another origin."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url

    def put(self, html: str, name: str = "index.html") -> str:
        """A page with this in it."""
        whole = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Shop</title>{html}'
        (self.folder / name).write_text(whole, encoding="utf-8")
        return f"{self.url}/{name}"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    serve = functools.partial(Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Shop(tmp_path, f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
        thread.join()


@pytest.fixture
def plain(browser: Browser, web: WebServer, app: object) -> Iterator[Page]:
    """A browser without JavaScript."""
    context = browser.new_context(base_url=web.url, locale="en-GB", java_script_enabled=False)
    yield context.new_page()
    context.close()


def state_of(email: str) -> str:
    db.session.rollback()
    query = sa.select(Subscription.state).join(Contact).where(Contact.address == email)
    return db.session.scalar(query) or ""


def confirm(page: Page) -> None:
    """The link of the newest mail, and its button."""
    db.session.rollback()
    query = sa.select(Notice.text).where(Notice.kind == "confirm_subscription")
    text = db.session.scalars(query.order_by(Notice.id.desc())).first() or ""
    found = re.search(r"/subscribe/confirm/\S+", text)
    assert found
    page.goto(found[0])
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="You are on the list")).to_be_visible()


def pictured(page: Page, onlooker: Onlooker, name: str) -> None:
    """As it is on a phone and on a desk, by day and by night."""
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for screen, size in (("phone", (360, 740)), ("desk", (1280, 860))):
            page.set_viewport_size({"width": size[0], "height": size[1]})
            onlooker.take_picture(name, screen, scheme)


def test_from_building_a_form_to_a_confirmed_subscriber(
    onlooker: Onlooker, sign_in: Callable[[Person], None], alice: Person, letters: ContactList,
    browser: Browser, web: WebServer,
) -> None:  # fmt: skip
    with transaction():
        fields.create(alice.account.id, "Favourite cake")
    sign_in(alice)
    page = onlooker.page
    page.goto("/forms")
    page.get_by_label("Name").fill("Website")
    page.get_by_role("button", name="Make the form").click()

    preview = page.locator("#form-preview")
    page.get_by_label("Heading").fill("Fresh from the oven")
    expect(preview.get_by_text("Fresh from the oven")).to_be_visible()
    page.get_by_label("Ask for Favourite cake").select_option("required")
    expect(preview.get_by_text("Favourite cake")).to_be_visible()
    for _ in range(3):
        page.get_by_role("button", name="Up: Favourite cake").click()
    labels = preview.locator(".field__label")
    expect(labels.nth(1)).to_contain_text("Favourite cake")
    page.get_by_label("Button", exact=True).fill("#8a1c5b")
    expect(preview.locator(".button")).to_have_css("background-color", "rgb(138, 28, 91)")
    page.get_by_label("Address", exact=True).fill("oven")
    page.get_by_label("Ask for Last name").select_option("asked")
    page.get_by_role("button", name="Save and open the form").click()
    expect(page.get_by_text("Saved, and open to visitors.")).to_be_visible()
    assert onlooker.faults == []

    visitor = browser.new_context(base_url=web.url, locale="en-GB").new_page()
    visitor.goto("/f/oven?first_name=Vera")
    expect(visitor.get_by_label("First name")).to_have_value("Vera")
    visitor.get_by_label("Favourite cake").fill("Sacher")
    visitor.get_by_label("Mail address").fill("vera@example.com")
    visitor.wait_for_timeout(2000)
    visitor.get_by_role("button", name="Sign up").click()
    expect(visitor.get_by_role("heading", name="Look into your mail")).to_be_visible()
    assert state_of("vera@example.com") == "pending"

    confirm(visitor)
    assert state_of("vera@example.com") == "active"
    contact = db.session.scalars(sa.select(Contact)).one()
    assert (contact.first_name, contact.fields) == ("Vera", {"favourite_cake": "Sacher"})
    page.goto("/forms")
    expect(page.get_by_role("row", name=re.compile("Website"))).to_contain_text("1")
    visitor.context.close()


def test_without_scripts(plain: Page, alice: Person, letters: ContactList) -> None:
    form_on(alice, letters)
    plain.goto("/f/bakery-news")
    plain.get_by_label("Mail address").fill("vera@example.com")
    plain.get_by_role("button", name="Sign up").click()
    expect(plain.get_by_role("heading", name="One more press")).to_be_visible()

    plain.get_by_role("button", name="Yes, sign me up").click()
    expect(plain.get_by_text("That was too quick")).to_be_visible()
    plain.wait_for_timeout(5200)
    plain.get_by_role("button", name="Yes, sign me up").click()

    expect(plain.get_by_role("heading", name="Look into your mail")).to_be_visible()
    confirm(plain)
    assert state_of("vera@example.com") == "active"


def code_of(page: Page, form: SignUpForm, way: str) -> str:
    """What the owner copies."""
    page.goto(f"/forms/{form.id}/share")
    section = page.get_by_role("region", name=re.compile(way))
    return section.locator("code").first.inner_text()


@pytest.fixture
def form(alice: Person, letters: ContactList) -> SignUpForm:
    return form_on(alice, letters)


def test_plain_html_on_somebodys_own_page(
    onlooker: Onlooker, sign_in: Callable[[Person], None], alice: Person, form: SignUpForm,
    shop: Shop, plain: Page,
) -> None:  # fmt: skip
    sign_in(alice)
    code = code_of(onlooker.page, form, "in its own look")

    plain.goto(shop.put(code))
    plain.get_by_label("Mail address").fill("vera@example.com")
    plain.get_by_label(re.compile("First name")).fill("Vera")
    plain.get_by_role("button", name="Sign up").click()
    plain.wait_for_timeout(5200)
    plain.get_by_role("button", name="Yes, sign me up").click()

    expect(plain.get_by_role("heading", name="Look into your mail")).to_be_visible()
    assert state_of("vera@example.com") == "pending"
    asked = db.session.scalars(sa.select(Consent)).one()
    assert asked.evidence["page"] == "127.0.0.1/"


def test_a_frame_on_somebodys_own_page(
    onlooker: Onlooker, sign_in: Callable[[Person], None], alice: Person, form: SignUpForm,
    shop: Shop, context: BrowserContext, web: WebServer,
) -> None:  # fmt: skip
    sign_in(alice)
    code = code_of(onlooker.page, form, "as it looks here")
    page = context.new_page()

    page.goto(shop.put(code))
    inside = page.frame_locator("iframe")
    inside.get_by_label("Mail address").fill("vera@example.com")
    page.wait_for_timeout(2500)
    inside.get_by_role("button", name="Sign up").click()

    expect(inside.get_by_role("heading", name="Look into your mail")).to_be_visible()
    assert state_of("vera@example.com") == "pending"
    # The page itself cannot be framed, so nobody lays another button over it.
    page.goto(shop.put(f'<iframe src="{web.url}/f/bakery-news"></iframe>', "framed.html"))
    page.wait_for_timeout(500)
    assert page.frames[1].url.startswith("chrome-error")


def test_a_pop_up_on_somebodys_own_page(
    onlooker: Onlooker, sign_in: Callable[[Person], None], alice: Person, form: SignUpForm,
    shop: Shop, context: BrowserContext,
) -> None:  # fmt: skip
    sign_in(alice)
    code = code_of(onlooker.page, form, "As a pop-up")
    page = onlooker.page
    strict = (
        '<meta http-equiv="Content-Security-Policy" content="style-src \'none\'; '
        f'script-src {onlooker.base_url}; frame-src {onlooker.base_url}">'
    )
    address = shop.put(f"{strict}<h1>Bread</h1>{code}")

    page.goto(address)
    opener = page.get_by_role("link", name="Sign up")
    opener.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    pictured(page, onlooker, "pop-up")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()

    opener.click()
    inside = page.frame_locator("iframe")
    inside.get_by_label("Mail address").fill("vera@example.com")
    page.wait_for_timeout(2500)
    inside.get_by_role("button", name="Sign up").click()
    expect(inside.get_by_role("heading", name="Look into your mail")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    entry = db.session.scalars(sa.select(FormEntry)).one()
    assert entry.form_id == form.id
    assert db.session.scalars(sa.select(Consent)).one().evidence["page"] == "127.0.0.1/index.html"


def test_a_pop_up_opens_by_itself_once(
    onlooker: Onlooker, form: SignUpForm, shop: Shop, context: BrowserContext
) -> None:
    page = context.new_page()
    script = f'<script async src="{onlooker.base_url}/f/pop-up.js" data-form="bakery-news"'
    later = shop.put(f'<h1>Bread</h1>{script} data-open="delay" data-after="1"></script>')
    tall = '<p style="height:4000px">Bread</p>'
    reading = shop.put(f'{tall}{script} data-open="scroll" data-after="50"></script>', "long.html")

    page.goto(later)
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    page.goto(later)
    page.wait_for_timeout(1800)
    assert page.get_by_role("dialog").count() == 0

    page.evaluate("localStorage.clear()")
    page.goto(reading)
    page.wait_for_timeout(500)
    assert page.get_by_role("dialog").count() == 0
    page.mouse.wheel(0, 3000)
    expect(page.get_by_role("dialog")).to_be_visible()


def test_the_pages_are_in_order(
    onlooker: Onlooker, sign_in: Callable[[Person], None], alice: Person, letters: ContactList
) -> None:
    sign_in(alice)
    assert onlooker.look_at("/forms", "forms empty") == []
    with transaction():
        for label in ("Favourite cake", "Donaudampfschifffahrtsgesellschaftskapitänsmütze", "لغة"):
            fields.create(alice.account.id, label)
        news = lists.create(alice.account, "News " * 20)
        db.session.get_one(Account, alice.account.id).website = "https://www.bakery.example"
    form = form_on(alice, letters, news, visitor_chooses=True, consent_box=True,
                   intro="Each Friday: what is fresh.")  # fmt: skip
    with transaction():
        found = db.session.get_one(SignUpForm, form.id)
        found.shown, found.sent_in, found.confirmed = 1_234_567, 89_012, 34_567

    for name, path in {
        "forms": "/forms",
        "form build": f"/forms/{form.id}",
        "form share": f"/forms/{form.id}/share",
        "form mails": f"/forms/{form.id}/mails",
        "form versions": f"/forms/{form.id}/versions", "form page": "/f/bakery-news",
    }.items():  # fmt: skip
        assert onlooker.look_at(path, name) == [], name
    assert onlooker.look_at("/f/bakery-news/frame", "form frame") == []
    assert onlooker.look_at("/f/none", "form none", status=404) == []


def test_the_pages_of_the_way_are_in_order(
    onlooker: Onlooker, alice: Person, letters: ContactList
) -> None:
    form_on(alice, letters, language="de", title="", button="", consent="", accent="#ffd400",
            background="#102030", text="#ffffff")  # fmt: skip
    page = onlooker.page
    page.goto("/f/bakery-news")
    page.get_by_label("Mail-Adresse").fill("vera@gmial.com")
    page.get_by_role("button", name="Anmelden").click()
    expect(page.get_by_text("Meinten Sie vera@gmail.com?")).to_be_visible()
    onlooker.check("form with an error")
    pictured(page, onlooker, "form error")
    page.get_by_label("Mail-Adresse").fill("vera@example.com")
    page.get_by_role("button", name="Anmelden").click()
    expect(
        page.get_by_role("heading", name=re.compile("Noch ein Klick|Sehen Sie in Ihre Mails"))
    ).to_be_visible()
    if page.get_by_role("heading", name="Noch ein Klick").count():
        onlooker.check("one more press")
        pictured(page, onlooker, "form one more")
        page.get_by_role("button", name="Ja, ich melde mich an").click()
    expect(page.get_by_role("heading", name="Sehen Sie in Ihre Mails")).to_be_visible()
    onlooker.check("look into your mail")
    pictured(page, onlooker, "form sent")

    assert [fault for fault in onlooker.faults if "422" not in fault] == []
