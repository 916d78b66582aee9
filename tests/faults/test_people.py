"""What people do while a campaign goes out: F29 to F32."""

from __future__ import annotations

import random
import threading
import time

import pytest
import sqlalchemy as sa

from app.accounts.models import Account
from app.campaigns import composing, scheduling
from app.campaigns.models import Campaign
from app.contacts import suppressions
from app.contacts.models import Contact, Subscription
from app.core import spool
from app.core.db import db, transaction
from app.core.errors import DomainError
from app.core.tokens import Purpose, sign, sign_for_address
from app.delivery.models import Delivery
from tests.api.conftest import make_token
from tests.faults.conftest import Add
from tests.faults.test_queue_server import post
from tests.faults.world import World

N = 500


def rows_of(world: World, campaign: Campaign) -> list[sa.Row[tuple[int, int, str]]]:
    """(delivery, contact, address) of everybody."""
    query = (
        sa.select(Delivery.id, Contact.id, Contact.address)
        .join(Contact, Contact.id == Delivery.contact_id)
        .where(Delivery.campaign_id == campaign.id)
        .order_by(Delivery.id)
    )
    return world.read(lambda: list(db.session.execute(query).all()))


@pytest.mark.faults
def test_people_leave_by_every_way_while_it_goes_out(world: World, row: Add) -> None:
    world.server.faults.late_s = 0.3
    web = world.start_web()
    world.crew()
    with transaction():
        account = db.session.get_one(Account, world.account_id)
    secret = make_token(account, "suppressions:write")
    campaign = world.send(N, name="leave")
    world.wait_for_mails("leave", 10)
    left_at: dict[str, float] = {}
    chosen = random.Random(3).sample(rows_of(world, campaign)[100:], 80)  # noqa: S311
    for i, (delivery_id, _contact_id, address) in enumerate(chosen):
        way = ("one click", "page", "mail", "api")[i % 4]
        if way == "mail":
            to = f"u+{sign_for_address(Purpose.UNSUBSCRIBE, delivery_id)}@mail.test"
            raw = b"From: reader@example.com\r\nSubject: unsubscribe\r\n\r\n\r\n"
            spool.write(world.home / "inbound", address, [to], raw, durable=True)
            # By mail it takes as long as the tick needs to look: a second.
            left_at[address] = time.time() + 2
        elif way == "api":
            status = world.app.test_client().post(
                "/api/v1/suppressions", json={"email": address},
                headers={"Authorization": f"Bearer {secret}"},
            ).status_code  # fmt: skip
            assert status in (200, 201), status
            left_at[address] = time.time()
        else:
            assert post(web.port, f"/u/{sign(Purpose.UNSUBSCRIBE, delivery_id)}") == 200
            left_at[address] = time.time()
    world.wait_until_over(campaign)
    too_late = [
        entry["rcpt"] for entry in world.server.accepted
        if float(str(entry["data_at"])) > left_at.get(str(entry["rcpt"]), 1e12) + 1
    ]  # fmt: skip
    skipped = world.receipt(campaign).left_out

    row("F30", "80 leave by link, page, mail and API", world.sums(campaign, N))
    assert too_late == []
    assert skipped > 0
    assert all(suppressions.find(world.account_id, address) for address in left_at)


@pytest.mark.faults
def test_readers_vanish_and_lists_change_while_it_goes_out(world: World, row: Add) -> None:
    world.server.faults.late_s = 0.3
    world.crew()
    campaign = world.send(N, name="vanish")
    world.wait_for_mails("vanish", 10)
    everybody = rows_of(world, campaign)
    erased = [one[1] for one in everybody[200:240]]
    off_the_list = [one[1] for one in everybody[300:340]]
    with transaction():
        db.session.execute(sa.delete(Contact).where(Contact.id.in_(erased)))
        db.session.execute(
            sa.update(Subscription)
            .where(Subscription.contact_id.in_(off_the_list))
            .values(state="left")
            .execution_options(synchronize_session=False)
        )
        with pytest.raises(DomainError):
            composing.revise(campaign, composing.Draft(subject="Another"))
    world.wait_until_over(campaign)
    kept = world.receipt(campaign)
    sums = world.sums(campaign, N)

    row("F31", "readers erased, lists changed, an edit refused", sums)
    assert kept.sent + kept.left_out == N
    assert kept.skipped.get("erased", 0) > 0
    assert kept.skipped.get("unsubscribed", 0) > 0


@pytest.mark.faults
def test_pause_resume_and_cancel_hammered(world: World, row: Add) -> None:
    world.server.faults.late_s = 0.1
    world.crew()
    campaign = world.send(N, name="hammer")
    world.wait_for_mails("hammer", 10)

    def press(seed: int) -> None:
        choose = random.Random(seed)  # noqa: S311
        with world.app.app_context():
            for _ in range(25):
                verb = choose.choice((scheduling.pause, scheduling.resume))
                try:
                    with transaction():
                        verb(db.session.get_one(Campaign, campaign.id, populate_existing=True))
                except DomainError:
                    pass  # it was in another state by then
                time.sleep(choose.random() / 20)
            db.session.remove()

    people = [threading.Thread(target=press, args=(i,)) for i in range(4)]
    for one in people:
        one.start()
    for one in people:
        one.join()
    if world.state(campaign) == "paused":
        with transaction():
            scheduling.resume(db.session.get_one(Campaign, campaign.id, populate_existing=True))
    began = time.monotonic()
    world.wait_until_over(campaign)
    row("F32", "pause and resume pressed 100 times", world.sums(campaign, N),
        seconds=min(60, time.monotonic() - began))  # fmt: skip

    second = world.send(N, name="cancelled")
    world.wait_for_mails("cancelled", 10)
    with transaction():
        scheduling.cancel(db.session.get_one(Campaign, second.id, populate_existing=True))
    stopped = time.time()
    world.wait_until_over(second)
    late = [entry for entry in world.server.accepted if float(str(entry["data_at"])) > stopped + 5]
    row("F32", "cancelled in the middle", world.sums(second, N))
    assert late == []
    assert world.receipt(second).skipped["cancelled"] > 0


@pytest.mark.faults
def test_the_same_campaign_started_by_many(world: World, row: Add) -> None:
    world.crew()
    world.crew()
    campaign = world.campaign(N, name="many")
    started: list[bool] = []

    def press() -> None:
        with world.app.app_context():
            try:
                with transaction():
                    scheduling.schedule(
                        db.session.get_one(Campaign, campaign.id, populate_existing=True)
                    )
                started.append(True)
            except DomainError:
                started.append(False)
            finally:
                db.session.remove()

    people = [threading.Thread(target=press) for _ in range(20)]
    for one in people:
        one.start()
    for one in people:
        one.join()
    world.wait_until_over(campaign)

    row("F29", "send pressed 20 times at once, two ticks", world.sums(campaign, N))
    assert started.count(True) == 1
