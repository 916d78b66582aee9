"""What the start page and the palette show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from app.accounts.models import Account, Sender
from app.campaigns.models import Campaign
from app.contacts.models import Contact
from app.core.db import db
from app.delivery.models import Tally
from app.tracking.models import Score

FOUND_EACH = 6
RUNNING = ("scheduled", "held", "sending", "paused")


@dataclass(frozen=True)
class Found:
    """What the palette found for some words."""

    campaigns: Sequence[Campaign] = ()
    contacts: Sequence[Contact] = ()


@dataclass(frozen=True)
class Summary:
    """What is going out, how the last one did, and how far the account has come."""

    running: Sequence[Campaign]
    last: Campaign | None
    draft: Campaign | None
    tallies: dict[int, dict[str, int]] = field(default_factory=dict)
    has_sender: bool = False
    has_contacts: bool = False
    has_samples: bool = False
    readers: dict[str, int] = field(default_factory=dict)
    """People by kind (open, click, unsubscribe) of the last campaign; machines left out."""

    @property
    def is_new(self) -> bool:
        """Whether nothing of their own was ever sent."""
        return self.last is None or self.last.is_sample

    def tally(self, campaign: Campaign) -> dict[str, int]:
        """Number of deliveries by state."""
        return self.tallies.get(campaign.id, {})


def summary(account: Account) -> Summary:
    """The start page of an account."""
    of_account = sa.select(Campaign).where(
        Campaign.account_id == account.id, Campaign.kind == "campaign"
    )
    newest = of_account.order_by(Campaign.id.desc())
    running = db.session.scalars(newest.where(Campaign.state.in_(RUNNING)).limit(20)).all()
    last = db.session.scalar(newest.where(Campaign.state == "sent").limit(1))
    shown = [*running, *([last] if last else [])]
    return Summary(
        running=running,
        last=last,
        draft=db.session.scalar(
            newest.where(Campaign.state == "draft", ~Campaign.is_sample).limit(1)
        ),
        tallies=_tallies([campaign.id for campaign in shown]),
        readers=_readers(last) if last else {},
        has_sender=_exists(
            sa.select(Sender.id).where(
                Sender.account_id == account.id, Sender.confirmed_at.is_not(None)
            )
        ),
        has_contacts=_exists(
            sa.select(Contact.id).where(Contact.account_id == account.id, ~Contact.is_sample)
        ),
        has_samples=_exists(
            sa.select(Campaign.id).where(Campaign.account_id == account.id, Campaign.is_sample)
        ),
    )


def _readers(campaign: Campaign) -> dict[str, int]:
    rows = db.session.execute(
        sa.select(Score.kind, Score.people).where(
            Score.campaign_id == campaign.id, Score.link_id == 0, Score.verdict != "machine"
        )
    )
    return {row.kind: row.people for row in rows}


def _exists(query: sa.Select[Any]) -> bool:
    return bool(db.session.scalar(sa.select(query.exists())))


def _tallies(campaign_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    rows = db.session.execute(
        sa.select(Tally.campaign_id, Tally.state, sa.func.sum(Tally.n))
        .where(Tally.campaign_id.in_(campaign_ids))
        .group_by(Tally.campaign_id, Tally.state)
    )
    tallies: dict[int, dict[str, int]] = {}
    for campaign_id, state, n in rows:
        tallies.setdefault(campaign_id, {})[state] = int(n)
    return tallies


def find(account: Account, words: str, *, campaigns: bool, contacts: bool) -> Found:
    """Campaigns that hold the words, and people who begin with them; of each where it is wanted."""
    if not words:
        return Found()
    return Found(
        _campaigns(account, words) if campaigns else (),
        _people(account, words.casefold()) if contacts else (),
    )


def _campaigns(account: Account, words: str) -> Sequence[Campaign]:
    return db.session.scalars(
        sa.select(Campaign)
        .where(Campaign.account_id == account.id, Campaign.name.icontains(words, autoescape=True))
        .order_by(Campaign.id.desc())
        .limit(FOUND_EACH)
    ).all()


def _people(account: Account, beginning: str) -> list[Contact]:
    found: dict[int, Contact] = {}
    columns = (Contact.address, Contact.first_key, Contact.last_key, Contact.company_key)
    for column in columns:
        if len(found) < FOUND_EACH:
            query = (
                sa.select(Contact)
                .where(Contact.account_id == account.id, _begins(column, beginning))
                .order_by(column, Contact.id)
                .limit(FOUND_EACH)
            )
            found.update((contact.id, contact) for contact in db.session.scalars(query))
    return list(found.values())[:FOUND_EACH]


def _begins(
    column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None], beginning: str
) -> sa.ColumnElement[bool]:
    # A range, which an index on the column answers, where LIKE would not.
    return sa.and_(column >= beginning, column < beginning + "\U0010ffff")
