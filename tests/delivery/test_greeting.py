"""Welcome mails: to each who comes by a form, once, with all that a mail of a campaign carries."""

from __future__ import annotations

import email
import re
import threading
from email import policy
from email.message import EmailMessage
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Membership, Notice, Sender
from app.campaigns import approving, greeting, queries
from app.campaigns.checks import NotReady
from app.campaigns.models import Campaign
from app.contacts import consent, lists
from app.contacts.models import Contact, ContactList, FormEntry, SignUpForm
from app.core.clock import now
from app.core.db import db, transaction
from app.delivery import greeting as greeting_delivery
from app.delivery import sending, sweeping
from app.delivery.models import Batch, Delivery
from tests.conftest import Client, Person
from tests.contacts.signup.conftest import Visitor, form_on, link_in, mails
from tests.delivery.conftest import check, server, to_server
from tests.faultserver import FaultServer

__all__ = ["server", "to_server"]


@pytest.fixture
def visitor(client: Client, monkeypatch: pytest.MonkeyPatch) -> Visitor:
    return Visitor(client, monkeypatch)


@pytest.fixture
def letters(alice: Person) -> ContactList:
    with transaction():
        return lists.create(alice.account, "Letters", opt_in="double")


@pytest.fixture
def form(alice: Person, letters: ContactList) -> SignUpForm:
    with transaction():
        db.session.add(
            Sender(account_id=alice.account.id, email="news@bakery.example", confirmed_at=now())
        )
    form = form_on(alice, letters)
    welcome(form)
    return form


def welcome(form: SignUpForm, **changes: Any) -> Campaign | None:
    given: dict[str, Any] = {
        "from_email": "news@bakery.example",
        "subject": "Welcome, {{ contact.first_name | default: 'friend' }}",
        "body": "Hello. See [the shop](https://bakery.example/).",
        "is_on": True,
        "by": None,
    }
    with transaction():
        mail = greeting.write(db.session.merge(form), **{**given, **changes})
    return db.session.get(Campaign, mail.campaign_id) if mail.campaign_id else None


def work() -> None:
    """What the tick and the workers do."""
    for batch_id in greeting_delivery.greet():
        sending.send_batch(batch_id)
    sweeping.sweep()
    db.session.rollback()


def arrived(to_server: FaultServer) -> list[EmailMessage]:
    return [email.message_from_bytes(raw, policy=policy.default) for raw in to_server.messages]


def sign_up(visitor: Visitor, client: Client, name: str) -> None:
    visitor.send(email=f"{name}@example.com", first_name=name.title())
    client.post(link_in(mails()[-1]))


def test_who_confirms_is_welcomed_once(
    visitor: Visitor, client: Client, form: SignUpForm, to_server: FaultServer
) -> None:
    to_server.faults.keep = True
    visitor.send(email="vera@example.com", first_name="Vera")
    work()
    assert to_server.accepted == []

    link = link_in(mails()[0])
    for _ in range(2):
        client.post(link)
        work()
    sign_up(visitor, client, "ann")
    work()

    first, second = arrived(to_server)
    assert [first["To"], second["To"]] == ["vera@example.com", "ann@example.com"]
    assert first["Subject"] == "Welcome, Vera"
    assert first["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "1 High Street" in first.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    campaign = db.session.scalars(sa.select(Campaign)).one()
    assert campaign.state == "sent"
    assert check(campaign).sent == 2


def test_a_new_text_waits_for_somebody_elses_yes(
    visitor: Visitor, client: Client, form: SignUpForm, alice: Person, bob: Person,
    to_server: FaultServer,
) -> None:  # fmt: skip
    to_server.faults.keep = True
    page = f"/forms/{form.id}/mails"
    with transaction():
        approving.demand(alice.account, alice.member, wanted=True)
    text = {"from_email": "news@bakery.example", "subject": "Buy now", "body": "Cheap!",
            "is_on": "yes"}  # fmt: skip
    client.sign_in(alice)
    assert "Nobody else here may approve" in client.post(page, data=text).text
    with transaction():
        db.session.execute(
            sa.update(Membership)
            .where(Membership.member_id == bob.member.id)
            .values(rights=["contacts.read", "contacts.change", "campaigns.approve"])
        )
    client.sign_in(bob)
    assert client.post(page, data=text).status_code == 303
    mark = greeting.mark(greeting.of(form))
    own = client.post(f"{page}/approve", data={"mark": mark})
    assert (own.status_code, "wrote this text yourself" in own.text) == (403, True)

    sign_up(visitor, client, "vera")
    work()
    assert [mail["Subject"] for mail in arrived(to_server)] == ["Welcome, Vera"]

    client.sign_in(alice)
    shown = client.get(page).text
    assert "Waits for approval" in shown
    assert f'value="{mark}"' in shown
    client.sign_in(bob)
    client.post(page, data={**text, "subject": "Buy later"})
    client.sign_in(alice)
    assert client.post(f"{page}/approve", data={"mark": mark}).status_code == 409, "another text"
    now_shown = re.search(r'name="mark" value="(\w+)"', client.get(page).text)[1]  # type: ignore[index]
    assert client.post(f"{page}/approve", data={"mark": now_shown}).status_code == 303
    assert "Waits for approval" not in client.get(page).text

    sign_up(visitor, client, "ann")
    work()
    assert [mail["Subject"] for mail in arrived(to_server)] == ["Welcome, Vera", "Buy later"]
    asked = sa.select(Notice.to_email).where(Notice.kind == "approval_asked")
    assert set(db.session.scalars(asked)) == {"alice@bakery.example"}


def test_the_mails_link_leaves(
    visitor: Visitor, client: Client, form: SignUpForm, to_server: FaultServer
) -> None:
    to_server.faults.keep = True
    sign_up(visitor, client, "vera")
    work()
    (mail,) = arrived(to_server)
    way = mail["List-Unsubscribe"].replace("\r\n", "").split(">")[0].strip("<")

    client.post(way.removeprefix("http://localhost"), data={"List-Unsubscribe": "One-Click"})

    db.session.rollback()
    contact = db.session.scalars(sa.select(Contact)).one()
    assert consent.suppressions.find(contact.account_id, contact.address)


def test_who_left_meanwhile_is_skipped(
    visitor: Visitor, client: Client, form: SignUpForm, to_server: FaultServer
) -> None:
    sign_up(visitor, client, "vera")
    with transaction():
        contact = db.session.scalars(sa.select(Contact)).one()
        consent.withdraw(contact, source="one_click")
    work()

    assert to_server.accepted == []
    campaign = db.session.scalars(sa.select(Campaign)).one()
    assert check(campaign).skipped == {"unsubscribed": 1}


def test_another_text_is_for_who_comes_from_then_on(
    visitor: Visitor, client: Client, form: SignUpForm, to_server: FaultServer
) -> None:
    to_server.faults.keep = True
    sign_up(visitor, client, "vera")
    work()
    before = welcome(form)
    after = welcome(form, subject="Good to see you")
    assert before
    assert after
    assert before.id != after.id
    sign_up(visitor, client, "ann")
    work()

    assert [mail["Subject"] for mail in arrived(to_server)] == ["Welcome, Vera", "Good to see you"]


def test_switched_off_nobody_is_welcomed_then_or_later(
    visitor: Visitor, client: Client, form: SignUpForm, to_server: FaultServer
) -> None:
    welcome(form, is_on=False)
    sign_up(visitor, client, "vera")
    work()
    welcome(form)
    work()

    assert to_server.accepted == []


def test_two_at_once_welcome_once(
    app: Flask, visitor: Visitor, client: Client, form: SignUpForm
) -> None:
    for name in ("vera", "ann", "eve"):
        sign_up(visitor, client, name)
    db.session.rollback()
    gate = threading.Barrier(3)

    def greet() -> None:
        with app.app_context():
            gate.wait()
            greeting_delivery.greet()
            db.session.remove()

    threads = [threading.Thread(target=greet) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    db.session.rollback()
    assert db.session.scalar(sa.select(sa.func.count(Delivery.id))) == 3
    assert sum(db.session.scalars(sa.select(Batch.size))) == 3
    assert db.session.scalars(sa.select(FormEntry.id).where(FormEntry.is_to_greet)).all() == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"from_email": "charlie@garage.example"}, "sender is unknown"),
        ({"subject": ""}, "no subject"),
        ({"body": ""}, "empty"),
        ({"body": "{{ contact.nothing }}"}, "Unknown merge tag"),
    ],
)
def test_what_cannot_be_sent_is_not_switched_on(
    form: SignUpForm, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(NotReady, match=words):
        welcome(form, **changes)

    db.session.rollback()
    assert greeting.of(form).subject.startswith("Welcome")


def test_it_is_no_campaign_among_campaigns(client: Client, alice: Person, form: SignUpForm) -> None:
    assert queries.campaigns(alice.account).items == []
    assert queries.latest(alice.account) is None
    client.sign_in(alice)
    assert "Welcome:" not in client.get("/campaigns").text


def test_the_page_writes_it(
    client: Client, alice: Person, form: SignUpForm, to_server: FaultServer
) -> None:
    to_server.faults.keep = True
    client.sign_in(alice)
    given = {
        "from_email": "news@bakery.example",
        "subject": "Hello",
        "body": "Bread",
        "is_on": "yes",
    }
    wrong = client.post(f"/forms/{form.id}/mails", data=given | {"body": "{{ contact."})
    assert wrong.status_code == 422
    assert "{{ contact." in wrong.text

    client.post(f"/forms/{form.id}/mails", data=given)
    assert "Bread" in client.get(f"/forms/{form.id}/mails").text
    client.post(f"/forms/{form.id}/mails/test")

    (mail,) = arrived(to_server)
    assert (mail["To"], mail["Subject"]) == ("alice@bakery.example", "Hello")
