"""Taking in what belongs to the business: what is missing here is filled in, nothing replaced."""

from __future__ import annotations

from typing import Any

from app.accounts import senders
from app.accounts.models import Sender
from app.contacts.text import clean_line, clean_note
from app.core.db import db
from app.mailer.address import BadAddress, parse
from app.moving.steps import ADDED, KNOWN, Into, words


def business(into: Into) -> None:
    """The postal address and website where there is none yet, and senders, to be confirmed."""
    found = into.package.document("account.json")
    if not isinstance(found, dict):
        return
    account = into.account
    account.address = account.address or clean_note(words(found.get("address")))
    account.website = account.website or clean_line(words(found.get("website")), 500)
    db.session.add(account)
    here = {row.email for row in senders.of_account(account)}
    for row in found.get("senders") or ():
        _sender(into, row, here)


def _sender(into: Into, row: Any, here: set[str]) -> None:
    """Whoever has the mailbox agrees again: another installation's word is not enough."""
    try:
        email = parse(words(row.get("email"))).address
    except (BadAddress, AttributeError):
        into.leave_out("senders", "A sender without a usable address.")
        return
    if email in here or len(here) >= senders.AT_MOST:
        into.count("senders", KNOWN)
        return
    here.add(email)
    name = clean_line(words(row.get("name")))
    db.session.add(Sender(account_id=into.account.id, email=email, name=name))
    into.count("senders", ADDED)
