"""The queue server restarted, killed, emptied, away, slow and full; jobs lost and doubled: F6 to
F10, F27, F28."""

from __future__ import annotations

import http.client
import shutil
import time

import pytest
import redis
import sqlalchemy as sa
from flask import url_for
from flask.testing import FlaskClient

from app.accounts.models import Member
from app.auth import sessions
from app.campaigns.models import Campaign
from app.contacts import suppressions
from app.core.db import db, transaction
from app.core.jobs import queue
from app.core.tokens import Purpose, sign
from app.delivery import jobs
from app.delivery.models import Batch, Delivery
from tests.faults.conftest import Add
from tests.faults.world import CONNECTIONS, World
from tests.servers import wait_until

N = 500


@pytest.fixture
def half_sent(world: World) -> Campaign:
    """A campaign under way."""
    world.server.faults.late_s = 0.15
    world.crew()
    campaign = world.send(N, name="queue")
    world.wait_for_mails("queue", 60)
    return campaign


def raw_client(world: World) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(world.queue.socket))


def go_on(world: World, campaign: Campaign) -> float:
    """Seconds to the next mail but those that are under way now."""
    seconds = world.seconds_to_next(more=4 * CONNECTIONS, campaign=campaign)
    world.wait_until_over(campaign)
    return seconds


@pytest.mark.faults
def test_restarted(world: World, half_sent: Campaign, row: Add) -> None:
    world.queue.stop()
    world.queue.start()
    seconds = go_on(world, half_sent)

    row("F6", "queue server restarted", world.sums(half_sent, N), seconds=seconds)


@pytest.mark.faults
def test_killed_and_empty_after_it(world: World, half_sent: Campaign, row: Add) -> None:
    world.queue.kill()
    shutil.rmtree(world.queue.folder / "appendonlydir")
    time.sleep(5)
    world.queue.start()
    seconds = go_on(world, half_sent)

    row("F7", "queue server killed, everything in it lost", world.sums(half_sent, N),
        seconds=seconds)  # fmt: skip


@pytest.mark.faults
def test_killed_with_nothing_but_snapshots(world: World, row: Add) -> None:
    """Debian's default: what came since the last snapshot is gone with a kill -9."""
    world.queue.stop()
    shutil.rmtree(world.queue.folder / "appendonlydir")
    world.queue.durable = False
    world.queue.start()
    world.server.faults.late_s = 0.15
    world.crew()
    campaign = world.send(N, name="queue")
    world.wait_for_mails("queue", 60)
    world.queue.kill()
    world.queue.start()
    assert raw_client(world).llen("rq:queue:sending") == 0
    seconds = go_on(world, campaign)

    row("F7", "queue server with snapshots only killed", world.sums(campaign, N), seconds=seconds)


@pytest.mark.flow
def test_emptied(world: World, half_sent: Campaign, row: Add) -> None:
    raw_client(world).flushall()
    seconds = go_on(world, half_sent)

    row("F8", "queue server emptied in the middle", world.sums(half_sent, N), seconds=seconds)


#: Longer than any wait for the queue server in the program: the longest one is 30 seconds between
#: two starts of a part that ends (worker.LONGEST_PAUSE_S), so five minutes would show no more.
AWAY_S = 45


@pytest.mark.faults
def test_away_while_people_leave_and_look(world: World, row: Add) -> None:
    n = 3 * N
    world.server.faults.late_s = 0.5
    web = world.start_web()
    world.crew()
    campaign = world.send(n, name="queue")
    world.wait_for_mails("queue", 20)
    world.queue.kill()
    gone = time.monotonic()
    time.sleep(1)
    leaving = still_waiting(world, campaign)
    began = time.monotonic()
    assert post(web.port, f"/u/{sign(Purpose.UNSUBSCRIBE, leaving.id)}") == 200
    assert time.monotonic() - began < 2
    slowest = walk(world, web.port, campaign)
    before = len(world.arrived("queue"))
    time.sleep(max(0.0, AWAY_S - (time.monotonic() - gone)))
    during = len(world.arrived("queue")) - before
    again = still_waiting(world, campaign)
    if again:
        assert post(web.port, f"/u/{sign(Purpose.UNSUBSCRIBE, again.id)}") == 200
    world.server.faults.late_s = 0.1
    world.queue.start()
    seconds = go_on(world, campaign)

    row("F9", f"queue server away for {AWAY_S} s; pages answer, people leave",
        world.sums(campaign, n), seconds=seconds)  # fmt: skip
    assert during > 0, "nothing was sent meanwhile"
    assert slowest < 5
    for reader in (leaving, again):
        if reader:
            assert suppressions.find(world.account_id, reader.address)
            assert world.arrived("queue")[reader.address] == 0


def walk(world: World, port: int, campaign: Campaign) -> float:
    """Every page that needs no number, and the campaign's: none is an error. The slowest's
    seconds."""
    known = {"campaign_id": campaign.id}
    pages = [
        (rule.endpoint, dict.fromkeys(rule.arguments, campaign.id))
        for rule in world.app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and rule.arguments <= set(known)
        # It says 503 where the queue server is away: that is its work.
        and rule.endpoint != "health.readyz"
        and not rule.endpoint.startswith("api.")
    ]  # fmt: skip
    assert len(pages) > 40
    slowest = 0.0
    with world.app.test_request_context():
        paths = sorted({url_for(endpoint, **values) for endpoint, values in pages})
    for path in paths:
        began = time.monotonic()
        status, text = look(world, port, path)
        slowest = max(slowest, time.monotonic() - began)
        assert status < 500, (path, status, text[:500])
    return slowest


def signed_in(world: World) -> FlaskClient:
    """Alice's browser."""
    client = world.app.test_client()
    with transaction():
        secret = sessions.start(db.session.scalars(sa.select(Member)).one())
    with client.session_transaction() as cookie:
        cookie["_user_id"], cookie["_fresh"] = secret, True
    return client


def look(world: World, port: int, path: str) -> tuple[int, str]:
    """A page as Alice's browser gets it from a web server: (status, text)."""
    client = signed_in(world)
    cookies = "; ".join(f"{cookie.key}={cookie.value}" for cookie in client._cookies.values())
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers={"Cookie": cookies})
    response = connection.getresponse()
    text = response.read().decode("utf-8", "replace")
    connection.close()
    return response.status, text


def signed_in_over(world: World, port: int, path: str) -> str:
    """As `look`; fails where the page is not there."""
    status, text = look(world, port, path)
    assert status == 200, (path, status, text[:2000])
    return text


def still_waiting(world: World, campaign: Campaign) -> sa.Row[tuple[int, str]]:
    """The last reader of a campaign, who has nothing yet."""
    from app.contacts.models import Contact

    return world.read(
        lambda: db.session.execute(
            sa.select(Delivery.id, Contact.address)
            .join(Contact, Contact.id == Delivery.contact_id)
            .where(Delivery.campaign_id == campaign.id, Delivery.state == "pending")
            .order_by(Delivery.id.desc())
        ).first()
    )  # type: ignore[return-value]


def post(port: int, path: str) -> int:
    """One click, as a provider's robot does it; the status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    body = "List-Unsubscribe=One-Click"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", path, body, kind)
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.faults
def test_slow_and_full(world: World, half_sent: Campaign, row: Add) -> None:
    client = raw_client(world)
    client.execute_command("CLIENT", "PAUSE", "5000")
    seconds = go_on(world, half_sent)
    row("F10", "queue server stands still for 5 s", world.sums(half_sent, N), seconds=seconds)

    client.config_set("maxmemory", "1mb")
    client.config_set("maxmemory-policy", "noeviction")
    second = world.send(200, name="full")
    time.sleep(8)
    client.config_set("maxmemory", "0")
    seconds = world.seconds_to_next() if world.receipt(second).pending else 0.0
    world.wait_until_over(second)
    row("F10", "queue server out of memory", world.sums(second, 200), seconds=seconds)


@pytest.mark.faults
def test_jobs_twice_at_once_and_later(world: World, half_sent: Campaign, row: Add) -> None:
    def call_all() -> None:
        for batch_id in world.read(lambda: list(db.session.scalars(sa.select(Batch.id)))):
            for _ in range(3):
                queue("sending").enqueue(jobs.send_batch, batch_id)
                queue("sending").enqueue(jobs.plan_campaign, half_sent.id)

    call_all()
    world.wait_until_over(half_sent)
    call_all()
    wait_until(lambda: queue("sending").count == 0, seconds=60, what="the copies")

    row("F27", "each job three times, at once and later", world.sums(half_sent, N))


@pytest.mark.faults
def test_jobs_lost_before_they_start(world: World, row: Add) -> None:
    world.server.faults.late_s = 0.05
    campaign = world.send(N, name="lost")
    client = raw_client(world)
    jobs.start_due_campaigns()
    # What a worker took and died with, before it began: the job's record stays, nobody has it.
    client.delete("rq:queue:sending")
    world.crew()
    seconds = world.seconds_to_next(seconds=120)
    world.wait_until_over(campaign)

    row("F28", "a job that was taken is lost", world.sums(campaign, N), seconds=seconds)
