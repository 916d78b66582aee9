"""Writing outcomes down: rows in bulk, counters in the same transaction.

Each row moves by a condition on its state and on the lease of the run that sent it, so recording
twice is recording once. An answer that arrives after a sweep gave the row up as uncertain still
counts: it is proof.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa

from app.campaigns.models import Campaign
from app.contacts import suppressions
from app.contacts.models import Contact
from app.core.clock import now
from app.core.db import connection, db, dialect_name
from app.delivery import tallying
from app.delivery.models import Delivery
from app.mailer.faults import Fault
from app.mailer.outcomes import judge
from app.mailer.smtp import Outcome

FIRST_WAIT_S = 300
LONGEST_WAIT_S = 4200
GROWTH = 1.67
#: Tries until about four and a half days are over (RFC 5321 4.5.4.1).
MAX_TRIES = 96
SPREAD = 0.2
WORDS = 1000
#: The columns that an outcome sets.
MOVED = ("state", "reason", "code", "status", "answer", "tls", "sent_at", "next_try_at", "lease")


@dataclass(frozen=True)
class Change:
    """The columns that one outcome sets; equal ones are written by one statement."""

    state: str
    reason: str | None = None
    code: int | None = None
    status: str | None = None
    answer: str | None = None
    tls: bool | None = None
    wait_s: int | None = None
    is_hint: bool = False
    """The server itself said how long to wait."""


def record(
    book: tallying.Book, lease: str, outcomes: Sequence[Outcome], tries: Mapping[int, int]
) -> int:
    """Move the rows of a run to what became of them; the caller writes the book at the end.

    Returns how many never left and wait again.
    """
    groups: dict[Change, list[int]] = {}
    gone: list[tuple[int, str]] = []
    for outcome in outcomes:
        change, suppress = _change(outcome, tries.get(outcome.id, 1))
        groups.setdefault(change, []).append(outcome.id)
        if suppress:
            gone.append((outcome.id, outcome.text))
    unsent = 0
    for change, ids in groups.items():
        moved = _write(lease, change, ids)
        for before, n in moved.items():
            book.note(before, change.state, n, reason=_reason(change))
            book.settled += n if change.state != "pending" else 0
            unsent += n if change.state == "pending" else 0
    _suppress(book.campaign_id, gone)
    return unsent


def _reason(change: Change) -> str:
    """Under which the counters keep it apart."""
    if change.state == "sent":
        return tallying.ENCRYPTED if change.tls else tallying.IN_CLEAR
    return change.reason or ""


def wait_s(tries: int) -> int:
    """Seconds until the next try, without the spread: 5 minutes, growing to 70."""
    return int(min(FIRST_WAIT_S * GROWTH ** (tries - 1), LONGEST_WAIT_S))


_SENT = {tls: Change("sent", code=250, tls=tls) for tls in (False, True)}


def _change(outcome: Outcome, tries: int) -> tuple[Change, bool]:
    if outcome.kind == "accepted" and outcome.code == 250:
        return _SENT[outcome.tls], False
    verdict = judge(outcome)
    state, wait = verdict.state, None
    is_hint = verdict.wait_s is not None
    answer = outcome.text[:WORDS] or None if state != "sent" else None
    if state == "pending":
        return Change("pending"), False
    if state == "deferred":
        wait = verdict.wait_s or wait_s(tries)
        if tries >= MAX_TRIES:
            state, wait = "failed", None
    change = Change(
        state, verdict.fault.value if verdict.fault else None, outcome.code, outcome.status,
        answer, outcome.tls, wait, is_hint,
    )  # fmt: skip
    return change, verdict.suppress


def _write(lease: str, change: Change, ids: list[int]) -> dict[str, int]:
    """How many rows moved, by the state they were in."""
    values = {**_values(change, lease), "of_lease": lease, "ids": id_list(ids)}
    moved = {"sending": _move("sending", change, values)}
    if moved["sending"] < len(ids) and change.state not in ("pending", "deferred", "uncertain"):
        moved["uncertain"] = _move("uncertain", change, values)
    return moved


def _values(change: Change, lease: str) -> dict[str, Any]:
    if change.state == "pending":
        return {}
    is_put_off = change.state == "deferred"
    return {
        "to_state": change.state, "to_reason": change.reason, "to_code": change.code,
        "to_status": change.status, "to_answer": change.answer, "to_tls": change.tls,
        "to_sent_at": None if is_put_off else now(),
        "to_next_try_at": now() + _wait(change) if is_put_off else None,
        # An uncertain row keeps it: a late answer of that run still proves what happened.
        "to_lease": lease if change.state == "uncertain" else None,
    }  # fmt: skip


def _wait(change: Change) -> timedelta:
    spread = 1 + random.uniform(-SPREAD, SPREAD)  # noqa: S311 - only spreads load
    return timedelta(seconds=(change.wait_s or FIRST_WAIT_S) * (1 if change.is_hint else spread))


def _move(before: str, change: Change, values: dict[str, Any]) -> int:
    made = _giving_back(dialect_name()) if change.state == "pending" else _moving(dialect_name())
    return int(connection().execute(made, {**values, "before": before}).rowcount)


@cache
def _moving(dialect: str) -> sa.Update:
    """Made once: putting a statement together takes longer than running it."""
    table = Delivery.__table__.c
    to = {name: sa.bindparam(f"to_{name}", type_=table[name].type) for name in MOVED}
    return _rows_of_run(dialect).values(to)


@cache
def _giving_back(dialect: str) -> sa.Update:
    """Nothing happened to these: the try does not count."""
    return _rows_of_run(dialect).values(state="pending", lease=None, tries=Delivery.tries - 1)


def _rows_of_run(dialect: str) -> sa.Update:
    return sa.update(Delivery).where(
        among_ids(dialect),
        Delivery.state == sa.bindparam("before", type_=sa.String),
        Delivery.lease == sa.bindparam("of_lease", type_=sa.String),
    )


def among(ids: Iterable[int]) -> sa.ColumnElement[bool]:
    """Delivery.id is one of these: one bound value, however many they are."""
    return among_ids(dialect_name(), id_list(ids))


def among_ids(dialect: str, listed: Any = None) -> sa.ColumnElement[bool]:
    """The same as a part of a statement that is made once; `ids` is given as `id_list`."""
    is_list = dialect == "postgresql"
    kind: Any = sa.ARRAY(sa.BigInteger) if is_list else sa.String
    later = listed is None
    given = sa.bindparam("ids", listed, type_=kind, required=later, unique=not later)
    if is_list:
        return Delivery.id == sa.any_(given)
    return Delivery.id.in_(sa.select(sa.func.json_each(given).table_valued("value").c.value))


def with_person(dialect: str, *columns: Any) -> sa.Select[Any]:
    """Delivery.id and columns of Contact, of the Deliveries in `ids` that have a person left."""
    is_theirs = Contact.id == Delivery.contact_id
    if dialect == "postgresql":
        # One look into the index for each: as an ordinary join, it reads all contacts for a chunk
        # of mails. What has an OFFSET is never turned into a join.
        one = sa.select(*columns).where(is_theirs).offset(sa.literal_column("0")).lateral()
        query = sa.select(Delivery.id, *one.c).join(one, sa.true())
    else:
        query = sa.select(Delivery.id, *columns).join(Contact, is_theirs)
    return query.where(among_ids(dialect))


def id_list(ids: Iterable[int]) -> Any:
    """What the database takes for a list of ids."""
    if dialect_name() == "postgresql":
        return list(ids)
    return "[" + ",".join(map(str, ids)) + "]"


def _suppress(campaign_id: int, gone: list[tuple[int, str]]) -> None:
    """Mailboxes that do not exist are not mailed any more."""
    if not gone:
        return
    account_id = db.session.scalar(sa.select(Campaign.account_id).where(Campaign.id == campaign_id))
    words = dict(gone)
    query = with_person(dialect_name(), Contact.address).order_by(Delivery.id)
    rows = db.session.execute(query, {"ids": id_list(words)}).all()
    for row in rows:
        if account_id:
            suppressions.add(
                account_id, row.address, reason="bounced", detail=words[row.id][:WORDS]
            )


def is_our_fault(outcome: Outcome) -> bool:
    """Whether every other recipient would be refused in the same way."""
    verdict = judge(outcome)
    return verdict.state == "failed" and (
        outcome.phase == "size" or (outcome.phase == "mail" and verdict.fault is not Fault.CONTENT)
    )
