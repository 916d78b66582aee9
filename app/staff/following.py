"""The operator's own account follows what its customers say, and they what they say to its mails.

The newest word counts, wherever it was said. Mail: without consent an address is suppressed in
the house. Topics: a subscription of the house's list. Post and phone: the contact's channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.accounts.models import Account, Member
from app.contacts import channels, consent, erasing, houses, suppressions, writing
from app.contacts.changes import NOBODY
from app.contacts.models import (
    ChannelConsent,
    Consent,
    Contact,
    ContactList,
    House,
    HouseContact,
    Subscription,
    Suppression,
)
from app.core.clock import now
from app.core.db import db
from app.privacy import consenting
from app.privacy.consenting import WORDINGS
from app.privacy.models import MemberConsent
from app.staff.house import TOPICS
from app.staff.knowing import Customer, customers

#: Members that one transaction looks at.
AT_ONCE = 200
#: On PostgreSQL a later id may be there earlier: so many are looked at again.
AGAIN = 50
#: Between two walks.
REST = timedelta(minutes=10)
NEVER_AGREED = "has not agreed to mail"
CHANNELS = {"post": "marketing_post", "phone": "marketing_phone"}


@dataclass
class Chunk:
    """Some members with what the house has of them."""

    house: House
    account: Account
    lists: dict[str, ContactList]
    contacts: dict[int, Contact]
    """By member."""
    places: dict[tuple[int, int], Subscription]
    """By contact and list."""
    barred: dict[str, Suppression]
    """By hash of the address."""
    ways: dict[int, dict[str, ChannelConsent]]


def follow(member_ids: Sequence[int]) -> None:
    """Bring these members' contacts in the house in line, inside a transaction."""
    house = houses.find()
    if house is None or not member_ids:
        return
    known = customers(member_ids)
    chunk = _chunk(house, known)
    for customer in known.values():
        _follow(chunk, customer)
    _erase(chunk, [one for one in member_ids if one not in known])


def follow_news() -> bool:
    """Whoever said something lately, on their page or to a mail of the house; False for nobody."""
    house = houses.find()
    if house is None:
        return False
    said, heard = _said(house), _heard(house)
    if not said and not heard:
        return False
    if said:
        house.said_id = max(row_id for row_id, _ in said)
    if heard:
        house.heard_id = max(row_id for row_id, _ in heard)
    follow(sorted({member_id for _, member_id in (*said, *heard) if member_id}))
    return True


def has_news() -> bool:
    """Reads only."""
    house = houses.find()
    return house is not None and bool(_said(house) or _heard(house))


def is_due() -> bool:
    """Whether the walk goes on, or has rested long enough. Reads only."""
    house = houses.find()
    if house is None:
        return False
    return bool(house.walked_id) or house.walked_at is None or house.walked_at < now() - REST


def walk() -> bool:
    """The next of all members; True when there are more to come in this walk."""
    house = houses.find()
    if house is None:
        return False
    ids = db.session.scalars(
        sa.select(Member.id).where(Member.id > house.walked_id).order_by(Member.id).limit(AT_ONCE)
    ).all()
    follow(ids)
    gone = sa.select(HouseContact.member_id).where(
        ~sa.exists().where(Member.id == HouseContact.member_id)
    )
    if len(ids) < AT_ONCE:
        follow(db.session.scalars(gone.limit(AT_ONCE)).all())
    house.walked_id = ids[-1] if len(ids) == AT_ONCE else 0
    house.walked_at = house.walked_at if house.walked_id else now()
    return bool(house.walked_id)


def _said(house: House) -> Sequence[Any]:
    rows = db.session.execute(
        sa.select(MemberConsent.id, MemberConsent.member_id)
        .where(MemberConsent.id > house.said_id - AGAIN)
        .order_by(MemberConsent.id)
        .limit(AT_ONCE)
    ).all()
    return rows if any(row.id > house.said_id for row in rows) else []


def _heard(house: House) -> Sequence[Any]:
    rows = db.session.execute(
        sa.select(Consent.id, HouseContact.member_id)
        .outerjoin(HouseContact, HouseContact.contact_id == Consent.contact_id)
        .where(Consent.account_id == house.account_id, Consent.id > house.heard_id - AGAIN)
        .order_by(Consent.id)
        .limit(AT_ONCE)
    ).all()
    return rows if any(row.id > house.heard_id for row in rows) else []


def _chunk(house: House, known: dict[int, Customer]) -> Chunk:
    account = db.session.get_one(Account, house.account_id)
    rows = db.session.execute(
        sa.select(HouseContact.member_id, Contact)
        .join(Contact, Contact.id == HouseContact.contact_id)
        .where(HouseContact.member_id.in_(known))
    )
    contacts = dict(rows.all())
    ids = [contact.id for contact in contacts.values()]
    lists = {topic: db.session.get(ContactList, list_id) for topic, list_id in _topics(house)}
    places = db.session.scalars(sa.select(Subscription).where(Subscription.contact_id.in_(ids)))
    addresses = {customer.member.email for customer in known.values()}
    addresses |= {contact.address for contact in contacts.values()}
    hashes = [suppressions.address_hash(account.id, one) for one in addresses]
    barred = db.session.scalars(
        sa.select(Suppression).where(
            Suppression.account_id == account.id, Suppression.address_hash.in_(hashes)
        )
    )
    ways: dict[int, dict[str, ChannelConsent]] = {}
    for way in db.session.scalars(
        sa.select(ChannelConsent).where(ChannelConsent.contact_id.in_(ids))
    ):
        ways.setdefault(way.contact_id, {})[way.channel] = way
    return Chunk(
        house, account, {topic: one for topic, one in lists.items() if one is not None}, contacts,
        {(one.contact_id, one.list_id): one for one in places},
        {one.address_hash: one for one in barred}, ways,
    )  # fmt: skip


def _topics(house: House) -> list[tuple[str, int]]:
    ids = {"newsletter": house.newsletter_id, "promotions": house.promotions_id}
    return [(topic, found) for topic in TOPICS if (found := ids[topic])]


def _follow(chunk: Chunk, customer: Customer) -> None:
    contact = chunk.contacts.get(customer.member.id)
    if customer.business is None:
        _erase(chunk, [customer.member.id])
        return
    barred = chunk.barred.get(_hash(chunk, customer.member.email))
    if contact is None:
        if not any(customer.agreed(kind) for kind in ("marketing_email", *CHANNELS.values())):
            return
        if barred and barred.address is None and not _spoke_after(customer, barred.created_at):
            _take_all_back(customer)  # they had themselves erased through a mail of the house
            return
        contact = _come_in(chunk, customer)
        barred = None
    _keep_details(contact, customer)
    is_on = _mail(chunk, contact, customer, barred)
    for topic, list_ in chunk.lists.items():
        _topic(chunk, contact, customer, topic, list_, is_on=is_on)
    for channel, kind in CHANNELS.items():
        way = chunk.ways.get(contact.id, {}).get(channel)
        if (way is not None and way.is_allowed) != customer.agreed(kind):
            answer = "yes" if customer.agreed(kind) else "no"
            channels.say(contact, channel, answer, wording=WORDINGS[kind].text, by=NOBODY)


def _come_in(chunk: Chunk, customer: Customer) -> Contact:
    address = customer.member.email
    if customer.agreed("marketing_email"):
        suppressions.lift_for_person(chunk.account.id, address)
        chunk.barred.pop(_hash(chunk, address), None)
    contact = writing.create(
        chunk.account, address, kind="person", is_member=True, by_person=True
    )  # fmt: skip
    db.session.add(HouseContact(contact_id=contact.id, member_id=customer.member.id))
    db.session.flush()
    chunk.contacts[customer.member.id] = contact
    return contact


def _keep_details(contact: Contact, customer: Customer) -> None:
    """Touches the row only where something is different."""
    business = customer.business
    first, _, last = customer.member.name.strip().partition(" ")
    wanted = {"first_name": first, "last_name": last.strip(),
              "company": business.name if business else ""}  # fmt: skip
    given: dict[str, Any] = {
        name: text for name, text in wanted.items() if getattr(contact, name) != text
    }
    facts = {key: value for key, value in customer.facts.items()
             if (contact.fields.get(key) or None) != (value or None)}  # fmt: skip
    if facts:
        given["fields"] = facts
    if contact.address != customer.member.email:
        given["email"] = customer.member.email
    if given:
        writing.update(contact, is_member=True, **given)


def _mail(chunk: Chunk, contact: Contact, customer: Customer, barred: Suppression | None) -> bool:
    """Whether they get mail of the house now."""
    account_id, kind = chunk.account.id, "marketing_email"
    said_at = customer.said_at(kind)
    if customer.agreed(kind):
        if barred is None:
            return True
        if barred.reason == "bounced":
            return False
        if barred.reason == "account":
            suppressions.lift(barred)
            return True
        if _spoke_after(customer, barred.created_at, kind):
            consent.restore(contact, source="preferences")
            return True
        _record(customer, kind, granted=False)
        return False
    if barred is not None:
        return False
    if said_at is None:
        suppressions.add(account_id, contact.address, reason="account", detail=NEVER_AGREED)
    elif _came_back(contact, said_at):
        _record(customer, kind, granted=True)
        return True
    else:
        consent.withdraw(contact, source="preferences")
    return False


def _topic(
    chunk: Chunk, contact: Contact, customer: Customer, topic: str, list_: ContactList, *,
    is_on: bool,
) -> None:  # fmt: skip
    kind, place = f"topic_{topic}", chunk.places.get((contact.id, list_.id))
    said_at = max(
        (at for at in (customer.said_at(kind), customer.said_at("marketing_email")) if at),
        default=None,
    )
    is_there = place is not None and place.state == "active"
    if not is_on or said_at is None:
        return
    row = customer.consents.get(kind)
    if row is None or row.granted:
        if is_there:
            return
        if place is not None and place.ended_at and place.ended_at > said_at:
            _record(customer, kind, granted=False)  # left through a mail
        else:
            consent.join_list(contact, list_, wording=WORDINGS[kind].text)
    elif is_there and place is not None:
        if place.since > row.at:
            _record(customer, kind, granted=True)  # came back on the page of preferences
        else:
            consent.leave_list(contact, list_, source="preferences")


def _spoke_after(customer: Customer, moment: datetime, *kinds: str) -> bool:
    """Whether one of these consents was given after that; of all kinds where none is named."""
    rows = [row for kind, row in customer.consents.items() if not kinds or kind in kinds]
    return any(row.granted and row.at > moment for row in rows)


def _came_back(contact: Contact, moment: datetime) -> bool:
    """Whether the person took their leaving back after that, through a mail of the house."""
    query = sa.select(Consent.id).where(
        Consent.contact_id == contact.id, Consent.kind == "restored", Consent.at > moment
    )
    return db.session.scalar(query.limit(1)) is not None


def _record(customer: Customer, kind: str, *, granted: bool) -> None:
    row = consenting.record(customer.member, customer.business, kind, granted=granted)
    db.session.flush()
    customer.consents[kind] = row


def _take_all_back(customer: Customer) -> None:
    for kind in ("marketing_email", *CHANNELS.values()):
        if customer.agreed(kind):
            _record(customer, kind, granted=False)


def _erase(chunk: Chunk, member_ids: Sequence[int]) -> None:
    """Who is no customer any more is nowhere in the house either."""
    gone = db.session.scalars(
        sa.select(HouseContact.contact_id).where(HouseContact.member_id.in_(member_ids))
    ).all()
    if gone:
        erasing.erase_many(chunk.account.id, gone, by="owner")


def _hash(chunk: Chunk, address: str) -> str:
    return suppressions.address_hash(chunk.account.id, address)
