"""The page of backups: fits every screen, axe has nothing to say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask

from app.campaigns.models import Restoration
from app.config import Config
from app.core.clock import now
from app.core.db import db, transaction
from app.staff.models import BackupRun
from tests.browser.conftest import WebServer
from tests.browser.looking import Onlooker
from tests.conftest import Person
from tests.servers import free_port

pytestmark = pytest.mark.browser
NAME = "leadersend-20261124-120000-{}.tar.gz.age"


@pytest.fixture
def web(settings: Config, whole_app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    """One that makes backups."""
    monkeypatch.setenv("BACKUP_TO", "/mnt/other-disk/leadersend")
    with WebServer(settings, free_port()) as server:
        yield server


def test_it_is_in_order(
    onlooker: Onlooker, sign_in: Callable[[Person], None], alice: Person
) -> None:
    good = {"tables": 77, "rows": 2_000_009, "seconds": 16.2, "words": []}
    bad = {**good, "words": ["contact: 999,999 rows instead of 1,000,000"]}
    day = timedelta(days=1)
    rows = [
        {"state": "failed", "tries": 4, "error": "/mnt/other-disk: No space left on device"},
        {"state": "done", "rehearsal": "bad", "findings": bad, "size_bytes": 68_000_000},
        {"state": "done", "rehearsal": "good", "findings": good, "size_bytes": 68_742_246},
        {"state": "wanted", "asked_by": "vera@bakery.example"},
    ]
    with transaction():
        alice.member.staff_roles = ["service"]
        for n, row in enumerate(rows):
            moment = now() - (len(rows) - n) * day
            ended = None if row["state"] == "wanted" else moment
            db.session.add(
                BackupRun(
                    wanted_at=moment, ended_at=ended, rehearsed_at=ended,
                    name=NAME.format(n) if "rehearsal" in row else "", **row,
                )
            )  # fmt: skip
        db.session.add(Restoration(made_at=now() - 3 * day))
    sign_in(alice)

    assert onlooker.look_at("/staff/backups", "backups full") == []
