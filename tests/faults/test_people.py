"""What people do while a campaign goes out: F29 to F32."""

from __future__ import annotations

import http.client
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

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
from app.delivery.models import Delivery, DiaryEntry
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
    secret = make_token(account_of(world), "suppressions:write")
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
    campaign_id = campaign.id

    def press(seed: int) -> None:
        choose = random.Random(seed)  # noqa: S311
        with world.app.app_context():
            for _ in range(25):
                verb = choose.choice((scheduling.pause, scheduling.resume))
                try:
                    with transaction():
                        verb(db.session.get_one(Campaign, campaign_id, populate_existing=True))
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
    """Two web servers, two schedulers, send pressed fifty times at once: half of the presses
    are one program's repeats under one key, the others know nothing of each other."""
    world.crew()
    world.crew()
    webs = [world.start_web(), world.start_web()]
    campaign = world.campaign(N, name="many")
    secret, path = make_token(account_of(world)), f"/api/v1/campaigns/{campaign.id}/send"

    def press(number: int) -> int:
        key = "the same" if number < 25 else f"key {number}"
        status, _ = ask(webs[number % 2].port, "POST", path, secret, "{}", key=key)
        return status

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(press, range(50)))
    world.wait_until_over(campaign)

    row("F29", "send pressed 50 times at two webs, two ticks", world.sums(campaign, N))
    # 409: it is sending already, or the same request is still being worked.
    assert set(answers) <= {202, 409}
    others = answers[25:].count(202)
    assert others + (202 in answers[:25]) == 1
    words = world.read(lambda: list(db.session.scalars(sa.select(DiaryEntry.text))))
    assert sum(one.startswith("Planned") for one in words) == 1


@pytest.mark.faults
def test_five_hundred_leave_while_ten_thousand_are_sent(world: World, row: Add) -> None:
    n, leaving = 10_000, 500
    world.server.faults.late_s = 0.02
    web = world.start_web()
    campaign = world.campaign(n, name="crowd")
    world.crew()
    with transaction():
        scheduling.schedule(db.session.get_one(Campaign, campaign.id))
    world.wait_for_mails("crowd", 10)
    choose = random.Random(5)  # noqa: S311
    chosen = choose.sample(rows_of(world, campaign), leaving)
    left_at: dict[str, float] = {}

    def leave(reader: sa.Row[tuple[int, int, str]]) -> None:
        time.sleep(choose.random() / 4)
        assert post(web.port, f"/u/{sign(Purpose.UNSUBSCRIBE, reader[0])}") == 200
        left_at[reader[2]] = time.time()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(leave, chosen))
    in_time = world.receipt(campaign).pending
    world.wait_until_over(campaign)
    too_late = [
        entry["rcpt"] for entry in world.server.accepted
        if float(str(entry["data_at"])) > left_at.get(str(entry["rcpt"]), 1e12) + 1
    ]  # fmt: skip

    row("F30", f"{leaving} of 10,000 leave at random moments", world.sums(campaign, n))
    assert too_late == []
    assert len(left_at) == leaving
    assert in_time > 0, "all was sent before everybody had left"
    assert world.receipt(campaign).skipped["unsubscribed"] > leaving / 10


def account_of(world: World) -> Account:
    """The bakery's, in a transaction that is over."""
    with transaction():
        return db.session.get_one(Account, world.account_id)


def ask(
    port: int, method: str, path: str, secret: str, body: str = "", *, key: str = ""
) -> tuple[int, str]:
    """A call of the API over HTTP: (status, body)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    if key:
        headers["Idempotency-Key"] = key
    connection.request(method, path, body or None, headers)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text
