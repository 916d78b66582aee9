"""Warm-up plans: a new mail server or From domain sends more each day until it is known.

The owner switches a plan on and may pause or end it at any time; without one nothing is limited.
A plan's days are those of the clock (UTC), like the limits of mail servers. Ways and gates are
those of `mailer.warming`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from app.accounts import auditing, mail_servers
from app.accounts.models import Account, Member, Relay, Sender, WarmUp
from app.accounts.signing_keys import domain_of
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid, NotFound, WrongState
from app.mailer import records, warming
from app.mailer.warming import Plan

DAY_S = 86_400
LOWEST_GOAL, HIGHEST_GOAL = 100, 10_000_000


@dataclass(frozen=True)
class Subject:
    """What can be warmed up."""

    key: str
    """server:ID or domain:NAME."""
    name: str
    row: WarmUp | None = None
    """Its plan, where one is active or paused."""

    @property
    def is_server(self) -> bool:
        """A mail server of the account's own; else a From domain."""
        return self.key.startswith("server:")

    @property
    def plan(self) -> Plan | None:
        """How its plan stands now."""
        return plan_of(self.row) if self.row else None


def subjects(account: Account) -> list[Subject]:
    """The account's mail servers and confirmed From domains, with their plans."""
    rows = db.session.scalars(
        sa.select(WarmUp).where(WarmUp.account_id == account.id, WarmUp.state != "ended")
    )
    plans = {row.subject: row for row in rows}
    names = {
        server_key(one): mail_servers.label(one) for one in mail_servers.all_of_account(account.id)
    }
    emails = db.session.scalars(
        sa.select(Sender.email).where(
            Sender.account_id == account.id, Sender.confirmed_at.is_not(None)
        )
    )
    domains = sorted({domain_of(email) for email in emails} - records.SHARED)
    names |= {f"domain:{domain}": domain for domain in domains}
    return [Subject(key, name, plans.get(key)) for key, name in names.items()]


def subject(account: Account, key: str) -> Subject:
    """One of them. Raises NotFound."""
    found = next((one for one in subjects(account) if one.key == key), None)
    if found is None:
        raise NotFound("This server or domain")
    return found


def server_key(relay: Relay) -> str:
    """The key of a mail server."""
    return f"server:{relay.id}"


def find(account: Account, warm_up_id: int) -> WarmUp:
    """One of the account's plans. Raises NotFound."""
    found = db.session.scalar(
        sa.select(WarmUp).where(WarmUp.id == warm_up_id, WarmUp.account_id == account.id)
    )
    if found is None:
        raise NotFound("This plan")
    return found


def check_goal(goal: int) -> None:
    """Raises Invalid."""
    if not LOWEST_GOAL <= goal <= HIGHEST_GOAL:
        words = f"Enter a number from {LOWEST_GOAL:,} to {HIGHEST_GOAL:,}."
        raise Invalid(words, {"goal": [words]})


def start(account: Account, by: Member, key: str, *, goal: int) -> WarmUp:
    """Switch a plan on, today as its first day. Raises NotFound, Invalid, WrongState."""
    found = subject(account, key)
    check_goal(goal)
    if found.row:
        raise WrongState(f"{found.name} has a plan already. End it first.")
    relay_id = int(key.partition(":")[2]) if found.is_server else None
    row = WarmUp(
        account_id=account.id, subject=key, relay_id=relay_id, goal=goal, step=0, day=today(),
        in_day=0,
    )  # fmt: skip
    db.session.add(row)
    auditing.note(account, by, "warm_up.start", f"{key} to {goal} a day")
    return row


def pause(account: Account, by: Member, row: WarmUp) -> None:
    """No limit until it is resumed. Raises WrongState."""
    _move(account, by, row, "active", to="paused")


def resume(account: Account, by: Member, row: WarmUp) -> None:
    """Go on where it stood. Raises WrongState."""
    _move(account, by, row, "paused", to="active")


def end(account: Account, by: Member, row: WarmUp) -> None:
    """No limit any more. Raises WrongState."""
    _move(account, by, row, "active", "paused", to="ended", ended_at=now())


def _move(
    account: Account, by: Member, row: WarmUp, *origins: str, to: str, **values: object
) -> None:
    result = db.session.execute(
        sa.update(WarmUp)
        .where(WarmUp.id == row.id, WarmUp.state.in_(origins))
        .values(state=to, **values)
        .execution_options(synchronize_session=False)
    )
    if not result.rowcount:  # type: ignore[attr-defined]
        raise WrongState("That plan is in another state by now. Look again.")
    db.session.refresh(row)
    auditing.note(account, by, f"warm_up.{to}", row.subject)


def today() -> int:
    """The day since 1970 (UTC)."""
    return int(time.time()) // DAY_S


def tomorrow() -> datetime:
    """When the next day of every plan begins."""
    return datetime.fromtimestamp((today() + 1) * DAY_S, UTC)


def plan_of(row: WarmUp) -> Plan:
    """How a plan stands today; what `turn` writes."""
    plan = Plan(row.goal, row.step, row.in_day)
    return plan if row.day == today() else plan.next_day()


def active(account_id: int, from_email: str, own_relay: int) -> tuple[int, ...]:
    """Ids of the plans that hold for mail From this address through this relay (0: not own)."""
    keys = [f"domain:{domain_of(from_email)}", *([f"server:{own_relay}"] if own_relay else [])]
    query = sa.select(WarmUp.id).where(
        WarmUp.account_id == account_id, WarmUp.subject.in_(keys), WarmUp.state == "active"
    )
    return tuple(db.session.scalars(query.order_by(WarmUp.id)))


def take(ids: Sequence[int], want: int) -> int:
    """How many of `want` mails these plans allow now. Call inside a transaction.

    The rows are held to its end, so that workers never give out the same; `count` says how many
    went.
    """
    plans = [plan_of(row) for row in _turned(ids)]
    return min([want, *(plan.left for plan in plans)])


def count(ids: Sequence[int], n: int) -> None:
    """So many went; negative: so many did not go after all. In the transaction of `take`."""
    for row in _turned(ids) if n else ():
        row.in_day = max(0, row.in_day + n)
    db.session.flush()


def _turned(ids: Sequence[int]) -> list[WarmUp]:
    """The plans, held; each begins its next day where the clock says so, or ends with its last."""
    if not ids:
        return []
    rows = db.session.scalars(
        sa.select(WarmUp)
        .where(WarmUp.id.in_(ids), WarmUp.state == "active")
        .order_by(WarmUp.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    for row in rows:
        plan = plan_of(row)
        row.step, row.in_day, row.day = plan.step, plan.used, today()
        if plan.is_through:
            row.state, row.ended_at = "ended", now()
    db.session.flush()
    return [row for row in rows if row.state == "active"]


def spent(ids: Sequence[int]) -> str:
    """Why nothing more may go today under these plans; empty where something may."""
    rows = db.session.scalars(
        sa.select(WarmUp)
        .where(WarmUp.id.in_(ids), WarmUp.state == "active")
        .execution_options(populate_existing=True)
    )
    for row in rows:
        plan = plan_of(row)
        if not plan.is_through and not plan.left:
            name = name_of(row.subject)
            return (
                f"{name} is being warmed up: today's {plan.today:,} mails have gone. "
                f"Tomorrow it may send {warming.volume(plan.goal, plan.step + 1):,}."
            )
    return ""


def name_of(key: str) -> str:
    """What a plan is for, as people call it."""
    kind, _, name = key.partition(":")
    if kind == "domain":
        return name
    relay = db.session.get(Relay, int(name))
    return mail_servers.label(relay) if relay else "A mail server"


def waits(account_id: int, from_email: str) -> str:
    """Why mail From this address rests until tomorrow; empty where some way is open."""
    if words := spent(active(account_id, from_email, 0)):
        return words
    ways = [
        spent(active(account_id, from_email, relay.id))
        for relay in mail_servers.for_domain(account_id, from_email)
    ]
    return ways[0] if ways and all(ways) else ""


def days_for(
    account_id: int, from_email: str, n: int, *, new: tuple[str, Plan] | None = None
) -> int | None:
    """How many days `n` mails From this address take; None where no plan holds them up.

    `new`: a plan that is only thought of yet.
    """
    rows = db.session.scalars(
        sa.select(WarmUp).where(WarmUp.account_id == account_id, WarmUp.state == "active")
    )
    plans = {row.subject: plan_of(row) for row in rows}
    plans |= dict([new] if new else [])
    plans = {key: plan for key, plan in plans.items() if not plan.is_through}
    servers = mail_servers.for_domain(account_id, from_email)
    domain = plans.get(f"domain:{domain_of(from_email)}")
    return warming.days_for(n, [[domain], [plans.get(server_key(one)) for one in servers]])
