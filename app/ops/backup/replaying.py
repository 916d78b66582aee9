"""What happened after a backup was made, carried over from the database that it replaces: who
left, who was erased, and which mails went. Kept in a file in between, so that memory stays flat.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from app.campaigns.models import Campaign
from app.contacts.models import Contact, Pause, Subscription, Suppression
from app.contacts.suppressions import BY_PERSON
from app.core.clock import now
from app.delivery.models import Delivery, DiaryEntry
from app.ops.backup import access, numbers, recounting, withdrawn

#: Clocks of several machines may differ; what is carried over twice does no harm.
MARGIN = timedelta(hours=1)
AT_ONCE = 1000
_LEFT = (
    "account_id", "address", "address_hash", "reason", "detail", "created_at", "travel_hash",
    "travel_key",
)  # fmt: skip
_KEYS = ("account_id", "address_hash")
_WENT = (
    "id",
    "campaign_id",
    "state",
    "reason",
    "tries",
    "sent_at",
    "code",
    "status",
    "answer",
    "tls",
)
#: States from which a mail would go out once more, or for the first time.
_OPEN = ("pending", "deferred", "sending")


@dataclass(frozen=True)
class Notes:
    """A file with a line for each thing that happened."""

    path: Path


@dataclass(frozen=True)
class Since:
    """How much was carried over."""

    left: int
    """People who asked not to be mailed, or whose address was found dead."""
    ended: int
    """Subscriptions that ended."""
    paused: int
    """People who want no mail for a while."""
    mails: int
    """Mails whose outcome is known."""
    begun: int
    """Campaigns that had not begun when the backup was made, and were sent since."""
    erased: int = 0
    """People who had themselves erased, and were in the backup."""


def collect(url: str, since: datetime, to: Path) -> Notes:
    """Read what happened since then out of a database. Raises sa.exc.DatabaseError."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    start = since - MARGIN
    queries: dict[str, Any] = {
        "left": sa.select(*(getattr(Suppression, name) for name in _LEFT))
        .where(Suppression.created_at >= start),
        "ended": sa.select(Subscription.contact_id, Subscription.list_id, Subscription.ended_at)
        .where(Subscription.state == "ended", Subscription.ended_at >= start),
        "went": sa.select(*(getattr(Delivery, name) for name in _WENT))
        .join(Campaign, Campaign.id == Delivery.campaign_id)
        .where(
            Delivery.state != "pending",
            sa.or_(Campaign.finished_at.is_(None), Campaign.finished_at >= start),
        ),
        "paused": sa.select(Pause.contact_id, Pause.account_id, Pause.since, Pause.until)
        .where(Pause.since >= start, Pause.until > now()),
        "begun": sa.select(Campaign.id).where(
            # One that is half planned goes on behind the last person that is known, and would
            # write to those once more who were planned since.
            sa.or_(
                Campaign.started_at >= start, Campaign.planned_at >= start,
                sa.and_(Campaign.planned_at.is_(None), Campaign.state.in_(("sending", "paused"))),
            )
        ),
    }  # fmt: skip
    with engine.connect() as connection, to.open("w") as file:
        queries |= withdrawn.queries(connection, start)
        queries |= access.queries(connection, start)
        for kind, query in queries.items():
            for row in connection.execution_options(yield_per=AT_ONCE).execute(query):
                file.write(json.dumps([kind, *row], default=str) + "\n")
        for name, last in numbers.last_ids(connection).items():
            file.write(json.dumps(["id", name, last]) + "\n")
    return Notes(to)


def replay(url: str, notes: Notes) -> Since:
    """Write it into the database that was restored; once more does no harm."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        left = sum(_leave(connection, rows) for rows in _read(notes, "left"))
        ended = sum(_end(connection, rows) for rows in _read(notes, "ended"))
        paused = sum(_rest(connection, rows) for rows in _read(notes, "paused"))
        mails = sum(_settle(connection, rows) for rows in _read(notes, "went"))
        begun = sum(_close(connection, rows) for rows in _read(notes, "begun"))
        withdrawn.carry_over(connection, lambda kind: _read(notes, kind))
        access.carry_over(connection, lambda kind: _read(notes, kind))
        numbers.go_behind(
            connection, {row[0]: row[1] for some in _read(notes, "id") for row in some}
        )
        recounting.recount(connection)
    return Since(left, ended, paused, mails, begun)


def erased(notes: Notes) -> dict[int, set[str]]:
    """Account → the hashes of those who were erased."""
    found: dict[int, set[str]] = {}
    for some in _read(notes, "left"):
        for row in some:
            if row[_LEFT.index("reason")] == "erased" or row[_LEFT.index("address")] is None:
                found.setdefault(row[0], set()).add(row[_LEFT.index("address_hash")])
    return found


def _read(notes: Notes, kind: str) -> Iterator[list[list[Any]]]:
    with notes.path.open() as file:
        rows = (line[1:] for line in map(json.loads, file) if line[0] == kind)
        while some := list(islice(rows, AT_ONCE)):
            yield some


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _leave(connection: sa.Connection, rows: Sequence[Sequence[Any]]) -> int:
    """Suppressions that the backup does not know, of accounts that it does."""
    accounts = _known(connection, "account", {row[0] for row in rows})
    n = 0
    for row in rows:
        values = dict(zip(_LEFT, row, strict=True))
        if values["account_id"] not in accounts:
            continue
        values["created_at"] = _moment(values["created_at"])
        n += connection.scalar(_upsert(connection), values) is not None
    return n


def _upsert(connection: sa.Connection) -> Any:
    """The later word counts, but a person's own is not replaced by a weaker one."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    row = insert(Suppression).values({name: sa.bindparam(name) for name in _LEFT})
    weaker = sa.and_(
        Suppression.reason.not_in(BY_PERSON),
        sa.or_(
            Suppression.created_at < row.excluded.created_at, row.excluded.reason.in_(BY_PERSON)
        ),
    )
    forgotten = sa.and_(row.excluded.address.is_(None), Suppression.address.is_not(None))
    return row.on_conflict_do_update(
        index_elements=["account_id", "address_hash"],
        set_={name: row.excluded[name] for name in _LEFT if name not in _KEYS},
        where=sa.or_(weaker, forgotten),
    ).returning(Suppression.id)


def _known(connection: sa.Connection, table: str, ids: set[int]) -> set[int]:
    id_ = sa.column("id", sa.BigInteger)
    query = sa.select(id_).select_from(sa.table(table)).where(id_.in_(sorted(ids)))
    return set(connection.scalars(query))


def _end(connection: sa.Connection, rows: Sequence[Sequence[Any]]) -> int:
    statement = (
        sa.update(Subscription)
        .where(
            Subscription.contact_id == sa.bindparam("the_contact"),
            Subscription.list_id == sa.bindparam("the_list"),
            Subscription.state != "ended",
        )
        .values(state="ended", ended_at=sa.bindparam("moment"))
    )
    n = 0
    for contact_id, list_id, ended_at in rows:
        values = {"the_contact": contact_id, "the_list": list_id, "moment": _moment(ended_at)}
        n += connection.execute(statement, values).rowcount
    return n


def _rest(connection: sa.Connection, rows: Sequence[Sequence[Any]]) -> int:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    there = {
        (row.id, row.account_id)
        for row in connection.execute(
            sa.select(Contact.id, Contact.account_id).where(
                Contact.id.in_([row[0] for row in rows])
            )
        )
    }
    n = 0
    for contact_id, account_id, since, until in rows:
        if (contact_id, account_id) not in there:
            continue
        values = {"since": _moment(since), "until": _moment(until)}
        row = insert(Pause).values(contact_id=contact_id, account_id=account_id, **values)
        connection.execute(row.on_conflict_do_update(index_elements=["contact_id"], set_=values))
        n += 1
    return n


def _settle(connection: sa.Connection, rows: Sequence[Sequence[Any]]) -> int:
    """Outcomes of mails that the backup takes for open."""
    open_ids = set(
        connection.scalars(
            sa.select(Delivery.id).where(
                Delivery.id.in_([row[0] for row in rows]), Delivery.state.in_(_OPEN)
            )
        )
    )
    statement = (
        sa.update(Delivery)
        .where(
            Delivery.id == sa.bindparam("the_id"),
            Delivery.campaign_id == sa.bindparam("the_campaign"),
            Delivery.state.in_(_OPEN),
        )
        .values({name: sa.bindparam(f"new_{name}") for name in _WENT[2:]} | {"lease": None})
    )
    n = 0
    for row in rows:
        if row[0] not in open_ids:
            continue
        values = {f"new_{name}": value for name, value in zip(_WENT[2:], row[2:], strict=True)}
        values["new_sent_at"] = _moment(values["new_sent_at"])
        if values["new_state"] in ("sending", "deferred"):
            # Claimed when the old database was last seen: nobody knows whether it went.
            if values["new_state"] == "deferred":
                continue
            values["new_state"], values["new_reason"] = "uncertain", None
        n += connection.execute(
            statement, {"the_id": row[0], "the_campaign": row[1], **values}
        ).rowcount
    return n


SENT_SINCE = (
    "This campaign was sent after the backup was made that has been restored. Who got it is not in "
    "the backup, so it was closed: nobody gets it twice."
)


def _close(connection: sa.Connection, rows: Sequence[Sequence[Any]]) -> int:
    """Campaigns that went out since, and that the backup knows as drafts."""
    ids = [row[0] for row in rows]
    closed = connection.scalars(
        sa.update(Campaign)
        .where(
            Campaign.id.in_(ids),
            sa.or_(
                Campaign.state.in_(("draft", "scheduled", "held")),
                sa.and_(Campaign.state.in_(("sending", "paused")), Campaign.planned_at.is_(None)),
            ),
        )
        .values(state="cancelled", finished_at=now(), pause_reason=SENT_SINCE)
        .returning(Campaign.id)
    ).all()
    for campaign_id in closed:
        connection.execute(sa.insert(DiaryEntry).values(campaign_id=campaign_id, text=SENT_SINCE))
    return len(closed)
