from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from aiosmtpd.controller import Controller

from app.accounts import jobs, letters, notices, relays
from app.accounts.models import Notice
from app.core.clock import now
from app.core.db import db, transaction
from app.mailer.smtp import RelaySettings
from tests.conftest import Person
from tests.servers import free_port


class Mailbox:
    """Takes mail, or answers what it is told to."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, list[str], EmailMessage]] = []
        self.answer = "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            message = message_from_bytes(envelope.content, policy=policy.SMTP)
            self.mails.append((envelope.mail_from, envelope.rcpt_tos, message))
        return self.answer


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """A real SMTP server in the place of the operator's relay."""
    box = Mailbox()
    server = Controller(box, hostname="127.0.0.1", port=free_port())
    server.start()
    settings = RelaySettings.from_url(f"smtp://127.0.0.1:{server.port}?tls=none")
    monkeypatch.setattr(relays, "operator", lambda: settings)
    yield box
    server.stop()


def queue(kind: str = "password_link", **context: Any) -> Notice:
    with transaction():
        return notices.queue(
            kind, "alice@bakery.example", **(context or {"person": "Alice", "url": "http://x/y"})
        )


def test_a_notice_leaves_with_proper_headers(app, mailbox: Mailbox):
    queue()

    assert jobs.send_due_notices() == 1

    sender, to, message = mailbox.mails[0]
    assert (sender, to) == ("info@mail.test", ["alice@bakery.example"])
    assert message["From"] == "LeaderSend <info@mail.test>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@mail.test>")
    assert message["Date"]
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert "http://x/y" in plain.get_content()
    assert 'href="http://x/y"' in html.get_content()


def test_a_sent_notice_is_not_sent_again_and_its_secret_is_forgotten(app, mailbox: Mailbox):
    notice = queue()
    notices.send_due()

    assert notices.send_due() == 0
    db.session.refresh(notice)
    assert (notice.state, notice.text, notice.html) == ("sent", "", "")
    assert len(mailbox.mails) == 1


def test_a_temporary_refusal_is_tried_again_later(app, mailbox: Mailbox):
    mailbox.answer = "451 Later"
    notice = queue()
    notices.send_due()
    db.session.refresh(notice)
    assert (notice.state, "Later" in notice.answer) == ("pending", True)
    assert notices.send_due() == 0

    mailbox.answer = "250 OK"
    with time_machine.travel(now() + timedelta(seconds=30)):
        assert notices.send_due() == 1


def test_a_final_refusal_is_kept_with_the_servers_words(app, mailbox: Mailbox):
    mailbox.answer = "550 No such person"
    notice = queue()

    notices.send_due()

    db.session.refresh(notice)
    assert notice.state == "failed"
    assert "No such person" in notice.answer


def test_a_server_that_is_away_loses_nothing(app, monkeypatch: pytest.MonkeyPatch):
    nobody = RelaySettings.from_url(f"smtp://127.0.0.1:{free_port()}?tls=none")
    monkeypatch.setattr(relays, "operator", lambda: nobody)
    notice = queue()

    assert notices.send_due() == 0

    db.session.refresh(notice)
    assert notice.state == "pending"
    assert notice.due_at > now()


@pytest.mark.parametrize(
    ("kind", "state", "sent"),
    [("password_link", "sent", 1), ("tell_a_friend", "uncertain", 0), ("goodbye", "uncertain", 0)],
)
def test_after_a_crash_only_harmless_kinds_leave_again(
    app, mailbox: Mailbox, kind: str, state: str, sent: int
):
    notice = queue()
    with transaction():
        notice.kind = kind
        notice.state, notice.due_at = "sending", now() - timedelta(seconds=1)

    assert notices.send_due() == sent

    db.session.refresh(notice)
    assert notice.state == state


def test_a_notice_that_another_process_has_is_left_alone(app, mailbox: Mailbox):
    notice = queue()
    with transaction():
        assert notices._claim(notice.id) is not None
    with transaction():
        assert notices._claim(notice.id) is None

    assert notices.send_due() == 0
    assert mailbox.mails == []


def test_own_headers_and_names_from_people_cannot_break_out(app, mailbox: Mailbox, alice: Person):
    with transaction():
        alice.account.name = "Bakery\r\nBcc: charlie@garage.example"
        notices.queue(
            "sender_confirm",
            "news@bakery.example",
            account=alice.account,
            headers={"Reply-To": "alice@bakery.example\r\nBcc: x@y.example"},
            url="http://x/y",
        )

    notices.send_due()

    _, to, message = mailbox.mails[0]
    assert to == ["news@bakery.example"]
    assert message["Bcc"] is None
    assert "Bakery Bcc: charlie" in message["Subject"]


@pytest.mark.parametrize("to", ["alice@bakery.example", "älice@bakery.example"])
def test_a_long_link_to_leave_is_no_encoded_word(app, to: str):
    """RFC 2369 and RFC 2047: no program could follow one."""
    long, first = f"<https://mail.test/never-tell/{'y_v' * 60}>", f"<{'a' * 90}@mail.test>"
    own = {"List-Unsubscribe": long, "In-Reply-To": first, "References": f"{first} <b@mail.test>"}
    with transaction():
        notice = notices.queue("password_link", to, headers=own, person="A", url="http://x/y")

    raw, _ = letters.compose(notice)

    head = raw.partition(b"\r\n\r\n")[0].decode()
    assert f"\r\nList-Unsubscribe: {long}\r\n" in head
    assert f"\r\nIn-Reply-To: {first}\r\n" in head
    assert f"\r\nReferences: {first}\r\n <b@mail.test>\r\n" in head
    assert "\n" not in head.replace("\r\n", "")


def test_html_of_a_notice_escapes_what_people_typed(app, alice: Person):
    alice.account.name = "<script>alert(1)</script>"
    db.session.expunge(alice.account)

    _, _, html = letters.render("sender_confirm", account=alice.account, url="http://x/y")

    assert "<script>" not in html


@pytest.mark.parametrize(
    "kind",
    ["password_link", "password_first", "password_changed", "already_registered", "no_account",
     "invitation", "sender_confirm", "email_change", "email_changed", "sign_in_attempts"],
)  # fmt: skip
def test_every_kind_has_all_three_parts(app, alice: Person, kind: str):
    subject, text, html = letters.render(
        kind, account=alice.account, person="Alice", url="http://localhost/x",
        inviter="Alice", role="editor", hint="a…@x.example",
    )  # fmt: skip

    assert subject
    assert "{{" not in text + html
    assert "/privacy" in text
    assert "/privacy" in html


def test_old_notices_are_forgotten(app, mailbox: Mailbox):
    queue()
    notices.send_due()

    with transaction():
        assert notices.forget_old(now() + timedelta(seconds=1)) == 1
    assert db.session.scalar(sa.select(Notice)) is None
