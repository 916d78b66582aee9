"""Processes that die in the middle: F1 to F4, F27, F33, F37."""

from __future__ import annotations

import resource
import signal
import time

import pytest
import sqlalchemy as sa

from app.campaigns.models import Campaign
from app.contacts.models import Contact
from app.core.db import db, transaction
from app.delivery import deciding
from app.delivery.models import Delivery
from tests.faults.conftest import Add
from tests.faults.test_queue_server import signed_in
from tests.faults.world import CONNECTIONS, World
from tests.servers import wait_until

pytestmark = pytest.mark.faults


def test_work_horses_killed_again_and_again(world: World, row: Add) -> None:
    n, kills = 600, 6
    world.server.faults.late_s = 0.1
    crew = world.crew()
    campaign = world.send(n, name="f1")
    slowest = 0.0
    for i in range(1, kills + 1):
        world.wait_for_mails("f1", i * n // (kills + 2))
        wait_until(lambda: bool(crew.horses()), what="a work-horse")
        for horse in crew.horses()[:1]:
            horse.kill()
        slowest = max(slowest, world.seconds_to_next())
    world.wait_until_over(campaign)

    row("F1", f"work-horse killed {kills} times", world.sums(campaign, n), seconds=slowest,
        uncertain=kills * CONNECTIONS)  # fmt: skip
    wait_until(lambda: world.state(campaign) == "sent", what="the campaign to end")


def test_the_workers_parent_killed_alone(world: World, row: Add) -> None:
    n = 400
    world.server.faults.late_s = 0.1
    crew = world.crew()
    campaign = world.send(n, name="f2")
    world.wait_for_mails("f2", 50)
    for one in crew.workers():
        if one.children():
            one.kill()
    seconds = world.seconds_to_next(campaign=campaign)
    world.wait_until_over(campaign)

    row("F2", "worker's parent killed, work-horse lives", world.sums(campaign, n), seconds=seconds,
        uncertain=2 * CONNECTIONS)  # fmt: skip


def test_all_workers_killed(world: World, row: Add) -> None:
    n = 400
    world.server.faults.late_s = 0.1
    crew = world.crew()
    campaign = world.send(n, name="f3")
    world.wait_for_mails("f3", 100)
    crew.kill()
    time.sleep(0.5)
    crew.start()
    seconds = world.seconds_to_next(campaign=campaign)
    world.wait_until_over(campaign)

    row("F3", "the process group killed", world.sums(campaign, n), seconds=seconds,
        uncertain=2 * CONNECTIONS)  # fmt: skip


def test_killed_between_the_dot_and_the_250(world: World, row: Add) -> None:
    n = 60
    world.server.faults.late_s = 5
    crew = world.crew()
    campaign = world.send(n, name="f4")
    world.wait_for_mails("f4", 4)
    crew.kill()
    world.server.faults.late_s = 0
    crew.start()
    seconds = world.seconds_to_next(campaign=campaign)
    world.wait_until_over(campaign)
    sums = world.sums(campaign, n)
    unknown = addresses(world, campaign, "uncertain")

    row("F4", "killed between the dot and the 250", sums, seconds=seconds,
        uncertain=2 * CONNECTIONS)  # fmt: skip
    assert sums.uncertain >= 4

    # The owner sends them again, having read what it costs: here all of them arrive twice.
    told = signed_in(world).get(f"/campaigns/{campaign.id}/uncertain").text
    assert "may get this mail twice" in told
    with transaction():
        again = deciding.send_again(db.session.get_one(Campaign, campaign.id))
    world.wait_until_over(campaign)
    twice = sorted(address for address, n in world.arrived("f4").items() if n == 2)
    assert again == sums.uncertain
    assert world.receipt(campaign).sent == n
    assert len(twice) <= again
    assert max(world.arrived("f4").values()) == 2
    assert set(twice) <= unknown


def test_a_rolling_restart(world: World, row: Add) -> None:
    n = 600
    world.server.faults.late_s = 0.1
    old = world.crew()
    campaign = world.send(n, name="f33")
    world.wait_for_mails("f33", 60)
    new = world.crew()
    old.stop()
    world.wait_for_mails("f33", 200)
    new.process.send_signal(signal.SIGTERM)
    new.process.wait(30)
    world.crew()
    seconds = world.seconds_to_next(campaign=campaign)
    world.wait_until_over(campaign)

    row("F33", "rolling restart by SIGTERM", world.sums(campaign, n), seconds=seconds)


def addresses(world: World, campaign: Campaign, state: str) -> set[str]:
    """Who is in that state."""
    query = (
        sa.select(Contact.address)
        .join(Delivery, Delivery.contact_id == Contact.id)
        .where(Delivery.campaign_id == campaign.id, Delivery.state == state)
    )
    return world.read(lambda: set(db.session.scalars(query)))


def test_few_files(world: World, row: Add) -> None:
    n = 300
    crew = world.crew()
    wait_until(lambda: len(crew.workers()) == 3, what="the workers")
    for one in crew.family():
        one.rlimit(resource.RLIMIT_NOFILE, (64, 64))
    campaign = world.send(n, name="f37")
    seconds = world.seconds_to_next(campaign=campaign)
    world.wait_until_over(campaign)

    row("F37", "64 open files at most", world.sums(campaign, n), seconds=seconds)


def test_little_memory(world: World, row: Add) -> None:
    """`ulimit -v` in the middle of a run, below what it needs: work fails, nothing is lost, and
    more memory is all that it takes."""
    n = 1000
    world.server.faults.late_s = 0.3
    crew = world.crew()
    campaign = world.send(n, name="memory")
    world.wait_for_mails("memory", 30)
    for one in crew.family():
        # Not even the stack of a thread more than now.
        most = one.memory_info().vms
        one.rlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
    time.sleep(25)  # longer than a run that had all it needs
    standing = world.receipt(campaign)
    assert standing.failed == 0
    assert standing.pending > 0, "there was enough memory after all"
    world.server.faults.late_s = 0.05
    if crew.process.poll() is not None:
        crew.start()
    for one in crew.family():
        one.rlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    seconds = world.seconds_to_next(more=4 * CONNECTIONS, campaign=campaign)
    world.wait_until_over(campaign)

    row("F37", "too little memory in the middle, then enough", world.sums(campaign, n),
        seconds=seconds, uncertain=2 * CONNECTIONS)  # fmt: skip
