"""What can be wrong with a contact, seen from its own row; and what was found last time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.accounts.models import Account
from app.contacts import domain_lists, kinds, typos
from app.contacts.bulk import insert_missing
from app.contacts.models import CleanUpLook, Contact, Finding, likeness
from app.core.clock import now
from app.core.db import Base, db

#: Kinds of findings about one contact, as the list page and bulk actions name them.
FINDINGS = (
    "typo", "role", "disposable", "bounced", "unconfirmed",
    "silent-90", "silent-180", "silent-365",
)  # fmt: skip
#: Kinds about two that may be one.
LIKENESSES = ("same_mailbox", "same_phone", "same_name")
UNCONFIRMED_DAYS = 30
#: Mailboxes of these are one, with and without dots.
_DOTLESS = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}
#: Here a plus is part of the name like any other letter, or nobody knows.
_PLUS_IS_A_LETTER = frozenset({"yahoo.com", "ymail.com", "rocketmail.com"})
#: Keys of fields that hold telephone numbers.
PHONE_KEY = re.compile(r"(^|_)(tele)?(phone|fon|tel|mobile|mobil|handy|cell)(_|$|nummer|number)")
_NOT_DIGITS = re.compile(r"\D+")


def same_mailbox_as(address: str) -> str:
    """The plain address of the mailbox, where dots or a +word are only decoration; else nothing.

    `address` is normalised. anna.b+shop@gmail.com → annab@gmail.com.
    """
    local, _, domain = address.rpartition("@")
    plain = local
    if domain not in _PLUS_IS_A_LETTER:
        plain = local.partition("+")[0] or local
    if domain in _DOTLESS:
        plain, domain = plain.replace(".", ""), _DOTLESS[domain]
    found = f"{plain}@{domain}"
    return "" if found == address else found


def phone_key(text: str) -> str:
    """A telephone number in one form: its last nine digits; nothing for what is too short.

    So +49 171 2345678 and 0171/2345678 are one.
    """
    digits = _NOT_DIGITS.sub("", text)
    return digits[-9:] if len(digits) >= 8 else ""


def about(address: str) -> list[str]:
    """What the address alone tells: typo, role, disposable."""
    local, _, domain = address.rpartition("@")
    found = ["role"] if kinds.is_role(local) else []
    # Some who live off throw-away mailboxes bought the near misses of large providers.
    if domain in typos.MEANT:
        return [*found, "typo"]
    return [*found, "disposable"] if domain_lists.is_disposable(domain) else found


def keep(rows: Sequence[dict[str, Any]]) -> int:
    """Write findings down; how many were new."""
    table = Base.metadata.tables["finding"]
    return len(insert_missing(table, [{"other_id": 0, "n": 0, **row} for row in rows]))


def keep_likenesses(account_id: int, kind: str, values: Iterable[tuple[str, int]]) -> None:
    """Write down the one form of a mailbox or number, with whose it is."""
    rows = [
        {"account_id": account_id, "kind": kind, "value": value, "contact_id": contact_id}
        for value, contact_id in values
    ]
    insert_missing(likeness, rows)


def forget_some(account_id: int, limit: int) -> int:
    """Remove what an earlier look found, a part at a time; how many rows went."""
    gone = 0
    for table in (Base.metadata.tables["finding"], likeness):
        keys = list(table.primary_key.columns)
        some = sa.select(*keys).where(table.c.account_id == account_id).limit(limit)
        done = db.session.connection().execute(
            sa.delete(table).where(sa.tuple_(*keys).in_(some))
        )  # fmt: skip
        gone += done.rowcount
    return gone


@dataclass(frozen=True)
class Pair:
    """Two contacts that may be one, and why."""

    kind: str
    contact: Contact
    other: Contact


def pairs(account: Account, *, limit: int = 50) -> list[Pair]:
    """The likeliest first: mailboxes, telephone numbers, names."""
    found: list[Pair] = []
    for kind in LIKENESSES:
        one, two = sa.orm.aliased(Contact), sa.orm.aliased(Contact)
        rows = db.session.execute(
            sa.select(one, two)
            .select_from(Finding)
            .join(one, one.id == Finding.contact_id)
            .join(two, two.id == Finding.other_id)
            .where(Finding.account_id == account.id, Finding.kind == kind)
            .where(two.account_id == account.id)
            .order_by(Finding.contact_id, Finding.other_id)
            .limit(limit - len(found))
        )
        found += [Pair(kind, contact, other) for contact, other in rows]
        if len(found) >= limit:
            break
    return found


def not_the_same(account: Account, contact_id: int, other_id: int) -> None:
    """The owner says that they are two: the pair is not shown again until the next look."""
    db.session.execute(
        sa.delete(Finding).where(
            Finding.account_id == account.id,
            Finding.contact_id == contact_id,
            Finding.other_id == other_id,
        )
    )


def latest(account: Account) -> CleanUpLook | None:
    """How the last look went, or how far the present one is."""
    return db.session.get(CleanUpLook, account.id)


def begin(account: Account) -> bool:
    """Start a look; False when one is under way."""
    look = db.session.get(CleanUpLook, account.id, with_for_update=True)
    if look and look.state == "looking":
        return False
    if look is None:
        look = CleanUpLook(account_id=account.id)
        db.session.add(look)
    look.state, look.step, look.cursor, look.counts = "looking", "clearing", [], {}
    look.walked, look.lease, look.lease_until = 0, None, None
    look.started_at, look.finished_at = now(), None
    db.session.flush()
    return True
