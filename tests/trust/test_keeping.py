"""What is over is forgotten by itself, and pages say so."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from app.accounts import notices
from app.accounts.models import Notice
from app.core import keeping
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid
from app.delivery.models import Event
from app.desk.models import Ticket
from app.trust import forgetting, walking
from app.trust.models import KeepingChoice, KeepingDay
from tests.architecture import everything
from tests.conftest import Client, Person


@pytest.fixture
def olga(alice: Person) -> Person:
    """Works for the operator, for the service."""
    with transaction():
        alice.member.staff_roles = ["service"]
    return alice


def enquire(days_ago: int) -> None:
    with transaction():
        at = now() - timedelta(days=days_ago)
        db.session.add(
            Ticket(
                reference=f"ABC{days_ago:05}", email="v@x.example", subject="?", state="closed",
                opened_at=at, closed_at=at,
            )
        )  # fmt: skip


def test_every_rule_says_what_why_and_how_long(app: Flask) -> None:
    for kept in keeping.everything():
        assert kept.rule.what, kept.rule.key
        assert kept.rule.why.endswith("."), kept.rule.key
        assert kept.how_long, kept.rule.key
        if kept.rule.most:
            assert kept.rule.days is not None
            assert kept.rule.least <= kept.rule.days <= kept.rule.most


def test_what_is_older_goes_and_the_day_says_how_much(olga: Person, client: Client) -> None:
    for days_ago in (800, 790, 10):
        enquire(days_ago)

    forgetting.keep_due()

    assert db.session.scalar(sa.select(sa.func.count(Ticket.id))) == 1
    assert db.session.scalars(
        sa.select(KeepingDay.n).where(KeepingDay.key == "enquiries")
    ).all() == [2]
    client.sign_in(olga)
    assert "2 in 30 days" in client.get("/staff/keeping").text
    assert "Letters to the operator" in client.get("/settings/keeping").text


def test_a_rule_rests_for_an_hour_after_its_turn(olga: Person) -> None:
    forgetting.keep_due()
    enquire(800)

    assert forgetting.keep_due() == 0
    with time_machine.travel(now() + timedelta(hours=1, minutes=1)):
        assert forgetting.keep_due() == 1


def test_the_operator_chooses_within_bounds(olga: Person, client: Client) -> None:
    enquire(100)
    client.sign_in(olga)

    refused = client.post("/staff/keeping/enquiries", data={"days": "10"})
    taken = client.post("/staff/keeping/enquiries", data={"days": "90"})

    assert refused.status_code == 422
    assert "from 90 to 3,650" in refused.text
    assert taken.status_code == 303
    assert keeping.days("enquiries") == 90
    forgetting.keep_due()
    forgotten = sa.select(KeepingDay.n).where(KeepingDay.key == "enquiries")
    assert db.session.scalars(forgotten).all() == [1]
    db.session.rollback()
    assert client.post("/staff/keeping/none", data={"days": "9"}).status_code == 404
    with pytest.raises(Invalid, match="promise"), transaction():
        forgetting.choose(olga.member, "import_journals", 5)


def test_members_see_the_rules_and_cannot_choose(bob: Person, client: Client) -> None:
    client.sign_in(bob)

    assert client.get("/settings/keeping").status_code == 200
    assert client.get("/staff/keeping").status_code == 404
    assert client.post("/staff/keeping/enquiries", data={"days": "90"}).status_code == 404


def test_mails_of_the_service_go_in_slices(olga: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "SLICE", 3)
    with transaction():
        for n in range(7):
            notices.queue("password_changed", f"p{n}@x.example", person="P")
        db.session.execute(
            sa.update(Notice).values(state="sent", created_at=now() - timedelta(days=31))
        )

    assert forgetting.keep("notices") == 7
    assert db.session.scalar(sa.select(sa.func.count(Notice.id))) == 0


def test_old_readings_lose_their_person_and_young_ones_keep_them(
    alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = everything.make(alice, bob)
    monkeypatch.setattr(walking, "STRIDE", 2)
    monkeypatch.setattr(forgetting, "SLICE", 2)
    with transaction():
        for kind, days_ago in (
            ("open", 2000), ("click", 1500), ("bounce", 1400), ("open", 1300), ("open", 5),
        ):  # fmt: skip
            db.session.add(
                Event(
                    campaign_id=ids["campaign_id"], delivery_id=ids["delivery_id"],
                    contact_id=ids["contact_id"], kind=kind, verdict="human",
                    at=now() - timedelta(days=days_ago),
                )
            )  # fmt: skip
            db.session.flush()

    forgetting.keep("readings")
    forgetting.keep("readings")

    people = db.session.execute(sa.select(Event.kind, Event.contact_id).order_by(Event.id)).all()
    who = ids["contact_id"]
    assert [tuple(row) for row in people] == [
        ("open", None), ("click", None), ("bounce", who), ("open", None), ("open", who),
    ]  # fmt: skip
    assert db.session.get_one(KeepingChoice, "readings").place > 0


def test_days_are_asked_only_of_rules_that_count_days(app: Flask) -> None:
    with pytest.raises(ValueError, match="audit"):
        keeping.days("audit")
