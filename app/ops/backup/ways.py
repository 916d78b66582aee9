"""Ways in that a person, or an alarm, took away after a backup was made: none comes back with it.

Ways that were added since do not come either; they are added anew, as after every restore. What
counts is the database that is replaced, and there only people of whom its audit, or a newer
recovery code, says that something was taken away: what is merely missing may be why one restores.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.accounts.models import AuditEntry, Member
from app.auth.models import (
    Authenticator,
    EmailChange,
    KnownBrowser,
    Passkey,
    ProviderLogin,
    RecoveryCode,
)

Rows = Sequence[Sequence[Any]]
#: What people sign in by, and where they are no strangers.
WAYS = (Passkey, ProviderLogin, Authenticator, RecoveryCode, KnownBrowser)
#: Done by the person, or for them, and takes ways in away.
TAKEN = (
    "passkey.remove", "provider_login.remove", "second_factor.off", "second_factor.reset",
    "sign_in.alarm", "profile.email_back",
)  # fmt: skip
#: After these, links to set a password go to another mailbox.
READDRESSED = ("profile.email", "profile.email_back", "sign_in.alarm")
_CHANGE = (
    "id", "member_id", "email", "token_hash", "created_at", "expires_at", "used_at", "old_email",
    "back_hash",
)  # fmt: skip
_TIMES = ("created_at", "expires_at", "used_at")


def queries(start: datetime) -> Mapping[str, Any]:
    """What to read out of the old database."""
    codes = RecoveryCode.created_at >= start, RecoveryCode.used_at >= start
    robbed = sa.union(_by(TAKEN, start), sa.select(RecoveryCode.member_id).where(sa.or_(*codes)))
    moved = _by(READDRESSED, start)
    return {
        "robbed": sa.select(Member.id).where(Member.id.in_(robbed)),
        "way": sa.union_all(*(_left(way).where(way.member_id.in_(robbed)) for way in WAYS)),
        "address": sa.select(Member.id, Member.email).where(Member.id.in_(moved)),
        "change": sa.select(*(getattr(EmailChange, name) for name in _CHANGE))
        .where(EmailChange.member_id.in_(moved)),
    }  # fmt: skip


def _by(verbs: Sequence[str], start: datetime) -> sa.Select[Any]:
    return sa.select(AuditEntry.member_id).where(
        AuditEntry.at >= start, AuditEntry.verb.in_(verbs), AuditEntry.member_id.is_not(None)
    )


def _left(way: Any) -> sa.Select[Any]:
    """Which of them, whose, and its number; a code that was used is none any more."""
    rows = sa.select(sa.literal(way.__tablename__), way.member_id, way.id)
    return rows.where(way.used_at.is_(None)) if way is RecoveryCode else rows


def carry_over(connection: sa.Connection, read: Callable[[str], Iterable[Rows]]) -> None:
    """Into the database that was restored; once more does no harm."""
    left: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for rows in read("way"):
        for name, member_id, row_id in rows:
            left[name, member_id].append(row_id)
    for rows in read("robbed"):
        for (member_id,) in rows:
            for way in WAYS:
                _keep(connection, way, member_id, left[way.__tablename__, member_id])
    _carry_addresses(connection, [tuple(row) for rows in read("address") for row in rows])
    _carry_changes(connection, [row for rows in read("change") for row in rows])


def _keep(connection: sa.Connection, way: Any, member_id: int, ids: Sequence[int]) -> None:
    connection.execute(sa.delete(way).where(way.member_id == member_id, way.id.not_in(ids)))


def _carry_addresses(connection: sa.Connection, rows: Sequence[tuple[int, str]]) -> None:
    """Whose mailbox answered last has the address, whoever had it when the backup was made."""
    changed = [row for row in rows if _address(connection, row[0]) not in (None, row[1])]
    nowhere = sa.cast(Member.id, sa.String) + "@moved.invalid"
    # Two may have exchanged theirs: nobody has one of these before they are given anew.
    for member_id, email in changed:
        connection.execute(
            sa.update(Member)
            .where(sa.or_(Member.id == member_id, Member.email == email))
            .values(email=nowhere)
        )
    for member_id, email in changed:
        connection.execute(sa.update(Member).where(Member.id == member_id).values(email=email))


def _address(connection: sa.Connection, member_id: int) -> str | None:
    """None of whom the backup does not know."""
    return connection.scalar(sa.select(Member.email).where(Member.id == member_id))


def _carry_changes(connection: sa.Connection, rows: Sequence[Sequence[Any]]) -> None:
    """With each address goes the link by which the one before takes it back, or that it was used.

    Whoever was robbed of their address by the time of the restore can still undo that.
    """
    changes = [_as_row(row) for row in rows]
    for member_id in sorted({change["member_id"] for change in changes}):
        if _address(connection, member_id) is None:
            continue
        connection.execute(sa.delete(EmailChange).where(EmailChange.member_id == member_id))
        theirs = [change for change in changes if change["member_id"] == member_id]
        connection.execute(sa.insert(EmailChange), theirs)


def _as_row(values: Sequence[Any]) -> dict[str, Any]:
    row = dict(zip(_CHANGE, values, strict=True))
    return row | {name: datetime.fromisoformat(row[name]) for name in _TIMES if row[name]}
