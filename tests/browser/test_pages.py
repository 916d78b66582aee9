"""Every page fits every screen, keeps to our own host, and axe has nothing to say."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from app.accounts import people, senders
from app.accounts.models import Account, Notice
from app.auth import passwords
from app.campaigns.models import Campaign
from app.contacts import bulk_actions, chaining, consent, hygiene, importing, writing
from app.contacts.models import BulkAction, ContactList
from app.contacts.selecting import Selection
from app.core.db import db, transaction
from app.core.tokens import Purpose, sign
from app.delivery.models import Delivery
from app.privacy import publishing
from app.site import sampling
from app.tracking import scanning
from tests.browser import pages
from tests.browser.looking import Onlooker
from tests.conftest import Person

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("path", pages.PUBLIC)
def test_the_public_site_is_in_order(onlooker: Onlooker, path: str) -> None:
    assert onlooker.look_at(path) == []


def test_what_is_not_there_says_so(onlooker: Onlooker) -> None:
    assert onlooker.look_at("/nothing-of-that-name", "error-404", status=404) == []


@pytest.mark.parametrize("path", pages.EMPTY_ACCOUNT)
def test_an_empty_account_is_in_order(
    onlooker: Onlooker, sign_in: Callable[[Person], None], alice: Person, path: str
) -> None:
    sign_in(alice)

    assert onlooker.look_at(path) == []


@pytest.mark.parametrize("area", pages.areas(pages.FULL_ACCOUNT))
def test_a_used_account_is_in_order(
    onlooker: Onlooker, sign_in: Callable[[Person], None], alice: Person, area: str
) -> None:
    """The pages of an area look at one account, for making it takes as long as such a look."""
    known = used_account(alice)
    sign_in(alice)

    faults = [
        fault
        for path in pages.areas(pages.FULL_ACCOUNT)[area]
        for fault in onlooker.look_at(path.format(**known), f"full {path}")
    ]

    assert faults == []


@pytest.mark.parametrize("path", pages.OF_A_MAIL)
def test_the_pages_of_a_mail_are_in_order(onlooker: Onlooker, alice: Person, path: str) -> None:
    known = used_account(alice)

    assert onlooker.look_at(path.format(**known), f"mail {path}") == []


@pytest.mark.parametrize("path", pages.OF_A_SECRET)
def test_pages_behind_a_secret_are_in_order(onlooker: Onlooker, alice: Person, path: str) -> None:
    known = secrets_of(alice)
    status = 410 if "used-up" in path else 200

    assert onlooker.look_at(path.format(**known), f"secret {path}", status=status) == []


def secrets_of(person: Person) -> dict[str, str]:
    """Links as they are mailed: to set a password, to join, to confirm."""
    account, member = person.account, person.member
    publishing.current()
    with transaction():
        password = passwords.issue(member)
        people.invite(account, member, email="bob@bakery.example", role="editor")
        senders.add(account, member, email="news@bakery.example")
        chosen = ContactList(account_id=account.id, name="Letters", opt_in="double")
        db.session.add(chosen)
        db.session.flush()
        reader = writing.create(account, "reader@example.com")
        consent.subscribe(reader, chosen, source="api")
    told = " ".join(db.session.scalars(sa.select(Notice.text)))

    def secret(path: str) -> str:
        found = re.search(rf"{path}(\S+)", told)
        assert found, told
        return found.group(1)

    return {
        "password": password,
        "join": secret("/join/"),
        "sender": secret("/senders/confirm/"),
        "subscribe": secret("/subscribe/confirm/"),
    }


def imports_of(account: Account) -> dict[str, object]:
    """One import that waits for its columns, and one that is over, with rows it did not take."""
    rows = b"E-Mail,Name,Town\nbob@example.com,Bob,Town\nnot an address,,\n"
    waiting = importing.stage(account, io.BytesIO(rows), "customers.csv", confirmed=False)
    over = importing.stage(account, io.BytesIO(rows), "customers.csv", basis="At the till")
    importing.run(over.id)
    return {"mapping": waiting.id, "imported": over.id}


def done_to_many(account: Account) -> dict[str, object]:
    """Something done to many, two who may be one, and a look that found them."""
    with transaction():
        twins = [
            writing.create(account, email, first_name="Vera", last_name="Viewer", company="Optics")
            for email in ("vera.v@gmail.com", "verav@gmail.com")
        ]
        writing.create(account, "bob@gmial.com")
        action = bulk_actions.ask(account, "tag", {"tag": "spring"}, Selection())
        hygiene.begin(account)
    bulk_actions.run(action.id)
    with transaction():
        bulk_actions.start(db.session.get_one(BulkAction, action.id))
    bulk_actions.run(action.id)
    scanning.run(account.id)
    return {"bulk": action.id, "contact": twins[0].id, "other": twins[1].id}


def used_account(person: Person) -> dict[str, object]:
    """Sample data and a draft; returns what addresses of pages need."""
    with transaction():
        sampling.add(person.account)
        draft = Campaign(
            account_id=person.account.id, name="Summer hours", subject="Open till nine",
            body="Hello {{ contact.first_name | default: 'there' }},\n\nsee you.",
        )  # fmt: skip
        db.session.add(draft)
        db.session.flush()
    chaining.seal(person.account.id)
    newest = db.session.scalar(sa.select(sa.func.max(Campaign.id)).where(Campaign.is_sample))
    delivery = db.session.scalar(
        sa.select(Delivery.id).where(Delivery.campaign_id == newest, Delivery.state == "sent")
    )
    return {
        **imports_of(person.account),
        **done_to_many(person.account),
        "campaign": newest,
        "draft": draft.id,
        "list": db.session.scalar(sa.select(sa.func.min(ContactList.id))),
        "leave": sign(Purpose.UNSUBSCRIBE, delivery or 0),
        "prefs": sign(Purpose.PREFERENCES, delivery or 0),
        "view": sign(Purpose.BROWSER, delivery or 0),
    }
