"""What a plan allows is said before sending; at the limit nothing is lost or sent by half."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from app.billing import jobs, settling, telling
from app.campaigns import checks, scheduling
from app.campaigns.findings import NotReady
from app.campaigns.models import Campaign
from app.config import Config
from app.contacts.models import ContactList
from app.core.clock import now
from app.core.db import db, transaction
from app.delivery import starting, sweeping
from app.delivery.models import Delivery
from app.plans import allowance
from app.plans.allowance import month_of, next_month
from app.plans.models import LimitNotice
from tests.billing.conftest import mails_of
from tests.campaigns.conftest import add_people, draft, newsletter
from tests.conftest import Client, Person, make_person
from tests.delivery.conftest import campaign_to, server, to_server, work
from tests.faultserver import FaultServer

__all__ = ["campaign_to", "draft", "newsletter", "server", "to_server"]

Drafting = Callable[..., Campaign]


def said(campaign: Campaign, code: str) -> list[tuple[str, str]]:
    db.session.rollback()
    return [(one.level, one.title) for one in checks.preflight(campaign) if one.code == code]


def month_name() -> str:
    return f"{month_of():%B}"


def test_the_list_before_sending_has_the_numbers(plans: Config, draft: Drafting) -> None:
    campaign = draft()

    assert said(campaign, "limit") == [
        ("info", f"It takes 3 mails of the 5 that are left in {month_name()}.")
    ]


def test_nothing_is_said_where_nothing_is_limited(alice: Person, draft: Drafting) -> None:
    assert said(draft(), "limit") == []


def test_what_does_not_fit_now_may_be_scheduled_for_the_next_month(
    plans: Config, alice: Person, draft: Drafting
) -> None:
    first, second = draft(), draft(name="Summer")
    with transaction():
        scheduling.schedule(first)
    starting.plan(first.id)

    [(level, title)] = said(second, "limit")
    assert level == "warn"
    assert title.startswith("It takes 3 mails, and 2 are left until 1 ")
    with pytest.raises(NotReady) as refused, transaction():
        scheduling.schedule(second)
    assert refused.value.findings[0].code == "limit"
    later = datetime.combine(next_month(month_of()), datetime.min.time(), now().tzinfo)
    with transaction():
        scheduling.schedule(second, at=later)
    assert second.state == "scheduled"


def test_what_no_month_has_room_for_is_stopped(
    plans: Config, alice: Person, newsletter: ContactList, draft: Drafting
) -> None:
    add_people(alice.account, newsletter, "Dora", "Emil", "Fred")

    assert said(draft(), "limit") == [
        ("block", "It takes 6 mails, more than your plan has in a month.")
    ]


def test_a_campaign_without_room_waits_whole_and_its_owner_is_told_once(
    plans: Config, alice: Person, draft: Drafting
) -> None:
    first, second = draft(), draft(name="Summer")
    with transaction():
        for campaign in (first, second):
            campaign.move("draft", to="sending", started_at=now())
    starting.plan(first.id)
    starting.plan(second.id)
    for _ in range(2):
        jobs.tend()

    db.session.refresh(second)
    assert second.state == "paused"
    assert "needs 3 mails, and your plan has 2 left" in second.pause_reason
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Delivery)) == 3
    [mail] = mails_of("campaign_waits")
    assert "Summer" in mail.subject
    assert second.pause_reason in mail.text

    with pytest.raises(NotReady, match="too few mails"), transaction():
        scheduling.resume(second)
    # With a larger plan it goes on, for everybody.
    with transaction():
        alice.account.plan = "small"
        scheduling.resume(second)
    starting.plan(second.id)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Delivery)) == 6


def test_who_left_before_their_mail_went_out_is_given_back(
    plans: Config, alice: Person, to_server: FaultServer, campaign_to: Callable[..., Campaign]
) -> None:
    campaign = campaign_to(["a@people.example", "b@people.example", "c@people.example"])
    starting.plan(campaign.id)
    assert allowance.used(alice.account) == (3, 0)
    with transaction():
        scheduling.cancel(campaign)
    settling.settle_due()
    db.session.rollback()
    assert allowance.used(alice.account) == (3, 0), "it is not over before nothing is open"

    sweeping.sweep()
    assert settling.settle_due() == 1
    assert settling.settle_due() == 0

    db.session.expire_all()
    assert allowance.used(alice.account) == (0, 0)


def test_what_was_sent_stays_counted(
    plans: Config, alice: Person, to_server: FaultServer, campaign_to: Callable[..., Campaign]
) -> None:
    receipt = work(campaign_to(["a@people.example", "b@people.example"]))
    settling.settle_due()

    db.session.expire_all()
    assert receipt.sent == 2
    assert allowance.used(alice.account) == (2, 0)


def test_more_contacts_than_the_plan_has_stop_nothing_for_two_weeks(
    plans: Config, alice: Person, draft: Drafting, with_contacts: Callable[[int], None]
) -> None:
    campaign = draft()
    with_contacts(12)
    jobs.tend()

    assert [level for level, _ in said(campaign, "contacts")] == ["warn"]
    [mail] = mails_of("limit_reached")
    assert mail.subject == "More contacts than your plan has"

    with transaction():
        db.session.execute(sa.update(LimitNotice).values(at=now() - timedelta(days=15)))
    assert [level for level, _ in said(campaign, "contacts")] == ["block"]
    with pytest.raises(NotReady, match="more contacts"), transaction():
        scheduling.schedule(campaign)

    with_contacts(-5)
    jobs.tend()
    assert said(campaign, "contacts") == []
    assert allowance.OVER not in db.session.scalars(sa.select(LimitNotice.level)).all()


def test_owners_are_told_once_at_80_and_once_at_100_percent(
    plans: Config, alice: Person, bob: Person, with_contacts: Callable[[int], None]
) -> None:
    stranger = make_person("dan@shop.example", "Dan", "Shop", "owner")
    with_contacts(7)
    assert telling.tell_due() == 0

    with_contacts(1)
    assert [telling.tell_due(), telling.tell_due()] == [1, 0]
    with_contacts(2)
    assert [telling.tell_due(), telling.tell_due()] == [1, 0]
    with transaction():
        allowance.reserve(stranger.account, _campaign(stranger), 4)
    assert [telling.tell_due(), telling.tell_due()] == [1, 0]

    near, full = mails_of("limit_near"), mails_of("limit_reached")
    assert [(mail.to_email, mail.subject) for mail in near] == [
        ("alice@bakery.example", "80 % of your contacts are used"),
        ("dan@shop.example", "80 % of your mails a month are used"),
    ]
    assert [mail.to_email for mail in full] == ["alice@bakery.example"]
    assert "Nothing is removed" in full[0].text


def _campaign(person: Person) -> int:
    campaign = Campaign(account_id=person.account.id, name="May")
    db.session.add(campaign)
    db.session.flush()
    return campaign.id


def test_your_limits_are_on_a_page_for_everybody(
    plans: Config, client: Client, alice: Person, vera: Person, draft: Drafting
) -> None:
    with transaction():
        allowance.reserve(alice.account, draft().id, 4)
    client.sign_in(vera)

    page = client.get("/settings/limits").get_data(as_text=True)

    assert "4 of 5" in page
    assert "1 left" in page
    assert "Tests, confirmations, welcome mails" in page
    assert "You are a <strong>viewer</strong>" in page
    assert "<dt>Approver</dt>" in page
    assert "/contact" in page
    assert "/settings/billing" not in page


def test_without_billing_the_page_says_that_nothing_is_limited(
    client: Client, alice: Person
) -> None:
    client.sign_in(alice)

    page = client.get("/settings/limits").get_data(as_text=True)

    assert "No limits" in page
    assert client.get("/settings/billing").status_code == 404
    assert client.post("/payments/events", data=b"{}").status_code == 404
