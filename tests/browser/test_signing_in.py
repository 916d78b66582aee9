"""Second factors, passkeys and sessions, as a person meets them in Chromium."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pyotp
import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect

from app.auth import passwords, sessions
from app.config import Config
from app.core.clock import now
from app.core.db import transaction
from tests.auth.helpers import PASSWORD, link
from tests.browser.conftest import WebServer
from tests.browser.looking import Onlooker
from tests.conftest import Person
from tests.providerserver import CLIENT, SECRET, Provider
from tests.servers import free_port

pytestmark = pytest.mark.browser
DEVICE = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
    "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


@pytest.fixture
def ready(alice: Person) -> Person:
    """Alice, with a password."""
    with transaction():
        alice.member.password_hash = passwords.hashed(PASSWORD)
        alice.member.password_set_at = now()
    return alice


def enter(page: Page, email: str = "alice@bakery.example") -> None:
    page.goto("/sign-in")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_advice_while_one_types_a_password(onlooker: Onlooker, alice: Person) -> None:
    with transaction():
        path = f"/password/{passwords.issue(alice.member)}"
    page = onlooker.page
    page.goto(path)
    field = page.get_by_label("New password")

    field.press_sequentially("manchester1")
    expect(page.get_by_text("Too weak.")).to_be_visible()
    onlooker.check("password")
    onlooker.take_picture("password weak", "desk", "light")
    field.press_sequentially(" river and bread")
    expect(page.get_by_text("Strong.")).to_be_visible()
    page.get_by_role("button", name="Set the password").click()

    page.wait_for_url("**/home")
    assert onlooker.faults == []


def test_an_app_its_codes_and_a_recovery_code(onlooker: Onlooker, ready: Person) -> None:
    page = onlooker.page
    enter(page)
    page.goto("/settings/sign-in")
    page.get_by_role("button", name="Set up an app").click()
    assert page.get_by_alt_text("QR code").evaluate("image => image.naturalWidth") > 100
    onlooker.check("an app")
    key = (page.locator("#app-secret").text_content() or "").replace(" ", "")

    page.get_by_label("Code").fill(pyotp.TOTP(key).now())
    page.get_by_role("button", name="Turn it on").click()

    page.wait_for_selector("#recovery-codes")
    codes = page.locator("#recovery-codes li").all_text_contents()
    onlooker.check("recovery codes")
    onlooker.take_picture("recovery codes", "desk", "light")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert codes[0] in download.value.path().read_text()
    assert onlooker.faults == []
    page.goto("/settings/sign-in")
    page.get_by_role("button", name="Sign out", exact=True).first.click()
    enter(page)
    assert onlooker.look_at("/sign-in/second", "second step") == []
    page.set_viewport_size({"width": 1280, "height": 860})
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("That code is not right")).to_be_visible()
    page.get_by_label("Code").fill(pyotp.TOTP(key).at(now() + timedelta(seconds=30)))
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url("**/home")
    page.get_by_role("button", name="Sign out", exact=True).first.click()
    enter(page)
    page.get_by_label("Code").fill(codes[0])
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("9 are left")).to_be_visible()


def test_a_passkey_alone_and_as_second_step_until_it_is_removed(
    onlooker: Onlooker, context: BrowserContext, ready: Person
) -> None:
    page = onlooker.page
    device = context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    added = device.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    enter(page)
    page.goto("/settings/sign-in")
    page.get_by_label("Name of a new one").fill("Alice's telephone")
    page.get_by_role("button", name="Add a passkey").click()
    page.wait_for_selector("#recovery-codes")
    assert onlooker.look_at("/settings/sign-in", "sign-in with passkey") == []
    page.set_viewport_size({"width": 1280, "height": 860})
    page.get_by_role("button", name="Sign out", exact=True).first.click()

    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/home")
    page.get_by_role("button", name="Sign out", exact=True).first.click()
    enter(page)
    page.wait_for_url("**/sign-in/second")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/home")

    # A copy of the device would count from where it was copied: its signature is refused.
    (made,) = device.send("WebAuthn.getCredentials", added)["credentials"]
    device.send("WebAuthn.removeCredential", {**added, "credentialId": made["credentialId"]})
    device.send("WebAuthn.addCredential", {**added, "credential": {**made, "signCount": 0}})
    page.get_by_role("button", name="Sign out", exact=True).first.click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("That passkey did not work here")).to_be_visible()
    device.send("WebAuthn.removeCredential", {**added, "credentialId": made["credentialId"]})
    device.send("WebAuthn.addCredential", {**added, "credential": {**made, "signCount": 90}})
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/home")

    # Nobody there to touch it, or the wrong finger: nothing is sent, and the page says so.
    device.send("WebAuthn.setUserVerified", {**added, "isUserVerified": False})
    page.get_by_role("button", name="Sign out", exact=True).first.click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("The device did not answer")).to_be_visible()
    device.send("WebAuthn.setUserVerified", {**added, "isUserVerified": True})
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/home")
    page.goto("/settings/sign-in")
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_text("opens nothing here any more")).to_be_visible()
    assert onlooker.faults == []


def test_a_session_that_is_ended_elsewhere_is_over_at_the_next_click(
    onlooker: Onlooker, ready: Person, web: WebServer, sign_in: Callable[[Person], None]
) -> None:
    sign_in(ready)
    page = onlooker.page
    page.goto("/campaigns")
    with transaction():
        sessions.end_all(ready.member)

    page.get_by_role("link", name="Contacts", exact=True).first.click()

    page.wait_for_url(re.compile(r"/sign-in\?next=(/|%2F)contacts"))
    page.get_by_label("E-mail address").fill("alice@bakery.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/contacts")


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """A sign-in provider that the web server will know."""
    with Provider() as server:
        given = {"ISSUER": server.issuer, "CLIENT_ID": CLIENT, "CLIENT_SECRET": SECRET}
        for name, value in {**given, "NAME": "Bakery ID"}.items():
            monkeypatch.setenv(f"OIDC_{name}", value)
        yield server


def test_a_provider_leads_there_and_back(
    browser: Browser, settings: Config, app: Flask, ready: Person, there: Provider
) -> None:
    with WebServer(settings, free_port()) as web, browser.new_context(base_url=web.url) as context:
        there.redirect_uri = f"{web.url}/sign-in/provider/back"
        page = context.new_page()
        page.goto("/sign-in?next=/campaigns")
        page.get_by_role("button", name="Sign in with Bakery ID").click()
        page.wait_for_url("**/sent")
        page.goto(link("provider_link"))
        page.get_by_role("button", name="Yes, link them").click()
        page.goto("/sign-in?next=/campaigns")
        page.get_by_role("button", name="Sign in with Bakery ID").click()
        page.wait_for_url("**/campaigns")
