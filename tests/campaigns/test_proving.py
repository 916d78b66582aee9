"""Mail that nobody would take is stopped before it leaves; DNS that is away stops nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.accounts.models import DomainCheck
from app.campaigns import checks, proving
from app.campaigns.models import Campaign
from app.core.clock import now
from app.core.db import db, transaction
from tests.conftest import Person

Draft = Callable[..., Campaign]
RIGHT = {"dkim": "ok", "spf": "ok", "dmarc": "ok", "alignment": "ok", "envelope": "ok"}


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """The three people of the newsletter are bulk mail."""
    monkeypatch.setattr(proving, "BULK", 2)


def dns_says(alice: Person, *, age: timedelta = timedelta(), **levels: str) -> None:
    findings = [
        {"code": code, "level": level, "title": code.upper(), "words": "As it is."}
        for code, level in {**RIGHT, **levels}.items()
    ]
    with transaction():
        db.session.add(
            DomainCheck(
                account_id=alice.account.id, domain="bakery.example", checked_at=now() - age,
                findings=findings, good=[],
            )
        )  # fmt: skip


def level(campaign: Campaign) -> str:
    return "".join(one.level for one in checks.preflight(campaign) if one.code == "dns")


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ({}, ""),
        ({"dmarc": "bad"}, "block"),
        ({"dkim": "bad"}, "warn"),
        ({"dkim": "bad", "envelope": "bad"}, "block"),
        ({"dkim": "bad", "spf": "bad"}, "warn"),
        ({"shared": "bad"}, "block"),
        ({"dmarc": "unknown", "dkim": "unknown"}, ""),
        ({"dmarc": "warn", "bounces": "bad"}, ""),
    ],
)
def test_bulk_mail_is_judged_by_dns(
    draft: Draft, alice: Person, levels: dict[str, str], expected: str
) -> None:
    dns_says(alice, **levels)

    assert level(draft()) == expected


def test_a_block_says_where_to_mend_it_and_stops_sending(draft: Draft, alice: Person) -> None:
    dns_says(alice, dmarc="bad")

    with pytest.raises(checks.NotReady) as refused:
        checks.demand_ready(draft())

    (finding,) = refused.value.findings
    assert finding.fix == "/settings/domains/bakery.example"
    assert "DMARC: As it is." in finding.text


def test_few_recipients_are_only_warned(
    draft: Draft, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proving, "BULK", 3)
    dns_says(alice, dmarc="bad")

    assert level(draft()) == "warn"


def test_whoever_the_operator_vouches_for_is_only_warned(draft: Draft, alice: Person) -> None:
    dns_says(alice, dmarc="bad")
    with transaction():
        alice.account.vouched = True

    assert level(draft()) == "warn"


def test_yesterday_s_answer_stops_nobody(draft: Draft, alice: Person) -> None:
    dns_says(alice, dmarc="bad", age=timedelta(hours=25))

    assert level(draft()) == "warn"


def test_where_nobody_asked_nothing_is_said(draft: Draft) -> None:
    assert level(draft()) == ""
