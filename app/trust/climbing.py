"""Moves on the ladder of trust, from what came of an account's mail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.accounts import ladder, owners
from app.accounts.models import Account, LadderPlace
from app.campaigns.models import Campaign
from app.core import settings
from app.core.clock import now
from app.core.db import db, transaction
from app.delivery import braking

EVERY = timedelta(hours=1)
AT_ONCE = 50
#: Campaigns that a look reads, the newest first.
CAMPAIGNS = 50
#: The fewest mails and complaints that may take somebody down.
FEWEST_SENT, FEWEST_COMPLAINTS = 100, 3


@dataclass(frozen=True)
class Results:
    """What came of the mail since the account came to its step."""

    sent: int
    hard: int
    complaints: int
    days: int

    def share(self, n: int) -> float:
        return n / self.sent if self.sent else 0.0

    @property
    def is_bad(self) -> bool:
        """Reason to go down a step."""
        complained = (
            self.complaints >= FEWEST_COMPLAINTS
            and self.share(self.complaints) >= ladder.BAD_COMPLAINTS
        )
        bounced = self.sent >= FEWEST_SENT and self.share(self.hard) >= ladder.BAD_HARD
        return complained or bounced

    def is_enough(self, step: ladder.Step) -> bool:
        """Reason to go up."""
        is_clean = (
            self.share(self.hard) < ladder.GOOD_HARD
            and self.share(self.complaints) < ladder.GOOD_COMPLAINTS
        )
        return is_clean and self.sent >= step.volume and self.days >= step.days

    def as_evidence(self) -> dict[str, int]:
        return {
            "sent": self.sent, "hard": self.hard, "complaints": self.complaints, "days": self.days,
        }  # fmt: skip

    def in_words(self) -> str:
        return (
            f"{self.sent:,} mails in {self.days} days, {self.hard:,} bounced for good "
            f"({self.share(self.hard):.1%}), {self.complaints:,} reported as spam "
            f"({self.share(self.complaints):.2%})"
        )


def look_due() -> int:
    """Called by the tick: look at accounts whose turn it is; returns how many moved."""
    due = db.session.scalars(
        sa.select(LadderPlace.account_id)
        .where(LadderPlace.look_at <= now())
        .order_by(LadderPlace.look_at)
        .limit(AT_ONCE)
    ).all()
    db.session.rollback()
    return sum(_look(account_id) for account_id in due)


def _look(account_id: int) -> bool:
    with transaction():
        row = ladder.held(account_id)
        if row.look_at > now():
            return False  # another tick was here
        row.look_at = now() + EVERY
        account = db.session.get_one(Account, account_id)
        if not ladder.applies(account):
            return False
        return _decide(account, row)


def _decide(account: Account, row: LadderPlace) -> bool:
    found = results(account.id, row.since)
    if found.is_bad and row.step > 0:
        _move(account, row.step - 1, found, "down")
        return True
    if found.is_bad:
        # Already at the bottom: what is bad stays bad for the time that was asked for.
        return False
    if row.step < ladder.TOP and found.is_enough(ladder.STEPS[row.step]):
        _move(account, row.step + 1, found, "up")
        return True
    return False


def results(account_id: int, since: datetime) -> Results:
    """From kept counters of the campaigns that began since then."""
    sent = hard = complaints = 0
    for campaign_id in _campaigns(account_id, since):
        standing = braking.standing(campaign_id)
        sent += standing.tried
        hard += standing.hard
        complaints += standing.complaints
    return Results(sent, hard, complaints, (now() - since).days)


def _campaigns(account_id: int, since: datetime) -> Sequence[int]:
    return db.session.scalars(
        sa.select(Campaign.id)
        .where(
            Campaign.account_id == account_id, Campaign.started_at >= since,
            Campaign.is_sample.is_(False), Campaign.is_archive.is_(False),
        )
        .order_by(Campaign.id.desc())
        .limit(CAMPAIGNS)
    ).all()  # fmt: skip


def _move(account: Account, step: int, found: Results, way: str) -> None:
    most = ladder.STEPS[step].per_day
    now_words = f"{most:,} mails a day" if most is not None else "no limit"
    words = f"{'Up' if way == 'up' else 'Down'} to {now_words}: {found.in_words()}."
    ladder.move(account.id, step, words=words, evidence=found.as_evidence())
    title = "You may send more" if way == "up" else "You may send less for now"
    lines = [f"From now on it is {now_words}.", f"What it rests on: {found.in_words()}."]
    if way == "down":
        lines.append("Look where the addresses come from, and write only to who asked for it.")
    owners.tell(
        account.id, "standing", title=title, lines=lines,
        url=f"{settings.get().BASE_URL}/settings/standing", label="See your limits",
    )  # fmt: skip
