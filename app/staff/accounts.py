"""The list of accounts: by name, by a person's address or by number; the same cost at any size."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from app.accounts.models import Account, Member, Membership
from app.accounts.standing import ACCESS, CLOSING, SENDING
from app.core import pagination
from app.core.db import db
from app.core.folding import fold
from app.core.owning import LARGEST
from app.core.pagination import PAGE_SIZE, Page

_BARRED = Account.barred != ""
#: As `Account.standing` has them.
STATES: dict[str, sa.ColumnElement[bool]] = {
    "pending": sa.and_(Account.state == "pending", ~_BARRED),
    "active": sa.and_(Account.state == "active", ~_BARRED),
    "suspended": sa.and_(_BARRED, Account.barred.in_((SENDING, ACCESS))),
    "closing": sa.and_(_BARRED, Account.barred == CLOSING),
}
#: Sorts behind every text that begins alike.
_LAST = "\U0010ffff"


def search(text: str = "", *, state: str = "", cursor: str | None = None) -> Page[Account]:
    """Accounts, the newest first; where a name is looked for, in the order of names.

    `text` is the beginning of a name, the whole address of somebody who works there, or a number.
    """
    text = " ".join(text.split())
    query = sa.select(Account)
    if state in STATES:
        query = query.where(STATES[state])
    if "@" in text:
        return _newest(query.where(Account.id.in_(_of_person(text))), cursor)
    if text.removeprefix("#").isdecimal():
        number = int(text.removeprefix("#"))
        return _newest(query.where(Account.id == (number if number < LARGEST else 0)), cursor)
    return _by_name(query, text, cursor) if text else _newest(query, cursor)


def _of_person(address: str) -> Any:
    here = sa.select(Membership.account_id).join(Member)
    return here.where(Member.email == address.lower())


def _newest(query: sa.Select[Any], cursor: str | None) -> Page[Account]:
    if key := pagination.decode(cursor):
        query = query.where(Account.id < key.number(0))
    rows = db.session.scalars(query.order_by(Account.id.desc()).limit(PAGE_SIZE + 1)).all()
    return pagination.cut(rows, PAGE_SIZE, lambda account: [account.id])


def _by_name(query: sa.Select[Any], text: str, cursor: str | None) -> Page[Account]:
    begins = (fold(text) or "")[:64]
    query = query.where(Account.name_key >= begins, Account.name_key <= begins + _LAST)
    if key := pagination.decode(cursor):
        place = sa.tuple_(Account.name_key, Account.id)
        query = query.where(place > sa.tuple_(sa.literal(key.text(0)), sa.literal(key.number(1))))
    ordered = query.order_by(Account.name_key, Account.id).limit(PAGE_SIZE + 1)
    rows = db.session.scalars(ordered).all()
    return pagination.cut(rows, PAGE_SIZE, lambda account: [account.name_key, account.id])
