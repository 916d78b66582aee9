"""A bakery with a confirmed sender, a list and people; and drafts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.accounts.models import Account, Sender
from app.campaigns import composing
from app.campaigns.models import Campaign
from app.contacts.models import Contact, ContactList, Subscription
from app.core.clock import now
from app.core.db import db, transaction
from tests.conftest import Person


def add_list(account: Account, name: str = "Newsletter", **values: Any) -> ContactList:
    with transaction():
        made = ContactList(account_id=account.id, name=name, **values)
        db.session.add(made)
    return made


def add_people(
    account: Account, list_: ContactList, *names: str, state: str = "active", **values: Any
) -> list[Contact]:
    """People named Anna → anna@people.example, on a list."""
    people = []
    with transaction():
        for name in names:
            email = f"{name.lower()}@people.example"
            person = Contact(
                account_id=account.id, email=email, address=email, first_name=name, **values
            )
            db.session.add(person)
            db.session.flush()
            db.session.add(
                Subscription(
                    contact_id=person.id, list_id=list_.id, account_id=account.id, state=state
                )
            )
            people.append(person)
    return people


def add_sender(account: Account, email: str, *, confirmed: bool = True) -> Sender:
    with transaction():
        sender = Sender(
            account_id=account.id,
            email=email,
            name=account.name,
            confirmed_at=now() if confirmed else None,
        )
        db.session.add(sender)
    return sender


@pytest.fixture
def newsletter(alice: Person) -> ContactList:
    """Anna, Bert and Cleo are on it."""
    made = add_list(alice.account)
    add_people(alice.account, made, "Anna", "Bert", "Cleo")
    return made


@pytest.fixture
def draft(alice: Person, newsletter: ContactList) -> Callable[..., Campaign]:
    """Makes campaigns that are ready to go, but for what a test changes."""
    add_sender(alice.account, "news@bakery.example")

    def make(**values: Any) -> Campaign:
        ready: dict[str, Any] = {
            "name": "Spring",
            "subject": "Fresh bread",
            "preheader": "Warm since six",
            "from_name": "Bakery",
            "from_email": "news@bakery.example",
            "body": "# Hello\n\nBread is [here](https://bakery.example/bread).",
            "lists": [newsletter.id],
        }
        with transaction():
            return composing.create(alice.account, composing.Draft(**{**ready, **values}))

    return make
