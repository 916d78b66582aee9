"""Rights of one's own hold on every way to contacts and campaigns, also on those of other pages."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import sqlalchemy as sa

from app.accounts.models import Membership
from app.core.db import db, transaction
from tests.conftest import Client, Person
from tests.tracking.mails import Sent, send


@pytest.fixture
def sent(alice: Person) -> Sent:
    """A campaign "News" to may0, may1 and may2."""
    return send(alice.account, people=3)


def give(person: Person, rights: Sequence[str]) -> None:
    with transaction():
        db.session.execute(
            sa.update(Membership)
            .where(Membership.member_id == person.member.id)
            .values(rights=list(rights))
        )


def test_a_bookkeeper_finds_no_contacts_and_no_campaigns(
    client: Client, sent: Sent, bob: Person
) -> None:
    client.sign_in(bob)
    name = sent.campaign.name
    assert "may0@example.com" in client.get("/palette?q=may").text
    assert name in client.get("/home").text

    give(bob, ["billing"])

    found = client.get("/palette?q=may").text + client.get(f"/palette?q={name}").text
    assert "may0@example.com" not in found
    assert f"/campaigns/{sent.campaign.id}" not in found
    home = client.get("/home")
    assert home.status_code == 200
    assert name not in home.text


def test_who_writes_and_sees_no_contacts_sees_none_while_writing(
    client: Client, sent: Sent, bob: Person
) -> None:
    client.sign_in(bob)
    give(bob, ["campaigns.write", "reports.read"])
    campaign, contact = f"/campaigns/{sent.campaign.id}", sent.contacts[0]

    look = client.get(f"{campaign}/look?contact={contact.id}")
    preview = client.get(f"{campaign}/preview?contact={contact.id}")

    assert (look.status_code, preview.status_code) == (200, 200)
    assert "may0@example.com" not in look.text + preview.text
    assert "Look as somebody else" not in look.text
    assert client.get(f"{campaign}/look/people?q=may").status_code == 403


@pytest.mark.parametrize(
    ("page", "status"),
    [
        ("recipients", 403),
        ("report/people/opened", 403),
        ("bounces?reason=mailbox", 403),
        ("bounces", 200),
        ("uncertain", 200),
        ("report", 200),
        ("receipt", 200),
    ],
)
def test_who_sees_reports_and_no_contacts_sees_numbers_alone(
    client: Client, sent: Sent, bob: Person, page: str, status: int
) -> None:
    client.sign_in(bob)
    give(bob, ["reports.read"])

    answer = client.get(f"/campaigns/{sent.campaign.id}/{page}")

    assert answer.status_code == status
    assert "may0@" not in answer.text
    assert f'href="/campaigns/{sent.campaign.id}/recipients' not in answer.text
