"""The operator's mail server, as staff sees it."""

from __future__ import annotations

import time

import pytest
import sqlalchemy as sa

from app.accounts import relays
from app.accounts.models import AuditEntry, Member
from app.core.clock import now
from app.core.db import db, transaction
from app.delivery.models import Outage, ProviderPace
from app.mailer.pacing import FREE, SLOW
from tests.conftest import Client, Person

PAGE = "/staff/mail-server"


@pytest.fixture
def service(staff: Client, sam: Person) -> Client:
    with transaction():
        db.session.get_one(Member, sam.member.id).staff_roles = ["service"]
    return staff


def test_it_says_when_all_is_well(service: Client) -> None:
    page = service.get(PAGE).text

    assert relays.operator().host in page
    assert "Out since" not in page
    assert "Nobody. Providers that ask" in page


def test_who_is_slowed_goes_at_full_speed_when_staff_says_so(service: Client) -> None:
    relay = relays.operator().key
    with transaction():
        db.session.add(Outage(relay=relay, since=now(), until=now(), reason="It is away."))
        db.session.add(
            ProviderPace(
                relay=relay, provider="gmail", phase=SLOW, per_minute=30.0, goal=60.0,
                since=time.time(), changed_at=time.time(), refused_at=time.time(),
                why="421 slow down, said to ann@example.com",
            )
        )  # fmt: skip

    page = service.get(PAGE).text
    assert "It is away." in page
    assert "gets about 30 mails a minute" in page
    assert "ann@example.com" not in page, "a reader of some account"

    assert service.post(f"{PAGE}/full-speed").status_code == 303
    assert db.session.scalar(sa.select(ProviderPace.phase)) == FREE
    assert "gets about" not in service.get(PAGE).text
    verbs = db.session.scalars(sa.select(AuditEntry.verb)).all()
    assert "mail_server.full_speed" in verbs


def test_others_do_not_find_it(staff: Client) -> None:
    assert staff.get(PAGE).status_code == 404
    assert staff.post(f"{PAGE}/full-speed").status_code == 404
