"""Who pays, for what: read, made, told to the provider.

The provider is asked outside of transactions; what it says is written by `looking`.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import timedelta
from functools import partial

from app.accounts import auditing, owners
from app.accounts.models import Account, Member
from app.billing import provider
from app.billing.models import Contract
from app.billing.provider import Customer, PaymentsAway, PaymentsRefused, Step
from app.contacts.text import clean_line, refuse_card_number
from app.core import settings
from app.core.clock import now
from app.core.db import db, insert, transaction
from app.core.errors import Invalid, NotFound, WrongState
from app.core.tokens import hashed
from app.mailer import address as addresses
from app.plans.catalogue import Plan, catalogue

log = logging.getLogger(__name__)

#: What is paid for, as far as the provider is concerned.
LIVE = frozenset({"active", "trialing", "past_due", "unpaid", "paused"})
#: A second press of the button within this time leads to the same checkout.
SAME_CHECKOUT_S = 60
REFERENCE_LENGTH = 100


class PaidAlready(WrongState):
    """Somebody who pays would pay twice."""

    def __init__(self) -> None:
        super().__init__("You pay for a plan already. Change it in the customer portal.")


def of(account: Account) -> Contract | None:
    """What an account pays for; None where nobody ever asked."""
    return db.session.get(Contract, account.id)


def is_live(contract: Contract | None) -> bool:
    """Whether something is being paid for."""
    return contract is not None and contract.state in LIVE


def set_contact(account: Account, by: Member, *, email: str, name: str, reference: str) -> None:
    """Whom to write to about paying, and what stands on invoices. Raises Invalid, CardNumber.

    Call inside a transaction; then `tell_contact`.
    """
    for text, where in ((email, "The address"), (name, "The name"), (reference, "The reference")):
        refuse_card_number(text, where)
    contract = _row(account.id)
    contract.email = _address(email)
    contract.name = clean_line(name)
    contract.reference = clean_line(reference)[:REFERENCE_LENGTH]
    db.session.flush()
    auditing.note(account, by, "billing.contact", "who gets invoices")


def tell_contact(account: Account) -> None:
    """Tell the provider, where it knows the customer. Call outside of transactions."""
    contract = of(account)
    if contract is not None and contract.customer_ref and provider.is_set():
        ref, customer = contract.customer_ref, customer_of(account, contract)
        db.session.rollback()
        provider.get().change_customer(ref, customer)


def begin_checkout(account: Account, by: Member, plan_key: str) -> Step:
    """The page on which to pay for a plan. Call outside of transactions.

    Raises NotFound, PaidAlready, PaymentsAway, PaymentsRefused.
    """
    plan, account_id = buyable(plan_key), account.id
    payments = provider.get()
    customer_ref = _customer(account)
    contract = db.session.get(Contract, account_id, populate_existing=True)
    if contract is None or is_live(contract):
        raise PaidAlready
    begun, moment = contract.checkout_ref, now()
    base = settings.get().BASE_URL
    key = _key("checkout", account_id, plan.price_id, int(moment.timestamp()) // SAME_CHECKOUT_S)
    db.session.rollback()
    ask = partial(
        payments.checkout, customer_ref, account_id, plan.price_id,
        done=f"{base}/settings/billing?paid={plan.key}", back=f"{base}/settings/billing",
    )  # fmt: skip
    step = ask(key=key)
    if begun and step.ref != begun and not payments.is_open(step.ref):
        # The answer of a moment ago once more, to a page that another plan has ended meanwhile.
        step = ask(key=_key(key, begun))
    with transaction():
        contract = _row(account_id)
        # Read only now: of two who begin at once, the later one sees the other's.
        before = contract.checkout_ref
        contract.checkout_ref, contract.checkout_at = step.ref, moment
        contract.look_at = moment + timedelta(seconds=10)
        auditing.note(account, by, "billing.checkout", f"plan {plan.key}")
    if before and before != step.ref:
        _end_checkout(before)
    return step


def open_portal(account: Account) -> Step:
    """The provider's page for cards, plans, addresses. Call outside of transactions.

    Raises NotFound, PaymentsAway, PaymentsRefused.
    """
    ref, account_id = _demand_customer(account), account.id
    db.session.rollback()
    step = provider.get().portal(ref, back=f"{settings.get().BASE_URL}/settings/billing")
    with transaction():
        # What is changed there is seen soon, also where no event comes.
        _row(account_id).look_at = now() + timedelta(seconds=20)
    return step


def set_end(account: Account, by: Member, *, ends: bool) -> None:
    """Let what is paid for end with its time, or go on. Call outside of transactions."""
    contract = of(account)
    if contract is None or not is_live(contract):
        raise WrongState("There is nothing that is paid for.")
    ref, account_id = contract.subscription_ref, account.id
    db.session.rollback()
    provider.get().set_end(ref, ends=ends)
    with transaction():
        _row(account_id).look_at = now()
        verb = "billing.cancel" if ends else "billing.keep"
        auditing.note(db.session.get(Account, account_id), by, verb)


def stop_paying(account_id: int) -> bool:
    """Before an account is erased: whether nothing goes on being paid for it, told to the provider
    where something would. A checkout may have been paid, or a plan kept in the portal, after its
    people said that they leave. Call outside of transactions.
    """
    contract = db.session.get(Contract, account_id, populate_existing=True)
    if contract is None or not is_live(contract) or contract.ends_at or not provider.is_set():
        return True
    ref = contract.subscription_ref
    db.session.rollback()
    try:
        provider.get().set_end(ref, ends=True)
    except (PaymentsAway, PaymentsRefused) as error:
        log.error("account %d waits to be erased, its plan cannot be ended: %s", account_id, error)
        return False
    with transaction():
        _row(account_id).look_at = now()
    return True


def buyable(key: str) -> Plan:
    """A plan that can be paid for. Raises NotFound."""
    plan = catalogue().get(key)
    if plan is None or not plan.price_id:
        raise NotFound("That plan")
    return plan


def customer_of(account: Account, contract: Contract | None) -> Customer:
    """What the provider is told."""
    email = (contract.email if contract else "") or owners.first_address(account.id)
    name = (contract.name if contract else "") or account.name
    return Customer(account.id, email, name, contract.reference if contract else "")


def _customer(account: Account) -> str:
    """The customer's reference; made where there is none, once whoever else asks."""
    with transaction():
        contract = _row(account.id)
        known, customer = contract.customer_ref, customer_of(account, contract)
    if known:
        return known
    key = _key("customer", customer.account_id, customer.email, customer.name, customer.reference)
    ref = provider.get().new_customer(customer, key)
    with transaction():
        contract = _row(customer.account_id)
        contract.customer_ref = contract.customer_ref or ref
        return contract.customer_ref


def _end_checkout(ref: str) -> None:
    """An older page must not be paid as well. One that is over already is as good, and where
    nobody answers just now it dies by itself within a day."""
    with suppress(PaymentsAway, PaymentsRefused):
        provider.get().end_checkout(ref)


def _demand_customer(account: Account) -> str:
    contract = of(account)
    if contract is None or not contract.customer_ref:
        raise NotFound("Anything that was paid for")
    return contract.customer_ref


def _key(what: str, *parts: object) -> str:
    """Names a call, so that it is done once; other installations have other keys."""
    secret = settings.get().SECRET_KEY
    return f"{what}-{hashed(' '.join(map(str, (secret, *parts))))[:40]}"


def _row(account_id: int) -> Contract:
    """The account's, made where it is missing, and held to the end of the transaction."""
    empty = dict.fromkeys(
        ("email", "name", "reference", "subscription_ref", "price_ref", "checkout_ref", "state",
         "told", "problem"), ""
    )  # fmt: skip
    statement = insert(Contract).values(account_id=account_id, **empty)
    db.session.execute(statement.on_conflict_do_nothing())
    return db.session.get_one(Contract, account_id, with_for_update=True, populate_existing=True)


def _address(email: str) -> str:
    if not email.strip():
        return ""
    try:
        return addresses.parse(email).address
    except addresses.BadAddress as error:
        raise Invalid(str(error), {"email": [str(error)]}) from None
