"""Following the policy by mail: asked for, confirmed by a link, left with one click.

What is mailed about a version is written as rows in one transaction with how far it has come, so
nobody is left out and nobody gets it twice, however often the work is begun.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult

from app.accounts import notices
from app.core import settings, tokens
from app.core.clock import now
from app.core.db import db, insert, transaction
from app.core.errors import DomainError, Invalid
from app.core.tokens import Purpose
from app.mailer import address as addresses
from app.privacy.models import PolicyFollower, PolicyMailing, PolicyVersion

LINK_LIFE = timedelta(days=3)
ASK_AGAIN_AFTER = timedelta(days=1)
CHUNK = 200


class LinkOver(DomainError):
    """Too old, or left meanwhile."""

    status = 410

    def __init__(self) -> None:
        super().__init__("This link is over. Enter your address once more to get a new one.")


@dataclass(frozen=True)
class Links:
    """What a mail to a follower leads to."""

    leave: str

    @property
    def headers(self) -> dict[str, str]:
        """For one click in the mail program (RFC 8058)."""
        return {
            "List-Unsubscribe": f"<{self.leave}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }


def ask(email: str) -> None:
    """Mail a link to whoever reads that address. Says nothing about who follows already.

    Raises Invalid for what is no address.
    """
    try:
        address = addresses.parse(email).address
    except addresses.BadAddress as error:
        raise Invalid(str(error), {"email": [str(error)]}) from None
    asked_at = now()
    row_id = _to_be_asked(address, asked_at)
    if row_id is None:
        return
    token = tokens.sign(Purpose.FOLLOW, row_id, int(asked_at.timestamp()))
    notices.queue(
        "policy_follow", address, lasts=LINK_LIFE.days,
        link=f"{settings.get().BASE_URL}/privacy/follow/{token}",
    )  # fmt: skip


def _to_be_asked(address: str, moment: datetime) -> int | None:
    """The row of who gets a question now; None for who follows, or was asked within the day."""
    row = insert(PolicyFollower).values(email=address, asked_at=moment)
    table = PolicyFollower.__table__
    row = row.on_conflict_do_update(
        index_elements=["email"],
        set_={"asked_at": moment},
        where=sa.and_(table.c.confirmed_at.is_(None), table.c.asked_at <= moment - ASK_AGAIN_AFTER),
    )
    found: int | None = db.session.scalar(row.returning(PolicyFollower.id))
    return found


def asked(token: str) -> PolicyFollower:
    """Who asked with that link. Raises BadToken, LinkOver."""
    row_id, at_s = _numbers(Purpose.FOLLOW, token, 2)
    row = db.session.get(PolicyFollower, row_id)
    is_old = now().timestamp() > at_s + LINK_LIFE.total_seconds()
    if row is None or is_old or int(row.asked_at.timestamp()) != at_s:
        raise LinkOver
    return row


def confirm(token: str) -> None:
    """From now on they hear of changes; a second time changes nothing."""
    row = asked(token)
    row.confirmed_at = row.confirmed_at or now()


def leave(token: str) -> None:
    """Forget the follower at once; a second time changes nothing."""
    (row_id,) = _numbers(Purpose.UNFOLLOW, token, 1)
    db.session.execute(sa.delete(PolicyFollower).where(PolicyFollower.id == row_id))


def is_following(token: str) -> bool:
    """Whether the one with that link to leave still follows. Raises BadToken."""
    (row_id,) = _numbers(Purpose.UNFOLLOW, token, 1)
    return db.session.get(PolicyFollower, row_id) is not None


def links(follower_id: int) -> Links:
    """For a mail to one of them."""
    token = tokens.sign(Purpose.UNFOLLOW, follower_id)
    return Links(f"{settings.get().BASE_URL}/privacy/unfollow/{token}")


def mail_news() -> int:
    """Go on with the mails about new versions; returns how many became rows."""
    begun = db.session.execute(
        sa.select(PolicyMailing.policy_version_id)
        .where(PolicyMailing.done_at.is_(None))
        .order_by(PolicyMailing.policy_version_id)
        .limit(20)
    ).scalars()
    return sum(_mail_some(version_id) for version_id in begun.all())


def _mail_some(version_id: int) -> int:
    with transaction():
        mailing = db.session.get_one(PolicyMailing, version_id, populate_existing=True)
        version = db.session.get_one(PolicyVersion, version_id)
        followers = db.session.execute(
            sa.select(PolicyFollower.id, PolicyFollower.email)
            .where(
                PolicyFollower.id > mailing.after_id,
                # Who came later reads the newest version anyway.
                PolicyFollower.confirmed_at <= version.published_at,
            )
            .order_by(PolicyFollower.id)
            .limit(CHUNK)
        ).all()
        if not _claim(mailing, followers[-1].id if followers else None):
            return 0
        for follower in followers:
            _queue(version, follower.id, follower.email)
        return len(followers)


def _claim(mailing: PolicyMailing, last_id: int | None) -> bool:
    """Whether this chunk is ours; somebody else's cursor has moved on where it is not."""
    values = {"done_at": now()} if last_id is None else {"after_id": last_id}
    taken = db.session.execute(
        sa.update(PolicyMailing)
        .where(
            PolicyMailing.policy_version_id == mailing.policy_version_id,
            PolicyMailing.after_id == mailing.after_id,
            PolicyMailing.done_at.is_(None),
        )
        .values(values)
    )
    return isinstance(taken, CursorResult) and taken.rowcount == 1


def _queue(version: PolicyVersion, follower_id: int, email: str) -> None:
    base, found = settings.get().BASE_URL, links(follower_id)
    notices.queue(
        "policy_news", email, headers=found.headers, version=version, leave=found.leave,
        is_ahead=version.effective_at > now(),
        compare=f"{base}/privacy/compare?from={version.follows}&to={version.number}",
        ask=f"{base}/contact?version={version.number}",
    )  # fmt: skip


def forget_old() -> int:
    """Remove who never confirmed; returns how many."""
    gone = db.session.execute(
        sa.delete(PolicyFollower).where(
            PolicyFollower.confirmed_at.is_(None), PolicyFollower.asked_at < now() - LINK_LIFE
        )
    )
    return gone.rowcount if isinstance(gone, CursorResult) else 0


def _numbers(purpose: Purpose, token: str, count: int) -> tuple[int, ...]:
    found = tokens.read(purpose, token)
    if len(found) != count or found[0] >= 1 << 62:
        raise tokens.BadToken
    return found
