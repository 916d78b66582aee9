"""Mail to the operator, as files that the door wrote."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.accounts.models import Notice
from app.core import spool
from app.core.db import db, transaction
from app.desk import arriving
from app.desk.models import Ticket, TicketMessage
from tests.conftest import Client, Person
from tests.tracking.mails import Sent, send


class Post:
    """Drops mails and has them worked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def bring(
        self, data: bytes, *, sender: str = "vera@shop.example", to: str = "info@mail.test"
    ) -> int:
        spool.write(self.folder, sender, [to], data, durable=False)
        done = arriving.take_letters()
        db.session.rollback()
        return done

    def letter(
        self, text: str, *, subject: str = "A question", sender: str = "vera@shop.example",
        envelope: str | None = None, **headers: str,
    ) -> int:  # fmt: skip
        message = EmailMessage()
        message["From"] = f"Vera <{sender}>"
        message["Subject"] = subject
        for name, value in headers.items():
            message[name.replace("_", "-")] = value
        message.set_content(text)
        return self.bring(bytes(message), sender=sender if envelope is None else envelope)


@pytest.fixture
def post(app: Any, home: Path) -> Post:
    folder = home / "desk"
    folder.mkdir(exist_ok=True)
    for path in folder.rglob("*.eml*"):
        path.unlink()
    return Post(folder)


@pytest.fixture
def sent(alice: Person) -> Sent:
    """A campaign of the bakery to may0, may1 and may2."""
    return send(alice.account, people=3)


@pytest.fixture
def staff(client: Client, charlie: Person) -> Client:
    """Charlie answers for the operator."""
    with transaction():
        charlie.member.staff_roles = ["support"]
    client.sign_in(charlie)
    return client


def tickets() -> list[Ticket]:
    db.session.rollback()
    return list(db.session.scalars(sa.select(Ticket).order_by(Ticket.id)))


def messages(ticket: Ticket, *kinds: str) -> list[TicketMessage]:
    rows = db.session.scalars(
        sa.select(TicketMessage)
        .where(TicketMessage.ticket_id == ticket.id)
        .order_by(TicketMessage.id)
    )
    return [row for row in rows if not kinds or row.kind in kinds]


def mails(kind: str = "") -> list[Notice]:
    rows = db.session.scalars(sa.select(Notice).order_by(Notice.id))
    return [row for row in rows if not kind or row.kind == kind]
