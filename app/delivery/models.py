"""What happened to each recipient of each campaign."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base, BigId, Id, Moment

STATES = ("pending", "sending", "deferred", "sent", "failed", "uncertain", "skipped")
#: States that may still change by themselves; the receipt adds them up as "pending".
OPEN_STATES = ("pending", "sending", "deferred")


def _campaign_key() -> Mapped[int]:
    return mapped_column(sa.ForeignKey("campaign.id", ondelete="CASCADE"))


class Batch(Base):
    """A slice of a campaign's Deliveries worked by one job."""

    __tablename__ = "batch"
    __table_args__ = (
        sa.UniqueConstraint("campaign_id", "number"),
        sa.Index("ix_batch_state", "state", "lease_until"),
    )

    id: Mapped[Id]
    campaign_id: Mapped[int] = _campaign_key()
    number: Mapped[int] = mapped_column()
    size: Mapped[int] = mapped_column()
    first_id: Mapped[int] = mapped_column(default=0)
    """Its Deliveries have ids from here to `last_id`, though not all of those are its own."""
    last_id: Mapped[int] = mapped_column(default=0)
    up_to: Mapped[int] = mapped_column(default=0, server_default="0")
    """Contact.id up to which its part of the audience went; merges change those of the rows."""
    state: Mapped[str] = mapped_column(sa.String(8), default="ready")
    """ready, working, done."""
    lease: Mapped[str | None] = mapped_column(sa.String(32))
    """Random name of the worker's run; also the name of its journal."""
    lease_until: Mapped[datetime | None] = mapped_column()
    runs: Mapped[int] = mapped_column(default=0)


ORDINARY = ("pending", "sending", "sent")
_MARK = "CASE WHEN state IN ('pending', 'sending', 'sent') THEN NULL ELSE state END"


class Delivery(Base):
    """One Campaign to one Contact.

    No index holds what changes while an ordinary mail is sent, nor asks for it in its condition:
    PostgreSQL then writes a move into the row's own page and touches no index (HOT), which is
    three times as fast. For the same reason there are no foreign keys here: their checks took
    more than half of the time of planning. Triggers do what they would: a campaign takes its
    Deliveries along, an erased contact leaves a row without a person.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        # By the contact first: one index also finds the mails of a person.
        sa.UniqueConstraint("contact_id", "campaign_id"),
        sa.Index(
            "ix_delivery_due",
            "next_try_at",
            sqlite_where=sa.text("next_try_at IS NOT NULL"),
            postgresql_where=sa.text("next_try_at IS NOT NULL"),
        ),
        sa.Index(
            "ix_delivery_notable",
            "campaign_id",
            "mark",
            "id",
            sqlite_where=sa.text("mark IS NOT NULL"),
            postgresql_where=sa.text("mark IS NOT NULL"),
        ),
        sa.Index("ix_delivery_campaign", "campaign_id", "id"),
    )

    id: Mapped[Id]
    campaign_id: Mapped[int] = mapped_column()
    contact_id: Mapped[int | None] = mapped_column()
    """Null once the person was erased; the row still counts."""
    batch_id: Mapped[int] = mapped_column()
    state: Mapped[str] = mapped_column(sa.String(12), default="pending")
    mark: Mapped[str | None] = mapped_column(
        sa.String(12), sa.Computed(_MARK, persisted=True), deferred=True
    )
    """The state where it is out of the ordinary, null where it is one of ORDINARY."""
    reason: Mapped[str | None] = mapped_column(sa.String(32))
    """Why skipped (unsubscribed, suppressed, paused, erased, cancelled), or whose fault it is."""
    lease: Mapped[str | None] = mapped_column(sa.String(32))
    """The run that claimed it; names the journal that knows how far it got."""
    claimed_at: Mapped[datetime | None] = mapped_column()
    tries: Mapped[int] = mapped_column(sa.SmallInteger, default=0)
    next_try_at: Mapped[datetime | None] = mapped_column()
    """Null unless deferred."""
    sent_at: Mapped[datetime | None] = mapped_column()
    """When the final answer came, whichever it was."""
    code: Mapped[int | None] = mapped_column(sa.SmallInteger)
    status: Mapped[str | None] = mapped_column(sa.String(12))
    """Enhanced status code (RFC 3463)."""
    answer: Mapped[str | None] = mapped_column(sa.Text)
    """The server's words; null where it simply accepted."""
    tls: Mapped[bool | None] = mapped_column()


def in_state(state: str) -> sa.ColumnElement[bool]:
    """Deliveries of a state; those out of the ordinary are found by an index that has no others."""
    return Delivery.state == state if state in ORDINARY else Delivery.mark == state


class MergedMail(Base):
    """A mail of somebody who was merged with another who had got the same campaign."""

    __tablename__ = "merged_mail"
    __table_args__ = (sa.Index("ix_merged_mail_contact", "contact_id"),)

    delivery_id: Mapped[int] = mapped_column(
        sa.ForeignKey("delivery.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    contact_id: Mapped[int] = mapped_column(sa.ForeignKey("contact.id", ondelete="CASCADE"))
    """Who is left: what is done with that mail counts for them."""


class Tally(Base):
    """Kept counters of a campaign's Deliveries; changed in the transaction that moves rows.

    `reason`: why skipped, whose fault a failure is, whether a sent mail went encrypted.
    """

    __tablename__ = "tally"

    campaign_id: Mapped[int] = mapped_column(
        sa.ForeignKey("campaign.id", ondelete="CASCADE"), primary_key=True
    )
    state: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    reason: Mapped[str] = mapped_column(sa.String(32), primary_key=True, default="")
    n: Mapped[int] = mapped_column(default=0)


class Link(Base):
    """A tracked target address of a campaign; may hold merge tags behind its host."""

    __tablename__ = "link"
    __table_args__ = (sa.UniqueConstraint("campaign_id", "position"),)

    id: Mapped[Id]
    campaign_id: Mapped[int] = _campaign_key()
    position: Mapped[int] = mapped_column()
    url: Mapped[str] = mapped_column(sa.Text)
    label: Mapped[str] = mapped_column(sa.String(200), default="")
    """What the reader sees: the link's text or the image's alt."""


class DiaryEntry(Base):
    """What the engine did and why, in plain words."""

    __tablename__ = "diary_entry"
    __table_args__ = (sa.Index("ix_diary_entry_campaign", "campaign_id", "id"),)

    id: Mapped[Id]
    campaign_id: Mapped[int] = _campaign_key()
    at: Mapped[Moment] = mapped_column(default=now)
    text: Mapped[str] = mapped_column(sa.Text)


class Event(Base):
    """A fact about a Delivery: open, click, unsubscribe, bounce, complaint. Append-only."""

    __tablename__ = "event"
    __table_args__ = (
        sa.Index("ix_event_campaign", "campaign_id", "kind", "id"),
        sa.Index("ix_event_contact", "contact_id", "id"),
        sa.Index("ix_event_delivery", "delivery_id"),
    )

    id: Mapped[Id]
    campaign_id: Mapped[int] = _campaign_key()
    delivery_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("delivery.id", ondelete="CASCADE")
    )
    """Null in aggregate mode: counted without a person."""
    contact_id: Mapped[int | None] = mapped_column(sa.ForeignKey("contact.id", ondelete="SET NULL"))
    kind: Mapped[str] = mapped_column(sa.String(12))
    at: Mapped[Moment] = mapped_column(default=now)
    link_id: Mapped[int | None] = mapped_column(sa.ForeignKey("link.id", ondelete="SET NULL"))
    verdict: Mapped[str | None] = mapped_column(sa.String(8))
    """human or machine, for opens and clicks; hard, soft or sender for bounces."""
    fault: Mapped[str | None] = mapped_column(sa.String(16))
    """Whose fault a bounce is (mailer.faults); unclear where nothing says so."""
    reason: Mapped[str] = mapped_column(sa.String(200), default="")
    seq: Mapped[int | None] = mapped_column(BigId, unique=True)
    """Number of the hit in the intake, so that a hit taken twice is written once."""


class Beat(Base):
    """How many mails were settled in five seconds: what the rate is read from."""

    __tablename__ = "beat"

    campaign_id: Mapped[int] = mapped_column(
        sa.ForeignKey("campaign.id", ondelete="CASCADE"), primary_key=True
    )
    slot: Mapped[int] = mapped_column(primary_key=True)
    """Unix time divided by five."""
    n: Mapped[int] = mapped_column(default=0)


class Outage(Base):
    """A mail server that cannot be reached; nobody knocks before `until`."""

    __tablename__ = "outage"

    relay: Mapped[str] = mapped_column(sa.String(600), primary_key=True)
    """RelaySettings.key, or tests-ACCOUNT for the test mails of an account."""
    since: Mapped[Moment] = mapped_column(default=now)
    until: Mapped[Moment] = mapped_column()
    reason: Mapped[str] = mapped_column(sa.Text, default="")
    campaign_id: Mapped[int | None] = mapped_column(BigId)
    """The campaign that found it out; its owner is told when it lasts."""
    told_at: Mapped[datetime | None] = mapped_column()


class Alarm(Base):
    """The owner was told, or the brake was pulled, and at how many complaints or bounces."""

    __tablename__ = "alarm"

    campaign_id: Mapped[int] = mapped_column(
        sa.ForeignKey("campaign.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    """complaints, bounces; warned before: complaints_near; refused: the server takes nothing."""
    n: Mapped[int] = mapped_column(default=0)
    at: Mapped[Moment] = mapped_column(default=now)
    words: Mapped[str] = mapped_column(sa.Text, default="")
    is_paused: Mapped[bool] = mapped_column(default=False)
    told_at: Mapped[datetime | None] = mapped_column()
    """When the owner was written to."""


class RelayUse(Base):
    """How much of its limits a mail server has been given; shared by all workers."""

    __tablename__ = "relay_use"

    relay: Mapped[str] = mapped_column(sa.String(600), primary_key=True)
    """RelaySettings.key, or tests-ACCOUNT for the test mails of an account."""
    free_at: Mapped[float] = mapped_column(sa.Float(53), default=0.0)
    """Unix time until which the mails of each second are given away."""
    hour: Mapped[int] = mapped_column(default=0)
    """Hour since 1970 that `in_hour` counts."""
    in_hour: Mapped[int] = mapped_column(default=0)
    day: Mapped[int] = mapped_column(default=0)
    in_day: Mapped[int] = mapped_column(default=0)


class ProviderPace(Base):
    """How fast a mailbox provider gets mail through a relay, while that is not full speed.

    Shared by all workers; the numbers are those of `mailer.pacing.Pace`, in unix seconds.
    """

    __tablename__ = "provider_pace"

    relay: Mapped[str] = mapped_column(sa.String(600), primary_key=True)
    """RelaySettings.key."""
    provider: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    """As mailer.mailbox_providers names it; a domain where nothing is known of it."""
    phase: Mapped[str] = mapped_column(sa.String(8))
    since: Mapped[float] = mapped_column(sa.Float(53))
    per_minute: Mapped[float] = mapped_column(sa.Float(53))
    goal: Mapped[float] = mapped_column(sa.Float(53))
    changed_at: Mapped[float] = mapped_column(sa.Float(53))
    refused_at: Mapped[float] = mapped_column(sa.Float(53))
    until: Mapped[float] = mapped_column(sa.Float(53), default=0.0)
    free_at: Mapped[float] = mapped_column(sa.Float(53), default=0.0)
    line_until: Mapped[float] = mapped_column(sa.Float(53), default=0.0)
    accepted: Mapped[int] = mapped_column(default=0)
    misses: Mapped[int] = mapped_column(default=0)
    pauses: Mapped[int] = mapped_column(default=0)
    why: Mapped[str] = mapped_column(sa.Text, default="")
    """The server's words; they may name somebody's reader, so only for whom they were said to."""
    waits: Mapped[bool] = mapped_column(default=True)
    """Mails may still wait in line for it; false once a sweep has woken them."""


class MailDomain(Base):
    """Who keeps the mailboxes of a domain, as MX said; only while a relay has to know."""

    __tablename__ = "mail_domain"

    domain: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    provider: Mapped[str] = mapped_column(sa.String(255), default="")
    """Empty until DNS has answered."""
    due_at: Mapped[Moment] = mapped_column(default=now, index=True)
    """When to ask DNS; where it has answered, when to forget that."""
