"""Events of the payment provider: proven, fresh, of this installation, each once."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.billing import events, looking
from app.billing.models import Contract, PaymentEvent
from app.billing.provider import Paid
from app.core import settings as process_settings
from app.core.clock import now
from app.core.db import db, transaction
from tests.billing.conftest import contract_now, look_again, plan_now
from tests.conftest import Client, Person
from tests.paymentserver import SECRET, PaymentServer, signature


def post(client: Client, body: bytes, header: str | None = None) -> int:
    header = signature(body, SECRET) if header is None else header
    return client.post(
        "/payments/events", data=body, headers={"Stripe-Signature": header}
    ).status_code


def kept() -> int:
    db.session.rollback()
    return db.session.scalar(sa.select(sa.func.count()).select_from(PaymentEvent)) or 0


def test_an_event_leads_to_a_look_and_nothing_of_it_is_kept_but_its_number(
    client: Client, alice: Person, payments: PaymentServer, paying: dict[str, Any]
) -> None:
    assert plan_now(alice.account) == "small"
    payments.switch(paying, "price_large")

    assert post(client, payments.event("customer.subscription.updated", paying)) == 200
    assert looking.look_at_due() == 1

    assert plan_now(alice.account) == "large"
    row = db.session.scalars(sa.select(PaymentEvent)).one()
    assert (row.kind, row.is_ours) == ("customer.subscription.updated", True)


def test_a_replay_counts_once(
    client: Client, payments: PaymentServer, paying: dict[str, Any]
) -> None:
    body = payments.event("invoice.paid", paying)
    header = signature(body, SECRET)

    assert [post(client, body, header) for _ in range(3)] == [200, 200, 200]
    assert kept() == 1
    assert looking.look_at_due() == 1
    assert post(client, body, header) == 200
    assert looking.look_at_due() == 0


@pytest.mark.parametrize(
    "header",
    [
        "", "t=1", "v1=00", "t=x,v1=00", "t=99999999999999,v1=00", "t=1,t=2,v1=00",
        "t=-5,v1=00", "t=²,v1=00", "t=1700000000,v1=", "t={now},v1=ÿ",
    ],
)  # fmt: skip
def test_what_is_not_signed_is_refused(
    client: Client, payments: PaymentServer, paying: dict[str, Any], header: str
) -> None:
    body = payments.event("invoice.paid", paying)
    header = header.replace("{now}", str(int(time.time())))

    assert post(client, body, header.encode().decode("latin-1")) == 400
    assert kept() == 0


def test_what_somebody_else_signed_or_changed_is_refused(
    client: Client, payments: PaymentServer, paying: dict[str, Any]
) -> None:
    body = payments.event("invoice.paid", paying)

    assert post(client, body, signature(body, "whsec_of_somebody_else")) == 400
    assert post(client, body + b" ", signature(body, SECRET)) == 400
    assert post(client, body, signature(body, SECRET).replace("v1=", "v0=")) == 400
    assert kept() == 0


def test_an_old_one_is_refused_and_one_from_the_future_too(
    client: Client, payments: PaymentServer, paying: dict[str, Any]
) -> None:
    body = payments.event("invoice.paid", paying)

    for away in (-301, 400):
        assert post(client, body, signature(body, SECRET, at=time.time() + away)) == 400
    assert post(client, body, signature(body, SECRET, at=time.time() - 280)) == 200


def test_two_secrets_hold_while_one_replaces_the_other(
    client: Client, payments: PaymentServer, paying: dict[str, Any]
) -> None:
    config = process_settings.get()
    process_settings.configure(replace(config, STRIPE_WEBHOOK_SECRETS=("whsec_new", SECRET)))
    old, new, both = (payments.event("invoice.paid", paying) for _ in range(3))

    assert post(client, old, signature(old, SECRET)) == 200
    assert post(client, new, signature(new, "whsec_new")) == 200
    assert post(client, both, signature(both, "whsec_gone", "whsec_new")) == 200
    process_settings.configure(replace(config, STRIPE_WEBHOOK_SECRETS=()))
    assert post(client, old, signature(old, "")) == 400


def test_signed_rubbish_and_the_other_mode_are_refused(
    client: Client, payments: PaymentServer, paying: dict[str, Any]
) -> None:
    live = payments.event("invoice.paid", paying, live=True)
    for body in (live, b"", b"[]", b"{", b'{"object":"event"}', b'{"object":"event","id":7}'):
        assert post(client, body) == 400
    assert post(client, json.dumps({"object": "event", "id": "e" * 300}).encode()) == 400
    assert kept() == 0


def test_an_event_about_somebody_unknown_changes_nobody(
    client: Client, alice: Person, payments: PaymentServer, paying: dict[str, Any]
) -> None:
    before = contract_now(alice.account).look_at

    for thing in ({"customer": "cus_of_another_shop"}, {"customer": 5}, {}, "x", None):
        assert post(client, payments.event("customer.subscription.deleted", thing)) == 200  # type: ignore[arg-type]

    assert contract_now(alice.account).look_at == before
    assert {row.is_ours for row in db.session.scalars(sa.select(PaymentEvent))} == {False}


def test_events_out_of_order_end_in_what_is_so_now(
    client: Client, alice: Person, payments: PaymentServer, paying: dict[str, Any]
) -> None:
    deleted = payments.event("customer.subscription.deleted", paying)
    updated = payments.event("customer.subscription.updated", paying)
    paying["status"] = "canceled"

    for body in (deleted, updated):
        post(client, body)
        looking.look_at_due()

    assert contract_now(alice.account).state == "canceled"
    assert plan_now(alice.account) == "free"


def test_a_late_answer_does_not_undo_a_later_question(
    alice: Person, payments: PaymentServer, paying: dict[str, Any]
) -> None:
    contract = contract_now(alice.account)
    asked_at = contract.asked_at
    assert asked_at is not None
    paying["status"] = "canceled"
    look_again(alice.account)

    with transaction():
        looking._record(alice.account.id, [Paid(paying["id"], "price_small", "active")], asked_at)

    assert contract_now(alice.account).state == "canceled"


def test_old_numbers_are_forgotten(
    client: Client, payments: PaymentServer, paying: dict[str, Any]
) -> None:
    post(client, payments.event("invoice.paid", paying))
    with transaction():
        assert events.forget_old(now() - timedelta(days=1)) == 0
        assert events.forget_old(now() + timedelta(days=1)) == 1
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Contract)) == 1
