"""A campaign ready to go, and a worker that works it to the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts import relays
from app.accounts.models import Sender
from app.campaigns.models import Campaign, CampaignAudience
from app.contacts.models import Contact, ContactList, Subscription
from app.core.clock import now
from app.core.db import db, transaction
from app.delivery import sending, starting, sweeping
from app.delivery.models import Delivery, Tally
from app.delivery.receipts import Receipt, receipt
from app.mailer.address import parse
from app.mailer.smtp import RelaySettings
from tests.conftest import Person
from tests.faultserver import FaultServer

BODY = """
# Hello {{ contact.first_name | default: "friend" }}

Fresh [rolls](https://bakery.example/rolls?a=1&b=2) every morning,
[for you](https://bakery.example/for/{{ contact.first_name }}).
"""


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.fixture
def to_server(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> FaultServer:
    """Every sender's mail goes to the misbehaving server."""
    settings = RelaySettings.from_url(server.url)
    monkeypatch.setattr(relays, "for_sender", lambda account_id, email: settings)
    monkeypatch.setattr(relays, "in_turn", lambda account_id, email: iter([settings]))
    monkeypatch.setattr(relays, "keys_for", lambda account_id, email: [settings.key])
    return server


@pytest.fixture
def campaign_to(app: Flask, alice: Person) -> Callable[..., Campaign]:
    """campaign_to(addresses) makes a sending campaign to a list of them."""

    def make(addresses: list[str], *, names: list[str] | None = None, **values: object) -> Campaign:
        account_id = alice.account.id
        with transaction():
            chosen = ContactList(account_id=account_id, name=f"Friends {now().timestamp()}")
            db.session.add(chosen)
            db.session.flush()
            rows = [parse(address) for address in addresses]
            contacts = [
                {
                    "account_id": account_id, "email": row.email, "address": row.address,
                    "first_name": names[i] if names else "", "fields": {},
                }
                for i, row in enumerate(rows)
            ]  # fmt: skip
            ids = db.session.scalars(sa.insert(Contact).returning(Contact.id), contacts).all()
            db.session.execute(
                sa.insert(Subscription),
                [
                    {"contact_id": one, "list_id": chosen.id, "account_id": account_id}
                    for one in ids
                ],
            )
            fields: dict[str, object] = {
                "name": "News", "subject": "Rolls for {{ contact.first_name | default: 'you' }}",
                "from_name": "Alice's Bakery", "from_email": "alice@bakery.example",
                "body": BODY, "state": "sending", "started_at": now(), **values,
            }  # fmt: skip
            _confirm(account_id, str(fields["from_email"]))
            campaign = Campaign(account_id=account_id, **fields)
            campaign.audience.append(CampaignAudience(list_id=chosen.id))
            db.session.add(campaign)
        return campaign

    return make


def _confirm(account_id: int, email: str) -> None:
    known = sa.select(Sender.id).where(Sender.account_id == account_id, Sender.email == email)
    if db.session.scalar(known) is None:
        db.session.add(Sender(account_id=account_id, email=email, confirmed_at=now()))


def work(campaign: Campaign, *, rounds: int = 200) -> Receipt:
    """Plan, then send batch by batch until nothing can go out now."""
    starting.plan(campaign.id)
    for _ in range(rounds):
        waiting = sweeping.waiting_batches(campaign.id)
        if not waiting:
            break
        for batch_id in waiting:
            sending.send_batch(batch_id)
    db.session.rollback()
    return check(campaign)


def check(campaign: Campaign) -> Receipt:
    """The receipt, after making sure that the kept counters are true."""
    db.session.rollback()
    db.session.expire_all()
    rows = db.session.execute(
        sa.select(Delivery.state, sa.func.count())
        .where(Delivery.campaign_id == campaign.id)
        .group_by(Delivery.state)
    ).all()
    true = {row[0]: row[1] for row in rows}
    kept = receipt(campaign.id)
    assert kept.sent == true.get("sent", 0)
    assert kept.failed == true.get("failed", 0)
    assert kept.uncertain == true.get("uncertain", 0)
    assert sum(kept.skipped.values()) == true.get("skipped", 0)
    assert kept.pending == sum(true.get(s, 0) for s in ("pending", "sending", "deferred"))
    assert kept.intended == sum(true.values())
    _check_reasons(campaign)
    return kept


def _check_reasons(campaign: Campaign) -> None:
    """Failures are counted by whose fault they are, as the rows say."""
    of_rows = (
        sa.select(Delivery.reason, sa.func.count())
        .where(Delivery.campaign_id == campaign.id, Delivery.state == "failed")
        .group_by(Delivery.reason)
    )
    of_counters = sa.select(Tally.reason, Tally.n).where(
        Tally.campaign_id == campaign.id, Tally.state == "failed", Tally.n > 0
    )
    rows = {reason or "": n for reason, n in db.session.execute(of_rows)}
    assert {row.reason: row.n for row in db.session.execute(of_counters)} == rows


def states(campaign: Campaign) -> dict[str, str]:
    """Address → state."""
    db.session.rollback()
    rows = db.session.execute(
        sa.select(Contact.address, Delivery.state)
        .join(Delivery, Delivery.contact_id == Contact.id)
        .where(Delivery.campaign_id == campaign.id)
    ).all()
    return {row[0]: row[1] for row in rows}


def make_due(campaign: Campaign) -> None:
    """Time passes until all deferred mails are due."""
    with transaction():
        db.session.execute(
            sa.update(Delivery)
            .where(Delivery.campaign_id == campaign.id, Delivery.state == "deferred")
            .values(next_try_at=now() - timedelta(seconds=1))
            .execution_options(synchronize_session=False)
        )
