"""Paying at a third party: what is told, what is heard, what is never held."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

import app.factory  # noqa: F401  # knows every part, so that every table is known here
from app.accounts.models import AuditEntry
from app.billing import contracts, jobs, looking, standing
from app.billing.contracts import PaidAlready
from app.billing.models import Contract, PlanGrant
from app.billing.provider import Step
from app.billing.stripe import Stripe, amount
from app.core import settings as process_settings
from app.core.clock import now
from app.core.db import Base, db, transaction
from app.core.errors import Invalid
from app.plans import allowance
from app.plans.models import LimitNotice
from app.privacy import processors
from tests.billing.conftest import contract_now, look_again, mails_of, plan_now
from tests.conftest import Client, Person
from tests.paymentserver import PaymentServer


def test_the_way_to_pay_and_back(client: Client, alice: Person, payments: PaymentServer) -> None:
    client.sign_in(alice)
    notice = client.get("/settings/billing/leave?plan=small")
    page = notice.get_data(as_text=True)
    assert "You are leaving LeaderSend" in page
    assert "https://stripe.com/privacy" in page
    assert payments.url in notice.headers["Content-Security-Policy"]

    gone = client.post("/settings/billing/checkout", data={"plan": "small"})
    assert gone.status_code == 303
    assert gone.location.startswith(f"{payments.url}/pay/cs_test_")
    customer = next(iter(payments.customers.values()))
    assert customer["email"] == "alice@bakery.example"
    assert customer["metadata[account]"] == str(alice.account.id)

    payments.pay(gone.location.rsplit("/", 1)[1])
    back = client.get("/settings/billing?paid=small").get_data(as_text=True)
    assert "Your payment is being confirmed" in back
    assert plan_now(alice.account) == "free", "looking at a page changes nothing"

    look_again(alice.account)
    assert plan_now(alice.account) == "small"
    page = client.get("/settings/billing").get_data(as_text=True)
    assert "Paid until" in page
    assert "being confirmed" not in page
    listed = client.get("/settings/billing/invoices").get_data(as_text=True)
    assert "BAKE-" in listed
    assert "9.00 EUR" in listed
    assert f"{payments.url}/invoice/in_" in listed
    [told] = mails_of("plan_changed")
    assert told.subject == "Bakery has the plan Small now"


def test_a_checkout_is_looked_at_without_any_event(alice: Person, payments: PaymentServer) -> None:
    step = contracts.begin_checkout(alice.account, alice.member, "small")
    payments.pay(step.ref)
    with transaction():
        db.session.execute(sa.update(Contract).values(look_at=now() - timedelta(seconds=1)))

    jobs.look()

    assert plan_now(alice.account) == "small"
    later = contract_now(alice.account).look_at
    assert later is not None
    assert later - now() > timedelta(hours=23), "once a day from then on"


def test_pressing_twice_leads_to_one_page_and_an_older_page_dies(
    alice: Person, payments: PaymentServer
) -> None:
    first = contracts.begin_checkout(alice.account, alice.member, "small")
    again = contracts.begin_checkout(alice.account, alice.member, "small")
    other = contracts.begin_checkout(alice.account, alice.member, "large")

    assert first.ref == again.ref
    assert payments.sessions[first.ref]["status"] == "expired"
    assert payments.sessions[other.ref]["status"] == "open"
    assert len(payments.customers) == 1

    back = contracts.begin_checkout(alice.account, alice.member, "small")
    assert [ref for ref, one in payments.sessions.items() if one["status"] == "open"] == [back.ref]


def test_of_two_who_begin_at_once_one_page_is_left(
    alice: Person, payments: PaymentServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = Stripe.checkout

    def choose_another_meanwhile(self: Stripe, *args: Any, **named: Any) -> Step:
        monkeypatch.undo()
        contracts.begin_checkout(alice.account, alice.member, "large")
        return checkout(self, *args, **named)

    monkeypatch.setattr(Stripe, "checkout", choose_another_meanwhile)
    last = contracts.begin_checkout(alice.account, alice.member, "small")

    states = {ref: session["status"] for ref, session in payments.sessions.items()}
    assert len(states) == 2
    assert [ref for ref, status in states.items() if status == "open"] == [last.ref]


def test_nobody_pays_twice(
    client: Client, alice: Person, payments: PaymentServer, paying: dict[str, Any]
) -> None:
    with pytest.raises(PaidAlready):
        contracts.begin_checkout(alice.account, alice.member, "large")

    client.sign_in(alice)
    assert "Customer portal" in client.get("/settings/billing/leave?plan=large").text


def test_the_portal_is_open_to_who_has_paid(
    client: Client, alice: Person, charlie: Person, payments: PaymentServer, paying: dict[str, Any]
) -> None:
    client.sign_in(alice)
    assert client.post("/settings/billing/portal").location.startswith(f"{payments.url}/portal/")

    client.sign_in(charlie)
    assert client.post("/settings/billing/portal").status_code == 404


def test_only_owners_see_and_change_what_is_paid(
    client: Client, alice: Person, bob: Person, payments: PaymentServer, paying: dict[str, Any]
) -> None:
    client.sign_in(bob)
    calls = len(payments.calls)

    for path in ("", "/invoices", "/leave", "/cancel", "/state"):
        assert client.get(f"/settings/billing{path}").status_code == 403
    for path in ("/contact", "/checkout", "/portal", "/cancel", "/keep"):
        assert client.post(f"/settings/billing{path}", data={"plan": "large"}).status_code == 403
    assert len(payments.calls) == calls


def test_cancelling_keeps_the_plan_to_the_end_and_can_be_taken_back(
    client: Client, alice: Person, payments: PaymentServer, paying: dict[str, Any]
) -> None:
    client.sign_in(alice)
    assert "Nothing is deleted" in client.get("/settings/billing/cancel").text

    client.post("/settings/billing/cancel")
    look_again(alice.account)
    assert contract_now(alice.account).ends_at is not None
    assert plan_now(alice.account) == "small"
    assert "Let it go on" in client.get("/settings/billing").text

    client.post("/settings/billing/keep")
    look_again(alice.account)
    assert contract_now(alice.account).ends_at is None


def test_when_it_ends_nothing_is_lost_and_the_owners_hear_what_is_over(
    alice: Person, payments: PaymentServer, paying: dict[str, Any], with_contacts: Any
) -> None:
    with_contacts(40)
    payments.end(paying)
    look_again(alice.account)

    assert plan_now(alice.account) == "free"
    jobs.tend()
    until = allowance.grace_until(alice.account, 40)
    assert until is not None
    mail = mails_of("plan_changed")[-1]
    assert "40 contacts, where the plan has 10" in mail.text
    assert f"go out until {allowance.day(until.date())}; after that they wait" in mail.text
    assert timedelta(days=13) < until - now() <= timedelta(days=14)


def test_days_with_too_many_contacts_are_not_promised_twice(
    client: Client, alice: Person, payments: PaymentServer, paying: dict[str, Any],
    with_contacts: Any,
) -> None:  # fmt: skip
    client.sign_in(alice)
    with_contacts(40)
    assert "go out for 14 more days" in client.get("/settings/billing/cancel").text
    with_contacts(1000)
    began = now() - timedelta(days=4)
    with transaction():
        over = {"what": "contacts", "level": allowance.OVER, "period": "", "at": began}
        db.session.add(LimitNotice(account_id=alice.account.id, **over))
    until = allowance.day((began + allowance.GRACE).date())

    page = client.get("/settings/billing/cancel").text
    assert "more days" not in page
    assert "as there are more than you have room for already" in page
    payments.end(paying)
    look_again(alice.account)
    assert f"go out until {until}; after that they wait" in mails_of("plan_changed")[-1].text


def test_a_payment_that_fails_has_a_grace_two_notices_and_an_end(
    client: Client, alice: Person, payments: PaymentServer, paying: dict[str, Any]
) -> None:
    payments.fail(paying)
    for _ in range(2):
        look_again(alice.account)
    assert plan_now(alice.account) == "small"
    assert [mail.subject for mail in mails_of("payment_failed")] == [
        "The payment for your plan did not work"
    ]
    client.sign_in(alice)
    assert "last payment did not work" in client.get("/settings/billing").text

    _fail_since(days=11)
    for _ in range(2):
        jobs.tend()
    assert len(mails_of("payment_failed")) == 2
    assert plan_now(alice.account) == "small"

    _fail_since(days=15)
    jobs.tend()
    assert plan_now(alice.account) == "free"

    payments.recover(paying)
    look_again(alice.account)
    assert plan_now(alice.account) == "small"
    assert contract_now(alice.account).failing_since is None


def _fail_since(*, days: int) -> None:
    with transaction():
        values = {"failing_since": now() - timedelta(days=days)}
        db.session.execute(sa.update(Contract).values(values))


def test_while_the_provider_is_away_nothing_changes(
    client: Client, alice: Person, payments: PaymentServer, paying: dict[str, Any]
) -> None:
    payments.is_down = True
    look_again(alice.account)

    assert plan_now(alice.account) == "small"
    assert "cannot answer" in contract_now(alice.account).problem
    client.sign_in(alice)
    assert client.get("/settings/billing").status_code == 200
    assert "cannot answer" in client.get("/settings/billing/invoices").text
    assert client.post("/settings/billing/portal").status_code == 503
    assert client.post("/settings/billing/cancel").status_code == 503

    payments.is_down = False
    look_again(alice.account)
    assert contract_now(alice.account).problem == ""


def test_invoices_go_where_the_owner_says(
    client: Client, alice: Person, payments: PaymentServer, paying: dict[str, Any]
) -> None:
    client.sign_in(alice)
    form = {"email": "books@bakery.example", "name": "Bakery Ltd", "reference": "PO 7"}
    client.post("/settings/billing/contact", data=form)

    customer = payments.customers[str(contract_now(alice.account).customer_ref)]
    assert (customer["email"], customer["name"]) == ("books@bakery.example", "Bakery Ltd")
    assert customer["invoice_settings[custom_fields][0][value]"] == "PO 7"
    payments.fail(paying)
    look_again(alice.account)
    assert [mail.to_email for mail in mails_of("payment_failed")] == ["books@bakery.example"]
    answer = client.post("/settings/billing/contact", data={"email": "no address"})
    assert answer.status_code == 422


@pytest.mark.parametrize("field", ["email", "name", "reference"])
def test_a_card_number_is_refused_wherever_it_is_typed(
    client: Client, alice: Person, payments: PaymentServer, field: str
) -> None:
    client.sign_in(alice)

    answer = client.post("/settings/billing/contact", data={field: "4111 1111 1111 1111"})

    assert answer.status_code == 422
    assert "card number" in answer.text
    assert db.session.scalar(sa.select(Contract.name)) is None


def test_the_register_names_who_takes_the_payments(payments: PaymentServer) -> None:
    config = process_settings.get()

    assert "Stripe" in [one.name for one in processors.of_settings(config)]
    without = replace(config, STRIPE_SECRET_KEY="")
    assert "Stripe" not in [one.name for one in processors.of_settings(without)]


def test_no_table_has_a_place_for_a_card() -> None:
    forbidden = re.compile(r"(^|_)(card|pan|cvc|cvv|csc|iban|expir(y|ation)|security_code)(_|$)")
    columns = [
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
    ]

    assert "contract.customer_ref" in columns
    assert [name for name in columns if forbidden.search(name.replace(".", "_"))] == []


def test_what_the_operator_gives_counts_until_it_is_over(
    plans: object, alice: Person, charlie: Person
) -> None:
    with transaction():
        standing.give(
            alice.account, charlie.member, plan="small", reason="They had a bad week.",
            until=now() + timedelta(days=30),
        )  # fmt: skip
        standing.give(alice.account, charlie.member, mails=100, reason="To make up for it.")
    assert plan_now(alice.account) == "small"
    assert allowance.left(alice.account) == 150
    said = db.session.scalars(sa.select(AuditEntry.about).where(AuditEntry.verb == "plan.grant"))
    assert "plan small: They had a bad week." in list(said)

    with transaction():
        values = {"until": now() - timedelta(minutes=1)}
        db.session.execute(sa.update(PlanGrant).where(PlanGrant.plan != "").values(values))
    jobs.tend()
    assert plan_now(alice.account) == "free"

    for wrong in ({"plan": "small", "reason": ""}, {"reason": "For nothing"},
                  {"plan": "golden", "reason": "They asked"}):  # fmt: skip
        with pytest.raises(Invalid), transaction():
            standing.give(alice.account, charlie.member, **wrong)  # type: ignore[arg-type]


def test_what_is_paid_holds_when_a_smaller_one_was_given(
    alice: Person, charlie: Person, payments: PaymentServer, paying: dict[str, Any]
) -> None:
    with transaction():
        standing.give(alice.account, charlie.member, plan="free", reason="By mistake.")

    assert plan_now(alice.account) == "small"


def test_two_that_are_paid_at_once_are_seen_and_the_working_one_counts(
    alice: Person, payments: PaymentServer, paying: dict[str, Any]
) -> None:
    second = payments._subscribe(paying["customer"], "price_large")
    second["status"] = "past_due"
    look_again(alice.account)
    assert plan_now(alice.account) == "small"

    paying["status"] = "canceled"
    second["status"] = "active"
    look_again(alice.account)
    assert plan_now(alice.account) == "large"


def test_two_who_look_at_once_ask_once(
    alice: Person, payments: PaymentServer, paying: dict[str, Any]
) -> None:
    with transaction():
        db.session.execute(sa.update(Contract).values(look_at=now()))
    calls = len(payments.calls)

    assert [looking.look(alice.account.id), looking.look(alice.account.id)] == [True, False]
    assert len(payments.calls) == calls + 1


def test_amounts_have_the_places_of_their_currency() -> None:
    assert [amount(123456, "eur"), amount(5000, "jpy")] == ["1,234.56 EUR", "5,000 JPY"]
