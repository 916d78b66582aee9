"""An update in the middle of a campaign: new program and new schema while the old still run."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command

from app.config import CHECKOUT
from app.core import migrating
from app.core.db import db
from app.core.tokens import Purpose, sign
from tests.faults.conftest import Add
from tests.faults.test_queue_server import post, signed_in_over, still_waiting
from tests.faults.world import World

pytestmark = pytest.mark.faults

N = 1000
#: What a release may bring: columns on the busiest tables, and a table of its own.
NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "{number}"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("delivery", sa.Column("next_release", sa.String(20), nullable=True))
    op.add_column("campaign", sa.Column("next_flag", sa.Boolean(), server_default=sa.false(),
                                        nullable=False))
    op.create_table(
        "next_release",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("campaign_id", sa.BigInteger(), sa.ForeignKey("campaign.id", ondelete="CASCADE")),
    )
"""


@pytest.fixture
def next_release(tmp_path: Path) -> Path:
    """The migrations as they are, and one more."""
    folder = tmp_path / "migrations"
    shutil.copytree(CHECKOUT / "migrations", folder, ignore=shutil.ignore_patterns("__pycache__"))
    last = max(path.stem.split("_")[0] for path in (folder / "versions").glob("[0-9]*.py"))
    number = f"{int(last) + 1:04}"
    (folder / "versions" / f"{number}_next.py").write_text(NEXT.format(number=number, before=last))
    return folder


def migrate(url: str, folder: Path) -> None:
    """As `leadersend up` of the next release does it."""
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            config = migrating.settings(connection)
            config.set_main_option("script_location", str(folder))
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA busy_timeout = 60000")
                connection.commit()
            command.upgrade(config, "head")
            connection.commit()
    finally:
        engine.dispose()


def test_a_migration_while_the_old_release_sends(
    world: World, next_release: Path, row: Add
) -> None:
    world.server.faults.late_s = 0.1
    old, web = world.crew(), world.start_web()
    campaign = world.send(N, name="update")
    world.wait_for_mails("update", 100)
    migrate(world.database_url, next_release)
    added = world.read(lambda: db.session.scalar(sa.text("SELECT count(*) FROM next_release")))
    assert added == 0

    # The old release goes on with the new schema: sends, shows, lets people leave.
    seconds = world.seconds_to_next(more=20)
    leaving = still_waiting(world, campaign)
    assert post(web.port, f"/u/{sign(Purpose.UNSUBSCRIBE, leaving.id)}") == 200
    for path in ("/home", "/campaigns", f"/campaigns/{campaign.id}", "/contacts"):
        signed_in_over(world, web.port, path)
    new = world.crew()
    old.process.send_signal(signal.SIGTERM)
    old.process.wait(30)
    seconds = max(seconds, world.seconds_to_next(campaign=campaign))
    world.wait_until_over(campaign)
    assert new.process.poll() is None

    row("F33", "migration while the old release sends", world.sums(campaign, N), seconds=seconds)
    assert world.arrived("update")[leaving.address] == 0
