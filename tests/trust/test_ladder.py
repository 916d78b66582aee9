"""New accounts start small and grow with clean results."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from app.accounts import ladder
from app.accounts.ladder import Step
from app.accounts.models import LadderMove, LadderPlace, Notice
from app.campaigns import checks, scheduling
from app.campaigns.models import Campaign
from app.config import Config
from app.contacts import consent, writing
from app.contacts.models import ContactList
from app.core.clock import now
from app.core.db import db, transaction
from app.delivery import allowing, progress, reading, starting
from app.delivery.models import Delivery, Event, Tally
from app.mailer.smtp import RelaySettings
from app.trust import climbing
from tests.billing.conftest import plans
from tests.conftest import Client, Person
from tests.delivery.conftest import work
from tests.faultserver import FaultServer
from tests.trust.conftest import look_into

__all__ = ["plans"]

pytestmark = pytest.mark.usefixtures("ladder_on")
MORNING = datetime(2026, 6, 1, 8, tzinfo=UTC)
DAY = timedelta(days=1)
SMALL = (Step(50, 120, volume=40, days=2), Step(200, 300, volume=100, days=1), Step(None, None))
Make = Callable[..., Campaign]


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(ladder, "STEPS", SMALL)
    monkeypatch.setattr(ladder, "TOP", 2)
    with time_machine.travel(MORNING, tick=True):
        yield


def people(n: int) -> list[str]:
    return [f"v{i}@example.com" for i in range(n)]


@pytest.mark.flow
def test_the_rest_waits_until_tomorrow_and_goes_by_itself(
    small_steps: None, campaign_to: Make, to_server: FaultServer
) -> None:
    campaign = campaign_to(people(110))

    assert work(campaign, rounds=3).sent == 50
    assert work(campaign, rounds=3).sent == 50
    told = [entry.text for entry in reading.diary(campaign) if "Today's 50" in entry.text]
    assert told == [
        "Today's 50 mails have gone. The rest waits until tomorrow. It goes on at 00:00 UTC."
    ]
    assert "This campaign goes on at 00:00" in progress._warm_up(campaign)

    with time_machine.travel(MORNING + DAY, tick=True):
        assert work(campaign, rounds=3).sent == 100
    with time_machine.travel(MORNING + 2 * DAY, tick=True):
        assert work(campaign, rounds=3).sent == 110


@pytest.mark.flow
def test_many_campaigns_at_once_share_one_limit(
    small_steps: None, campaign_to: Make, to_server: FaultServer, app: Flask
) -> None:
    campaigns = [campaign_to([f"c{c}v{n}@example.com" for n in range(20)]) for c in range(5)]
    for campaign in campaigns:
        starting.plan(campaign.id)
    relay = RelaySettings.from_url(to_server.url)
    limits = allowing.Limits(account=campaigns[0].account_id)
    granted: list[int] = []

    def grab() -> None:
        with app.app_context():
            for _ in range(4):
                with transaction():
                    granted.append(allowing.take(relay, 3, limits))
            db.session.remove()

    threads = [threading.Thread(target=grab) for _ in range(13)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    db.session.rollback()
    assert len(granted) == 52
    assert sum(granted) == 50
    assert ladder.left(campaigns[0].account_id) == 0
    assert work(campaigns[0], rounds=3).sent == 0


def test_the_pre_flight_says_exactly_what_goes_today(
    small_steps: None, campaign_to: Make, alice: Person
) -> None:
    with transaction():
        ladder.take(alice.account.id, 20)
    fits = campaign_to(people(30), state="draft")
    long = campaign_to([f"w{n}@example.com" for n in range(100)], state="draft")
    too_large = campaign_to([f"x{n}@example.com" for n in range(121)], state="draft")

    def found(campaign: Campaign) -> checks.Finding:
        (one,) = [one for one in checks.preflight(campaign) if one.code == "ladder"]
        return one

    assert found(fits).text == "30 of 50 mails are left today."
    assert found(long).title == "It takes 3 days."
    assert "30 of 50 mails are left today: 30 go now, the rest waits" in found(long).text
    assert (found(too_large).level, found(too_large).title) == (
        "block", "At most 120 people a campaign.",
    )  # fmt: skip
    assert "This one has 121." in found(too_large).text
    with pytest.raises(checks.NotReady, match="At most 120"), transaction():
        scheduling.schedule(too_large)
    with transaction():
        scheduling.schedule(long)
    assert long.state == "sending"


@pytest.mark.flow
def test_too_large_a_campaign_goes_in_parts_to_each_person_once(
    monkeypatch: pytest.MonkeyPatch, client: Client, campaign_to: Make, alice: Person,
    to_server: FaultServer,
) -> None:  # fmt: skip
    monkeypatch.setattr(ladder, "STEPS", (Step(500, 40), Step(None, None)))
    monkeypatch.setattr(ladder, "TOP", 1)
    part = campaign_to(people(90), state="draft", started_at=None)
    client.sign_in(alice)
    sent: list[int] = []

    for number, left in ((90, 50), (51, 11), (11, 0)):
        at = f"/campaigns/{part.id}"
        page = client.get(f"{at}/send").text
        assert f"{number} people" in page
        assert ("Only to the first 40" in page) is (number > 40)
        if left:
            assert f"The other {left} get a campaign of their own" in page
            client.post(f"{at}/part", data={"version": part.version, "at_most": "40"})
            page = client.get(f"{at}/send").text
            assert f"{left} beyond the number that you chose" in page
        assert "It cannot go out yet" not in page
        db.session.expire_all()
        with transaction():
            scheduling.schedule(part)
        assert client.post(f"{at}/rest").status_code == 409, "nobody is written yet"
        sent.append(work(part, rounds=3).sent)
        if number == 90:
            _join(alice, part, "late@example.com")
        if left:
            twice = {client.post(f"{at}/rest").location for _ in range(2)}
            assert len(twice) == 1, "one campaign to the rest, however often one asks"
            part = db.session.get_one(Campaign, int(twice.pop().split("/")[2]))

    assert sent == [40, 40, 11]
    reached = db.session.scalars(sa.select(Delivery.contact_id)).all()
    assert len(reached) == len(set(reached)) == 91


def _join(person: Person, campaign: Campaign, address: str) -> None:
    with transaction():
        list_ = db.session.get_one(ContactList, campaign.audience[0].list_id)
        consent.subscribe(writing.create(person.account, address), list_, source="hand")


def test_a_plan_lets_go_what_it_has_left(
    plans: Config, client: Client, campaign_to: Make, alice: Person
) -> None:
    campaign = campaign_to(people(8), state="draft", started_at=None)
    client.sign_in(alice)

    page = client.get(f"/campaigns/{campaign.id}/send").text

    assert "Your plan Free has 5 mails left this month." in page
    assert "It can go to the first 5 people now" in page
    assert "The other 3 get a campaign of their own" in page
    client.post(f"/campaigns/{campaign.id}/part", data={"version": "1", "at_most": "5"})
    db.session.expire_all()
    assert [one.code for one in checks.preflight(campaign) if one.level == "block"] == []
    client.post(f"/campaigns/{campaign.id}/part", data={"version": "2", "at_most": "0"})
    db.session.expire_all()
    assert campaign.at_most is None


def test_whom_the_operator_vouches_for_has_no_limit(
    small_steps: None, campaign_to: Make, alice: Person, client: Client
) -> None:
    with transaction():
        alice.account.vouched = True
    campaign = campaign_to(people(121), state="draft")
    client.sign_in(alice)

    assert allowing.limits_of(alice.account.id, "alice@bakery.example", 0) == allowing.NOTHING
    assert [one for one in checks.preflight(campaign) if one.code == "ladder"] == []
    assert "vouches for this account" in client.get("/settings/standing").text


def results(campaign: Campaign, sent: int, *, hard: int = 0, complaints: int = 0) -> None:
    with transaction():
        db.session.merge(Tally(campaign_id=campaign.id, state="sent", reason="", n=sent))
        for kind, verdict, n in (("bounce", "hard", hard), ("complaint", None, complaints)):
            for _ in range(n):
                db.session.add(Event(campaign_id=campaign.id, kind=kind, verdict=verdict))


def look_again(after: timedelta) -> int:
    with time_machine.travel(now() + after, tick=True):
        return climbing.look_due()


def step(account_id: int) -> int:
    return int(
        db.session.scalar(sa.select(LadderPlace.step).where(LadderPlace.account_id == account_id))
        or 0
    )


def test_clean_results_lead_up_and_bad_ones_down_with_evidence(
    small_steps: None, campaign_to: Make, alice: Person, client: Client
) -> None:
    account_id = alice.account.id
    with transaction():
        ladder.take(account_id, 40)
    campaign = campaign_to(people(1))
    results(campaign, 40)

    assert look_again(DAY) == 0, "one day is not enough"
    assert look_again(2 * DAY + timedelta(hours=2)) == 1
    assert step(account_id) == 1

    with time_machine.travel(now() + 3 * DAY, tick=True):
        bad = campaign_to(["y@example.com"])
        results(bad, 110, hard=6)
        assert look_again(timedelta(hours=2)) == 1
    assert step(account_id) == 0
    db.session.rollback()
    moves = db.session.scalars(sa.select(LadderMove).order_by(LadderMove.id)).all()
    assert [(move.was, move.step) for move in moves] == [(0, 1), (1, 0)]
    assert moves[1].evidence == {"sent": 110, "hard": 6, "complaints": 0, "days": 1}
    assert moves[1].words.startswith("Down to 50 mails a day: 110 mails in 1 days, 6 bounced")
    subjects = db.session.scalars(sa.select(Notice.subject).order_by(Notice.id)).all()
    assert subjects == ["You may send more", "You may send less for now"]
    client.sign_in(alice)
    page = client.get("/settings/standing").text
    assert "Down to 50 mails a day" in page
    assert "fewer than 2% bounce for good" in page


def test_complaints_keep_an_account_where_it_is(
    small_steps: None, campaign_to: Make, alice: Person
) -> None:
    with transaction():
        ladder.take(alice.account.id, 1)
    campaign = campaign_to(people(1))
    results(campaign, 900, complaints=2)

    assert look_again(3 * DAY) == 0
    assert step(alice.account.id) == 0


def test_staff_may_choose_a_step_with_a_reason(
    small_steps: None, alice: Person, olga: Person, client: Client
) -> None:
    client.sign_in(olga)
    look_into(client, alice)
    at = f"/staff/abuse/accounts/{alice.account.id}/step"

    client.post(at, data={"step": "1", "words": ""})
    assert step(alice.account.id) == 0
    assert client.post(at, data={"step": "1", "words": "Known for years."}).status_code == 303
    assert step(alice.account.id) == 1
    client.sign_in(alice)
    assert "Known for years." in client.get("/settings/standing").text
