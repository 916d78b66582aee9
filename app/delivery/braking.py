"""The brake: a campaign that too many complain about or that bounces too much stops by itself.

Going on would cost the sender's reputation, and with it the mail of everybody. The owner is told
once and decides; who resumes is not stopped again before things have become clearly worse.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from app.campaigns import scheduling
from app.campaigns.models import Campaign
from app.core.clock import now
from app.core.db import db, insert
from app.delivery import tallying
from app.delivery.models import Alarm, Delivery, Event, Tally, in_state
from app.mailer.faults import Fault

#: Complaints, of the mails sent: what large providers ask senders to stay below.
COMPLAINTS_STOP = 0.003
COMPLAINTS_WARN = 0.001
FEWEST_COMPLAINTS = 3
BOUNCES_STOP = 0.05
FEWEST_SENT = 100
#: After an alarm, the next one needs so many times as much.
WORSE = 2


@dataclass(frozen=True)
class Standing:
    """What came of a campaign so far."""

    tried: int
    """Mails that were sent or refused."""
    complaints: int
    hard: int
    """Mailboxes that do not exist, told at once or by a bounce."""

    @property
    def complaint_share(self) -> float:
        return self.complaints / self.tried if self.tried else 0.0

    @property
    def hard_share(self) -> float:
        return self.hard / self.tried if self.tried else 0.0


def look(campaign_id: int) -> bool:
    """Brake or warn where it is time; True when the campaign was stopped.

    Call inside a transaction.
    """
    campaign = db.session.get(Campaign, campaign_id, populate_existing=True)
    if campaign is None or campaign.state not in ("sending", "paused", "sent"):
        return False
    found = standing(campaign_id)
    stopped = False
    if found.complaints >= FEWEST_COMPLAINTS and found.complaint_share >= COMPLAINTS_STOP:
        stopped = _stop(campaign, "complaints", found.complaints, _complaints_words(found))
    elif found.complaints and found.complaint_share >= COMPLAINTS_WARN:
        _warn(campaign, found)
    if found.tried >= FEWEST_SENT and found.hard_share >= BOUNCES_STOP:
        stopped = _stop(campaign, "bounces", found.hard, _bounces_words(found)) or stopped
    return stopped


def standing(campaign_id: int) -> Standing:
    """From kept counters and the few rows that went wrong."""
    tried = db.session.scalar(
        sa.select(sa.func.sum(Tally.n)).where(
            Tally.campaign_id == campaign_id, Tally.state.in_(("sent", "failed"))
        )
    )
    events = sa.select(sa.func.count()).where(Event.campaign_id == campaign_id)
    complaints = db.session.scalar(events.where(Event.kind == "complaint"))
    came_back = db.session.scalar(events.where(Event.kind == "bounce", Event.verdict == "hard"))
    refused = db.session.scalar(
        sa.select(sa.func.count()).where(
            Delivery.campaign_id == campaign_id, in_state("failed"),
            Delivery.reason == Fault.MAILBOX.value,
        )
    )  # fmt: skip
    return Standing(int(tried or 0), complaints or 0, (came_back or 0) + (refused or 0))


def _complaints_words(found: Standing) -> str:
    return (
        f"{found.complaints:,} of {found.tried:,} readers ({found.complaint_share:.1%}) reported "
        "this campaign as spam. Above 0.3 % providers begin to refuse all your mail."
    )


def _bounces_words(found: Standing) -> str:
    return (
        f"{found.hard:,} of {found.tried:,} addresses ({found.hard_share:.1%}) do not exist. "
        "Above 5 % providers take a sender for careless. Look where these addresses come from."
    )


def _stop(campaign: Campaign, kind: str, n: int, words: str) -> bool:
    is_paused = campaign.state == "sending"
    if not raise_alarm(campaign.id, kind, n, words, is_paused=is_paused):
        return False
    if is_paused:
        scheduling.pause(campaign, words)
    tallying.note(campaign.id, f"Paused: {words}" if is_paused else words)
    return is_paused


def _warn(campaign: Campaign, found: Standing) -> None:
    words = (
        f"{found.complaints:,} of {found.tried:,} readers ({found.complaint_share:.1%}) reported "
        "this campaign as spam. At 0.3 % it is paused."
    )
    if raise_alarm(campaign.id, "complaints_near", found.complaints, words):
        tallying.note(campaign.id, words)


def raise_alarm(
    campaign_id: int, kind: str, n: int, words: str, *, is_paused: bool = False
) -> bool:
    """Have the owner told; False where they were, and it was half as bad then at least.

    Two at once tell once.
    """
    values = {"n": n, "at": now(), "words": words, "is_paused": is_paused, "told_at": None}
    row = insert(Alarm).values(campaign_id=campaign_id, kind=kind, **values)
    statement = row.on_conflict_do_update(
        index_elements=["campaign_id", "kind"], set_=values, where=Alarm.n * WORSE <= n
    ).returning(Alarm.n)
    return db.session.execute(statement).first() is not None
