"""A look through all contacts of an account for what could be cleaned up.

In the background, some thousand people at a time, each part in a transaction that saves where to
go on. Findings are kept; pages only read them.
"""

from __future__ import annotations

import itertools
import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult

from app.contacts import fields, hygiene, selecting
from app.contacts.bulk import among
from app.contacts.models import CleanUpLook, Contact, Subscription, Suppression, likeness
from app.contacts.selecting import Selection, Span
from app.core.clock import now
from app.core.db import db, transaction
from app.tracking import silence

CHUNK = 5_000
BUDGET_S = 20.0
LEASE = timedelta(seconds=30)
#: A name that more people have is a common one, and no sign of anything.
MOST_OF_A_NAME = 4

Rows = list[dict[str, Any]]


def run(account_id: int, *, budget_s: float = BUDGET_S) -> bool:
    """Go on with an account's look for about so many seconds; True when there is more to do."""
    lease, until = secrets.token_hex(16), time.monotonic() + budget_s
    with transaction():
        if not _claim(account_id, lease):
            return False
    more = True
    while more:
        with transaction(bulk=True):
            look = db.session.get(
                CleanUpLook, account_id, with_for_update=True, populate_existing=True
            )
            if look is None or look.lease != lease or look.state != "looking":
                return False
            more = _STEPS[look.step](look)
            is_last = not more or time.monotonic() >= until
            look.lease_until = None if is_last else now() + LEASE
            look.lease = None if is_last else lease
        if is_last:
            break
    return more


def _claim(account_id: int, lease: str) -> bool:
    free = sa.or_(CleanUpLook.lease_until.is_(None), CleanUpLook.lease_until < now())
    taken = db.session.execute(
        sa.update(CleanUpLook)
        .where(CleanUpLook.account_id == account_id, CleanUpLook.state == "looking", free)
        .values(lease=lease, lease_until=now() + LEASE)
    )
    return isinstance(taken, CursorResult) and taken.rowcount == 1


def due(limit: int = 100) -> Sequence[int]:
    """Accounts whose look a worker should go on with."""
    free = sa.or_(CleanUpLook.lease_until.is_(None), CleanUpLook.lease_until < now())
    return db.session.scalars(
        sa.select(CleanUpLook.account_id)
        .where(CleanUpLook.state == "looking", free)
        .order_by(CleanUpLook.account_id)
        .limit(limit)
    ).all()


def mark(account_id: int) -> str:
    """How far a look is, as a part of its job's name."""
    look = db.session.get(CleanUpLook, account_id)
    return f"{look.step}-{look.walked}" if look else "none"


def _go(look: CleanUpLook, step: str) -> bool:
    look.step, look.cursor = step, []
    return True


def _add(look: CleanUpLook, counts: Counter[str]) -> None:
    look.counts = dict(Counter(look.counts) + counts)


def _clear(look: CleanUpLook) -> bool:
    return True if hygiene.forget_some(look.account_id, 20_000) else _go(look, "people")


def _people(look: CleanUpLook) -> bool:
    account_id, everybody = look.account_id, Selection()
    after = look.cursor[0] if look.cursor else 0
    until = selecting.last_id(account_id)
    span = selecting.span(account_id, everybody, after=after, until=until, limit=CHUNK)
    if not span.people:
        return _go(look, "same_mailbox")
    rows, counts = _alone(account_id, span), Counter[str]()
    for kind, ids in (("bounced", _bounced(account_id, span)),
                      ("unconfirmed", _unconfirmed(account_id, span))):  # fmt: skip
        rows += [_row(account_id, kind, contact_id) for contact_id in ids]
    hygiene.keep(rows)
    counts.update(Counter(row["kind"] for row in rows))
    counts.update(_silent(account_id, span))
    _add(look, counts)
    look.cursor, look.walked = [span.last], look.walked + span.people
    return True


def _row(account_id: int, kind: str, contact_id: int, n: int = 0) -> dict[str, Any]:
    return {"account_id": account_id, "kind": kind, "contact_id": contact_id, "n": n}


def _alone(account_id: int, span: Span) -> Rows:
    """What each contact's own row tells; likenesses are kept for later."""
    phones = [key for key in fields.of(account_id) if hygiene.PHONE_KEY.search(key)]
    columns: list[Any] = [Contact.id, Contact.address, *([Contact.fields] if phones else [])]
    people = sa.select(*columns).where(Contact.account_id == account_id, span.of(Contact.id))
    rows: Rows = []
    mailboxes: list[tuple[str, int]] = []
    numbers: list[tuple[str, int]] = []
    for contact_id, address, *more in db.session.execute(people):
        rows += [_row(account_id, kind, contact_id) for kind in hygiene.about(address)]
        if plain := hygiene.same_mailbox_as(address):
            mailboxes.append((plain, contact_id))
        found = [hygiene.phone_key(str(more[0].get(key, ""))) for key in phones]
        numbers += [(number, contact_id) for number in found if number]
    hygiene.keep_likenesses(account_id, "same_mailbox", mailboxes)
    hygiene.keep_likenesses(account_id, "same_phone", numbers)
    return rows


def _bounced(account_id: int, span: Span) -> Sequence[int]:
    return db.session.scalars(
        sa.select(Contact.id)
        .join(
            Suppression,
            sa.and_(
                Suppression.account_id == Contact.account_id,
                Suppression.address == Contact.address,
            ),
        )
        .where(Contact.account_id == account_id, span.of(Contact.id))
        .where(Suppression.reason == "bounced")
    ).all()


def _unconfirmed(account_id: int, span: Span) -> Sequence[int]:
    before = now() - timedelta(days=hygiene.UNCONFIRMED_DAYS)
    return db.session.scalars(
        sa.select(Subscription.contact_id)
        .where(span.of(Subscription.contact_id), Subscription.account_id == account_id)
        .where(Subscription.state == "pending", Subscription.since < before)
        .distinct()
    ).all()


def _silent(account_id: int, span: Span) -> Counter[str]:
    campaigns = silence.counted_campaigns(account_id)
    people = silence.silent_among(account_id, campaigns, span.after, span.last)
    hygiene.keep([_row(account_id, "silent", one, days) for one, days in people.items()])
    return Counter(
        f"silent-{days}" for silent in people.values() for days in silence.DAYS if days <= silent
    )


def _same(kind: str, after: str) -> Callable[[CleanUpLook], bool]:
    """A step that finds contacts with one mailbox, or one telephone number."""

    def step(look: CleanUpLook) -> bool:
        here = likeness.c
        query = sa.select(here.value, here.contact_id).where(
            here.account_id == look.account_id, here.kind == kind
        )
        if look.cursor:
            query = query.where(here.value > look.cursor[0])
        rows = db.session.execute(query.order_by(here.value, here.contact_id).limit(CHUNK)).all()
        if not rows:
            return _go(look, after)
        groups = {
            value: [contact_id for _, contact_id in some]
            for value, some in itertools.groupby(rows, key=lambda row: row[0])
        }
        if len(rows) == CHUNK and len(groups) > 1:
            groups.popitem()  # it may go on behind the end of this part
        if kind == "same_mailbox":
            _add_plain(look.account_id, groups)
        _keep_pairs(look, kind, [ids for ids in groups.values() if len(ids) > 1])
        look.cursor = [next(reversed(groups))]
        return True

    return step


def _add_plain(account_id: int, groups: dict[str, list[int]]) -> None:
    """Contacts that have the plain address itself come first."""
    plain = sa.select(Contact.address, Contact.id).where(
        Contact.account_id == account_id, among(Contact.address, list(groups))
    )
    for address, contact_id in db.session.execute(plain):
        groups[address].insert(0, contact_id)


def _keep_pairs(look: CleanUpLook, kind: str, groups: Sequence[Sequence[int]]) -> None:
    rows = [
        {**_row(look.account_id, kind, other), "other_id": first}
        for first, *others in groups
        for other in others[:MOST_OF_A_NAME]
    ]
    _add(look, Counter({kind: hygiene.keep(rows)}))


def _names(look: CleanUpLook) -> bool:
    keys = (Contact.first_key, Contact.last_key)
    ids = sa.func.aggregate_strings(sa.cast(Contact.id, sa.String()), ",")
    query = sa.select(*keys, sa.func.count(), ids).where(
        Contact.account_id == look.account_id, Contact.first_key > "", Contact.last_key > ""
    )
    if look.cursor:
        query = query.where(sa.tuple_(*keys) > sa.tuple_(*map(sa.literal, look.cursor)))
    rows = db.session.execute(query.group_by(*keys).order_by(*keys).limit(CHUNK)).all()
    if not rows:
        look.state, look.finished_at, look.cursor = "done", now(), []
        return False
    few = [people for _, _, n, people in rows if 1 < n <= MOST_OF_A_NAME]
    _keep_pairs(look, "same_name", [sorted(map(int, people.split(","))) for people in few])
    look.cursor = list(rows[-1][:2])
    return True


_STEPS: dict[str, Callable[[CleanUpLook], bool]] = {
    "clearing": _clear,
    "people": _people,
    "same_mailbox": _same("same_mailbox", "same_phone"),
    "same_phone": _same("same_phone", "names"),
    "names": _names,
}
