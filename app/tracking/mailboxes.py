"""Reading the mailboxes that bounces come to; what is in them goes the way of all that returns."""

from __future__ import annotations

import logging
from datetime import timedelta
from email.message import Message
from email.utils import getaddresses

import sqlalchemy as sa

from app.accounts import mailboxes
from app.accounts.models import Mailbox
from app.core import settings, spool
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import DomainError
from app.delivery.models import Event
from app.mailer import dsn, fetching
from app.tracking import returns

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=2)
#: Nobody else looks for so long; a reader that died costs no more.
LEASE = timedelta(minutes=10)
AFTER_PROBLEM = timedelta(minutes=10)
MOST_AT_ONCE = 500
#: Where the servers on the way say whom a mail was for.
RECIPIENT_HEADERS = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To", "Cc")


def read_due() -> int:
    """Read the mailboxes that are due; returns how many mails. Several at once do no harm."""
    done = 0
    due = db.session.scalars(
        sa.select(Mailbox.id).where(Mailbox.due_at <= now()).order_by(Mailbox.due_at).limit(20)
    ).all()
    db.session.rollback()
    for mailbox_id in due:
        if mailbox := _claim(mailbox_id):
            done += _read(mailbox)
    return done


def _claim(mailbox_id: int) -> Mailbox | None:
    with transaction():
        moment = now()
        claimed = db.session.execute(
            sa.update(Mailbox)
            .where(Mailbox.id == mailbox_id, Mailbox.due_at <= moment)
            .values(due_at=moment + LEASE)
            .returning(Mailbox.id)
            .execution_options(synchronize_session=False)
        ).first()
        return db.session.get(Mailbox, mailbox_id, populate_existing=True) if claimed else None


def _read(mailbox: Mailbox) -> int:
    taken, problem = 0, ""

    def take(data: bytes) -> bool:
        nonlocal taken
        is_ours = act(data, mailbox.account_id)
        if not is_ours and mailbox.account_id is None:
            is_ours = hand_to_desk(data)
        taken += is_ours
        return is_ours

    account_id = mailbox.account_id
    try:
        box = mailboxes.box_of(mailbox)
        db.session.rollback()  # no transaction is open while we wait for a network
        found = fetching.fetch(box, take, limit=MOST_AT_ONCE)
    except (DomainError, fetching.CannotRead) as error:
        found, problem = 0, str(error)
        log.warning("mailbox %d of account %s cannot be read", mailbox.id, account_id)
    with transaction():
        wait = AFTER_PROBLEM if problem else EVERY
        db.session.execute(
            sa.update(Mailbox)
            .where(Mailbox.id == mailbox.id)
            .values(
                due_at=now() + wait, checked_at=now(), problem=problem,
                taken=Mailbox.taken + taken,
            )
            .execution_options(synchronize_session=False)
        )  # fmt: skip
    return found


def hand_to_desk(data: bytes) -> bool:
    """A letter out of the operator's own mailbox: on disk before it leaves there."""
    config = settings.get()
    sender = str(dsn.read(data).get("Return-Path", "unknown")).strip() or "unknown"
    folder = config.LEADERSEND_HOME / "desk"
    spool.write(folder, sender, [config.OPERATOR_EMAIL], data, durable=True)
    return True


def act(data: bytes, account_id: int | None) -> bool:
    """Act on a mail out of a mailbox; False when it is none of ours and is to stay there."""
    message = dsn.read(data)
    sender = str(message.get("Return-Path", "unknown")).strip()
    letter = returns.read(sender, data)
    with transaction():
        events: list[Event] = []
        results = [
            returns.act(recipient, letter, events, account_id=account_id)
            for recipient in _recipients(message)
        ]
        if not results and letter.is_report:
            results.append(returns.report(letter, events, account_id=account_id))
        # A reply, a person's or an absence note, settles what was uncertain and stays where it is.
        if not letter.is_report and all(result in ("odd", "forged") for result in results):
            returns.arrived(letter, account_id=account_id)
        returns.finish(events)
    return any(result not in ("odd", "forged") for result in results)


def _recipients(message: Message) -> list[str]:
    domain = settings.get().MAIL_DOMAIN.lower()
    fields = [str(value) for name in RECIPIENT_HEADERS for value in message.get_all(name, [])]
    found = dict.fromkeys(address.lower() for _, address in getaddresses(fields))
    return [one for one in found if one.endswith(f"@{domain}") and one[:2] in ("b+", "u+")][:20]
