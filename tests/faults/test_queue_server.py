"""The queue server restarted, killed, emptied, away, slow and full; jobs lost and doubled: F6 to
F10, F27, F28."""

from __future__ import annotations

import http.client
import shutil
import time

import pytest
import redis
import sqlalchemy as sa
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


@pytest.mark.flow
def test_emptied(world: World, half_sent: Campaign, row: Add) -> None:
    raw_client(world).flushall()
    seconds = go_on(world, half_sent)

    row("F8", "queue server emptied in the middle", world.sums(half_sent, N), seconds=seconds)


@pytest.mark.faults
def test_away_while_people_leave_and_look(world: World, row: Add) -> None:
    world.server.faults.late_s = 0.5
    web, client = world.start_web(), signed_in(world)
    world.crew()
    half_sent = world.send(2 * N, name="queue")
    world.wait_for_mails("queue", 20)
    world.queue.kill()
    time.sleep(1)
    leaving = still_waiting(world, half_sent)
    began = time.monotonic()
    assert post(web.port, f"/u/{sign(Purpose.UNSUBSCRIBE, leaving.id)}") == 200
    assert time.monotonic() - began < 2
    for path in ("/", "/campaigns", f"/campaigns/{half_sent.id}", "/contacts", "/lists"):
        began = time.monotonic()
        assert client.get(path, follow_redirects=True).status_code == 200, path
        assert time.monotonic() - began < 5, path
    assert web.answers("/login") or web.answers("/healthz")
    time.sleep(25)
    world.server.faults.late_s = 0.1
    world.queue.start()
    seconds = go_on(world, half_sent)

    row("F9", "queue server away; pages answer, people leave", world.sums(half_sent, 2 * N),
        seconds=seconds)  # fmt: skip
    assert suppressions.find(world.account_id, leaving.address)
    assert world.arrived("queue")[leaving.address] == 0


def signed_in(world: World) -> FlaskClient:
    """Alice's browser."""
    client = world.app.test_client()
    with transaction():
        secret = sessions.start(db.session.scalars(sa.select(Member)).one())
    with client.session_transaction() as cookie:
        cookie["_user_id"], cookie["_fresh"] = secret, True
    return client


def signed_in_over(world: World, port: int, path: str) -> str:
    """A page as Alice's browser gets it from a web server; fails where that is an error."""
    client = signed_in(world)
    cookies = "; ".join(f"{cookie.key}={cookie.value}" for cookie in client._cookies.values())
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for _ in range(3):
        connection.request("GET", path, headers={"Cookie": cookies})
        response = connection.getresponse()
        text = response.read().decode()
        path = response.getheader("Location") or ""
        if not path:
            break
    connection.close()
    assert response.status == 200, (response.status, path, text[:2000])
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
    time.sleep(12)
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
