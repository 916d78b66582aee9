"""The operator's own account: made once, with its two lists and segments to start from."""

from __future__ import annotations

import sqlalchemy as sa

from app.accounts import auditing
from app.accounts.models import Account, Member, Membership, Sender
from app.contacts import fields, houses, lists
from app.contacts.models import ContactList, House, PublicList
from app.contacts.segments import keeping
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid, WrongState
from app.mailer import address as addresses

#: What is known of a customer, for segments and merge tags: key, label, type.
FIELDS = (
    ("plan", "Plan", "text"),
    ("registered_on", "Registered on", "date"),
    ("last_campaign_on", "Last campaign on", "date"),
    ("contacts", "Contacts", "text"),
    ("last_sign_in_on", "Last sign-in on", "date"),
)
TOPICS = {
    "newsletter": ("Newsletter", "What is new, and how to use it."),
    "promotions": ("Promotions", "Offers."),
}
#: Segments to start from: name, topic, field, what is asked of it.
STARTERS = (
    ("new in 30 days", "newsletter", "registered_on", "in_last", 30),
    ("no campaign for 60 days", "newsletter", "last_campaign_on", "before_last", 60),
    ("nothing sent yet", "newsletter", "last_campaign_on", "empty", None),
    ("not signed in for 30 days", "newsletter", "last_sign_in_on", "before_last", 30),
    ("free plan", "promotions", "plan", "is", "free"),
    ("more than 10,000 contacts", "promotions", "contacts", "begins", "more"),
)


def make(*, name: str, address: str, sender: str = "", by: Member | None = None) -> Account:
    """Raises WrongState where there is one, and Invalid."""
    if houses.find() is not None:
        raise WrongState("The operator's own account is there already.")
    problems = {
        field: [words]
        for field, value, words in (
            ("name", name, "Enter the name that mailings come from."),
            ("address", address, "Enter the postal address; it stands under every mail."),
        )
        if not value.strip()
    }
    if problems:
        raise Invalid(" ".join(words[0] for words in problems.values()), problems)
    account = Account(
        name=name.strip(), address=address.strip(), state="active", vouched=True, is_house=True
    )
    db.session.add(account)
    db.session.flush()
    _furnish(account)
    if sender:
        email = addresses.parse(sender).address
        db.session.add(
            Sender(account_id=account.id, email=email, name=account.name, confirmed_at=now())
        )
    auditing.note(account, by, "account.create", "the operator's own")
    db.session.flush()
    return account


def _furnish(account: Account) -> None:
    for key, label, type_ in FIELDS:
        fields.create(account.id, label, type_=type_, key=key)
    made: dict[str, ContactList] = {}
    for topic, (name, about) in TOPICS.items():
        made[topic] = lists.create(account, name, description=about)
        db.session.add(PublicList(list_id=made[topic].id, account_id=account.id))
    db.session.add(
        House(
            account_id=account.id, newsletter_id=made["newsletter"].id,
            promotions_id=made["promotions"].id,
        )
    )  # fmt: skip
    db.session.flush()
    for name, topic, field, op, value in STARTERS:
        asked = {"field": f"fields.{field}", "op": op, "value": value}
        on_list = {"field": "list", "op": "on", "value": made[topic].id}
        keeping.create(account.id, f"{TOPICS[topic][0]}: {name}", {"all": [on_list, asked]})


def enter(member: Member) -> Account:
    """Somebody with the purpose marketing works in it from now on, as long as they have that."""
    house = houses.find()
    if house is None:
        raise WrongState("The operator's own account is not made yet.")
    here = sa.select(Membership.id).where(
        Membership.account_id == house.account_id, Membership.member_id == member.id
    )
    if db.session.scalar(here) is None:
        db.session.add(
            Membership(account_id=house.account_id, member_id=member.id, role="owner")
        )  # fmt: skip
        db.session.flush()
    return db.session.get_one(Account, house.account_id)


def send_home() -> int:
    """Whoever has not the purpose marketing any more leaves the account; returns how many."""
    house = houses.find()
    if house is None:
        return 0
    here = db.session.execute(
        sa.select(Membership, Member).join(Member).where(Membership.account_id == house.account_id)
    )
    left = 0
    for membership, member in here.all():
        if "marketing" not in (member.staff_roles or ()):
            db.session.delete(membership)
            left += 1
    return left
