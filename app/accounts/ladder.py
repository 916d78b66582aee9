"""The ladder of trust: accounts that registered by themselves start small and grow with clean
results.

Each step says how many mails may go in a day (UTC) and how many people one campaign may have. The
operator's own accounts (`vouched`) and installations with SENDING_LADDER=off have no limits. What
was given out today is a row that all workers hold while they take from it, so many campaigns at
once never exceed it. `app.trust.climbing` decides on moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.accounts import warming
from app.accounts.models import Account, LadderMove, LadderPlace
from app.core import settings
from app.core.clock import now
from app.core.db import db, insert


@dataclass(frozen=True)
class Step:
    """None: no limit."""

    per_day: int | None
    per_campaign: int | None
    volume: int = 0
    """Mails sent at this step before the next one."""
    days: int = 0
    """Days at this step before the next one."""


STEPS = (
    Step(500, 1_000, volume=300, days=2),
    Step(2_000, 5_000, volume=2_000, days=3),
    Step(10_000, 25_000, volume=10_000, days=4),
    Step(50_000, 150_000, volume=50_000, days=5),
    Step(250_000, 1_000_000, volume=250_000, days=7),
    Step(None, None),
)
TOP = len(STEPS) - 1
#: Shares of what was sent. Below both, and with enough of it, an account goes up; above, down.
GOOD_HARD, GOOD_COMPLAINTS = 0.02, 0.001
BAD_HARD, BAD_COMPLAINTS = 0.05, 0.003
#: Rows of one file that is taken in without a look, as days of sending.
IMPORT_DAYS = 40


def applies(account: Account) -> bool:
    """Whether limits hold for this account at all."""
    return settings.get().SENDING_LADDER and not account.vouched


def holds(account_id: int) -> int | None:
    """The account's id where a limit holds now, for those who take from it; else None."""
    account = db.session.get(Account, account_id)
    if account is None or not applies(account):
        return None
    return account_id if step_of(account_id).per_day is not None else None


def place(account_id: int) -> LadderPlace | None:
    """Where the account stands; None before anything was sent: at the bottom."""
    return db.session.get(LadderPlace, account_id, populate_existing=True)


def step_of(account_id: int) -> Step:
    """What holds for it now."""
    found = place(account_id)
    return STEPS[found.step if found else 0]


def left(account_id: int) -> int:
    """How many mails may still go today. Only where a limit holds."""
    found = place(account_id)
    most = STEPS[found.step if found else 0].per_day or 0
    used = found.in_day if found and found.day == warming.today() else 0
    return max(0, most - used)


def take(account_id: int, want: int) -> int:
    """How many of `want` mails may go now; they count as sent. Call inside a transaction, to whose
    end the row is held."""
    row = held(account_id)
    most = STEPS[row.step].per_day
    if most is not None:
        want = max(0, min(want, most - row.in_day))
    row.in_day += want
    db.session.flush()
    return want


def give_back(account_id: int, n: int) -> None:
    """So many of what was taken did not go after all. Call inside a transaction."""
    row = held(account_id)
    row.in_day = max(0, row.in_day - n)
    db.session.flush()


def held(account_id: int) -> LadderPlace:
    """The row, made where it is missing, held to the end of the transaction, at today's count."""
    moment, today = now(), warming.today()
    values = {"step": 0, "since": moment, "day": today, "in_day": 0, "look_at": moment}
    db.session.execute(
        insert(LadderPlace).values(account_id=account_id, **values).on_conflict_do_nothing()
    )
    row = db.session.get_one(LadderPlace, account_id, with_for_update=True, populate_existing=True)
    if row.day != today:
        row.day, row.in_day = today, 0
    return row


def move(
    account_id: int, step: int, *, words: str, evidence: dict[str, int], by_id: int | None = None
) -> LadderMove:
    """To another step, with the reason. Call inside a transaction."""
    row = held(account_id)
    step = max(0, min(TOP, step))
    entry = LadderMove(
        account_id=account_id, was=row.step, step=step, words=words, evidence=evidence, by_id=by_id
    )
    row.step, row.since, row.look_at = step, now(), now() + timedelta(hours=1)
    db.session.add(entry)
    db.session.flush()
    return entry


def moves(account_id: int, limit: int = 20) -> Sequence[LadderMove]:
    """Newest first."""
    return db.session.scalars(
        sa.select(LadderMove)
        .where(LadderMove.account_id == account_id)
        .order_by(LadderMove.id.desc())
        .limit(limit)
    ).all()


def import_rows(account_id: int) -> int | None:
    """How many rows a file may have that is taken in without a look; None: any number."""
    most = step_of(account_id).per_day
    return None if most is None else most * IMPORT_DAYS


def days_for(account_id: int, n: int) -> int | None:
    """How many days `n` mails take; None where no limit holds."""
    if holds(account_id) is None:
        return None
    today, most = left(account_id), step_of(account_id).per_day or 1
    return 1 if n <= today else 1 + -(-(n - today) // most)


def spent(account_id: int) -> str:
    """Why nothing more may go today, in words; empty where something may."""
    if holds(account_id) is None or left(account_id):
        return ""
    most = step_of(account_id).per_day or 0
    return f"Today's {most:,} mails have gone. The rest waits until tomorrow."


def rests_until(account_id: int) -> datetime | None:
    """When mails may go on; None where they may now."""
    return warming.tomorrow() if spent(account_id) else None


@dataclass(frozen=True)
class Limits:
    """An account's limits, in numbers and words: for the page *your limits*."""

    is_limited: bool
    per_day: int | None
    per_campaign: int | None
    left_today: int | None
    step: int
    """From 1."""
    steps: int
    why: str
    how: str
    """How to grow."""


def limits(account: Account) -> Limits:
    """What holds for an account, why, and how to grow."""
    if not applies(account) or holds(account.id) is None:
        why = (
            f"{settings.get().OPERATOR_NAME} vouches for this account." if account.vouched
            else "Nothing here limits how much is sent." if not applies(account)
            else "Your mail has earned it: there is no limit."
        )  # fmt: skip
        return Limits(False, None, None, None, TOP + 1, TOP + 1, why, "")
    found = place(account.id)
    at = found.step if found else 0
    step, following = STEPS[at], STEPS[at + 1]
    then = (
        "there is no limit" if following.per_day is None
        else f"it is {following.per_day:,} a day and {following.per_campaign:,} a campaign"
    )  # fmt: skip
    return Limits(
        True, step.per_day, step.per_campaign, left(account.id), at + 1, TOP + 1,
        "Nobody knows a new sender's mail yet. Providers block the whole server when somebody "
        "sends too much too early, so each account starts small.",
        f"Send {step.volume:,} mails over {step.days} days of which fewer than "
        f"{GOOD_HARD:.0%} bounce for good and fewer than {GOOD_COMPLAINTS:.1%} are reported as "
        f"spam; then {then}. It goes up by itself, and down where too much comes back.",
    )  # fmt: skip
