"""System mails: the row first, then sent ahead of campaigns through the operator's relay.

Whoever queues a notice does it in the transaction of what it is about, so neither exists without
the other. The tick sends it within a second; a crash costs time, never the mail.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult

from app.accounts import letters, relays
from app.accounts.models import Account, Notice
from app.core.clock import now
from app.core.db import db, transaction
from app.mailer import smtp
from app.mailer.smtp import Outcome

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
#: How long to wait after each try that did not work; after the last one the notice has failed.
WAITS_S = (5, 20, 60, 300, 900, 1800, 3600, 7200, 14400, 28800)
#: Kinds whose link lets somebody in: their text is forgotten once they have left.
SECRET_KINDS = frozenset(
    {
        "password_link",
        "password_first",
        "already_registered",
        "invitation",
        "email_change",
        "email_changed",
        "sign_in_new",
        "security_changed",
        "provider_link",
        "preferences_link",
        "address_question",
        "person_request",
    }
)
#: Kinds that go to somebody of whom nothing is kept any more: the whole row goes with the mail.
GONE_KINDS = frozenset({"last_word", "person_data"})
#: Kinds of which a second copy would hurt; where it is uncertain whether one left, a person looks.
ONCE_ONLY = frozenset({"tell_a_friend", "policy_news", "goodbye"})
#: Kinds to people who have nothing to do with us: nothing of them stays once the mail is done with.
STRANGERS = frozenset({"tell_a_friend"})
#: What such a notice is afterwards.
FORGOTTEN: dict[str, Any] = {
    "to_email": "", "subject": "", "text": "", "html": "", "headers": {}, "answer": "",
}  # fmt: skip


def queue(
    kind: str,
    to: str,
    *,
    account: Account | None = None,
    headers: Mapping[str, str] | None = None,
    **context: Any,
) -> Notice:
    """Write a system mail from templates/emails/KIND/ and put it in line.

    `headers` replace or add to the usual ones: From, Reply-To, List-Unsubscribe and the like.
    """
    subject, text, html = letters.render(kind, account=account, **context)
    notice = Notice(
        kind=kind,
        account_id=account.id if account else None,
        to_email=to,
        subject=subject,
        text=text,
        html=html,
        headers={name: " ".join(value.split()) for name, value in (headers or {}).items()},
        state="pending",
        due_at=now(),
    )
    db.session.add(notice)
    db.session.flush()
    return notice


def send_due(limit: int = 50) -> int:
    """Send what is due; returns how many left. Several at once do no harm."""
    sent = 0
    for notice_id in _due(limit):
        with transaction():
            notice = _claim(notice_id)
        if notice is None:
            continue
        outcome = _transmit(notice)
        with transaction():
            _record(notice, outcome)
        sent += outcome.kind == "accepted"
        if outcome.kind == "never_left":
            break  # the others wait for the next tick, not for one time-out each
    return sent


def _due(limit: int) -> Sequence[int]:
    moment = now()
    return db.session.scalars(
        sa.select(Notice.id)
        .where(Notice.state.in_(("pending", "sending")), Notice.due_at <= moment)
        .order_by(Notice.due_at, Notice.id)
        .limit(limit)
    ).all()


def _claim(notice_id: int) -> Notice | None:
    """Take a due notice; None when somebody else has it.

    While it is worked its `due_at` is the end of the lease. A notice whose lease ran out may have
    left already: it is sent again only where a second copy is harmless.
    """
    moment = now()
    due = (
        Notice.id == notice_id,
        Notice.due_at <= moment,
        Notice.state.in_(("pending", "sending")),
    )
    lost = sa.update(Notice).where(*due, Notice.state == "sending", Notice.kind.in_(ONCE_ONLY))
    db.session.execute(lost.values(state="uncertain", lease_until=None))
    _forget_strangers(notice_id)
    taken = db.session.execute(
        sa.update(Notice)
        .where(*due)
        .values(
            state="sending",
            attempts=Notice.attempts + 1,
            lease_until=moment + LEASE,
            due_at=moment + LEASE,
        )
    )
    if not isinstance(taken, CursorResult) or taken.rowcount != 1:
        return None
    return db.session.get(Notice, notice_id, populate_existing=True)


def _transmit(notice: Notice) -> Outcome:
    message, sender = letters.compose(notice)
    return smtp.send_one(relays.operator(), sender, notice.to_email, message, patience_s=30)


def _record(notice: Notice, outcome: Outcome) -> None:
    notice.lease_until = None
    notice.answer = outcome.text[:1000]
    if outcome.kind == "accepted":
        notice.state, notice.sent_at = "sent", now()
        if notice.kind in SECRET_KINDS:
            notice.text = notice.html = ""
        if notice.kind in GONE_KINDS:
            db.session.delete(notice)
    elif outcome.kind == "refused":
        notice.state = "failed"
        if notice.kind in GONE_KINDS:
            db.session.delete(notice)
    elif outcome.kind == "uncertain" and notice.kind in ONCE_ONLY:
        notice.state = "uncertain"
    else:
        _try_later(notice)
    if notice.kind in STRANGERS and notice.state != "pending":
        for name, nothing in FORGOTTEN.items():
            setattr(notice, name, nothing)
    if notice.state != "sent":
        log.warning("notice %d %s: %s", notice.id, notice.state, outcome.kind)


def _forget_strangers(notice_id: int) -> None:
    db.session.execute(
        sa.update(Notice)
        .where(Notice.id == notice_id, Notice.state == "uncertain", Notice.kind.in_(STRANGERS))
        .values(**FORGOTTEN)
    )


def _try_later(notice: Notice) -> None:
    if notice.attempts > len(WAITS_S):
        notice.state = "failed"
        return
    notice.state = "pending"
    notice.due_at = now() + timedelta(seconds=WAITS_S[notice.attempts - 1])


def forget_old(before: datetime, limit: int = 1000) -> int:
    """Remove some notices that are done with; returns how many."""
    over = (
        sa.select(Notice.id)
        .where(
            Notice.state.in_(("sent", "failed", "uncertain")),
            Notice.created_at < before,
        )
        .limit(limit)
    )
    gone = db.session.execute(sa.delete(Notice).where(Notice.id.in_(over)))
    return gone.rowcount if isinstance(gone, CursorResult) else 0
