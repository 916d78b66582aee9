"""Sample data to look round with: people, a list and three sent campaigns, marked as such.

Nothing of it was ever mailed. `remove` takes it all away again, with everything that hangs on it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import sqlalchemy as sa

from app.accounts.models import Account
from app.campaigns.models import Campaign
from app.contacts import counting, erasing, houses, suppressions, writing
from app.contacts.models import Consent, Contact, ContactList, Subscription, Suppression
from app.contacts.text import search_key
from app.core.clock import now
from app.core.db import db
from app.site import sample_campaigns

PEOPLE = 200
LIST_NAME = "Sample list"
WORDING = "Sample data: nobody was asked, nobody is mailed."
FIRST = ("Alice", "Bob", "Charlie", "Vera")
LAST = """
    Archer Baker Barber Brewer Butcher Carpenter Carter Chandler Clerk Cook Cooper Draper Dyer
    Farmer Fisher Fletcher Forester Fowler Gardener Glover Hatter Hunter Joiner Mason Mercer
    Miller Miner Painter Parker Piper Plumber Porter Potter Sadler Sailor Sawyer Shepherd Singer
    Skinner Slater Smith Tailor Tanner Taylor Thatcher Tiler Turner Weaver Wheeler Wright
"""


def add(account: Account) -> bool:
    """Make the sample data; False where it is there already."""
    houses.refuse(account)
    if exists(account):
        return False
    chance = random.Random(7)  # noqa: S311  # the same story each time, not a secret
    list_ = ContactList(
        account_id=account.id, name=_free_name(account), is_sample=True,
        description="People who do not exist, to look round with.",
    )  # fmt: skip
    people = _people(account)
    db.session.add_all([list_, *people])
    db.session.flush()
    _subscribe(account, list_, people)
    sample_campaigns.add(account, list_, people, chance)
    return True


def exists(account: Account) -> bool:
    """Whether the account has sample data now."""
    samples = sa.select(ContactList.id).where(
        ContactList.account_id == account.id, ContactList.is_sample
    )
    campaigns = sa.select(Campaign.id).where(Campaign.account_id == account.id, Campaign.is_sample)
    return bool(db.session.scalar(sa.select(sa.or_(samples.exists(), campaigns.exists()))))


def remove(account: Account) -> int:
    """Take it all away; returns how many people went."""
    people = sa.select(Contact.id).where(Contact.account_id == account.id, Contact.is_sample)
    ids = list(db.session.scalars(people))
    _delete(Campaign, Campaign.account_id == account.id, Campaign.is_sample)
    # Their consents stay in the record, emptied: it is only added to, by sample people too.
    erasing.empty(Consent.account_id == account.id, Consent.contact_id.in_(ids))
    hashes = [
        suppressions.address_hash(account.id, address)
        for address in db.session.scalars(sa.select(Contact.address).where(Contact.id.in_(ids)))
    ]
    _delete(Suppression, Suppression.account_id == account.id, Suppression.address_hash.in_(hashes))
    writing.delete_rows(account.id, ids)
    _remove_lists(account)
    return len(ids)


def _remove_lists(account: Account) -> None:
    # A sample list that real people were put on meanwhile is theirs now, and stays.
    used = sa.select(Subscription.list_id).where(Subscription.list_id == ContactList.id).exists()
    own = (ContactList.account_id == account.id, ContactList.is_sample)
    _delete(ContactList, *own, ~used)
    db.session.execute(
        sa.update(ContactList).where(*own).values(is_sample=False),
        execution_options={"synchronize_session": "fetch"},
    )


def _delete(model: type[Campaign | Suppression | ContactList], *where: object) -> None:
    db.session.execute(
        sa.delete(model).where(*where),  # type: ignore[arg-type]
        execution_options={"synchronize_session": False},
    )


def _free_name(account: Account) -> str:
    names = set(
        db.session.scalars(sa.select(ContactList.name).where(ContactList.account_id == account.id))
    )
    numbered = (f"{LIST_NAME} {number}" for number in range(2, len(names) + 3))
    return next(name for name in (LIST_NAME, *numbered) if name not in names)


def _people(account: Account) -> list[Contact]:
    taken = set(
        db.session.scalars(
            sa.select(Contact.address).where(
                Contact.account_id == account.id, Contact.address.endswith("@sample.example")
            )
        )
    )
    names = [(first, last) for last in LAST.split() for first in FIRST]
    people = [_person(account, first, last) for first, last in names[:PEOPLE]]
    return [person for person in people if person.address not in taken]


def _person(account: Account, first: str, last: str) -> Contact:
    address = f"{first}.{last}@sample.example".lower()
    return Contact(
        account_id=account.id, email=address, address=address, first_name=first, last_name=last,
        first_key=search_key(first), last_key=search_key(last), fields={}, is_sample=True,
    )  # fmt: skip


def _subscribe(account: Account, list_: ContactList, people: Sequence[Contact]) -> None:
    for person in people:
        db.session.add(
            Subscription(contact_id=person.id, list_id=list_.id, account_id=account.id, since=now())
        )
        db.session.add(
            Consent(
                account_id=account.id, contact_id=person.id, address=person.address,
                list_id=list_.id, kind="stated", source="import", wording=WORDING,
                evidence={"sample": True, "list": list_.name},
            )
        )  # fmt: skip
    db.session.flush()
    counting.on_list(list_.id, active=len(people))
    counting.people(account.id, len(people))
