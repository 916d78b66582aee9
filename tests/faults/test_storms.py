"""Much at once while a campaign goes out: bounces, forged ones, opens and clicks: F34 to F36."""

from __future__ import annotations

import re
import shutil
import smtplib
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.campaigns.models import Campaign
from app.config import CHECKOUT
from app.contacts.models import Suppression
from app.core.db import db
from app.core.tokens import Purpose, sign, sign_for_address
from app.delivery.models import Delivery, Event, Link
from tests.faults.conftest import Add
from tests.faults.world import World
from tests.ops.test_catcher import Catcher
from tests.servers import wait_until

pytestmark = pytest.mark.faults

N = 400
NOTICE = (
    "From: MAILER-DAEMON@example.com\r\nMessage-ID: <{name}@mx.example.com>\r\n"
    "MIME-Version: 1.0\r\n"
    'Content-Type: multipart/report; report-type=delivery-status; boundary="x"\r\n\r\n'
    "--x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.com"
    "\r\n\r\nFinal-Recipient: rfc822; somebody@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    "\r\n--x--\r\n"
)


@pytest.fixture
def door(world: World) -> Iterator[Catcher]:
    """The door for bounces, a process of its own."""
    kept = {k: v for k, v in world.settings.items() if k in ("DATABASE_URL", "SECRET_KEY")}
    with Catcher(world.home, **kept) as running:
        yield running


def bounce(door: Catcher, numbers: list[int], *, forged: bool = False) -> None:
    """One notice for each delivery, as a mail server brings it."""
    with smtplib.SMTP("127.0.0.1", door.port, timeout=30) as smtp:
        for number in numbers:
            token = sign_for_address(Purpose.BOUNCE, number)
            if forged:
                token = token[:-2] + ("aa" if token[-2:] != "aa" else "bb")
            to = f"b+{token}@mail.test"
            smtp.sendmail("", [to], NOTICE.format(name=number).encode())


def deliveries(world: World, campaign_id: int) -> list[int]:
    query = sa.select(Delivery.id).where(Delivery.campaign_id == campaign_id)
    return world.read(lambda: list(db.session.scalars(query)))


def counted(world: World) -> int:
    """Bounces written down."""
    query = sa.select(sa.func.count()).select_from(Event).where(Event.kind == "bounce")
    return world.read(lambda: db.session.scalar(query)) or 0


def kept_out(world: World) -> int:
    query = sa.select(sa.func.count()).select_from(Suppression)
    return world.read(lambda: db.session.scalar(query)) or 0


#: Brings notices in a process of its own, over several connections, as mail servers do:
#: its arguments are a port and a file with a line for each: name, recipient.
STORM = """
import smtplib, sys, threading
from tests.faults.test_storms import NOTICE
port, path = int(sys.argv[1]), sys.argv[2]
lines = [line.split() for line in open(path)]
def bring(mine):
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as smtp:
        for name, to in mine:
            smtp.sendmail("", [to], NOTICE.format(name=name).encode())
threads = [threading.Thread(target=bring, args=(lines[i::4],)) for i in range(4)]
for one in threads: one.start()
for one in threads: one.join()
"""
STORM_N = 10_000


@pytest.mark.alone
def test_ten_thousand_bounces_while_sending(
    world: World, door: Catcher, tmp_path: Path, row: Add, capsys: pytest.CaptureFixture[str]
) -> None:
    world.server.faults.late_s = 0
    world.crew()
    first = world.send(STORM_N, name="first")
    world.wait_until_over(first, seconds=200)
    # So slow that the mail server, not this machine's two processors, sets the pace.
    world.server.faults.late_s = 0.1
    quiet = world.send(N, name="quiet")
    quiet_s = sending_s(world, quiet)
    numbers = deliveries(world, first.id)
    storm = begin_storm(tmp_path, door, [*numbers, *numbers[:1000]])
    try:
        wait_until(lambda: counted(world) > 0, what="the first bounce")
        busy = world.send(N, name="busy")
        busy_s = sending_s(world, busy)
        assert storm.poll() is None or inbound(world), "the storm was over first"
        assert storm.wait(240) == 0
    finally:
        storm.kill()
        storm.wait()
    wait_until(lambda: not inbound(world), seconds=240, what="the bounces")
    took = time.monotonic() - storm.began  # type: ignore[attr-defined]
    with capsys.disabled():
        print_figures(quiet_s / busy_s, took)

    row("F34", "10,000 bounces, 1,000 twice, while sending", world.sums(busy, N))
    assert counted(world) == STORM_N
    assert kept_out(world) == STORM_N
    assert took < 300
    # Promised are 0.7; the mail server and the bounces come from this machine too.
    assert quiet_s / busy_s > 0.4


def sending_s(world: World, campaign: Campaign) -> float:
    """From its first mail to its last."""
    world.wait_until_over(campaign)
    times = [
        float(str(entry["at"]))
        for entry in world.server.accepted
        if str(entry["rcpt"]).endswith(f"@{campaign.name}.example")
    ]
    return max(times) - min(times)


def begin_storm(folder: Path, door: Catcher, numbers: list[int]) -> subprocess.Popen[bytes]:
    listed = folder / "storm"
    listed.write_text(
        "".join(
            f"{number} b+{sign_for_address(Purpose.BOUNCE, number)}@mail.test\n"
            for number in numbers
        )
    )
    storm = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", STORM, str(door.port), str(listed)], cwd=CHECKOUT
    )
    storm.began = time.monotonic()  # type: ignore[attr-defined]
    return storm


def inbound(world: World) -> bool:
    """Whether notices wait to be read."""
    return any((world.home / "inbound").glob("*.eml*"))


def print_figures(ratio: float, took: float) -> None:
    sys.stdout.write(
        f"\nF34: {ratio:.2f} of the undisturbed rate; {STORM_N:,} bounces in {took:.0f} s\n"
    )


def test_forged_bounces(world: World, door: Catcher, row: Add) -> None:
    world.server.faults.late_s = 0.1
    world.crew()
    campaign = world.send(N, name="forged")
    world.wait_for_mails("forged", 20)
    bounce(door, deliveries(world, campaign.id)[:100], forged=True)
    world.wait_until_over(campaign)
    time.sleep(3)

    row("F35", "100 bounces to forged addresses", world.sums(campaign, N))
    assert (kept_out(world), counted(world)) == (0, 0)


@pytest.mark.alone
def test_clicks_and_opens_while_the_database_is_locked(sqlite_world: World, row: Add) -> None:
    world = sqlite_world
    wrk = shutil.which("wrk")
    if wrk is None:
        pytest.skip("wrk is not installed: apt-get install wrk")
    web = world.start_web()
    world.crew()
    campaign = world.send(N, name="storm")
    world.wait_until_over(campaign)
    number = deliveries(world, campaign.id)[0]
    link = world.read(
        lambda: db.session.scalar(sa.select(Link.id).where(Link.campaign_id == campaign.id))
    )
    click = f"/c/{sign(Purpose.CLICK, number, link or 0)}"
    beacon = f"/o/{sign(Purpose.OPEN, number)}.gif"
    base = f"http://127.0.0.1:{web.port}"
    for _ in range(20):
        web.answers(click)  # each process knows the link from here on
    other = sqlite3.connect(world.home / "leadersend.sqlite", isolation_level=None)
    other.execute("PRAGMA busy_timeout = 10000")
    other.execute("BEGIN IMMEDIATE")
    told = [
        subprocess.run(  # noqa: S603
            [wrk, "-t1", "-c5", "-d5s", "--latency", base + path],
            capture_output=True, text=True, check=True,
        ).stdout
        for path in (click, beacon)
    ]  # fmt: skip
    other.execute("ROLLBACK")
    other.close()

    row("F36", "clicks and opens while the database is locked", world.sums(campaign, N))
    for words in told:
        assert "Non-2xx" not in words, words
        assert slowest_ms(words) < 200, words


def slowest_ms(words: str) -> float:
    """The 99th percentile that wrk tells."""
    found = re.search(r"99%\s+([\d.]+)(us|ms|s)", words)
    assert found, words
    return float(found[1]) * {"us": 0.001, "ms": 1, "s": 1000}[found[2]]
