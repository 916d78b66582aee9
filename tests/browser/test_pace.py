"""Warm-up plans and slowed providers, as people see them."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from app.accounts import mail_servers, warming
from app.accounts.models import Sender
from app.campaigns.models import Campaign
from app.core.clock import now
from app.core.db import db, transaction
from app.delivery.models import DiaryEntry, ProviderPace, Tally
from tests.browser.looking import Onlooker
from tests.conftest import Person

pytestmark = pytest.mark.browser


def slowed(relay: str, provider: str, **values: object) -> ProviderPace:
    moment = time.time()
    fields = {
        "phase": "slow", "since": moment - 600, "per_minute": 240.0, "goal": 600.0,
        "changed_at": moment, "refused_at": moment, **values,
    }  # fmt: skip
    return ProviderPace(relay=relay, provider=provider, **fields)


@pytest.fixture
def bakery(alice: Person) -> Campaign:
    """A server with slowed providers, two domains, one of them warming up, and a campaign."""
    account = alice.account
    with transaction():
        account.vouched = True
        db.session.merge(account)
        relay = mail_servers.set_up(
            account, alice.member, host="smtp.bakery.example", port=587, tls="starttls"
        )
        for email in ("alice@bakery.example", "alice@a-rather-long-name-of-cakes.example"):
            db.session.add(Sender(account_id=account.id, email=email, confirmed_at=now()))
        key = mail_servers.key(relay)
        why = "4.7.650 The mail server [192.0.2.1] has been temporarily rate limited"
        db.session.add(slowed(key, "microsoft", why=why))
        db.session.add(slowed(key, "yahoo", phase="paused", until=time.time() + 360))
        campaign = Campaign(
            account_id=account.id, name="May news", subject="May", state="sending",
            from_email="alice@bakery.example", started_at=now(), planned_at=now(),
        )  # fmt: skip
        db.session.add(campaign)
        db.session.flush()
        for state, n in (("sent", 8200), ("deferred", 3800)):
            db.session.add(Tally(campaign_id=campaign.id, state=state, n=n))
        for text in (
            "Planned: 12,000 recipients.",
            (
                "Outlook asked us to slow down at 10:42. It gets fewer mails for a while; "
                f"everybody else's go on. It said: “{why}”"
            ),
            (
                "Yahoo took no more mail at 10:44. We wait until 10:50 and then ask with a few; "
                "everybody else's mail goes on."
            ),
        ):
            db.session.add(DiaryEntry(campaign_id=campaign.id, text=text))
    with transaction():
        row = warming.start(account, alice.member, "domain:bakery.example", goal=5000)
        row.step, row.in_day = 3, 120
    return campaign


def test_the_pages_of_pace_are_fit_to_be_seen(
    onlooker: Onlooker, sign_in: Callable[[Person], None], alice: Person, bakery: Campaign
) -> None:
    sign_in(alice)
    other = "domain:a-rather-long-name-of-cakes.example"

    faults = [
        *onlooker.look_at("/settings/warm-up", "warm-up"),
        *onlooker.look_at(f"/settings/warm-up/plan?subject={other}&goal=5000", "warm-up-plan"),
        *onlooker.look_at(
            "/settings/warm-up/plan?subject=domain:bakery.example&goal=1", "warm-up-bad", status=422
        ),
        *onlooker.look_at("/settings/mail-server", "mail-server-slowed"),
        *onlooker.look_at(f"/campaigns/{bakery.id}/progress", "progress-slowed"),
    ]

    assert faults == []


def test_a_plan_is_switched_on_paused_and_ended(
    onlooker: Onlooker, sign_in: Callable[[Person], None], alice: Person, bakery: Campaign
) -> None:
    sign_in(alice)
    page = onlooker.page
    page.goto(f"{onlooker.base_url}/settings/warm-up")

    page.get_by_role("link", name="Plan a warm-up").first.click()
    page.get_by_label("Mails a day that you want in the end").fill("2000")
    page.get_by_role("button", name="Show the plan").click()
    page.get_by_text("are reached on day 11.").wait_for()
    page.get_by_role("button", name="Start with 50 mails today").click()

    page.get_by_text("The plan is on. Today is its first day.").wait_for()
    page.get_by_role("button", name="Pause the plan").first.click()
    page.get_by_text("Nothing is limited while the plan rests.").wait_for()
    page.get_by_role("button", name="End the plan").first.click()
    page.get_by_text("The plan has ended.").wait_for()
    assert onlooker.faults == []
