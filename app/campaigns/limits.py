"""What a campaign takes of its account's plan, said before it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from app.accounts.models import Account
from app.campaigns import audience
from app.campaigns.findings import Finding
from app.campaigns.models import Campaign
from app.contacts.models import Headcount
from app.core.clock import now
from app.core.db import db
from app.plans import allowance
from app.plans.allowance import LIMITS_PAGE, OverLimit, day, month_of, next_month
from app.plans.catalogue import Plan, plan_of

#: In plain words, wherever numbers of mails are shown.
COUNTS = "Each person whom a campaign goes to counts as one mail, in the month in which it starts."
COUNTS_NOT = (
    "Tests, confirmations, welcome mails and our own mails to you do not count. Neither do people "
    "who left before their mail went out: they are given back when the campaign is over."
)


def contacts_of(account: Account) -> int:
    """How many there are, as kept."""
    row = db.session.get(Headcount, account.id)
    return row.people if row else 0


def demand_contacts(account: Account) -> None:
    """Raises OverLimit where there have been more contacts than the plan has for too long."""
    plan, there = plan_of(account), contacts_of(account)
    until = allowance.grace_until(account, there)
    if until is not None and until <= now():
        raise OverLimit(_too_many_contacts(plan, there))


def findings(campaign: Campaign, number: int) -> Iterator[Finding]:
    """For the list before sending; `number` is how many people would get it now."""
    account = campaign.account
    yield from _about_contacts(account)
    plan, left = plan_of(account), allowance.left(account)
    if plan.mails is None or left is None:
        return
    month = month_of()
    again = day(next_month(month))
    if number <= left:
        yield Finding(
            "info", f"It takes {_mails(number)} of the {left:,} that are left in {month:%B}.",
            f"{COUNTS} {COUNTS_NOT} After it, {left - number:,} are left until {again}.",
            LIMITS_PAGE, "limit",
        )  # fmt: skip
    elif number <= plan.mails:
        yield Finding(
            "warn", f"It takes {_mails(number)}, and {left:,} are left until {again}.",
            f"It cannot start before {again}, for a campaign goes out as a whole or not at all. "
            "Schedule it for then, choose fewer people or a larger plan"
            f"{_or_in_parts(left)}. {COUNTS}",
            LIMITS_PAGE, "limit",
        )  # fmt: skip
    else:
        yield _never(plan, number)


def blocks(campaign: Campaign, at: datetime | None) -> Iterator[Finding]:
    """What keeps it from going out at that time. Counts people only where a plan limits mails."""
    account = campaign.account
    yield from (found for found in _about_contacts(account) if found.level == "block")
    plan = plan_of(account)
    if plan.mails is None:
        return
    month = month_of(max(at, now()) if at else None)
    left, number = allowance.left(account, month) or 0, audience.count(campaign)
    if number > left:
        yield (
            _never(plan, number) if number > plan.mails and left <= plan.mails
            else Finding("block", "Your plan has too few mails left.",
                         allowance.too_few_words(number, left, month), LIMITS_PAGE, "limit")
        )  # fmt: skip


def _or_in_parts(left: int) -> str:
    return f", or send it to the first {left:,} now, under Send" if left else ""


def _never(plan: Plan, number: int) -> Finding:
    return Finding(
        "block", f"It takes {_mails(number)}, more than your plan has in a month.",
        f"{plan.name} has {plan.mails:,}. Choose fewer people, a larger plan, or send it in parts.",
        LIMITS_PAGE, "limit",
    )  # fmt: skip


def _about_contacts(account: Account) -> Iterator[Finding]:
    there = contacts_of(account)
    until = allowance.grace_until(account, there)
    if until is None:
        return
    plan = plan_of(account)
    if until <= now():
        yield Finding("block", "You have more contacts than your plan.",
                      _too_many_contacts(plan, there), LIMITS_PAGE, "contacts")  # fmt: skip
        return
    yield Finding(
        "warn", f"You have {there:,} contacts, and your plan has {plan.contacts:,}.",
        f"Campaigns go out until {day(until.date())}. Until then choose a larger plan, or delete "
        "contacts that you do not need. None is removed by us.", LIMITS_PAGE, "contacts",
    )  # fmt: skip


def _too_many_contacts(plan: Plan, there: int) -> str:
    return (
        f"You have {there:,} contacts, and {plan.name} has {plan.contacts:,}. Nothing is lost, and "
        "people can still sign up; campaigns wait. Choose a larger plan under Settings, Your "
        "limits, or delete contacts that you do not need."
    )


def _mails(number: int) -> str:
    return "1 mail" if number == 1 else f"{number:,} mails"
