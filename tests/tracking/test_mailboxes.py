"""Mailboxes that bounces come to: read, acted upon, emptied of what is ours and of nothing else."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from app.accounts import mailboxes
from app.accounts.models import Mailbox
from app.contacts.models import Suppression
from app.core.db import db, transaction
from app.core.tokens import Purpose, sign_for_address
from app.delivery.models import Delivery, Event
from app.tracking import mailboxes as reading
from tests.faultserver import FaultServer
from tests.mailboxserver import MailboxServer
from tests.mailer.test_dsn import report
from tests.tracking.mails import send
from tests.tracking.test_returns import message_id, verp

PRIVATE = b"From: v@example.com\r\nTo: alice@bakery.example\r\nSubject: Hi\r\n\r\nLunch?\r\n.\r\n"


def bounce(delivery):
    told = report("5.1.1", "550 5.1.1 User unknown")
    return f"Delivered-To: {verp(delivery)}\r\n".encode() + told


def add(person, server, kind, **more):
    with transaction():
        person.account.vouched = True
        db.session.merge(person.account)
        return mailboxes.add(
            person.account, person.member, kind=kind, host="127.0.0.1", port=server.port,
            tls="none", username="bounces", **{"password": "right", **more},
        )  # fmt: skip


def suppressed():
    db.session.rollback()
    return db.session.scalars(sa.select(Suppression.address)).all()


@pytest.mark.parametrize("kind", ["imap", "pop3"])
def test_bounces_are_taken_out_and_private_mail_stays(alice, sent, kind):
    mails = [PRIVATE, bounce(sent.deliveries[0]), b"\xff\x00" * 900 + b"x" * 5000]
    with MailboxServer(kind, mails) as server:
        mailbox = add(alice, server, kind)

        reading.read_due()
        assert reading.read_due() == 0, "not due again at once"

        assert suppressed() == ["may0@example.com"]
        assert list(server.mails) == [1, 3]
        db.session.refresh(mailbox)
        assert (mailbox.taken, mailbox.problem) == (1, "")


def test_mails_can_be_kept_and_are_read_once(alice, sent):
    with MailboxServer("imap", [bounce(sent.deliveries[0])]) as server:
        mailbox = add(alice, server, "imap", keeps=True)
        reading.read_due()
        with transaction():
            db.session.get(Mailbox, mailbox.id).due_at = mailbox.created_at

        assert reading.read_due() == 0
        assert (list(server.mails), server.seen) == ([1], {1})
    assert len(db.session.scalars(sa.select(Event)).all()) == 1


@pytest.mark.parametrize(
    "head",
    [
        "In-Reply-To: <{named}>\r\nSubject: Re: May news\r\n",
        "References: <other@example.com> <{named}>\r\n",
        # Some programs answer to every address there is, and some break them.
        "References: <{named}>\r\nCc: b+00aa@mail.test\r\n",
        "In-Reply-To: <{named}>\r\nAuto-Submitted: auto-replied\r\nSubject: Away: 550 5.1.1\r\n",
    ],
)
def test_a_reply_settles_what_was_uncertain_and_stays(alice, head):
    sent = send(alice.account, state="uncertain")
    named = message_id(sent.deliveries[0])
    reply = f"From: may0@example.com\r\n{head.format(named=named)}\r\nThanks\r\n"
    with MailboxServer("imap", [reply.encode()]) as server:
        add(alice, server, "imap")
        reading.read_due()

        assert list(server.mails) == [1]
    db.session.rollback()
    assert db.session.get(Delivery, sent.deliveries[0].id, populate_existing=True).state == "sent"
    assert suppressed() == []
    assert not db.session.scalars(sa.select(Event)).all()


def test_a_strangers_mailbox_touches_only_their_own_campaigns(sent, charlie):
    token = sign_for_address(Purpose.UNSUBSCRIBE, sent.deliveries[1].id)
    leave = f"To: u+{token}@mail.test\r\nReturn-Path: <v@example.com>\r\n\r\n".encode()
    with MailboxServer("pop3", [bounce(sent.deliveries[0]), leave]) as server:
        add(charlie, server, "pop3")
        reading.read_due()

    assert suppressed() == []
    assert not db.session.scalars(sa.select(Event)).all()


@pytest.mark.parametrize("kind", ["imap", "pop3"])
def test_what_is_wrong_is_said_and_tried_again_later(alice, kind):
    with MailboxServer(kind, []) as server:
        mailbox = add(alice, server, kind, password="wrong")
        reading.read_due()
        db.session.refresh(mailbox)
        assert "did not accept user name and password" in mailbox.problem
        assert "wrong password" in mailbox.problem
        assert mailboxes.test(mailbox) == (False, mailbox.problem)
    assert f"Nobody answers at 127.0.0.1:{server.port}" in mailboxes.test(mailbox)[1]


@pytest.mark.parametrize("kind", ["imap", "pop3"])
def test_a_server_of_another_kind_is_named_as_such(alice, kind):
    with FaultServer() as server:
        mailbox = add(alice, server, kind)

        assert f"is no {kind.upper()} server. Check the port" in mailboxes.test(mailbox)[1]
        with transaction():
            db.session.get(Mailbox, mailbox.id).tls = "implicit"
        db.session.refresh(mailbox)
        assert "does not speak encrypted from the start" in mailboxes.test(mailbox)[1]


def test_the_page_adds_tests_and_removes(client, alice, charlie):
    client.sign_in(alice)
    with MailboxServer("imap", [PRIVATE]) as server:
        mailbox = add(alice, server, "imap")
        page = client.post(f"/settings/mailboxes/{mailbox.id}/test", follow_redirects=True).text
        assert "1 mail waits" in page

    data = {"kind": "pop3", "host": "pop.example.com", "tls": "implicit", "username": "b",
            "password": "secret of the box"}  # fmt: skip
    assert client.post("/settings/mailboxes", data=data).status_code == 303
    page = client.get("/settings/mailboxes").text
    assert "POP3 pop.example.com:995" in page
    assert "secret of the box" not in page
    assert client.post("/settings/mailboxes", data={**data, "host": ""}).status_code == 422

    client.sign_in(charlie)
    assert client.post(f"/settings/mailboxes/{mailbox.id}/remove").status_code == 404
    assert client.post("/settings/mailboxes", data={**data, "port": "22"}).status_code == 422
    client.sign_in(alice)
    client.post(f"/settings/mailboxes/{mailbox.id}/remove")
    assert "127.0.0.1" not in client.get("/settings/mailboxes").text
