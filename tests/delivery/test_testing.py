"""Test mails: to whom, seen by whom, and how many a day."""

import email
import email.policy

import pytest
import sqlalchemy as sa

from app.accounts.models import Account
from app.contacts import suppressions
from app.contacts.models import Contact
from app.core.db import db, transaction
from app.core.errors import Invalid, TooMany
from app.delivery import testing


@pytest.fixture
def campaign(campaign_to, to_server):
    to_server.faults.keep = True
    return campaign_to(["vera@example.com"], names=["Vera"], state="draft")


def vouched(campaign, value):
    with transaction():
        db.session.execute(sa.update(Account).values(vouched=value))
    db.session.refresh(campaign)


def test_a_test_looks_as_it_does_for_a_chosen_person(campaign, to_server):
    vera = db.session.scalars(sa.select(Contact)).one()

    testing.send_test(campaign, ["bob@bakery.example"], seen_by=vera)

    parsed = email.message_from_bytes(to_server.messages[0], policy=email.policy.default)
    assert parsed["Subject"] == "Rolls for Vera"
    assert parsed["To"] == "bob@bakery.example"


def test_an_address_gets_a_test_once(campaign, to_server):
    testing.send_test(campaign, ["bob@bakery.example", "BOB@bakery.example"])

    assert len(to_server.recipients()) == 1


def test_a_day_has_room_for_so_many_tests(campaign, to_server, monkeypatch):
    monkeypatch.setattr(testing, "PER_DAY", 3)
    vouched(campaign, False)
    testing.send_test(campaign, ["a@example.com", "b@example.com"])

    with pytest.raises(TooMany, match="3 test mails a day"):
        testing.send_test(campaign, ["c@example.com", "d@example.com"])
    testing.send_test(campaign, ["c@example.com"])

    assert to_server.recipients() == ["a@example.com", "b@example.com", "c@example.com"]


def test_the_operators_own_have_no_limit(campaign, to_server, monkeypatch):
    monkeypatch.setattr(testing, "PER_DAY", 1)
    vouched(campaign, True)

    testing.send_test(campaign, ["a@example.com", "b@example.com"])

    assert len(to_server.recipients()) == 2


def test_who_left_gets_no_test(campaign, to_server, alice):
    with transaction():
        for address in ("gone@example.com", alice.member.email):
            suppressions.add(alice.account.id, address, reason="unsubscribed")

    with pytest.raises(Invalid, match=r"gone@example\.com is never mailed"):
        testing.send_test(campaign, ["bob@bakery.example", "gone@example.com"])
    testing.send_test(campaign, [alice.member.email])

    assert to_server.recipients() == [alice.member.email]
