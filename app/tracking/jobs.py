"""What the tick calls. Harmless when run twice, or by several at once."""

from __future__ import annotations

from app.core.db import transaction
from app.tracking import alarms, amazon, hooks, inbound, intake, mailboxes, returns


def take_hits() -> None:
    """Hits on the links of mails become Events and counters."""
    intake.take_hits()


def take_mail() -> None:
    """Bounces, and people who leave by mail."""
    inbound.take_mail()


def take_reports() -> None:
    """What mail providers report of bounces and complaints."""
    hooks.take_reports()


def answer_questions() -> None:
    """Amazon asks once whether its reports are wanted."""
    amazon.answer_questions()


def read_mailboxes() -> None:
    """Mailboxes that bounces come to."""
    mailboxes.read_due()


def tell_owners() -> None:
    """Complaints, bounces and outages that owners must know of."""
    alarms.tell()


def clean_up() -> None:
    """Forget which mails and reports came long ago."""
    with transaction():
        returns.forget_old()
