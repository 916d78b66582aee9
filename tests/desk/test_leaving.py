"""People who write to the public address that they want no more mail."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.accounts.models import AuditEntry
from app.contacts import erasing, writing
from app.contacts.models import Contact, Suppression
from app.core.db import db, transaction
from app.core.tokens import Purpose, sign_for_address
from app.delivery.models import Event
from app.desk import arriving, optouts, reading
from app.privacy import consenting
from app.staff.models import StaffAccess
from tests.conftest import Client, Person
from tests.desk.conftest import Post, mails, messages, tickets
from tests.ops.test_catcher import Catcher
from tests.tracking.mails import Sent, score


def message_id(sent: Sent, person: int) -> str:
    delivery = sent.deliveries[person]
    return f"<c{sent.campaign.id}.{sign_for_address(Purpose.MESSAGE, delivery.id)}@mail.test>"


def out() -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(sa.select(Suppression.address).order_by(Suppression.id)))


@pytest.mark.parametrize(
    ("subject", "text", "says"),
    [
        ("unsubscribe", "", "sure"),
        ("Re: Your May news", "Please remove me from this list.\n\n> Hello\n> there", "sure"),
        ("Newsletter", "Bitte abmelden", "sure"),
        ("Désinscription", "", "sure"),
        ("Hola", "Darme de baja por favor", "sure"),
        ("STOP", "", "sure"),
        ("Opt-out", "I no longer want this. Thanks", "sure"),
        ("How do I unsubscribe somebody?", "From my list", "perhaps"),
        ("Hi", "Please don't unsubscribe me", "perhaps"),
        ("Hi", "I like it. " * 60 + "But unsubscribe me", "perhaps"),
        ("Hi", "Where are my opening hours?\n\n> unsubscribe: https://x.example/u/1", ""),
        ("Re: stop motion course", "See you there", ""),
        ("Re: May", "On Monday Bakery wrote:\n> Hello\n> unsubscribe here\n\nThanks!", ""),
        ("Re: May", "On Monday Bakery wrote:\n> Hello\n\nPlease remove me", "sure"),
        ("Re: May", "Thanks!\n\nFrom: Bakery <b@b.example>\nHello\nunsubscribe here", ""),
    ],
)
def test_what_counts_as_a_wish(subject: str, text: str, says: str) -> None:
    message = EmailMessage()
    message["From"], message["Subject"] = "may0@example.com", subject
    message.set_content(text)

    assert optouts.wish_of(reading.read("may0@example.com", bytes(message))) == says


def test_who_answers_our_mail_is_taken_out_of_that_sender(post: Post, sent: Sent) -> None:
    post.letter("unsubscribe", sender="may1@example.com", In_Reply_To=message_id(sent, 1))

    assert out() == ["may1@example.com"]
    assert score(sent, "unsubscribe", "") == (1, 1)
    assert db.session.scalars(sa.select(Event.reason)).all() == ["mail"]
    (ticket,) = tickets()
    assert (ticket.state, ticket.leaving, ticket.purpose) == ("closed", "done", "privacy")
    (word,) = mails("opt_out")
    assert "- Bakery" in word.text
    assert word.to_email == "may1@example.com"
    assert word.headers["Auto-Submitted"] == "auto-replied"
    assert mails("ticket_new") == []  # nobody has anything to do


def test_who_is_known_by_their_address_alone_is_taken_out(post: Post, sent: Sent) -> None:
    post.letter("Please remove me", sender="may2@example.com")

    assert out() == ["may2@example.com"]
    assert tickets()[0].leaving == "done"


def test_a_customer_opts_out_of_our_own_news(post: Post, alice: Person) -> None:
    with transaction():
        consenting.record(alice.member, alice.account, "marketing_email", granted=True)

    post.letter("opt out", sender="alice@bakery.example")

    db.session.rollback()
    assert consenting.standing(alice.member)["marketing_email"].granted is False
    assert "LeaderSend (our own news)" in mails("opt_out")[0].text


def test_nobody_of_that_address_is_told_so(post: Post, sent: Sent) -> None:
    post.letter("unsubscribe", sender="nobody@else.example")

    assert out() == []
    assert tickets()[0].leaving == "nothing"
    assert "nothing to end" in mails("opt_out")[0].subject


def test_what_is_not_sure_waits_for_staff_who_press_once(
    post: Post, sent: Sent, staff: Client, alice: Person, charlie: Person
) -> None:
    with transaction():
        writing.create(charlie.account, "may0@example.com")
    post.letter("unsubscribe", sender="may0@example.com")

    assert out() == []
    (ticket,) = tickets()
    assert (ticket.leaving, ticket.state) == ("waiting", "open")
    page = staff.get("/staff/desk/wishes").text
    assert "Bakery" in page
    assert "Garage" in page
    staff.get(f"/staff/desk/{ticket.id}")
    seen = sa.select(StaffAccess).where(StaffAccess.verb == "wish")
    assert {(one.account_id, one.reference) for one in db.session.scalars(seen)} == {
        (person.account.id, f"letter #{ticket.reference}") for person in (alice, charlie)
    }
    assert len(db.session.scalars(seen).all()) == 2
    contact = db.session.scalar(
        sa.select(Contact.id).where(
            Contact.account_id == alice.account.id, Contact.address == "may0@example.com"
        )
    )
    stranger = db.session.scalar(sa.select(Contact.id).where(Contact.address == "may1@example.com"))
    url = f"/staff/desk/{ticket.id}/leave"
    assert staff.post(url, data={}).status_code == 422
    assert staff.post(url, data={"who": f"contact-{stranger}"}).status_code == 404
    assert staff.post(url, data={"who": f"contact-{contact}"}).status_code == 303

    rows = db.session.scalars(sa.select(Suppression)).all()
    assert [(row.account_id, row.address) for row in rows] == [
        (alice.account.id, "may0@example.com")
    ]
    noted = db.session.scalars(sa.select(AuditEntry).where(AuditEntry.verb == "desk.opt_out")).all()
    assert [entry.account_id for entry in noted] == [alice.account.id]
    assert "Nobody waits" in staff.get("/staff/desk/wishes").text
    assert "- Bakery" in mails("opt_out")[0].text


@pytest.mark.parametrize("roles", [["service"], ["service", "billing", "abuse", "marketing"]])
def test_contacts_that_may_be_meant_are_for_support_alone(
    post: Post, sent: Sent, staff: Client, charlie: Person, roles: list[str]
) -> None:
    with transaction():
        writing.create(charlie.account, "may0@example.com")
        charlie.member.staff_roles = roles
    post.letter("unsubscribe", sender="may0@example.com")
    (ticket,) = tickets()

    assert staff.get("/staff/desk/wishes").status_code == 404
    assert "wish to leave" not in staff.get("/staff/desk").text
    page = staff.get(f"/staff/desk/{ticket.id}")
    assert page.status_code == 200
    assert "Who is meant?" not in page.text


def test_a_forwarded_mail_does_not_take_its_reader_out(
    post: Post, sent: Sent, staff: Client
) -> None:
    """May0 forwarded the mail; who answers is somebody else, so a person looks."""
    post.letter("unsubscribe", sender="friend@else.example", In_Reply_To=message_id(sent, 0))

    assert out() == []
    assert tickets()[0].leaving == "waiting"
    page = staff.get(f"/staff/desk/{tickets()[0].id}").text
    assert "came from another address" in page
    assert "may0@example.com" in page

    staff.post(f"/staff/desk/{tickets()[0].id}/no-leave")
    (ticket,) = tickets()
    assert (ticket.leaving, ticket.state) == ("", "open")


def test_a_question_with_the_word_in_it_is_a_question(post: Post, sent: Sent) -> None:
    post.letter("How do I unsubscribe people from my list?", sender="may0@example.com")

    assert out() == []
    (ticket,) = tickets()
    assert (ticket.leaving, ticket.state) == ("waiting", "open")
    assert len(mails("ticket_received")) == 1


def test_a_program_takes_nobody_out(post: Post, sent: Sent) -> None:
    post.letter("unsubscribe", sender="may0@example.com", Auto_Submitted="auto-replied")

    assert out() == []


def test_a_bounce_at_the_public_address_goes_where_bounces_go(post: Post, sent: Sent) -> None:
    report = (
        "From: MAILER-DAEMON@mx.example\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="x"\r\n\r\n'
        "--x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        "Final-Recipient: rfc822; may0@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n"
        f"--x\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: {message_id(sent, 0)}\r\n\r\nx\r\n"
        "--x--\r\n"
    )
    post.bring(report.encode(), sender="")

    assert score(sent, "bounce", "hard") == (1, 1)
    assert tickets() == []


def test_a_fulfilled_wish_goes_with_who_is_erased(post: Post, sent: Sent) -> None:
    post.letter("unsubscribe", sender="may0@example.com")
    post.letter("A question of mine", sender="may1@example.com")
    for contact in sent.contacts[:2]:
        with transaction():
            erasing.erase(db.session.get_one(Contact, contact.id), by="person")
    erasing.sweep()

    assert [one.email for one in tickets()] == ["may1@example.com"]


@pytest.fixture
def door(home: Path, post: Post) -> Catcher:
    """The real SMTP receiver, writing into the data folder of this test."""
    return Catcher(home, CATCHER="off")


def test_by_smtp_from_the_wish_to_the_confirmation(door: Catcher, sent: Sent) -> None:
    mail = (
        "From: May <may1@example.com>\r\nTo: info@mail.test\r\nSubject: Re: May\r\n"
        f"Message-ID: <w1@example.com>\r\nReferences: {message_id(sent, 1)}\r\n\r\n"
        "Please take me off this list.\r\n"
    )
    with door:
        with door.client() as smtp:
            smtp.sendmail("may1@example.com", ["info@mail.test"], mail)
        with door.client() as smtp, pytest.raises(smtplib.SMTPRecipientsRefused):
            smtp.sendmail("may1@example.com", ["other@mail.test"], mail)
        with door.client() as smtp, pytest.raises(smtplib.SMTPResponseException):
            smtp.sendmail("x@example.com", ["info@mail.test"], b"x" * 50_000_000)

    assert arriving.take_letters() == 1

    assert out() == ["may1@example.com"]
    (ticket,) = tickets()
    assert [one.text for one in messages(ticket, "event")] == ["No more mail from: Bakery."]
    assert mails("opt_out")[0].headers["In-Reply-To"] == "<w1@example.com>"
