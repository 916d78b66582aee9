"""What the provider says that somebody pays for: asked when an event came, after a checkout was
begun, and once a day whatever happens.

Events only say that something changed; what it is now is always asked. So events may come twice,
late, in any order, or never.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult

from app.accounts import auditing
from app.accounts.models import Account
from app.billing import provider, standing
from app.billing.contracts import LIVE
from app.billing.models import Contract
from app.billing.provider import Paid, PaymentsAway, PaymentsRefused
from app.core import settings
from app.core.clock import now
from app.core.db import db, transaction
from app.plans.catalogue import by_price

log = logging.getLogger(__name__)

AT_ONCE = 20
EVERY_DAY = timedelta(hours=24)
AGAIN_AFTER_ERROR = timedelta(minutes=5)
LEASE = timedelta(minutes=2)
#: After a checkout was begun: how long, and how often it is looked whether it was paid.
CHECKOUTS = ((timedelta(minutes=15), timedelta(seconds=15)), (EVERY_DAY, timedelta(minutes=15)))


def look_at_due() -> int:
    """Ask about everybody who is due; returns how many were asked. Several at once do no harm."""
    if not provider.is_set():
        return 0
    due = db.session.scalars(
        sa.select(Contract.account_id)
        .where(Contract.look_at <= now(), Contract.customer_ref.is_not(None))
        .order_by(Contract.look_at)
        .limit(AT_ONCE)
    ).all()
    db.session.rollback()
    return sum(look(account_id) for account_id in due)


def look(account_id: int) -> bool:
    """Ask about one; False where somebody else does already. Call outside of transactions."""
    asked_at = now()
    with transaction():
        ref = _claim(account_id, asked_at)
    if ref is None:
        return False
    try:
        found = provider.get().subscriptions(ref)
    except (PaymentsAway, PaymentsRefused) as error:
        log.warning("what account %d pays for cannot be asked: %s", account_id, error)
        with transaction():
            contract = db.session.get_one(Contract, account_id, populate_existing=True)
            contract.problem, contract.look_at = str(error)[:200], asked_at + AGAIN_AFTER_ERROR
        return True
    with transaction():
        _record(account_id, found, asked_at)
    return True


def _claim(account_id: int, moment: datetime) -> str | None:
    taken = db.session.execute(
        sa.update(Contract)
        .where(
            Contract.account_id == account_id,
            Contract.look_at <= moment,
            Contract.customer_ref.is_not(None),
        )
        .values(look_at=moment + LEASE)
        .execution_options(synchronize_session=False)
    )
    if not isinstance(taken, CursorResult) or taken.rowcount != 1:
        return None
    return db.session.scalar(
        sa.select(Contract.customer_ref).where(Contract.account_id == account_id)
    )


def _record(account_id: int, found: Sequence[Paid], asked_at: datetime) -> None:
    contract = db.session.get_one(
        Contract, account_id, with_for_update=True, populate_existing=True
    )
    if contract.asked_at and contract.asked_at > asked_at:
        return  # somebody asked later, and their answer stands here already
    paid, before = _which(found), contract.state
    contract.asked_at, contract.problem = asked_at, ""
    if paid is not None:
        contract.subscription_ref, contract.price_ref = paid.ref, paid.price_ref
        contract.state, contract.ends_at = paid.state, paid.ends_at
        contract.period_ends_at = paid.period_ends_at
    if contract.state in LIVE:
        contract.checkout_at = None
    if contract.look_at == asked_at + LEASE:
        # Unless an event came while we asked: then it is looked at once more.
        contract.look_at = asked_at + _pause(contract, asked_at)
    db.session.flush()
    _note(account_id, contract, before)
    _chase(account_id, contract)
    standing.settle(account_id)


def _which(found: Sequence[Paid]) -> Paid | None:
    """Of all that was ever paid for: what works, then what is failing, then the rest."""
    order = ("active", "trialing", "past_due", "unpaid", "paused", "incomplete")
    alive = [paid for paid in found if paid.state in LIVE]
    if len(alive) > 1:
        log.error("%d plans are paid for at once: %s", len(alive), [paid.ref for paid in alive])
    known = {state: place for place, state in enumerate(order)}
    return min(found, key=lambda paid: known.get(paid.state, len(order)), default=None)


def _pause(contract: Contract, moment: datetime) -> timedelta:
    if contract.checkout_at is not None:
        for lasts, pause in CHECKOUTS:
            if moment - contract.checkout_at < lasts:
                return pause
    return EVERY_DAY


def _note(account_id: int, contract: Contract, before: str) -> None:
    if contract.state != before:
        account = db.session.get(Account, account_id)
        about = f"{before or 'nothing'} to {contract.state}"
        auditing.note(account, None, "billing.state", about)
    if contract.state in ("active", "trialing") and by_price(contract.price_ref) is None:
        log.error("account %d pays a price that no plan has: %s", account_id, contract.price_ref)


def _chase(account_id: int, contract: Contract) -> None:
    """A payment does not work: say so, once more before the plan ends, and when it works again."""
    if contract.state not in standing.FAILING:
        contract.failing_since, contract.told = None, ""
        return
    if contract.failing_since is None:
        contract.failing_since = now()
    remind(account_id, contract)


def remind(account_id: int, contract: Contract) -> None:
    """The notice that is due, if any. Call inside a transaction."""
    until = standing.paid_until(contract)
    if until is None:
        return
    due = "reminder" if now() >= until - standing.REMINDER else "failed"
    if contract.told in (due, "reminder"):
        return
    contract.told = due
    plan = by_price(contract.price_ref)
    standing.tell_payer(
        account_id, "payment_failed", plan=plan.name if plan else "your plan",
        until=f"{until.day} {until:%B %Y}", is_reminder=due == "reminder",
        url=f"{settings.get().BASE_URL}/settings/billing",
    )  # fmt: skip


def chase_due() -> int:
    """Whose payment does not work: reminders, and the end of plans. Returns how many changed."""
    failing = db.session.scalars(
        sa.select(Contract.account_id)
        .where(Contract.failing_since <= now() - standing.PAYING_GRACE + standing.REMINDER)
        .limit(200)
    ).all()
    db.session.rollback()
    changed = 0
    for account_id in failing:
        with transaction():
            contract = db.session.get_one(
                Contract, account_id, with_for_update=True, populate_existing=True
            )
            remind(account_id, contract)
            changed += standing.settle(account_id)
    return changed
