"""The limit is reached, somebody pays at the stand-in, and the limit is lifted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import BrowserContext, expect

from app.accounts.models import Member
from app.billing import contracts, looking, standing
from app.billing.models import Contract
from app.campaigns.models import Campaign
from app.config import Config
from app.contacts import counting
from app.core import settings as process_settings
from app.core.db import db, transaction
from app.plans import allowance, catalogue
from app.staff import looking as looks
from tests.billing.conftest import PLANS, look_again
from tests.browser.conftest import WebServer
from tests.browser.looking import Onlooker
from tests.conftest import Person, make_person
from tests.paymentserver import KEY, SECRET, PaymentServer
from tests.servers import free_port

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def payments() -> Iterator[PaymentServer]:
    with PaymentServer() as server:
        yield server


@pytest.fixture(scope="module")
def plans_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plans") / "plans.toml"
    path.write_text(PLANS)
    return path


@pytest.fixture(scope="module")
def web(
    settings: Config, whole_app: Flask, payments: PaymentServer, plans_file: Path
) -> Iterator[WebServer]:
    """A web server with plans that can be paid for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRIPE_SECRET_KEY", KEY)
        patch.setenv("STRIPE_WEBHOOK_SECRETS", f"whsec_of_tomorrow,{SECRET}")
        patch.setenv("STRIPE_API", payments.url)
        patch.setenv("PLANS", str(plans_file))
        with WebServer(settings, free_port()) as server:
            payments.events_to = f"{server.url}/payments/events"
            yield server


@pytest.fixture
def billing(
    app: Flask, settings: Config, web: WebServer, payments: PaymentServer, plans_file: Path
) -> Iterator[None]:
    """What the tick of this installation knows."""
    process_settings.configure(
        replace(
            settings, BASE_URL=web.url, BILLING=True, PLANS=str(plans_file),
            STRIPE_SECRET_KEY=KEY, STRIPE_WEBHOOK_SECRETS=(SECRET,), STRIPE_API=payments.url,
        )
    )  # fmt: skip
    yield
    process_settings.configure(settings)
    catalogue._read.clear()


def use_all(person: Person) -> None:
    with transaction():
        campaign = Campaign(account_id=person.account.id, name="May", state="sent")
        db.session.add(campaign)
        db.session.flush()
        allowance.reserve(person.account, campaign.id, 5)
        counting.people(person.account.id, 9)


def test_from_the_limit_to_the_plan_and_the_invoice(
    billing: None, context: BrowserContext, onlooker: Onlooker, sign_in: Callable[[Person], None],
    payments: PaymentServer, alice: Person,
) -> None:  # fmt: skip
    use_all(alice)
    sign_in(alice)
    assert onlooker.look_at("/settings/billing", "billing free") == []
    assert onlooker.look_at("/settings/billing/leave?plan=small", "billing leave") == []

    page = context.new_page()
    page.goto("/settings/limits")
    expect(page.get_by_text("all used")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="Plan and payment").last.click()
    page.get_by_role("link", name="Choose Small").click()
    expect(page.get_by_text("never reaches us")).to_be_visible()
    page.get_by_role("button", name="Go on to Stripe").click()
    page.get_by_role("button", name="Pay now").click()

    expect(page.get_by_text("Your payment is being confirmed")).to_be_visible()
    assert payments.answers == [200, 200]
    assert looking.look_at_due() == 1
    expect(page.get_by_text("Paid until")).to_be_visible()
    expect(page.get_by_role("cell", name="9.00 EUR")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="Your limits").last.click()
    expect(page.get_by_text("5 of 50")).to_be_visible()

    page.goto("/settings/billing")
    page.get_by_role("link", name="Customer portal", exact=True).click()
    page.get_by_role("button", name="Go on to Stripe").click()
    expect(page.get_by_role("heading", name="Customer portal")).to_be_visible()
    page.get_by_role("link", name="Back").click()
    expect(page.get_by_role("heading", name="Plan and payment")).to_be_visible()
    page.get_by_role("link", name="Cancel the plan").click()
    page.get_by_role("button", name="Cancel Small").click()
    expect(page.get_by_text("Your plan stays until")).to_be_visible()
    look_again(alice.account)
    page.reload()
    expect(page.get_by_role("button", name="Let it go on")).to_be_visible()


def test_the_pages_of_who_pays_are_in_order(
    billing: None, onlooker: Onlooker, sign_in: Callable[[Person], None], payments: PaymentServer,
    alice: Person,
) -> None:  # fmt: skip
    use_all(alice)
    _pays(alice, payments)
    with transaction():
        counting.people(alice.account.id, 1_234_567)
    sign_in(alice)

    assert onlooker.look_at("/settings/limits", "limits over") == []
    assert onlooker.look_at("/settings/billing", "billing paying") == []
    assert onlooker.look_at("/settings/billing/cancel", "billing cancel") == []
    sam = make_person("sam@operator.example", "Sam Support", "Operator", "owner")
    at = f"/staff/accounts/{alice.account.id}/panels/billing"
    with transaction():
        db.session.get_one(Member, sam.member.id).staff_roles = ["billing"]
        standing.give(alice.account, sam.member, plan="small", reason="They had a bad week")
        look = looks.begin(
            alice.account, sam.member, purpose="billing", reference="Invoice 7", minutes=30
        )
        looks.see(look, "billing")
    sign_in(sam)
    assert onlooker.look_at(at, "billing staff") == []


def _pays(person: Person, payments: PaymentServer) -> None:
    step = contracts.begin_checkout(person.account, person.member, "small")
    payments.fail(payments.pay(step.ref))
    look_again(person.account)
    assert db.session.get_one(Contract, person.account.id).state == "past_due"
