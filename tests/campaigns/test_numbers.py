"""How many people a campaign reaches: no page waits for it, and the number comes when counted."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from app.campaigns import audience, checks, jobs, numbers
from app.campaigns.models import Campaign
from app.contacts.models import ContactList
from app.contacts.segments import counting
from app.core import clock, queue_server
from app.core import jobs as queueing
from app.core.db import db
from tests.campaigns.conftest import add_people
from tests.conftest import Client, Person

Draft = Callable[..., Campaign]


def work() -> None:
    worker = SimpleWorker(
        [queueing.queue("work")], connection=queue_server.client(), serializer=JSONSerializer
    )
    worker.work(burst=True, logging_level="ERROR")
    db.session.expire_all()


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the account had very many people."""
    monkeypatch.setattr(counting, "FEW_PEOPLE", -1)


def test_pages_of_a_large_account_count_nobody(
    client: Client, alice: Person, draft: Draft, large: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = draft()
    client.sign_in(alice)
    base = f"/campaigns/{campaign.id}"

    with monkeypatch.context() as patch:
        patch.setattr(audience, "count_both", None)
        shown = client.htmx("GET", f"{base}/numbers").text
        findings = client.htmx("GET", f"{base}/findings").text
        send = client.get(f"{base}/send").text
        waits = client.htmx("GET", f"{base}/numbers?then=refresh")
    assert "Counting…" in shown
    assert f'hx-get="{base}/numbers"' in shown
    assert "The people are being counted." in findings
    assert f'hx-get="{base}/findings"' in findings
    assert re.search(r"<button[^>]* disabled>.*Send, once the people are counted", send)
    assert "HX-Refresh" not in waits.headers

    work()
    with monkeypatch.context() as patch:
        patch.setattr(audience, "count_both", None)
        shown = client.htmx("GET", f"{base}/numbers").text
        findings = client.htmx("GET", f"{base}/findings").text
        send = client.get(f"{base}/send").text
        waits = client.htmx("GET", f"{base}/numbers?then=refresh")
    assert "3 people" in shown
    assert "hx-get" not in shown
    assert "3 people will get it." in findings
    assert "Send to 3 people" in send
    assert waits.headers["HX-Refresh"] == "true"


def test_an_old_number_stays_until_there_is_a_new_one(
    alice: Person, newsletter: ContactList, draft: Draft, large: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    campaign = draft()
    assert numbers.shown(campaign) is None
    jobs.count_people(campaign.id)
    assert numbers.shown(campaign) == numbers.Numbers(3, {})
    add_people(alice.account, newsletter, "Dora")
    assert numbers.shown(campaign) == numbers.Numbers(3, {})

    later = clock.now() + timedelta(hours=1)
    monkeypatch.setattr(numbers, "now", lambda: later)
    assert numbers.shown(campaign) == numbers.Numbers(3, {}, is_old=True)
    jobs.count_people(campaign.id)
    assert numbers.shown(campaign) == numbers.Numbers(4, {})


def test_a_small_account_is_counted_at_once(draft: Draft) -> None:
    campaign = draft()

    assert numbers.shown(campaign) == numbers.Numbers(3, {})
    assert "counting" not in {one.code for one in checks.preflight(campaign)}
