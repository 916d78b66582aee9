"""The one thing that staff can do about a password: have a link to set a new one mailed."""

from __future__ import annotations

import sqlalchemy as sa

from app.accounts import auditing
from app.accounts.models import Account, Member, Membership
from app.auth import passwords
from app.core.db import db
from app.core.errors import NotFound
from app.staff import book
from app.staff.models import StaffLook


def send_link(account: Account, look: StaffLook, by: Member, member_id: int) -> None:
    """Mail it to somebody of the account; it is seen by nobody else. Raises NotFound."""
    member = db.session.scalar(
        sa.select(Member)
        .join(Membership)
        .where(Membership.account_id == account.id, Member.id == member_id)
    )
    if member is None:
        raise NotFound("That person")
    passwords.mail_link(member)
    book.note(look, "link", "people", member.id)
    auditing.note(account, by, "password.link", f"member {member.id}")
