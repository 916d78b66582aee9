"""What people hand out lives no longer than their right to: invitations, and tokens of the API.

Whoever leaves knows the links and secrets that they made, and could come back by them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.accounts import api_tokens, auditing, queries, rights
from app.accounts.models import Account, ApiToken, Invitation, Member
from app.core.clock import now
from app.core.db import db

#: Who may make tokens: a role, for all that it may do.
MAKES_TOKENS = "owner"


@dataclass(frozen=True)
class Withdrawn:
    """How many ended."""

    invitations: int
    tokens: int


def is_backed(invitation: Invitation) -> bool:
    """Whether whoever invited may still give what the invitation offers."""
    by = db.session.get(Member, invitation.invited_by_id) if invitation.invited_by_id else None
    if by is None:
        return False
    held = _held(db.session.get_one(Account, invitation.account_id), by)
    return "people" in held and rights.of(invitation) <= held


def withdraw(account: Account, by: Member, member_id: int) -> Withdrawn:
    """End what somebody made and may not make any more, in the transaction of their new place."""
    db.session.flush()
    return Withdrawn(_take_back(account, by, member_id), _revoke(account, by, member_id))


def withdraw_since(member: Member, since: datetime) -> None:
    """End what was handed out in somebody's name from a moment on, in each of their accounts: it
    may have been somebody else. Who has joined meanwhile stays.
    """
    for place in queries.memberships_of(member):
        account = db.session.get_one(Account, place.account_id)
        made = db.session.scalars(
            sa.delete(Invitation)
            .where(
                Invitation.account_id == account.id,
                Invitation.invited_by_id == member.id,
                Invitation.accepted_at.is_(None),
                Invitation.created_at >= since,
            )
            .returning(Invitation.id)
        ).all()
        for invitation_id in made:
            auditing.note(account, member, "person.uninvite", f"invitation {invitation_id}")
        _end_tokens(account, member, member.id, ApiToken.created_at >= since)


def tokens_of(account: Account) -> dict[int, int]:
    """{member id: how many living tokens they made}."""
    rows = db.session.execute(
        sa.select(ApiToken.made_by_id, sa.func.count())
        .where(*_living(account), ApiToken.made_by_id.is_not(None))
        .group_by(ApiToken.made_by_id)
    )
    return {made_by: n for made_by, n in rows if made_by is not None}


def _take_back(account: Account, by: Member, member_id: int) -> int:
    made = db.session.scalars(
        sa.select(Invitation).where(
            Invitation.account_id == account.id,
            Invitation.invited_by_id == member_id,
            Invitation.accepted_at.is_(None),
        )
    ).all()
    gone = [one for one in made if not is_backed(one)]
    for one in gone:
        db.session.delete(one)
        auditing.note(account, by, "person.uninvite", f"invitation {one.id} of member {member_id}")
    return len(gone)


def _revoke(account: Account, by: Member, member_id: int) -> int:
    member = db.session.get(Member, member_id)
    if member is not None and rights.allows(_held(account, member), MAKES_TOKENS):
        return 0
    return _end_tokens(account, by, member_id)


def _end_tokens(
    account: Account, by: Member, member_id: int, *which: sa.ColumnElement[bool]
) -> int:
    gone = db.session.scalars(
        sa.update(ApiToken)
        .where(*_living(account), ApiToken.made_by_id == member_id, *which)
        .values(revoked_at=now())
        .returning(ApiToken.id)
    ).all()
    for token_id in gone:
        auditing.note(account, by, "token.revoke", f"token {token_id} of member {member_id}")
    return len(gone)


def _living(account: Account) -> tuple[sa.ColumnElement[bool], ...]:
    return ApiToken.account_id == account.id, api_tokens.is_living()


def _held(account: Account, member: Member) -> frozenset[str]:
    return rights.of(queries.membership(account, member))
