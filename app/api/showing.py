"""Rows as the API shows them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

from app.accounts.models import Account
from app.api import queries, shapes
from app.campaigns.findings import Finding
from app.campaigns.models import Campaign
from app.contacts import kinds
from app.contacts.models import Contact, ContactList, Import, ImportProblem, Suppression
from app.contacts.rows import guard
from app.core.pagination import Page
from app.delivery.models import Delivery
from app.delivery.receipts import Receipt
from app.reports.queries import Report


def page(found: Page[Any], items: list[Any]) -> Any:
    """A list's answer."""
    return {"items": items, "cursor": found.older}


def list_(row: ContactList) -> shapes.ListOut:
    """A list."""
    return {
        "id": row.id,
        "name": row.name,
        "opt_in": row.opt_in,  # type: ignore[typeddict-item]
        "description": row.description,
        "active": row.active,
        "pending": row.pending,
        "created_at": row.created_at,
    }


def contacts(account: Account, rows: Sequence[Contact]) -> list[shapes.ContactOut]:
    """Contacts with what belongs to them, in three statements for all."""
    subscriptions = queries.subscriptions_of([row.id for row in rows])
    tags = queries.tags_of([row.id for row in rows])
    suppressed = queries.suppressed_among(account, [row.address for row in rows])
    return [
        {
            "id": row.id,
            "email": row.email,
            "first_name": row.first_name,
            "last_name": row.last_name,
            "company": row.company,
            "external_id": row.external_id,
            "kind": row.kind,  # type: ignore[typeddict-item]
            "kind_reason": kinds.of(row).reason,  # type: ignore[typeddict-item]
            "fields": dict(row.fields or {}),
            "lists": [one.list_id for one in subscriptions[row.id] if one.state != "ended"],
            "subscriptions": [
                {"list": one.list_id, "state": one.state, "since": one.since}  # type: ignore[typeddict-item]
                for one in subscriptions[row.id]
            ],
            "tags": tags[row.id],
            "suppressed": row.address in suppressed,
            "created_at": row.created_at,
            "updated_at": row.updated_at,
        }
        for row in rows
    ]


def import_(row: Import) -> shapes.ImportOut:
    """An import."""
    return {
        "id": row.id,
        "state": "queued" if row.state in ("reading", "held") else row.state,  # type: ignore[typeddict-item]
        "error": row.error,
        "list": row.list_id,
        "mode": row.mode,  # type: ignore[typeddict-item]
        "mapping": row.mapping,
        "rows": row.rows,
        "created": row.created,
        "updated": row.updated,
        "unchanged": row.unchanged,
        "suppressed": row.suppressed,
        "rejected": row.rejected,
        "created_at": row.created_at,
        "finished_at": row.finished_at,
    }


def campaign(row: Campaign) -> shapes.CampaignOut:
    """A campaign with its content."""
    body = {kind: row.body if row.format == kind else None for kind in ("html", "markdown", "mjml")}
    included = [part for part in row.audience if not part.excluded]
    excluded = [part for part in row.audience if part.excluded]
    return {
        "id": row.id,
        "state": row.state,  # type: ignore[typeddict-item]
        "version": row.version,
        "name": row.name,
        "subject": row.subject,
        "preheader": row.preheader,
        "from_name": row.from_name,
        "from_email": row.from_email,
        "reply_to": row.reply_to or None,
        "html": body["html"],
        "markdown": body["markdown"],
        "mjml": body["mjml"],
        "text": row.text_body or None,
        "lists": [part.list_id for part in included if part.list_id],
        "segments": [part.segment_id for part in included if part.segment_id],
        "exclude": [part.list_id for part in excluded if part.list_id],
        "exclude_segments": [part.segment_id for part in excluded if part.segment_id],
        "tracking": row.tracking,  # type: ignore[typeddict-item]
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "due_at": row.due_at,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
        "pause_reason": row.pause_reason,
    }


def summary(row: Campaign) -> shapes.CampaignSummary:
    """A campaign in a list."""
    return {
        "id": row.id,
        "state": row.state,  # type: ignore[typeddict-item]
        "name": row.name,
        "subject": row.subject,
        "created_at": row.created_at,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
    }


def delivery(row: Delivery, email: str | None) -> shapes.DeliveryOut:
    """What happened to one recipient."""
    return {
        "id": row.id,
        "contact": row.contact_id,
        "address": email,
        "state": row.state,  # type: ignore[typeddict-item]
        "reason": row.reason,
        "tries": row.tries,
        "claimed_at": row.claimed_at,
        "next_try_at": row.next_try_at,
        "sent_at": row.sent_at,
        "code": row.code,
        "status": row.status,
        "answer": row.answer,
        "tls": row.tls,
    }


def suppression(row: Suppression) -> shapes.SuppressionOut:
    """An address that must not be mailed."""
    return {
        "id": row.id,
        "email": row.address,
        "reason": (row.detail if row.reason == "account" else "") or row.reason,
        "kind": cast(shapes.SuppressionKind, row.reason),
        "detail": row.detail,
        "deletable": row.reason == "account",
        "created_at": row.created_at,
    }


def rejected(rows: Iterable[ImportProblem]) -> Iterator[str]:
    """The rows that were not taken, as CSV that no spreadsheet takes for formulas."""
    yield "\ufeff" + _csv_line(["row", "content", "reason"])
    for row in rows:
        yield _csv_line([str(row.row_number), guard(row.row), row.reason])


def _csv_line(cells: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()


def receipt(found: Receipt) -> shapes.ReceiptOut:
    """What became of everybody."""
    return {
        "intended": found.intended,
        "sent": found.sent,
        "failed": found.failed,
        "uncertain": found.uncertain,
        "pending": found.pending,
        "skipped": found.skipped,
    }


def finding(found: Finding) -> shapes.Finding:
    """What the pre-flight noticed."""
    return {
        "level": found.level,  # type: ignore[typeddict-item]
        "code": found.code,
        "title": found.title,
        "text": found.text,
        "fix": found.fix,
    }


def report(found: Report) -> shapes.ReportOut:
    """What readers did."""
    return {
        "opens": {
            "human": found.opens.human,
            "machine": found.opens.machine,
            "people": found.opens.people,
        },
        "clicks": {
            "human": found.clicks.human,
            "machine": found.clicks.machine,
            "people": found.clicks.people,
            "links": [
                {"url": link.url, "human": link.human, "machine": link.machine}
                for link in found.links
            ],
        },
        "unsubscribes": found.unsubscribes,
        "complaints": found.complaints,
        "bounces": {"hard": found.bounces.hard, "soft": found.bounces.soft + found.bounces.sender},
    }
