"""From judged hits to Events, Readers and kept counters, within the caller's transaction."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from app.campaigns.models import Campaign
from app.contacts.models import Contact
from app.core.db import db, insert
from app.delivery import deciding
from app.delivery.models import Delivery, Event, Link
from app.tracking.counting import Counts
from app.tracking.models import Reader
from app.tracking.verdicts import HUMAN, MACHINE, Facts, Hit, Look, together

#: Rows of one mail, kind and verdict; what comes on top is counted without a row.
MOST_ROWS = 20
KINDS = ("open", "click")
TIMES = ("opened_at", "machine_opened_at", "clicked_at", "machine_clicked_at")


class Mail(NamedTuple):
    """A Delivery as far as hits need it."""

    campaign_id: int
    contact_id: int | None
    state: str
    sent_at: datetime | None
    is_personal: bool
    """Whether its hits may be told of a person."""


@dataclass
class Known:
    """What the database knows about everything that was hit."""

    mails: dict[int, Mail]
    links: dict[int, int]
    """Campaign by link."""
    campaigns: set[int]
    facts: Facts


@dataclass
class Track:
    """What is kept of one Delivery's hits."""

    times: dict[str, datetime | None] = field(default_factory=lambda: dict.fromkeys(TIMES))
    rows: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Events by kind and verdict."""
    links: set[int] = field(default_factory=set)
    """Links that a person followed."""
    has_changed: bool = False


def write(before: Sequence[Hit], fresh: Sequence[Hit]) -> None:
    """Count `fresh`, judged together with the hits `before`, which were counted already."""
    fresh = _only_new(fresh)
    known = _look_up([*before, *fresh])
    looks = together([*before, *fresh], known.facts)
    counts = Counts()
    _turn_to_machine(_condemned(before, looks), counts)
    arrived = _count(fresh, looks[len(before) :], known, counts)
    counts.write()
    _settle(arrived)


def _only_new(fresh: Sequence[Hit]) -> list[Hit]:
    """Without hits that came twice, or were written before."""
    found = {hit.seq: hit for hit in fresh}
    written = db.session.scalars(sa.select(Event.seq).where(Event.seq.in_(found)))
    for seq in written:
        found.pop(seq or 0, None)
    return list(found.values())


def _look_up(hits: Iterable[Hit]) -> Known:
    hits = list(hits)
    mails = _mails({hit.delivery_id for hit in hits if hit.delivery_id})
    links = _links({hit.target for hit in hits if hit.kind == "click"})
    campaigns = _campaigns({hit.target for hit in hits if hit.kind == "open" and hit.target})
    sizes = _link_counts({mail.campaign_id for mail in mails.values()})
    facts = Facts(
        sent_ms={number: _sent_ms(mail) for number, mail in mails.items() if _sent_ms(mail)},
        links={number: sizes.get(mail.campaign_id, 0) for number, mail in mails.items()},
    )
    return Known(mails, links, campaigns, facts)


def _mails(numbers: Collection[int]) -> dict[int, Mail]:
    rows = db.session.execute(
        sa.select(
            Delivery.id, Delivery.campaign_id, Delivery.contact_id, Delivery.state,
            Delivery.sent_at, Campaign.tracking, Contact.tracking_off,
        )
        .join(Campaign, Campaign.id == Delivery.campaign_id)
        .outerjoin(Contact, Contact.id == Delivery.contact_id)
        .where(Delivery.id.in_(numbers))
    )  # fmt: skip
    return {
        row.id: Mail(
            row.campaign_id, row.contact_id, row.state, row.sent_at,
            is_personal=row.tracking == "individual" and row.tracking_off is False,
        )
        for row in rows
    }  # fmt: skip


def _sent_ms(mail: Mail) -> int:
    """When the mail was handed over; 0 where that is not known."""
    return int(mail.sent_at.timestamp() * 1000) if mail.sent_at else 0


def _links(numbers: Collection[int]) -> dict[int, int]:
    rows = db.session.execute(sa.select(Link.id, Link.campaign_id).where(Link.id.in_(numbers)))
    return {row.id: row.campaign_id for row in rows}


def _campaigns(numbers: Collection[int]) -> set[int]:
    return set(db.session.scalars(sa.select(Campaign.id).where(Campaign.id.in_(numbers))))


def _link_counts(campaign_ids: Collection[int]) -> dict[int, int]:
    rows = db.session.execute(
        sa.select(Link.campaign_id, sa.func.count())
        .where(Link.campaign_id.in_(campaign_ids))
        .group_by(Link.campaign_id)
    )
    return {row[0]: row[1] for row in rows}


def _condemned(before: Sequence[Hit], looks: Sequence[Look]) -> dict[int, str]:
    """Hits that passed as human alone and do not any more: number → reason."""
    return {
        hit.seq: look.reason
        for hit, look in zip(before, looks, strict=False)
        if hit.kind in KINDS and hit.verdict == HUMAN and look.verdict == MACHINE
    }


def _turn_to_machine(condemned: dict[int, str], counts: Counts) -> None:
    """Correct rows and counters. Hits that were counted without a row stay as they are."""
    if not condemned:
        return
    turned = db.session.execute(
        sa.select(
            Event.id, Event.seq, Event.campaign_id, Event.delivery_id, Event.kind,
            Event.link_id, Event.at,
        ).where(Event.seq.in_(condemned), Event.verdict == HUMAN)
    ).all()  # fmt: skip
    if not turned:
        return
    db.session.execute(
        sa.update(Event),
        [{"id": row.id, "verdict": MACHINE, "reason": condemned[row.seq or 0]} for row in turned],
    )
    for row in turned:
        for verdict, n in ((HUMAN, -1), (MACHINE, 1)):
            counts.hit(row.campaign_id, row.kind, verdict, at=row.at, link_id=row.link_id or 0, n=n)
    _read_again(
        {row.delivery_id: row.campaign_id for row in turned if row.delivery_id}, turned, counts
    )


def _read_again(campaigns: dict[int, int], turned: Sequence[Any], counts: Counts) -> None:
    """Take people out of the counters who turned out to be machines."""
    old = _tracks(campaigns)
    left = _events(campaigns)
    for number, campaign_id in campaigns.items():
        track = Track()
        for event in left[number]:
            _follow(track, event.kind, event.verdict or HUMAN, event.link_id or 0, event.at)
        for name in TIMES:
            n = (track.times[name] is not None) - (old[number].times[name] is not None)
            if n:
                counts.person(campaign_id, *_kind_and_verdict(name), n=n)
        clicked = {row.link_id for row in turned if row.delivery_id == number and row.link_id}
        for link_id in sorted(clicked - track.links):
            counts.person(campaign_id, "click", HUMAN, link_id=link_id, n=-1)
        _save({number: track}, {number: campaign_id})


def _count(fresh: Sequence[Hit], looks: Sequence[Look], known: Known, counts: Counts) -> set[int]:
    """Write what is new; returns deliveries that surely arrived though nobody knew."""
    tracks = _tracks({hit.delivery_id for hit in fresh if hit.delivery_id in known.mails})
    rows: list[dict[str, Any]] = []
    arrived: set[int] = set()
    for hit, look in zip(fresh, looks, strict=True):
        campaign_id = _campaign_of(hit, known)
        if hit.kind not in KINDS or not campaign_id:
            continue
        at = _moment(hit.ms)
        link_id = hit.target if hit.kind == "click" else 0
        counts.hit(campaign_id, hit.kind, look.verdict, at=at, link_id=link_id)
        mail = known.mails.get(hit.delivery_id)
        if mail is None:
            continue
        if look.verdict == HUMAN and mail.state == "uncertain":
            arrived.add(hit.delivery_id)
        if mail.is_personal and _track(
            tracks[hit.delivery_id], campaign_id, hit.kind, look.verdict, link_id, at, counts
        ):
            rows.append(_row(hit, look, mail, link_id, at))
    if rows:
        db.session.execute(sa.insert(Event), rows)
    changed = {number: track for number, track in tracks.items() if track.has_changed}
    _save(changed, {number: known.mails[number].campaign_id for number in changed})
    return arrived


def _campaign_of(hit: Hit, known: Known) -> int:
    """0 for what was removed meanwhile, or fits nothing."""
    if hit.delivery_id:
        mail = known.mails.get(hit.delivery_id)
        campaign_id = mail.campaign_id if mail else 0
        fits = hit.kind != "click" or known.links.get(hit.target) == campaign_id
        return campaign_id if fits else 0
    if hit.kind == "click":
        return known.links.get(hit.target, 0)
    return hit.target if hit.target in known.campaigns else 0


def _row(hit: Hit, look: Look, mail: Mail, link_id: int, at: datetime) -> dict[str, Any]:
    return {
        "campaign_id": mail.campaign_id, "delivery_id": hit.delivery_id,
        "contact_id": mail.contact_id, "kind": hit.kind, "at": at, "link_id": link_id or None,
        "verdict": look.verdict, "reason": look.reason[:200], "seq": hit.seq,
    }  # fmt: skip


def _track(
    track: Track, campaign_id: int, kind: str, verdict: str, link_id: int, at: datetime,
    counts: Counts,
) -> bool:  # fmt: skip
    """Count the person behind a hit once; whether the hit gets a row."""
    before = dict(track.times)
    is_new_link = verdict == HUMAN and bool(link_id) and link_id not in track.links
    has_row = is_new_link or track.rows[kind, verdict] < MOST_ROWS
    _follow(track, kind, verdict, link_id, at)
    for name in TIMES:
        if before[name] is None and track.times[name] is not None:
            counts.person(campaign_id, *_kind_and_verdict(name))
    if is_new_link:
        counts.person(campaign_id, kind, verdict, link_id=link_id)
    track.has_changed |= track.times != before
    return has_row


def _follow(track: Track, kind: str, verdict: str, link_id: int, at: datetime) -> None:
    """One hit more. A person who clicks has opened, whether or not the picture was loaded."""
    track.rows[kind, verdict] += 1
    names = [
        ("" if verdict == HUMAN else "machine_") + f"{'open' if kind == 'open' else 'click'}ed_at"
    ]
    if verdict == HUMAN and kind == "click":
        names.append("opened_at")
        track.links.add(link_id)
    for name in names:
        earlier = track.times[name]
        track.times[name] = min(earlier, at) if earlier else at


def _kind_and_verdict(name: str) -> tuple[str, str]:
    kind = "open" if "open" in name else "click"
    return kind, MACHINE if name.startswith("machine") else HUMAN


def _tracks(numbers: Iterable[int]) -> defaultdict[int, Track]:
    """What is kept so far."""
    tracks: defaultdict[int, Track] = defaultdict(Track)
    numbers = list(numbers)
    for reader in db.session.execute(
        sa.select(Reader.__table__).where(Reader.delivery_id.in_(numbers))
    ):
        tracks[reader.delivery_id].times = {name: getattr(reader, name) for name in TIMES}
    for number, events in _events(numbers).items():
        for event in events:
            tracks[number].rows[event.kind, event.verdict or ""] += 1
            if event.kind == "click" and event.verdict == HUMAN and event.link_id:
                tracks[number].links.add(event.link_id)
    return tracks


def _events(numbers: Iterable[int]) -> defaultdict[int, list[Any]]:
    found: defaultdict[int, list[Any]] = defaultdict(list)
    for event in db.session.execute(
        sa.select(Event.delivery_id, Event.kind, Event.verdict, Event.link_id, Event.at).where(
            Event.delivery_id.in_(list(numbers)), Event.kind.in_(KINDS)
        )
    ):
        found[event.delivery_id].append(event)
    return found


def _save(tracks: dict[int, Track], campaigns: dict[int, int]) -> None:
    if not tracks:
        return
    statement = insert(Reader)
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["delivery_id"],
            set_={name: getattr(statement.excluded, name) for name in TIMES},
        ),
        [
            {"delivery_id": number, "campaign_id": campaigns[number], **tracks[number].times}
            for number in sorted(tracks)
        ],
    )


def _settle(arrived: Collection[int]) -> None:
    """A person who reads the mail has got it."""
    for number in sorted(arrived):
        deciding.prove_arrival(number)


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=ms)
