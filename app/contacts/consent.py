"""What people agreed to and refused: subscriptions, with evidence of each change.

Every function is idempotent, appends what happened to Consent and keeps the counters of lists.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from app.contacts import asking, counting, suppressions
from app.contacts.models import (
    Consent,
    Contact,
    ContactList,
    FormEntry,
    Merge,
    Subscription,
)
from app.core import tokens
from app.core.clock import now
from app.core.db import db
from app.core.errors import NotFound, WrongState
from app.privacy import publishing

Evidence = Mapping[str, Any]
#: How a person acts by themselves, as opposed to the owner acting for them.
BY_PERSON = ("form", "link", "one_click", "mail", "provider", "undo", "preferences")
ASK_AGAIN_AFTER = timedelta(days=1)
#: So many lines of a person and a list are asked who said the last word.
LOOKED_BACK = 200
#: Kept out for a reason that ends once the person signs up by a form and confirms.
COME_BACK = ("unsubscribed", "complaint", "erased", "import")
LINK_LIFE = asking.LINK_LIFE


class LinkOver(WrongState):
    """A confirmation link that came too late or was overtaken."""

    def __init__(self) -> None:
        super().__init__("This link is over. Sign up again to get a new one.")


def subscribe(
    contact: Contact,
    list_: ContactList,
    *,
    source: str,
    wording: str = "",
    evidence: Evidence | None = None,
) -> Subscription:
    """Put a contact on a list. Raises Suppressed for who must not be mailed.

    Pending, with a mail that asks for confirmation, on a double opt-in list, and wherever the
    person has left before: who went comes back by confirming anew, not by the owner's hand.
    """
    (found,) = subscribe_all(contact, [list_], source=source, wording=wording, evidence=evidence)
    return found


def subscribe_all(
    contact: Contact,
    lists: Iterable[ContactList],
    *,
    source: str,
    wording: str = "",
    evidence: Evidence | None = None,
    language: str = "en",
) -> list[Subscription]:
    """As `subscribe` for several lists, with one mail for all that have to be confirmed.

    Raises asking.AskedEnough for forms and programs.
    """
    found, asked = [], []
    for list_ in lists:
        one = _subscribe(contact, list_, source=source, wording=wording, evidence=evidence)
        found.append(one)
        if one.state == "pending":
            asked.append(list_)
    try:
        asking.ask(contact, asked, language=language)
    except asking.AskedEnough:
        # The owner's people wait until the owner has them asked; a visitor or a program would
        # never know that nobody was.
        if source in ("form", "api"):
            raise
    return found


def _subscribe(
    contact: Contact, list_: ContactList, *, source: str, wording: str, evidence: Evidence | None
) -> Subscription:
    suppression = suppressions.find(contact.account_id, contact.address)
    if suppression and not (source == "form" and suppression.reason in COME_BACK):
        raise suppressions.Suppressed(suppression)
    found = db.session.get(Subscription, (contact.id, list_.id), with_for_update=True)
    if found and found.state == "active" and not suppression:
        return found
    must_confirm = bool(suppression) or list_.opt_in == "double" or _left(contact, list_, source)
    found = _enter(contact, list_, found, "pending" if must_confirm else "active")
    if not must_confirm:
        kind = "asked" if source == "form" else "stated"
        _note(contact, kind, source=source, list_=list_, wording=wording, evidence=evidence)
    elif not _asked_lately(contact, list_):
        _note(contact, "asked", source=source, list_=list_, wording=wording, evidence=evidence)
    return found


def confirm(
    token: str, *, chosen: Collection[int] | None = None, evidence: Evidence | None = None
) -> Subscription:
    """The person pressed the button of the confirmation page. Raises BadToken, LinkOver.

    `chosen`: ids of lists, of those that `waiting` names; None: those that the link is about.
    """
    return confirm_all(token, chosen=chosen, evidence=evidence)[0]


def confirm_all(
    token: str, *, chosen: Collection[int] | None = None, evidence: Evidence | None = None
) -> list[Subscription]:
    """As `confirm`; all that are active now."""
    asked = all_asked_by(token)
    if chosen is not None:
        asked = [one for one in [*asked, *waiting(asked[0].contact)] if one.list_id in chosen]
    if not any(one.state in ("pending", "active") for one in asked):
        raise LinkOver
    for one in {one.list_id: one for one in asked if one.state == "pending"}.values():
        _confirm(one, evidence)
    return [one for one in asked if one.state == "active"]


def _confirm(subscription: Subscription, evidence: Evidence | None) -> None:
    contact, list_ = subscription.contact, subscription.list
    if suppressions.lift_for_person(contact.account_id, contact.address):
        _note(contact, "restored", source="link", evidence=evidence)
    _enter(contact, list_, subscription, "active")
    _note(contact, "confirmed", source="link", list_=list_, evidence=evidence)


def all_asked_by(token: str) -> list[Subscription]:
    """The subscriptions that a confirmation link is about. Raises BadToken, LinkOver."""
    contact_id, list_id, until, *more = tokens.read(tokens.Purpose.CONFIRM, token)
    found = [db.session.get(Subscription, (contact_id, number)) for number in (list_id, *more)]
    there = [one for one in found if one is not None]
    if not there or until < now().timestamp():
        raise LinkOver
    return there


def waiting(contact: Contact) -> Sequence[Subscription]:
    """What this person, or somebody in their name, asked for and has not confirmed."""
    return db.session.scalars(
        sa.select(Subscription)
        .where(Subscription.contact_id == contact.id, Subscription.state == "pending")
        .order_by(Subscription.list_id)
        .limit(100)
    ).all()


def remind(contact: Contact, *, source: str, evidence: Evidence | None = None) -> bool:
    """Ask once more for what waits; False when they were asked lately. Raises Suppressed.

    Once in all where the owner has everybody reminded (`source` "reminder"); by hand once a day.
    """
    suppression = suppressions.find(contact.account_id, contact.address)
    if suppression:
        # Who left and signed up anew got a mail then; the owner does not ask them again.
        raise suppressions.Suppressed(suppression)
    lists = [one.list for one in waiting(contact)]
    if not asking.ask(contact, lists, again=source == "reminder", language=_language(contact)):
        return False
    for list_ in lists:
        _note(contact, "asked", source=source, list_=list_, evidence=evidence)
    return True


def _language(contact: Contact) -> str:
    """The one in which they signed up last."""
    entry = sa.select(FormEntry.language).where(FormEntry.contact_id == contact.id)
    return db.session.scalar(entry.order_by(FormEntry.id.desc()).limit(1)) or "en"


def withdraw(contact: Contact, *, source: str, evidence: Evidence | None = None) -> bool:
    """No more mail of this account to this person, at once; False when it was so already.

    The subscriptions stay as they are, so that `restore` brings back what there was.
    """
    added = suppressions.add(
        contact.account_id, contact.address, reason="unsubscribed", detail=_how(source)
    )
    if added or _says_more_than_the_merge(contact):
        _note(contact, "withdrawn", source=source, evidence=evidence)
    return added


def restore(contact: Contact, *, source: str, evidence: Evidence | None = None) -> bool:
    """The person takes it back or confirms anew; False when nothing stood in the way."""
    lifted = suppressions.lift_for_person(contact.account_id, contact.address)
    if lifted:
        _note(contact, "restored", source=source, evidence=evidence)
    return lifted


def leave_list(
    contact: Contact, list_: ContactList, *, source: str, evidence: Evidence | None = None
) -> bool:
    """End one subscription; False when there was none."""
    found = db.session.get(Subscription, (contact.id, list_.id), with_for_update=True)
    if found is None:
        return False
    left = found.state != "ended"
    if left:
        _enter(contact, list_, found, "ended")
    if left or _says_more_than_the_merge(contact, list_):
        _note(contact, "withdrawn", source=source, list_=list_, evidence=evidence)
    return left


def _says_more_than_the_merge(contact: Contact, list_: ContactList | None = None) -> bool:
    """Whether a no that changes nothing must be kept all the same: where only a merge that can be
    taken back may have said so before (see contacts.parting)."""
    merged = db.session.scalar(
        sa.select(sa.func.max(Merge.at)).where(
            Merge.kept_id == contact.id, Merge.kept_until > now()
        )
    )
    if merged is None:
        return False
    since = sa.select(Consent.id).where(
        Consent.contact_id == contact.id, Consent.list_id == (list_.id if list_ else None),
        Consent.kind == "withdrawn", Consent.at > merged,
    )  # fmt: skip
    return db.session.scalar(since.limit(1)) is None


def rejoin_list(
    contact: Contact, list_: ContactList, *, source: str, evidence: Evidence | None = None
) -> bool:
    """The person undoes leaving a list; False when there is nothing to undo."""
    found = db.session.get(Subscription, (contact.id, list_.id), with_for_update=True)
    if found is None or found.state != "ended":
        return False
    _enter(contact, list_, found, "active")
    _note(contact, "restored", source=source, list_=list_, evidence=evidence)
    return True


def join_list(
    contact: Contact, list_: ContactList, *, wording: str, evidence: Evidence | None = None
) -> bool:
    """The person puts themselves on a list, on a page that only the link of their own mail opens:
    that confirms as well as a second mail would. False when they are on it.

    `wording` is what the page said about the list. Whoever left everything stays out until
    `restore`.
    """
    found = db.session.get(Subscription, (contact.id, list_.id), with_for_update=True)
    if found and found.state == "active":
        return False
    _enter(contact, list_, found, "active")
    _note(contact, "confirmed", source="preferences", list_=list_, wording=wording,
          evidence=evidence)  # fmt: skip
    return True


def note(contact: Contact, kind: str, *, evidence: Evidence | None = None) -> None:
    """What else a person chose by themselves: paused, resumed, frequency, changed."""
    _note(contact, kind, source="preferences", evidence=evidence)


def _enter(
    contact: Contact, list_: ContactList, found: Subscription | None, state: str
) -> Subscription:
    """Move a subscription to a state, making it where there is none, and count."""
    if list_.account_id != contact.account_id:
        raise NotFound("The list")
    before = found.state if found else ""
    if found is None:
        found = Subscription(
            contact_id=contact.id, list_id=list_.id, account_id=contact.account_id, state=state
        )
        db.session.add(found)
    if before != state:
        found.state = state
        found.ended_at = now() if state == "ended" else None
        if state != "ended":
            found.since = now()
        counting.on_list(
            list_.id,
            active=(state == "active") - (before == "active"),
            pending=(state == "pending") - (before == "pending"),
        )
    db.session.flush()
    return found


def _left(contact: Contact, list_: ContactList, source: str) -> bool:
    """Whether the person once left this list by themselves, and now somebody else acts."""
    return source != "form" and left_by_themselves(contact, list_)


def left_by_themselves(contact: Contact, list_: ContactList) -> bool:
    """Whether the last word about this list was the person's own no."""
    said = db.session.scalars(
        sa.select(Consent)
        .where(Consent.contact_id == contact.id, Consent.list_id == list_.id)
        .order_by(Consent.id.desc())
        .limit(LOOKED_BACK)
    ).all()
    # What came with a take-out was written down after what happened here, and weighs less.
    here = [one for one in said if "taken_in" not in one.evidence]
    last = here[0] if here else max(said, key=lambda one: (one.at, one.id), default=None)
    return last is not None and last.kind == "withdrawn" and last.source in BY_PERSON


def _asked_lately(contact: Contact, list_: ContactList) -> bool:
    """One entry a day, however often somebody types the address in."""
    asked = db.session.scalar(
        sa.select(Consent.at)
        .where(
            Consent.contact_id == contact.id,
            Consent.list_id == list_.id,
            Consent.kind == "asked",
        )
        .order_by(Consent.id.desc())
        .limit(1)
    )
    return asked is not None and now() - asked < ASK_AGAIN_AFTER


def _note(
    contact: Contact,
    kind: str,
    *,
    source: str,
    list_: ContactList | None = None,
    wording: str = "",
    evidence: Evidence | None = None,
) -> None:
    named = {"list": list_.name} if list_ else {}
    db.session.add(
        Consent(
            account_id=contact.account_id,
            contact_id=contact.id,
            address=contact.address,
            list_id=list_.id if list_ else None,
            kind=kind,
            source=source,
            wording=wording,
            evidence={**named, **(evidence or {})},
            policy_version_id=publishing.in_force(),
        )
    )
    db.session.flush()


def _how(source: str) -> str:
    return {
        "one_click": "with the button of their mail program",
        "mail": "by mail",
        "provider": "with the link of your mail provider",
        "link": "with the link of a mail",
        "preferences": "on their page of preferences",
        "hand": "entered by you for them",
        "import": "said by an imported file",
    }.get(source, "")
