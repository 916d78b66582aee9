"""The bounce desk: what came back for a campaign, by reason, and what can be done about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from app.campaigns.models import Campaign
from app.contacts import typos, writing
from app.contacts.models import Contact
from app.core.db import db
from app.core.errors import DomainError, Invalid, NotFound
from app.core.pagination import PAGE_SIZE, Page, cut, decode
from app.delivery.models import Delivery, Event, in_state

MOST_REPAIRS = 100


@dataclass(frozen=True)
class Kind:
    """A reason for coming back."""

    name: str
    whose: str
    """theirs: the reader's mailbox; provider: their mail server; ours."""
    title: str
    advice: str


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "mailbox", "theirs", "The mailbox does not exist",
            "Never mailed again, so there is nothing to do. If there are many, look where these "
            "addresses come from.",
        ),
        Kind(
            "unclear", "theirs", "Refused without a reason",
            "Mailed again. Who bounces five times over two weeks is left out from then on.",
        ),
        Kind(
            "mailbox_full", "theirs", "The mailbox is full or closed for now",
            "Mailed again next time: full mailboxes get emptied.",
        ),
        Kind(
            "provider", "provider", "Trouble at their mail server",
            "Mailed again next time. This says nothing about your readers or you.",
        ),
        Kind(
            "rate", "ours", "We were too quick for them",
            "Lower the limits of your mail server in the settings. The readers are mailed again.",
        ),
        Kind(
            "reputation", "ours", "They do not trust the sender",
            "Check the DNS records of your domain (SPF, DKIM, DMARC), and that your server is on "
            "no block list. The readers are mailed again.",
        ),
        Kind(
            "content", "ours", "They do not want this content",
            "Something in the mail looked wrong to them: a link, words, its size. The readers are "
            "mailed again.",
        ),
        Kind(
            "ours", "ours", "Our server or settings are wrong",
            "Test your mail server in the settings: login, encryption, the sender's address.",
        ),
    )
}  # fmt: skip
WHOSE = {
    "theirs": "Their mailbox",
    "provider": "Their provider",
    "ours": "Our fault",
}


@dataclass(frozen=True)
class Group:
    """How many came back for one reason."""

    kind: Kind
    at_once: int
    """Refused while we delivered."""
    later: int
    """Bounced after they had been taken."""

    @property
    def n(self) -> int:
        return self.at_once + self.later


@dataclass(frozen=True)
class Row:
    """One mail that came back; `contact` is None once the person was erased."""

    delivery_id: int
    contact: Contact | None
    at: datetime | None
    words: str
    meant: str = ""
    """The address that was probably meant."""


def groups(campaign: Campaign) -> list[Group]:
    """In the order of KINDS, only those with something in them."""
    later: Counter[str] = Counter()
    for fault, verdict, n in db.session.execute(
        sa.select(Event.fault, Event.verdict, sa.func.count())
        .where(Event.campaign_id == campaign.id, *_is_last_word())
        .group_by(Event.fault, Event.verdict)
    ):
        later[_known(fault, verdict)] += n
    at_once: Counter[str] = Counter()
    for reason, n in db.session.execute(
        sa.select(Delivery.reason, sa.func.count())
        .where(Delivery.campaign_id == campaign.id, in_state("failed"))
        .group_by(Delivery.reason)
    ):
        at_once[_known(reason, "hard")] += n
    found = [Group(kind, at_once[name], later[name]) for name, kind in KINDS.items()]
    return [group for group in found if group.n]


def people(campaign: Campaign, name: str, *, cursor: str | None = None) -> Page[Row]:
    """Whose mails came back for one reason. Raises NotFound for a reason that is none."""
    if name not in KINDS:
        raise NotFound("This reason")
    key = decode(cursor)
    rows = _rows(campaign, [*_spellings(name)], after=key.number(0) if key else 0)
    return cut(rows, PAGE_SIZE, lambda row: [row.delivery_id])


def repairs(campaign: Campaign) -> list[Row]:
    """Those whose domain looks mistyped, at most MOST_REPAIRS."""
    looks_wrong = sa.or_(*(Contact.address.like(f"%@{domain}") for domain in sorted(typos.MEANT)))
    return _rows(campaign, None, only=looks_wrong, limit=MOST_REPAIRS)


def mend(contact: Contact) -> str:
    """Give a contact the address that was probably meant; returns it.

    Raises Invalid where nothing looks mistyped, AddressTaken and Suppressed as any change does.
    """
    right = typos.meant(contact.address)
    if not right:
        raise Invalid(f"{contact.email} does not look mistyped.")
    writing.update(contact, email=right)
    return right


def mend_all(campaign: Campaign) -> tuple[int, int]:
    """Mend everybody of `repairs`; returns how many were, and how many could not be."""
    mended, left = 0, 0
    for contact in {
        row.contact.id: row.contact for row in repairs(campaign) if row.contact
    }.values():
        try:
            with db.session.begin_nested():
                mend(contact)
        except DomainError:
            left += 1
        else:
            mended += 1
    return mended, left


def _is_last_word() -> tuple[sa.ColumnElement[bool], ...]:
    """A mail that bounced softly at first and then for good came back once."""
    later = aliased(Event)
    is_overtaken = (
        sa.exists()
        .where(
            later.delivery_id == Event.delivery_id,
            later.campaign_id == Event.campaign_id,
            later.kind == "bounce",
            later.id > Event.id,
        )
        .correlate(Event)
    )
    return Event.kind == "bounce", ~is_overtaken


def _known(fault: str | None, verdict: str | None) -> str:
    if fault in KINDS:
        return str(fault)
    return {"hard": "unclear", "soft": "provider"}.get(verdict or "", "ours")


def _spellings(name: str) -> Sequence[str | None]:
    return (name, None) if name == "unclear" else (name,)


def _rows(
    campaign: Campaign,
    faults: list[str | None] | None,
    *,
    after: int = 0,
    only: sa.ColumnElement[bool] | None = None,
    limit: int = PAGE_SIZE + 1,
) -> list[Row]:
    later = sa.select(
        Event.delivery_id.label("delivery_id"), Event.contact_id.label("contact_id"),
        Event.at.label("at"), Event.reason.label("words"),
    ).where(Event.campaign_id == campaign.id, *_is_last_word())  # fmt: skip
    at_once = sa.select(
        Delivery.id, Delivery.contact_id, Delivery.sent_at, Delivery.answer
    ).where(Delivery.campaign_id == campaign.id, in_state("failed"))  # fmt: skip
    if faults is not None:
        later = later.where(_among(Event.fault, faults))
        at_once = at_once.where(_among(Delivery.reason, faults))
    back = sa.union_all(later, at_once).subquery()
    query = (
        sa.select(back.c.delivery_id, back.c.at, back.c.words, Contact)
        .outerjoin(Contact, Contact.id == back.c.contact_id)
        .where(back.c.delivery_id > after)
        .order_by(back.c.delivery_id, back.c.at)
        .limit(limit)
    )
    if only is not None:
        query = query.where(only)
    return [
        Row(row.delivery_id, row.Contact, row.at, row.words or "",
            typos.meant(row.Contact.address) if row.Contact else "")
        for row in db.session.execute(query)
    ]  # fmt: skip


def _among(
    column: sa.orm.InstrumentedAttribute[str | None], faults: list[str | None]
) -> sa.ColumnElement[bool]:
    known = column.in_([fault for fault in faults if fault is not None])
    return sa.or_(known, column.is_(None)) if None in faults else known
