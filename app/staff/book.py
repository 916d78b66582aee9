"""The access book of an account: what the operator's people saw and did there.

Lines are only added, each under a hash that holds the one before (`core.chaining`); triggers
refuse changes to begin with.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from app.accounts.models import Account, Member
from app.core import pagination, settings
from app.core.chaining import Chain, append
from app.core.clock import now
from app.core.db import db, transaction
from app.core.pagination import PAGE_SIZE, Page
from app.staff.models import StaffAccess, StaffLook

BOOK = Chain("staff_access", "the access book of staff", StaffAccess)
#: What a line says, in words for the customer.
VERBS = {
    "look.begin": "began to look",
    "look.end": "stopped looking",
    "look.over": "the time was over",
    "see": "saw",
    "search": "looked for a contact that is not here:",
    "wish": "saw, as a letter asks for no more mail:",
    "link": "had a link to set a new password mailed to",
    "export": "asked for",
    "fetch": "fetched",
    "grant": "allowed one take-out by staff",
    "grant.end": "took the permission for a take-out back",
    "allow": "allowed support to look without being asked",
    "allow.day": "allowed support to look for a day",
    "refuse": "allowed support to look only when asked",
    "do": "changed",
    "person.found": "found, for somebody who asked about themselves,",
    "person.data": "mailed a person the link to their own data, as they asked and confirmed:",
    "person.erase": "erased, as the person asked and confirmed:",
    "person.stop": "kept out of all mail, as the person asked and confirmed:",
}


def who(member: Member) -> str:
    """How the customer reads of one of the staff."""
    return member.name or member.email


def note(
    look: StaffLook, verb: str, kind: str = "", object_id: int | None = None, *,
    reference: str = "",
) -> StaffAccess:  # fmt: skip
    """A line about what was seen or done in a look, in the transaction of it.

    `reference`: another than the look's own.
    """
    return write(
        look.account_id, verb, look_id=look.id, member_id=look.member_id, who=look.who,
        purpose=look.purpose, reference=reference or look.reference, kind=kind,
        object_id=object_id,
    )  # fmt: skip


def note_owner(account: Account, member: Member, verb: str, reference: str = "") -> StaffAccess:
    """A line about what an owner allowed or refused."""
    return write(account.id, verb, member_id=member.id, who=who(member), reference=reference)


def note_command(account: Account, verb: str, kind: str, command: str) -> None:
    """A line about what whoever runs the installation did on the command line, in a transaction
    of its own: it stands before the thing is done."""
    with transaction():
        write(
            account.id, verb, who=settings.get().OPERATOR_NAME, kind=kind,
            reference=f"on the command line: {command}",
        )  # fmt: skip


def write(account_id: int, verb: str, **values: Any) -> StaffAccess:
    """Add a line; it gets its place in the chain when the transaction ends."""
    if verb not in VERBS:
        raise ValueError(f"The access book knows no {verb}.")
    line = StaffAccess(account_id=account_id, verb=verb, at=now(), **values)
    append(BOOK, line)
    return line


def page(account: Account, cursor: str | None = None) -> Page[StaffAccess]:
    """Lines, newest first."""
    key = pagination.decode(cursor)
    query = sa.select(StaffAccess).where(StaffAccess.account_id == account.id)
    if key:
        query = query.where(StaffAccess.id < key.number(0))
    rows = db.session.scalars(
        query.order_by(StaffAccess.id.desc()).limit(PAGE_SIZE + 1)
    ).all()  # fmt: skip
    return pagination.cut(rows, PAGE_SIZE, lambda line: [line.id])
