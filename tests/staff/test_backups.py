"""The page of backups: for staff who look after the machines, and for nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from app.config import Config
from app.core.clock import now
from app.core.db import db, transaction
from app.ops.doctor import Sick, check_backups
from app.staff import backups
from app.staff.models import BackupRun
from tests.conftest import Client, Person

NAME = "leadersend-20261124-120000-1.tar.gz.age"


@pytest.fixture
def kept(app: Flask, settings: Config) -> Iterator[Config]:
    """Backups are made."""
    config = replace(settings, BACKUP_TO="s3://safe/x?endpoint=https://s3.example.com")
    app.config["SETTINGS"] = config
    yield config
    app.config["SETTINGS"] = settings


@pytest.fixture
def service(client: Client, alice: Person) -> Client:
    """Alice looks after the machines."""
    with transaction():
        alice.member.staff_roles = ["service"]
    client.sign_in(alice)
    return client


def made(**values: object) -> None:
    row = {
        "state": "done", "wanted_at": now(), "ended_at": now(), "name": NAME,
        "size_bytes": 5_000_000, "rehearsal": "good", "rehearsed_at": now(), "tries": 1,
        "findings": {"tables": 60, "rows": 1234567, "seconds": 12.3, "words": []}, **values,
    }  # fmt: skip
    with transaction():
        db.session.add(BackupRun(**row))


@pytest.mark.parametrize("roles", [[], ["billing", "marketing", "support"]])
def test_it_is_not_there_for_others(client: Client, alice: Person, roles: list[str]) -> None:
    with transaction():
        alice.member.staff_roles = roles
    client.sign_in(alice)

    assert client.get("/staff/backups").status_code == 404
    assert client.post("/staff/backups").status_code == 404
    assert "/staff/backups" not in client.get("/home").text


def test_the_menu_leads_there(service: Client) -> None:
    assert 'href="/staff/backups"' in service.get("/home").text


def test_where_none_are_made_it_says_what_to_do(service: Client) -> None:
    page = service.get("/staff/backups").text

    assert "Set BACKUP_TO" in page
    assert "Back up now" not in page
    assert service.post("/staff/backups").status_code == 404


def test_it_says_what_was_made_and_found(service: Client, kept: Config) -> None:
    made(rehearsal="bad", findings={"tables": 60, "rows": 7, "seconds": 1.0,
                                    "words": ["contact: 6 rows instead of 7"]})  # fmt: skip
    made()

    page = service.get("/staff/backups").text

    assert "1,234,567 rows in 60 tables" in page
    assert "contact: 6 rows instead of 7" in page
    assert "5.0 MB" in page or "5 MB" in page or "4.8 MB" in page
    assert NAME in page
    assert "backup_key" in page
    assert "endpoint=" not in page


def test_pressing_the_button_asks_once(service: Client, kept: Config, alice: Person) -> None:
    assert service.post("/staff/backups").status_code == 303
    assert service.post("/staff/backups").status_code == 303

    (run,) = backups.latest()
    assert (run.state, run.asked_by) == ("wanted", alice.member.email)
    assert "asked for by" in service.get("/staff/backups").text


def test_there_is_no_way_to_download_one(app: Flask) -> None:
    rules = [rule.rule for rule in app.url_map.iter_rules() if "backup" in rule.rule]

    assert sorted(set(rules)) == ["/staff/backups", "/staff/backups/confirm"]


def test_doctor_asks_when_the_last_good_one_was(app: Flask, kept: Config) -> None:
    with pytest.raises(Sick, match="there is none: leadersend backups now"):
        check_backups(kept)
    made(ended_at=now() - timedelta(hours=49))
    with pytest.raises(Sick, match="the last good one is of"):
        check_backups(kept)
    made()
    assert "the last good one is of" in check_backups(kept)
    made(rehearsal="bad", findings={"words": ["contact: is missing"]})
    with pytest.raises(Sick, match="could not be brought back: contact: is missing"):
        check_backups(kept)


def test_doctor_says_why_the_last_try_failed(app: Flask, kept: Config) -> None:
    made(state="failed", rehearsal="", error="/mnt: No space left on device")

    with pytest.raises(Sick, match="No space left"):
        check_backups(kept)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(BackupRun)) == 1
