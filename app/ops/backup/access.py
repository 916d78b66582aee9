"""Who may come in after a restore: nobody by what was taken from them since the backup was made.

Whatever stood open then (sessions, links of mails, invitations) is shut in any case. Who was
removed, what was revoked and which passwords were set since is read out of the database that is
replaced, as far as it says so itself: what is merely missing there may be why one restores.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.accounts.models import Account, ApiToken, AuditEntry, Invitation, Member, Membership
from app.auth.models import AlarmLink, EmailChange, Passkey, PasswordLink, SignedIn, SignInStep
from app.auth.passwords import SPENT
from app.core.clock import now
from app.ops.backup import ways
from app.tracking.models import StoppedLink
from app.trust.models import Suspension

Rows = Sequence[Sequence[Any]]
_SUSPENDED = ("id", "account_id", "kind", "reason", "at", "by_id")
_STOPPED = ("id", "key", "reason", "at", "by_id")
LEFT = ("person.remove", "person.leave")
VERBS = (*LEFT, "person.join", "person.role")
_NUMBER = re.compile(r"member (\d+)")


def queries(connection: sa.Connection, start: datetime) -> Mapping[str, Any]:
    """What to read out of the old database; nothing where it is from before there was any."""
    there = sa.inspect(connection)
    if not all(there.has_table(one.__tablename__) for one in (Passkey, StoppedLink, Suspension)):
        return {}
    return {
        "token": sa.select(ApiToken.id, ApiToken.token_hash, ApiToken.revoked_at)
        .where(ApiToken.revoked_at >= start),
        "password": sa.select(Member.id, Member.password_hash, Member.password_set_at)
        .where(sa.or_(Member.password_set_at >= start, Member.password_hash == SPENT)),
        "place": sa.select(
            Membership.account_id, Membership.member_id, Membership.role, Membership.rights
        ),
        "deed": sa.select(AuditEntry.account_id, AuditEntry.verb, AuditEntry.about)
        .where(AuditEntry.at >= start, AuditEntry.verb.in_(VERBS))
        .order_by(AuditEntry.id),
        "suspended": sa.select(*(getattr(Suspension, name) for name in _SUSPENDED))
        .where(Suspension.at >= start, Suspension.ended_at.is_(None)),
        "stopped": sa.select(*(getattr(StoppedLink, name) for name in _STOPPED))
        .where(StoppedLink.at >= start, StoppedLink.ended_at.is_(None)),
        **ways.queries(start),
    }  # fmt: skip


def carry_over(connection: sa.Connection, read: Callable[[str], Iterable[Rows]]) -> None:
    """Into the database that was restored; once more does no harm."""
    for rows in read("token"):
        for token_id, token_hash, at in rows:
            connection.execute(
                sa.update(ApiToken)
                .where(ApiToken.id == token_id, ApiToken.token_hash == token_hash)
                .values(revoked_at=datetime.fromisoformat(at))
            )
    for rows in read("password"):
        for member_id, password_hash, at in rows:
            connection.execute(
                sa.update(Member)
                .where(Member.id == member_id)
                .values(
                    password_hash=password_hash,
                    password_set_at=datetime.fromisoformat(at) if at else None,
                )
            )
    _carry_places(connection, read)
    ways.carry_over(connection, read)
    for rows in read("suspended"):
        for row in rows:
            _suspend(connection, dict(zip(_SUSPENDED, row, strict=True)))
    for rows in read("stopped"):
        for row in rows:
            _stop(connection, dict(zip(_STOPPED, row, strict=True)))


def _suspend(connection: sa.Connection, given: dict[str, Any]) -> None:
    """Of accounts that the backup knows; one that its owner closes stays that."""
    known = sa.exists().where(Suspension.id == given["id"])
    account = sa.update(Account).where(Account.id == given["account_id"], ~known)
    barred = account.where(Account.barred.in_(("", "sending"))).values(barred=given["kind"])
    if connection.execute(barred).rowcount:
        given["at"] = datetime.fromisoformat(given["at"])
        connection.execute(sa.insert(Suspension).values(**given, end_words=""))


def _stop(connection: sa.Connection, given: dict[str, Any]) -> None:
    known = connection.scalar(sa.select(StoppedLink.id).where(StoppedLink.id == given["id"]))
    if known is None:
        given["at"] = datetime.fromisoformat(given["at"])
        connection.execute(sa.insert(StoppedLink).values(**given))


def _carry_places(connection: sa.Connection, read: Callable[[str], Iterable[Rows]]) -> None:
    """What was done last to somebody's place counts."""
    last: dict[tuple[int, int], str] = {}
    for rows in read("deed"):
        for account_id, verb, about in rows:
            found = _NUMBER.match(about)
            if found is not None and account_id is not None:
                last[account_id, int(found[1])] = verb
    gone = [place for place, verb in last.items() if verb in LEFT]
    for account_id, member_id in gone:
        connection.execute(sa.delete(Membership).where(*_is(account_id, member_id)))
    for rows in read("place"):
        for account_id, member_id, role, own in rows:
            if last.get((account_id, member_id)) in ("person.role", "person.join"):
                connection.execute(
                    sa.update(Membership)
                    .where(*_is(account_id, member_id))
                    .values(role=role, rights=own)
                )


def _is(account_id: int, member_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    return Membership.account_id == account_id, Membership.member_id == member_id


def shut(connection: sa.Connection) -> None:
    """Everybody signs in anew, and links of mails that were under way lead nowhere."""
    moment = now()
    connection.execute(
        sa.update(SignedIn).where(SignedIn.ended_at.is_(None)).values(ended_at=moment)
    )
    connection.execute(sa.delete(SignInStep))
    for link in (PasswordLink, AlarmLink, EmailChange):
        connection.execute(sa.update(link).where(link.used_at.is_(None)).values(used_at=moment))
    connection.execute(
        sa.update(Invitation)
        .where(Invitation.accepted_at.is_(None), Invitation.expires_at > moment)
        .values(expires_at=moment)
    )
