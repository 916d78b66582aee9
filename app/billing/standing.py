"""Which plan an account has: what is paid for, what the operator gave, else the first."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.accounts import auditing, notices, owners
from app.accounts.models import Account, Member
from app.billing import usage
from app.billing.models import Contract, PlanGrant
from app.core import settings
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid, NotFound
from app.plans import allowance
from app.plans.catalogue import by_price, catalogue, rank

#: How long a plan stays although a payment does not work.
PAYING_GRACE = timedelta(days=14)
#: When the owners are reminded once more, before that is over.
REMINDER = timedelta(days=4)
FAILING = frozenset({"past_due", "unpaid"})
MOST_MAILS = 10_000_000


def settle(account_id: int) -> bool:
    """Bring the account to the plan that it has; whether it changed. Call inside a transaction.

    Nothing is removed where the new plan is smaller: the owners are told what is over.
    """
    account = db.session.get(Account, account_id, with_for_update=True, populate_existing=True)
    if account is None:
        return False
    before, plan = account.plan, _entitled(account_id)
    if before not in catalogue():
        # A plan that is not offered any more is as good as the first.
        account.plan = before = next(iter(catalogue()))
    if plan == before:
        return False
    account.plan = plan
    db.session.flush()
    auditing.note(account, None, "plan.change", f"{before} to {plan}")
    if settings.get().BILLING and not account.vouched:
        _tell(account, before, plan)
    return True


def paid_until(contract: Contract) -> datetime | None:
    """When a plan ends whose payment does not work; None while it works."""
    return contract.failing_since + PAYING_GRACE if contract.failing_since else None


def _entitled(account_id: int) -> str:
    first = next(iter(catalogue()))
    found = [_paid_plan(account_id), *_granted(account_id)]
    return max((key for key in found if key), key=rank, default=first)


def _paid_plan(account_id: int) -> str:
    contract = db.session.get(Contract, account_id, populate_existing=True)
    if contract is None:
        return ""
    until = paid_until(contract)
    is_paid = contract.state in ("active", "trialing")
    is_waited_for = contract.state in FAILING and until is not None and until > now()
    plan = by_price(contract.price_ref) if is_paid or is_waited_for else None
    return plan.key if plan else ""


def _granted(account_id: int) -> list[str]:
    return [grant.plan for grant in grants(account_id) if is_running(grant) and grant.plan]


def is_running(grant: PlanGrant) -> bool:
    """Whether it still gives a plan."""
    return grant.ended_at is None and (grant.until is None or grant.until > now())


def grants(account_id: int) -> list[PlanGrant]:
    """What the operator gave, newest first."""
    return list(
        db.session.scalars(
            sa.select(PlanGrant)
            .where(PlanGrant.account_id == account_id)
            .order_by(PlanGrant.id.desc())
            .limit(50)
        )
    )


def give(
    account: Account, by: Member, *, reason: str, plan: str = "", mails: int = 0,
    until: datetime | None = None,
) -> PlanGrant:  # fmt: skip
    """A plan, or mails for this month, without payment. Raises Invalid."""
    reason = " ".join(reason.split())
    if len(reason) < 5:
        raise Invalid("Say why.", {"reason": ["Say why: it stands in the account's audit."]})
    if plan and plan not in catalogue():
        raise Invalid("Choose a plan.", {"plan": ["Choose a plan."]})
    if not (plan or mails) or not 0 <= mails <= MOST_MAILS:
        raise Invalid("Give a plan or mails.", {"mails": ["Choose a plan, or say how many mails."]})
    grant = PlanGrant(
        account_id=account.id, plan=plan, mails=mails, reason=reason[:500], given_by=by.email,
        until=until if plan else None,
    )  # fmt: skip
    db.session.add(grant)
    db.session.flush()
    if mails:
        allowance.grant(account.id, mails)
    what = " and ".join(
        words for words, is_given in ((f"plan {plan}", plan), (f"{mails} mails", mails)) if is_given
    )
    auditing.note(account, by, "plan.grant", f"{what}: {reason}")
    settle(account.id)
    return grant


def end_grant(account: Account, by: Member, grant_id: int) -> None:
    """Take a plan back that was given. Raises NotFound."""
    grant = db.session.scalar(
        sa.select(PlanGrant).where(
            PlanGrant.id == grant_id, PlanGrant.account_id == account.id,
            PlanGrant.ended_at.is_(None), PlanGrant.plan != "",
        )
    )  # fmt: skip
    if grant is None:
        raise NotFound("That grant")
    grant.ended_at = now()
    db.session.flush()
    auditing.note(account, by, "plan.ungrant", f"plan {grant.plan}")
    settle(account.id)


def end_due_grants() -> int:
    """Plans that were given for a time which is over; returns how many."""
    are_over = (PlanGrant.ended_at.is_(None), PlanGrant.plan != "", PlanGrant.until <= now())
    is_any = db.session.scalar(sa.select(sa.exists().where(*are_over)))
    db.session.rollback()
    if not is_any:
        return 0  # nearly always; nobody is locked out to find that
    with transaction():
        over = db.session.scalars(
            sa.update(PlanGrant)
            .where(*are_over)
            .values(ended_at=now())
            .returning(PlanGrant.account_id)
            .execution_options(synchronize_session=False)
        ).all()
        for account_id in sorted(set(over)):
            settle(account_id)
    return len(over)


def tell_payer(account_id: int, kind: str, **context: Any) -> None:
    """A mail about paying: to the address for it, else to the owners."""
    contract = db.session.get(Contract, account_id)
    if contract is None or not contract.email:
        owners.tell(account_id, kind, **context)
        return
    account = db.session.get_one(Account, account_id)
    notices.queue(kind, contract.email, account=account, person="", **context)


def _tell(account: Account, before: str, plan: str) -> None:
    plans, uses = catalogue(), usage.of(account)
    until = usage.grace_until(account, uses)
    over = [
        f"{use.used:,} {use.label}, where the plan has {use.limit:,}"
        for use in uses if use.is_over
    ]  # fmt: skip
    owners.tell(
        account.id, "plan_changed", business=account.name,
        plan=plans[plan].name if plan in plans else plan,
        allows=[f"{use.limit:,} {use.label}" for use in uses if use.limit is not None],
        is_smaller=rank(plan) < rank(before), over=over,
        until=allowance.day(until.date()) if until else "",
        url=settings.get().BASE_URL + allowance.LIMITS_PAGE,
    )  # fmt: skip
