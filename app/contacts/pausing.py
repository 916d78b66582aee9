"""A person wants no mail for a while, or a mail now and then only; both are recorded."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.contacts import consent, resting
from app.contacts.models import Contact, Frequency, Pause
from app.contacts.models.preferences import FREQUENCIES
from app.core.clock import now
from app.core.db import db, insert
from app.core.errors import Invalid


def pause(contact: Contact, days: int, *, evidence: consent.Evidence | None = None) -> datetime:
    """No mail for so many days from now on; returns until when. Raises Invalid."""
    if days not in resting.PAUSES:
        raise Invalid("A pause takes 30, 60 or 90 days.")
    moment = now()
    until = moment + timedelta(days=days)
    _put(Pause, contact, since=moment, until=until)
    consent.note(contact, "paused", evidence={**(evidence or {}), "until": until.isoformat()})
    return until


def go_on(contact: Contact, *, evidence: consent.Evidence | None = None) -> bool:
    """End a pause before its time; False when there was none."""
    found = resting.paused(contact)
    if found is None:
        return False
    db.session.delete(found)
    db.session.flush()
    consent.note(contact, "resumed", evidence=evidence)
    return True


def choose(contact: Contact, per: str, *, evidence: consent.Evidence | None = None) -> bool:
    """At most one mail a week or a month; empty: every mail. False when it was so already."""
    if per and per not in FREQUENCIES:
        raise Invalid("Choose every mail, one a week or one a month.")
    if resting.frequency(contact) == per:
        return False
    if per:
        _put(Frequency, contact, per=per, since=now())
    else:
        db.session.execute(sa.delete(Frequency).where(Frequency.contact_id == contact.id))
    consent.note(contact, "frequency", evidence={**(evidence or {}), "per": per or "every mail"})
    return True


def join(keep: Contact, other: Contact) -> None:
    """Two contacts become one: the longer pause and the lower frequency of both hold."""
    theirs, mine = resting.paused(other), resting.paused(keep)
    if theirs and (mine is None or mine.until < theirs.until):
        _put(Pause, keep, since=theirs.since, until=theirs.until)
    per = max((resting.frequency(one) for one in (keep, other)), key=_days)
    if per and per != resting.frequency(keep):
        _put(Frequency, keep, per=per, since=now())


def _days(per: str) -> int:
    return FREQUENCIES.get(per, 0)


def _put(model: type[Pause | Frequency], contact: Contact, **values: Any) -> None:
    row = insert(model).values(contact_id=contact.id, account_id=contact.account_id, **values)
    db.session.execute(row.on_conflict_do_update(index_elements=["contact_id"], set_=values))
