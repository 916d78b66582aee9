"""What a person does on the page of their preferences; nothing for a test or who was erased."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from app.contacts import consent, pausing
from app.contacts.models.preferences import FREQUENCIES
from app.core.clock import now
from app.preferences import centre
from app.preferences.guests import Guest
from app.tracking import leaving


def choose(
    guest: Guest, *, shown: Collection[int], keep: Collection[int], per: str | None, counted: bool
) -> None:
    """Lists, frequency and counting, as one form has them.

    Of the lists that were `shown`, those in `keep` are joined or kept and the others left; what
    was not shown, because it came later, stays as it is.
    """
    contact = guest.contact
    if contact is None:
        return
    for offer in centre.offers(guest.account, contact):
        if offer.list.id not in shown:
            continue
        if offer.list.id not in keep:
            _leave(guest, offer)
        elif offer.is_public and offer.state != "active":
            words = "\n".join(filter(None, (offer.name, offer.description)))
            consent.join_list(contact, offer.list, wording=words, evidence=guest.evidence())
    if per is not None and (not per or per in FREQUENCIES):
        pausing.choose(contact, per, evidence=guest.evidence())
    _set_counting(guest, counted=counted)


def _leave(guest: Guest, offer: centre.Offer) -> None:
    if guest.contact is not None and offer.state in ("active", "pending"):
        consent.leave_list(
            guest.contact, offer.list, source="preferences", evidence=guest.evidence()
        )


def _set_counting(guest: Guest, *, counted: bool) -> None:
    contact = guest.contact
    if contact is not None and contact.tracking_off == counted:
        contact.tracking_off, contact.updated_at = not counted, now()
        consent.note(contact, "changed", evidence={**guest.evidence(), "changed": ["counting"]})


def pause(guest: Guest, days: int) -> datetime | None:
    """No mail for so many days; until when. Raises Invalid."""
    if guest.contact is None:
        return None
    return pausing.pause(guest.contact, days, evidence=guest.evidence())


def go_on(guest: Guest) -> bool:
    """End the pause."""
    return guest.contact is not None and pausing.go_on(guest.contact, evidence=guest.evidence())


def leave(guest: Guest) -> bool:
    """No more mail of this account; False when that was so already."""
    if guest.contact is None:
        return False
    if guest.mail is not None:
        return leaving.leave(guest.mail, source="link")
    return consent.withdraw(guest.contact, source="preferences", evidence=guest.evidence())


def come_back(guest: Guest) -> bool:
    """Undo."""
    if guest.contact is None:
        return False
    if guest.mail is not None:
        return leaving.come_back(guest.mail)
    return consent.restore(guest.contact, source="preferences", evidence=guest.evidence())
