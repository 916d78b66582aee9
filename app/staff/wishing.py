"""Wishes to leave as staff see them: each contact that may be meant is a line of its account's
book, for whoever saw it and for that letter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from app.accounts.models import Member
from app.contacts.models import Contact
from app.core.db import db, transaction
from app.desk import optouts
from app.desk.models import Ticket
from app.desk.optouts import Candidate
from app.staff import book
from app.staff.models import StaffAccess

PURPOSE = "support"


def candidates(letters: Iterable[Ticket], by: Member) -> Mapping[int, Sequence[Candidate]]:
    """Who may be meant, by letter. Opens a transaction of its own where somebody is seen anew."""
    found = {letter.id: (letter, optouts.candidates(letter)) for letter in letters}
    unseen = [
        (letter, account_id, contact_id)
        for letter, some in found.values()
        for contact_id, account_id in _contacts(some)
        if not _has_seen(letter, by, account_id, contact_id)
    ]
    if unseen:
        with transaction():
            for letter, account_id, contact_id in unseen:
                book.write(
                    account_id, "wish", member_id=by.id, who=book.who(by), purpose=PURPOSE,
                    reference=_reference(letter), kind="contact", object_id=contact_id,
                )  # fmt: skip
    return {number: some for number, (_, some) in found.items()}


def _contacts(some: Sequence[Candidate]) -> Sequence[sa.Row[int, int]]:
    keys = [one.key.partition("-") for one in some]
    ids = [int(number) for kind, _, number in keys if kind == "contact"]
    query = sa.select(Contact.id, Contact.account_id).where(Contact.id.in_(ids))
    return db.session.execute(query.order_by(Contact.id)).all()


def _has_seen(letter: Ticket, by: Member, account_id: int, contact_id: int) -> bool:
    query = sa.select(StaffAccess.id).where(
        StaffAccess.account_id == account_id, StaffAccess.verb == "wish",
        StaffAccess.object_id == contact_id, StaffAccess.member_id == by.id,
        StaffAccess.reference == _reference(letter),
    )  # fmt: skip
    return db.session.scalar(query.limit(1)) is not None


def _reference(letter: Ticket) -> str:
    return f"letter #{letter.reference}"
