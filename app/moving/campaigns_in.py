"""Taking in campaigns: drafts stay drafts, what was sent becomes an archive with its numbers.

An archive never sends anything. Mails that were still waiting when it was taken out count as
skipped here, so its receipt adds up.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from app.campaigns import composing
from app.campaigns.composing import Draft
from app.campaigns.models import Campaign, CampaignAudience
from app.contacts.bulk import among
from app.contacts.text import clean_line, clean_note
from app.core.db import db, insert
from app.core.errors import Invalid
from app.delivery import tallying
from app.delivery.models import OPEN_STATES, STATES, Batch, Delivery, DiaryEntry, Event, Link
from app.moving.steps import (
    ADDED,
    KNOWN,
    LEFT_OUT,
    Into,
    Row,
    is_yes,
    moment,
    whole,
    words,
)
from app.tracking.models import HourScore, Reader, Score

TEXTS = (
    "name", "subject", "preheader", "from_name", "from_email", "reply_to", "format", "body",
    "text_body", "tracking",
)  # fmt: skip
TIMES = ("opened_at", "machine_opened_at", "clicked_at", "machine_clicked_at")
#: What an event of a mail can be: open, click, unsubscribe, …
KIND = re.compile(r"[a-z_]{1,12}")


def campaign(into: Into, number: int) -> None:
    """One campaign without its audience; one that is here already is left alone."""
    row = into.package.document(f"campaigns/{number}/campaign.json")
    created = moment(row.get("created_at"), latest=into.at) or into.at
    known = db.session.scalar(
        sa.select(Campaign.id).where(
            Campaign.account_id == into.account.id,
            Campaign.created_at == created, Campaign.name == words(row.get("name")).strip(),
        )
    )  # fmt: skip
    if known:
        into.remember("campaign", {number: known})
        into.count("campaigns", KNOWN)
        return
    try:
        made = _made(into, row)
    except Invalid as error:
        into.leave_out("campaigns", f"Campaign {clean_line(words(row.get('name')), 80)}: {error}")
        return
    made.created_at = created
    into.remember("campaign", {number: made.id})
    into.remember("fresh", {number: made.id})
    if made.is_archive:
        into.remember("archive", {number: made.id})
    into.count("archives" if made.is_archive else "drafts", ADDED)


def _made(into: Into, row: Row) -> Campaign:
    texts: dict[str, Any] = {name: words(row.get(name)) for name in TEXTS}
    draft = Draft(**texts, lists=[], segments=[], exclude=[])
    follows = _follows(into, row)
    made = composing.create(into.account, draft, by=into.by_id)
    made.at_most, made.follows_id = whole(row.get("at_most")) or None, follows
    made.is_sample = is_yes(row.get("is_sample"))
    made.updated_at = moment(row.get("updated_at"), latest=into.at) or into.at
    if row.get("state") in ("sending", "paused", "sent", "cancelled"):
        _archive(into, made, row)
    db.session.flush()
    return made


def _follows(into: Into, row: Row) -> int | None:
    """The campaign whose rest it is. Raises Invalid where that one did not come along, or has
    another rest here: then it would go to people who had it already."""
    old = whole(row.get("follows_id"))
    found = into.new_ids("campaign", [old]).get(old) if old else None
    if old and found is None:
        raise Invalid("It is the rest of a campaign that is not in the file.")
    if found and db.session.scalar(sa.select(Campaign.id).where(Campaign.follows_id == found)):
        raise Invalid("The campaign that it follows has a rest here already.")
    return found


def _archive(into: Into, made: Campaign, row: Row) -> None:
    made.is_archive = True
    made.state = "sent" if row["state"] == "sent" else "cancelled"
    for name in ("started_at", "planned_at", "finished_at"):
        setattr(made, name, moment(row.get(name), latest=into.at))
    made.finished_at = made.finished_at or into.at
    db.session.add(Batch(campaign_id=made.id, number=1, size=0, state="done"))


def audience(into: Into, number: int) -> None:
    """Whom it is for, once lists and segments have their numbers here."""
    made = into.new_ids("fresh", [number]).get(number)
    if made is None:
        return
    rows = into.package.document(f"campaigns/{number}/campaign.json").get("audience") or []
    lists = into.new_ids("list", (row.get("list_id") for row in rows))
    segments = into.new_ids("segment", (row.get("segment_id") for row in rows))
    for row in rows:
        list_id = lists.get(whole(row.get("list_id")) or 0)
        segment_id = segments.get(whole(row.get("segment_id")) or 0)
        if list_id or segment_id:
            aim = CampaignAudience(campaign_id=made, list_id=list_id, segment_id=segment_id)
            aim.excluded = is_yes(row.get("excluded"))
            db.session.add(aim)


class Archive:
    """The rows of one campaign that was sent."""

    def __init__(self, number: int) -> None:
        self._number = number

    def _campaign(self, into: Into) -> int | None:
        """Its number here; None where it is no new archive."""
        return into.new_ids("archive", [self._number]).get(self._number)

    def links(self, into: Into, rows: Sequence[Row]) -> None:
        """A chunk of links.csv."""
        campaign_id, moved = self._campaign(into), dict[int, int | None]()
        if campaign_id is None:
            return
        for row in rows:
            link = Link(
                campaign_id=campaign_id, position=whole(row.get("position")) or 0,
                url=words(row.get("url")), label=clean_line(words(row.get("label"))),
            )  # fmt: skip
            db.session.add(link)
            db.session.flush()
            if old := whole(row.get("id")):
                moved[old] = link.id
        into.remember("link", moved)
        into.count("links", ADDED, len(rows))

    def deliveries(self, into: Into, rows: Sequence[Row]) -> None:
        """A chunk of deliveries.csv."""
        campaign_id = self._campaign(into)
        if campaign_id is None:
            into.count("deliveries", KNOWN, len(rows))
            return
        batch = db.session.scalars(sa.select(Batch).where(Batch.campaign_id == campaign_id)).one()
        people = self._people(into, campaign_id, rows)
        wanted = [_delivery(into, row, campaign_id, batch.id, people) for row in rows]
        made = db.session.scalars(
            sa.insert(Delivery).returning(Delivery.id, sort_by_parameter_order=True), wanted
        ).all()
        batch.size += len(made)
        batch.first_id, batch.last_id = batch.first_id or made[0], made[-1]
        olds = [whole(row.get("id")) for row in rows]
        pairs = zip(olds, made, strict=True)
        into.remember("delivery", {old: new for old, new in pairs if old})
        _tally(campaign_id, wanted)
        _read_by(into, campaign_id, rows, made)
        into.count("deliveries", ADDED, len(made))

    def _people(self, into: Into, campaign_id: int, rows: Sequence[Row]) -> dict[int, int]:
        """A person has one mail of a campaign, whatever the file says."""
        people = into.new_ids("contact", (row.get("contact_id") for row in rows))
        query = sa.select(Delivery.contact_id).where(
            Delivery.campaign_id == campaign_id, among(Delivery.contact_id, list(people.values()))
        )
        taken = set(db.session.scalars(query))
        return {old: new for old, new in people.items() if new not in taken}

    def events(self, into: Into, rows: Sequence[Row]) -> None:
        """A chunk of events.csv."""
        campaign_id = self._campaign(into)
        if campaign_id is None:
            into.count("events", KNOWN, len(rows))
            return
        mails = into.new_ids("delivery", (row.get("delivery_id") for row in rows))
        people = into.new_ids("contact", (row.get("contact_id") for row in rows))
        links = into.new_ids("link", (row.get("link_id") for row in rows))
        wanted = [
            {
                "campaign_id": campaign_id, "kind": row["kind"],
                "at": moment(row.get("at"), latest=into.at) or into.at,
                "delivery_id": mails.get(whole(row.get("delivery_id")) or 0),
                "contact_id": people.get(whole(row.get("contact_id")) or 0),
                "link_id": links.get(whole(row.get("link_id")) or 0),
                "verdict": words(row.get("verdict"))[:8] or None,
                "fault": words(row.get("fault"))[:16] or None,
                "reason": clean_line(words(row.get("reason")), 200),
            }
            for row in rows
            if KIND.fullmatch(words(row.get("kind")))
        ]  # fmt: skip
        if wanted:
            db.session.connection().execute(sa.insert(Event), wanted)
        into.count("events", ADDED, len(wanted))
        into.count("events", LEFT_OUT, len(rows) - len(wanted))

    def diary(self, into: Into, rows: Sequence[Row]) -> None:
        """A chunk of diary.csv."""
        campaign_id = self._campaign(into)
        if campaign_id is None:
            return
        db.session.add_all(
            DiaryEntry(
                campaign_id=campaign_id, at=moment(row.get("at"), latest=into.at) or into.at,
                text=clean_note(words(row.get("text"))),
            )
            for row in rows
        )  # fmt: skip

    def report(self, into: Into) -> None:
        """The counters of opens and clicks as they stood; those of mails are counted anew."""
        campaign_id = self._campaign(into)
        if campaign_id is None:
            return
        found = into.package.document(f"campaigns/{self._number}/report.json")
        scores = found.get("scores") or []
        links = into.new_ids("link", (row.get("link_id") for row in scores))
        _keep(Score, [row for one in scores if (row := _score(one, campaign_id, links))])
        hours = [_hour(into, one, campaign_id) for one in found.get("hours") or []]
        _keep(HourScore, [row for row in hours if row])

    def forget(self, into: Into) -> None:
        """Nothing refers to its mails and links any more."""
        into.forget("delivery", "link")


def _delivery(
    into: Into, row: Row, campaign_id: int, batch_id: int, people: dict[int, int]
) -> dict[str, Any]:
    state, reason = row.get("state"), words(row.get("reason"))[:32] or None
    if state not in STATES or state in OPEN_STATES:
        state, reason = "skipped", "cancelled"
    tls = row.get("encrypted")
    return {
        "campaign_id": campaign_id, "batch_id": batch_id, "state": state, "reason": reason,
        # Taken out of the map: a second row of the same person has nobody.
        "contact_id": people.pop(whole(row.get("contact_id")) or 0, None),
        "tries": min(whole(row.get("tries")) or 0, 999),
        "sent_at": moment(row.get("answered_at"), latest=into.at),
        "code": min(whole(row.get("code")) or 0, 999) or None,
        "status": words(row.get("status"))[:12] or None,
        "answer": words(row.get("answer"))[:5_000] or None,
        "tls": is_yes(tls) if tls else None,
    }  # fmt: skip


def _tally(campaign_id: int, rows: Sequence[dict[str, Any]]) -> None:
    ways = {True: tallying.ENCRYPTED, False: tallying.IN_CLEAR, None: ""}
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows:
        state, reason = row["state"], row["reason"] or ""
        if state == "sent":
            reason = ways[row["tls"]]
        counts[state, reason if state in tallying.WITH_REASONS else ""] += 1
    tallying.shift(campaign_id, counts)


def _read_by(into: Into, campaign_id: int, rows: Sequence[Row], made: Sequence[int]) -> None:
    readers = []
    for row, delivery_id in zip(rows, made, strict=True):
        times = {name: moment(row.get(name), latest=into.at) for name in TIMES}
        if any(times.values()):
            readers.append({"delivery_id": delivery_id, "campaign_id": campaign_id, **times})
    if readers:
        db.session.connection().execute(sa.insert(Reader), readers)


def _score(one: Any, campaign_id: int, links: dict[int, int]) -> dict[str, Any] | None:
    old = whole(one.get("link_id")) or 0
    if not KIND.fullmatch(words(one.get("kind"))) or (old and old not in links):
        return None
    return {
        "campaign_id": campaign_id, "kind": one["kind"],
        "verdict": words(one.get("verdict"))[:8], "link_id": links.get(old, 0),
        "hits": whole(one.get("hits")) or 0, "people": whole(one.get("people")) or 0,
    }  # fmt: skip


def _hour(into: Into, one: Any, campaign_id: int) -> dict[str, Any] | None:
    at = moment(one.get("hour"), latest=into.at)
    if not KIND.fullmatch(words(one.get("kind"))) or at is None:
        return None
    return {
        "campaign_id": campaign_id, "hour": at, "kind": one["kind"],
        "verdict": words(one.get("verdict"))[:8], "n": whole(one.get("n")) or 0,
    }  # fmt: skip


def _keep(model: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        db.session.connection().execute(insert(model).on_conflict_do_nothing(), rows)
