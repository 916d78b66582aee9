"""Parts of a take-out about each campaign: the message, what became of it, and the numbers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.campaigns.models import CampaignApproval, CampaignAudience
from app.contacts.models import Contact
from app.core.db import db
from app.core.errors import DomainError
from app.delivery import receipts, rendering
from app.delivery.models import Delivery, DiaryEntry, Event, Link, Tally
from app.mailer.address import BadAddress
from app.mailer.message import BadHeader
from app.moving.parts import CHUNK, Chunk, Key, Scope, chunk, document, moment, table, yes_no
from app.tracking.models import HourScore, Reader, Score

APPROVAL = (
    "asked_version", "asked_by_id", "asked_at", "request", "said", "said_version", "said_by_id",
    "said_at", "reason",
)  # fmt: skip
TEXTS = (
    "id", "name", "kind", "state", "subject", "preheader", "from_name", "from_email", "reply_to",
    "format", "body", "text_body", "tracking", "created_by_id", "is_sample", "is_archive",
    "pause_reason", "at_most", "follows_id",
)  # fmt: skip
MOMENTS = ("created_at", "updated_at", "due_at", "started_at", "planned_at", "finished_at")
#: What a draft that is not finished may fail with, such as one without a sender.
UNFINISHED = (DomainError, BadHeader, BadAddress)
READER = "reader@example.com"
"""Whom the sample mail is for."""


@document(
    "campaign.json",
    "The campaign as it was written, whom it was for, and its state.",
    covers=("campaign", "campaign_audience", "campaign_approval"),
    of_campaign=True,
)
def campaign(scope: Scope) -> dict[str, Any]:
    """All columns, audience: [{list_id, segment_id, excluded}], and what was said of sending it."""
    row = scope.subject
    said = db.session.get(CampaignApproval, row.id)
    audience = db.session.scalars(
        sa.select(CampaignAudience)
        .where(CampaignAudience.campaign_id == row.id)
        .order_by(CampaignAudience.id)
    )
    return {
        **{name: getattr(row, name) for name in TEXTS},
        **{name: moment(getattr(row, name)) for name in MOMENTS},
        "audience": [
            {"list_id": one.list_id, "segment_id": one.segment_id, "excluded": one.excluded}
            for one in audience
        ],
        "approval": said
        and {
            name: moment(value) if isinstance(value, datetime) else value
            for name in APPROVAL
            for value in [getattr(said, name)]
        },
    }


def _rendered(scope: Scope) -> rendering.Rendered | None:
    def look_up() -> rendering.Rendered | None:
        try:
            return rendering.render_one(scope.subject, None)
        except UNFINISHED:
            return None  # a draft that is not finished

    return scope.once("rendered", look_up)  # type: ignore[no-any-return]


@document("message.html", "The message as somebody unknown would read it.", of_campaign=True)
def message_html(scope: Scope) -> str | None:
    """Left out where the draft cannot be rendered yet."""
    made = _rendered(scope)
    return made.html if made else None


@document("message.txt", "Its plain text.", of_campaign=True)
def message_text(scope: Scope) -> str | None:
    """As above."""
    made = _rendered(scope)
    return made.text if made else None


@document("message.eml", f"A sample as a mail file, as it would go to {READER}.", of_campaign=True)
def message_eml(scope: Scope) -> bytes | None:
    """With its headers; its links only show that they work."""
    row = scope.subject
    try:
        mold = rendering.compile_test(row)
        return mold.render(rendering.reader_of(row.account, None, email=READER))
    except UNFINISHED:
        return None


@table(
    "links.csv",
    "The links of the message.",
    columns=("id", "position", "url", "label"),
    covers=("link",),
    of_campaign=True,
)
def links(scope: Scope, after: Key | None) -> Chunk:
    """In the order of the mail."""
    rows = db.session.execute(
        sa.select(Link.id, Link.position, Link.url, Link.label)
        .where(Link.campaign_id == scope.subject.id)
        .order_by(Link.position)
    )
    return Chunk([tuple(row) for row in rows], None)


@table(
    "deliveries.csv",
    "What became of each recipient: state, times, the mail server's answer, first open and click.",
    columns=(
        "id", "contact_id", "email", "state", "reason", "tries", "answered_at", "code", "status",
        "answer", "encrypted", "opened_at", "machine_opened_at", "clicked_at",
        "machine_clicked_at",
    ),
    covers=("delivery", "reader"),
    of_campaign=True,
)  # fmt: skip
def deliveries(scope: Scope, after: Key | None) -> Chunk:
    """In the order of planning."""
    rows = db.session.execute(
        sa.select(
            Delivery.id, Delivery.contact_id, Contact.email, Delivery.state, Delivery.reason,
            Delivery.tries, Delivery.sent_at, Delivery.code, Delivery.status, Delivery.answer,
            Delivery.tls, Reader.opened_at, Reader.machine_opened_at, Reader.clicked_at,
            Reader.machine_clicked_at,
        )
        .outerjoin(Contact, Contact.id == Delivery.contact_id)
        .outerjoin(Reader, Reader.delivery_id == Delivery.id)
        .where(Delivery.campaign_id == scope.subject.id, Delivery.id > (after or [0])[0])
        .order_by(Delivery.id)
        .limit(CHUNK)
    ).all()  # fmt: skip
    cells = [
        (
            r.id, r.contact_id or "", r.email or "", r.state, r.reason or "", r.tries,
            moment(r.sent_at), r.code or "", r.status or "", r.answer or "", yes_no(r.tls),
            moment(r.opened_at), moment(r.machine_opened_at), moment(r.clicked_at),
            moment(r.machine_clicked_at),
        )
        for r in rows
    ]  # fmt: skip
    return chunk(cells, lambda row: [row[0]])


@table(
    "events.csv",
    "Every open, click, unsubscribe, bounce and complaint that was noted.",
    columns=(
        "id", "kind", "at", "delivery_id", "contact_id", "email", "link_id", "verdict", "fault",
        "reason",
    ),
    covers=("event",),
    of_campaign=True,
)  # fmt: skip
def events(scope: Scope, after: Key | None) -> Chunk:
    """By kind, in the order of noting."""
    rows = db.session.execute(
        sa.select(
            Event.id, Event.kind, Event.at, Event.delivery_id, Event.contact_id, Contact.email,
            Event.link_id, Event.verdict, Event.fault, Event.reason,
        )
        .outerjoin(Contact, Contact.id == Event.contact_id)
        .where(
            Event.campaign_id == scope.subject.id,
            sa.tuple_(Event.kind, Event.id) > sa.tuple_(*(after or ["", 0])),
        )
        .order_by(Event.kind, Event.id)
        .limit(CHUNK)
    ).all()  # fmt: skip
    cells = [
        (
            r.id, r.kind, moment(r.at), r.delivery_id or "", r.contact_id or "", r.email or "",
            r.link_id or "", r.verdict or "", r.fault or "", r.reason,
        )
        for r in rows
    ]  # fmt: skip
    return chunk(cells, lambda row: [row[1], row[0]])


@document(
    "report.json",
    "The numbers: the receipt, opens and clicks by verdict and link, the curve over hours.",
    covers=("tally", "score", "hour_score"),
    of_campaign=True,
)
def report(scope: Scope) -> dict[str, Any]:
    """{receipt, tally, scores, hours}: the kept counters as they stand."""
    number = scope.subject.id
    receipt = receipts.receipt(number)
    return {
        "receipt": {
            "intended": receipt.intended, "sent": receipt.sent, "failed": receipt.failed,
            "uncertain": receipt.uncertain, "pending": receipt.pending,
            "skipped": receipt.skipped,
        },
        "tally": _counters(Tally, number, ("state", "reason", "n")),
        "scores": _counters(Score, number, ("kind", "verdict", "link_id", "hits", "people")),
        "hours": _counters(HourScore, number, ("hour", "kind", "verdict", "n")),
    }  # fmt: skip


def _counters(model: Any, campaign_id: int, names: tuple[str, ...]) -> list[dict[str, Any]]:
    columns = [getattr(model, name) for name in names]
    rows = db.session.execute(
        sa.select(*columns).where(model.campaign_id == campaign_id).order_by(*columns)
    )
    return [dict(zip(names, row, strict=True)) for row in rows]


@table(
    "diary.csv",
    "What the engine did and why.",
    columns=("id", "at", "text"),
    covers=("diary_entry",),
    of_campaign=True,
)
def diary(scope: Scope, after: Key | None) -> Chunk:
    """Oldest first."""
    rows = db.session.execute(
        sa.select(DiaryEntry.id, DiaryEntry.at, DiaryEntry.text)
        .where(DiaryEntry.campaign_id == scope.subject.id, DiaryEntry.id > (after or [0])[0])
        .order_by(DiaryEntry.id)
        .limit(CHUNK)
    ).all()
    return chunk([(row.id, moment(row.at), row.text) for row in rows], lambda row: [row[0]])
