"""Many processes claim from one campaign at once: R4."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.campaigns import scheduling
from app.config import CHECKOUT
from app.core.db import db, transaction
from app.delivery import starting
from app.delivery.models import Batch, Delivery
from tests.faults.world import World

pytestmark = pytest.mark.faults

N, CLAIMERS = 100_000, 8
#: Whose all batches are: of all claimers at once, so that the rows alone decide.
LEASE = "everybody"
#: Claims from batch after batch until nothing is left; its arguments are a file for what it got,
#: the campaign and the lease.
CLAIMER = """
import sys
import sqlalchemy as sa
from app.campaigns.models import Campaign
from app.core.db import db, transaction
from app.delivery import claiming, tallying
from app.delivery.models import Batch, Tally
from app.factory import create_app
with create_app().app_context(), open(sys.argv[1], "w") as got:
    aim = claiming.Aim.of(db.session.get_one(Campaign, int(sys.argv[2])))
    batches = db.session.scalars(sa.select(Batch.id).order_by(Batch.id)).all()
    waiting = sa.select(Tally.n).where(Tally.campaign_id == aim.campaign_id,
                                       Tally.state == "pending")
    at = 0
    while at < len(batches) and db.session.scalar(waiting):
        with transaction():
            book = tallying.Book(aim.campaign_id)
            taken = claiming.claim(book, aim, batches[at], sys.argv[3], limit=500)
            book.write()
        for number, tries in taken:
            print(number, file=got)
        at += not taken
        db.session.rollback()
"""


def test_eight_processes_never_claim_the_same(world: World, tmp_path: Path) -> None:
    campaign = world.campaign(N, name="claims")
    with transaction():
        scheduling.schedule(campaign)
    campaign_id = campaign.id
    while starting.plan(campaign_id):
        pass
    with transaction():
        db.session.execute(sa.update(Batch).values(state="working", lease=LEASE))
    files = [tmp_path / f"got{i}" for i in range(CLAIMERS)]
    claimers = [
        subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", CLAIMER, str(file), str(campaign_id), LEASE],
            env=world.env, cwd=CHECKOUT,
        )
        for file in files
    ]  # fmt: skip
    try:
        assert [one.wait(120) for one in claimers] == [0] * CLAIMERS
    finally:
        for one in claimers:
            one.kill()
            one.wait()

    taken = Counter(line for file in files for line in file.read_text().split())
    states = world.read(
        lambda: db.session.execute(
            sa.select(Delivery.state, sa.func.count(), sa.func.max(Delivery.tries))
            .where(Delivery.campaign_id == campaign_id)
            .group_by(Delivery.state)
        ).all()
    )
    assert (len(taken), max(taken.values())) == (N, 1)
    assert [tuple(one) for one in states] == [("sending", N, 1)]
    assert sum(bool(file.stat().st_size) for file in files) > 1, "one took all"
