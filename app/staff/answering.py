"""What is done about requests of people once they have confirmed (`staff.asked`).

The tick answers account by account, each in a transaction of its own: claimed by a conditional
update, done, written into the account's access book and its audit. A crash in between costs time
alone, and several at once do no harm.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult

from app.accounts import auditing, notices, owners
from app.accounts.models import Account, Member
from app.contacts import consent, erasing, suppressions
from app.contacts.models import Contact, Erasure
from app.core import settings
from app.core.clock import now
from app.core.db import db, transaction
from app.preferences import guests
from app.privacy import consenting
from app.staff import asked
from app.trust.models import PersonRequest, PersonRequestPlace

#: What the access book and the audit of an account say, by what was asked for.
VERBS = {"download": "person.data", "erase": "person.erase", "stop": "person.stop"}
#: Accounts in which one turn answers one request.
AT_ONCE = 50


def answer_confirmed() -> int:
    """Go on with what people confirmed; returns in how many accounts something was done."""
    confirmed = sa.select(PersonRequest.id).where(PersonRequest.state == "confirmed")
    done = 0
    for request_id in db.session.scalars(confirmed.order_by(PersonRequest.id).limit(20)).all():
        waiting = _waiting(request_id, AT_ONCE)
        for place_id in waiting:
            with transaction():
                done += _answer(place_id)
        if len(waiting) < AT_ONCE:
            with transaction():
                _finish(request_id)
    return done


def _waiting(request_id: int, limit: int) -> Sequence[int]:
    query = sa.select(PersonRequestPlace.id).where(
        PersonRequestPlace.request_id == request_id, PersonRequestPlace.state == "open"
    )
    return db.session.scalars(query.order_by(PersonRequestPlace.id).limit(limit)).all()


def _answer(place_id: int) -> bool:
    """In one account; False where another process was quicker."""
    taken = db.session.execute(
        sa.update(PersonRequestPlace)
        .where(PersonRequestPlace.id == place_id, PersonRequestPlace.state == "open")
        .values(state="done", done_at=now()),
        execution_options={"synchronize_session": False},
    )
    if not isinstance(taken, CursorResult) or taken.rowcount != 1:
        return False
    place = db.session.get_one(PersonRequestPlace, place_id, populate_existing=True)
    row = db.session.get_one(PersonRequest, place.request_id)
    account = db.session.get_one(Account, place.account_id)
    contact = _contact(account.id, row)
    changed = False
    if row.kind == "erase":
        changed = _erase(account.id, row.address or "", contact)
    elif row.kind == "stop":
        changed = _stop(account.id, row, contact)
    verb = VERBS[row.kind]
    asked.write(row, account.id, verb)
    auditing.note(account, None, verb, f"request {row.reference}")
    if changed:
        owners.tell(
            account.id, "person_answered", what=row.kind, reference=row.reference,
            url=f"{settings.get().BASE_URL}/settings/staff-access",
        )  # fmt: skip
    return True


def _contact(account_id: int, row: PersonRequest) -> Contact | None:
    return db.session.scalar(
        sa.select(Contact).where(Contact.account_id == account_id, Contact.address == row.address)
    )


def _erase(account_id: int, address: str, contact: Contact | None) -> bool:
    """Whether there was anything to erase."""
    if contact is not None:
        erasing.erase_many(account_id, [contact.id], by="person")
        return True
    found = suppressions.find(account_id, address)
    if found is None or found.address is None:
        return False
    # No contact, but somebody who must not be mailed: the address goes, and the hash stays.
    db.session.add(Erasure(account_id=account_id, by="person", keeps_out=True, spellings=[address]))
    suppressions.forget_address(found, reason="erased")
    return True


def _stop(account_id: int, row: PersonRequest, contact: Contact | None) -> bool:
    """Whether mail could have gone there before."""
    if contact is not None:
        return consent.withdraw(contact, source="mail", evidence={"request": row.reference})
    found = suppressions.find(account_id, row.address or "")
    if found is not None and found.address is None:
        return False
    return suppressions.add(account_id, row.address or "", reason="unsubscribed", detail="by mail")


def _finish(request_id: int) -> None:
    """Say to the person what was done, and forget who it was."""
    row = db.session.get_one(PersonRequest, request_id, populate_existing=True)
    if _waiting(request_id, 1) or not asked.move(row, ("confirmed",), "done", finished_at=now()):
        return
    done = [(place, name) for place, name in asked.places(row) if place.state == "done"]
    if row.kind != "download":
        _end_our_news(row.address or "")
    if row.kind == "download" and done:
        links = [
            (name, guests.link(contact))
            for place, name in done
            if (contact := _contact(place.account_id, row)) is not None
        ]
        nameless = [name for place, name in done if _contact(place.account_id, row) is None]
        notices.queue(
            "person_data", row.address or "", links=links, nameless=nameless,
            days=guests.LINK_LIFE.days, reference=row.reference,
        )  # fmt: skip
    else:
        _last_word(row, [name for _, name in done])
    asked.forget(row)
    auditing.note(None, None, "person.done", f"request {row.reference}: {len(done)} accounts")
    asked.tell_ticket(row, f"Request {row.reference} is answered, in {len(done)} accounts.")


def _last_word(row: PersonRequest, names: Sequence[str]) -> None:
    title = {
        "download": "Nothing is kept about you here",
        "erase": "You are erased",
        "stop": "No more mail",
    }[row.kind]
    lines = [f"Your request {row.reference} is answered."]
    if not names:
        lines.append("No business here knows this address.")
    elif row.kind == "erase":
        lines.append(f"You are erased in: {', '.join(names)}.")
        lines.append("A keyed hash that cannot be read back keeps you out there from now on.")
    else:
        lines.append(f"This address gets no more mail from: {', '.join(names)}.")
    lines.append(
        "If you sign in here yourself: your login and its data stand under Your profile, Your data."
    )
    notices.queue("last_word", row.address or "", person="", title=title, lines=lines)


def _end_our_news(address: str) -> None:
    member = db.session.scalar(sa.select(Member).where(Member.email == address))
    if member is None:
        return
    standing = consenting.standing(member).get("marketing_email")
    if standing is not None and standing.granted:
        consenting.record(member, None, "marketing_email", granted=False)
