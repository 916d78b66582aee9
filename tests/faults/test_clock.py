"""Clocks that jump, for one process of several: F26."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest

from app.campaigns import scheduling
from app.core.clock import now
from app.core.db import transaction
from tests.faults.conftest import Add
from tests.faults.world import CONNECTIONS, World

pytestmark = pytest.mark.faults

N = 200


@pytest.fixture
def faketime() -> str:
    """The library that tells a process another time."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        pytest.skip("libfaketime is not installed: apt-get install libfaketime")
    return str(found[0])


@pytest.mark.parametrize("jump", ["+3600s", "-3600s", "+31536000s"])
def test_one_machine_has_another_time(world: World, faketime: str, jump: str, row: Add) -> None:
    world.server.faults.late_s = 0.1
    right = world.crew()
    campaign = world.send(N, name="clock")
    world.wait_for_mails("clock", 20)
    wrong = world.crew(LD_PRELOAD=faketime, FAKETIME=jump, FAKETIME_DONT_FAKE_MONOTONIC="1")
    world.wait_until_over(campaign)
    right.stop()
    second = world.send(N, name="second")
    seconds = world.seconds_to_next()
    world.wait_until_over(second)
    assert wrong.process.poll() is None

    row("F26", f"one machine's clock is {jump} wrong: under way", world.sums(campaign, N))
    row("F26", f"the only machine's clock is {jump} wrong", world.sums(second, N), seconds=seconds)


def test_a_clock_that_jumps_while_a_worker_is_killed(world: World, faketime: str, row: Add) -> None:
    world.server.faults.late_s = 0.1
    crew = world.crew()
    campaign = world.send(N, name="jumped")
    world.wait_for_mails("jumped", 20)
    crew.kill()
    wrong = world.crew(LD_PRELOAD=faketime, FAKETIME="-3600s", FAKETIME_DONT_FAKE_MONOTONIC="1")
    seconds = world.seconds_to_next(campaign=campaign)
    world.wait_until_over(campaign)
    assert wrong.process.poll() is None

    row("F26", "clock goes back an hour behind a crash", world.sums(campaign, N), seconds=seconds,
        uncertain=2 * CONNECTIONS)  # fmt: skip


def test_a_scheduled_campaign_starts_once_and_not_early(world: World, row: Add) -> None:
    campaign = world.campaign(N, name="later")
    with transaction():
        scheduling.schedule(campaign, at=now() + timedelta(seconds=8))
    due = time.monotonic() + 8
    world.crew()
    world.crew()
    early = 0
    while time.monotonic() < due - 0.5:
        early = max(early, len(world.arrived("later")))
        time.sleep(0.1)
    seconds = world.seconds_to_next() - max(0.0, due - time.monotonic())
    world.wait_until_over(campaign)

    row("F29", "two schedulers, one campaign that becomes due", world.sums(campaign, N),
        seconds=max(0.0, seconds))  # fmt: skip
    assert early == 0
