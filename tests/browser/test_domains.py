"""A sending domain in a real browser: checked by itself, records that copy with a click."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from app.accounts import domains
from app.accounts.models import DomainCheck, Sender
from app.core.clock import now
from app.core.db import db, transaction
from app.mailer import checking
from app.mailer.lookup import Away
from tests.browser.looking import Onlooker
from tests.conftest import Person

pytestmark = pytest.mark.browser

DOMAIN = "bakery.example"


@pytest.fixture
def sender(alice: Person) -> None:
    with transaction():
        row = Sender(
            account_id=alice.account.id, email=f"news@{DOMAIN}", confirmed_at=now(),
        )  # fmt: skip
        db.session.add(row)


def nothing(name: str, kind: str) -> list[str]:
    """A world without records; one server is away."""
    if "_dmarc" in name:
        raise Away
    return []


def checked(alice: Person) -> None:
    """Keys that wait, and findings of every colour."""
    with transaction():
        domains.make_keys(alice.account, alice.member, DOMAIN)
        found = checking.check(domains.setup_of(alice.account, DOMAIN), nothing).findings
        db.session.add(
            DomainCheck(
                account_id=alice.account.id, domain=DOMAIN, checked_at=now(),
                findings=[one.as_dict() for one in found], good=[],
            )
        )  # fmt: skip


def test_the_pages_of_a_domain_are_in_order(
    onlooker: Onlooker, sign_in: Callable[[Person], None], alice: Person, sender: None
) -> None:
    checked(alice)
    sign_in(alice)

    assert onlooker.look_at("/settings/domains", "domains checked") == []
    assert onlooker.look_at(f"/settings/domains/{DOMAIN}", "domain checked") == []


def test_a_domain_checks_itself_and_its_records_copy(
    onlooker: Onlooker, sign_in: Callable[[Person], None], alice: Person, sender: None
) -> None:
    sign_in(alice)
    page = onlooker.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    page.goto(f"{onlooker.base_url}/settings/domains/{DOMAIN}")
    expect(page.get_by_text("Checked just now")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Make keys").click()
    value = page.locator("button[data-copy^='v=DKIM1; k=rsa']")
    expect(value.first).to_be_visible()
    # New keys are checked too, and what comes of it takes the place of the buttons.
    expect(page.get_by_text("Checked just now")).to_be_visible(timeout=30_000)
    value.first.click()

    expect(value.first).to_contain_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == value.first.get_attribute("data-copy")
    assert onlooker.check("domain with keys") == []
