"""What the tick calls. Harmless when run twice, or by several at once."""

from __future__ import annotations

from app.core import jobs
from app.tracking import alarms, amazon, hooks, inbound, intake, mailboxes, scanning


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


def look_through(account_id: int) -> None:
    """Go on with a look through an account's contacts, then stand in line again."""
    if scanning.run(account_id):
        wake_look(account_id)


def wake_look(account_id: int) -> bool:
    """Have a worker go on with a look."""
    # A job that is running cannot be enqueued again under its own name.
    key = f"look-{account_id}-{scanning.mark(account_id)}"
    return jobs.enqueue(look_through, account_id, key=key, on="work")


def sweep_looks() -> None:
    """Find looks whose worker is gone."""
    for account_id in scanning.due():
        wake_look(account_id)
