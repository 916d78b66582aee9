"""A campaign of Alice's bakery that was sent, and what its readers may choose."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from app.accounts.models import Notice
from app.contacts import fields, lists
from app.contacts.models import ContactField, ContactList, OpenField, PublicList
from app.core.db import db, transaction
from app.preferences import guests
from tests.conftest import Person
from tests.tracking.conftest import fresh_memory, sent
from tests.tracking.mails import Sent

__all__ = ["fresh_memory", "sent"]


@pytest.fixture
def offer(alice: Person) -> Callable[..., ContactList]:
    """offer(name) makes a list that people may choose."""

    def make(inside: str, /, *, opt_in: str = "single", **public: str) -> ContactList:
        with transaction():
            list_ = lists.create(alice.account, inside, opt_in=opt_in)
            db.session.add(PublicList(list_id=list_.id, account_id=alice.account.id, **public))
        return list_

    return make


@pytest.fixture
def open_field(alice: Person) -> Callable[..., ContactField]:
    """open_field(label, type_=) makes a field that people may fill in."""

    def make(label: str, type_: str = "text", *, is_open: bool = True) -> ContactField:
        with transaction():
            field = fields.create(alice.account.id, label, type_=type_)
            if is_open:
                db.session.add(OpenField(field_id=field.id, account_id=alice.account.id))
        return field

    return make


def fresh_link(sent: Sent, person: int = 0) -> str:
    """The link that is mailed on request."""
    return guests.link(sent.contacts[person]).removeprefix("http://localhost")


def words_of(answer) -> str:
    text = re.sub(r"<[^>]+>", " ", answer.text)
    return re.sub(r"\s+", " ", text)


def notices(kind: str) -> list[Notice]:
    db.session.rollback()
    query = sa.select(Notice).where(Notice.kind == kind).order_by(Notice.id)
    return list(db.session.scalars(query))
