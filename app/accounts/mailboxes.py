"""Mailboxes of an account that bounces come to: set up, sealed, tried."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from app.accounts import auditing, mail_servers
from app.accounts.models import Account, Mailbox, Member
from app.core import sealing
from app.core.db import db
from app.core.errors import DomainError, Invalid, NotFound
from app.core.owning import owned
from app.mailer import fetching
from app.mailer.fetching import Box

PORTS = {("imap", "implicit"): 993, ("imap", "starttls"): 143, ("imap", "none"): 143,
         ("pop3", "implicit"): 995, ("pop3", "starttls"): 110, ("pop3", "none"): 110}  # fmt: skip
AT_MOST = 10
#: What is read of a letter to the operator, with its attachments; bounces need less.
LETTER_BYTES = 16_000_000


def add(
    account: Account | None,
    by: Member,
    *,
    kind: str,
    host: str,
    tls: str,
    username: str,
    password: str,
    port: int | None = None,
    folder: str = "INBOX",
    keeps: bool = False,
) -> Mailbox:
    """Have a mailbox read; None: the operator's own. Without `port`, the usual one."""
    usual = PORTS[kind, tls]
    if account is not None and not account.vouched and port not in (None, *PORTS.values()):
        message = "Mailboxes are read on port 110, 143, 993 or 995."
        raise Invalid(message, {"port": [message]})
    if len(of_account(account) if account else of_operator()) >= AT_MOST:
        raise Invalid(f"{AT_MOST} mailboxes are enough. Remove one first.")
    mailbox = Mailbox(
        account_id=account.id if account else None, kind=kind,
        host=host.strip().rstrip(".").lower(),
        port=port or usual, tls=tls, username=username, sealed_password=sealing.seal(password),
        folder=folder or "INBOX", keeps=keeps and kind == "imap",
    )  # fmt: skip
    db.session.add(mailbox)
    db.session.flush()
    auditing.note(account, by, "mailbox.add", f"{mailbox.host}:{mailbox.port}")
    return mailbox


def remove(account: Account | None, by: Member, mailbox: Mailbox) -> None:
    """Read it no more."""
    db.session.delete(mailbox)
    auditing.note(account, by, "mailbox.remove", f"{mailbox.host}:{mailbox.port}")


def find(account: Account, mailbox_id: int) -> Mailbox:
    """One of the account's mailboxes. Raises NotFound."""
    return owned(Mailbox, account.id, mailbox_id, "That mailbox")


def of_account(account: Account) -> Sequence[Mailbox]:
    """All of them."""
    return db.session.scalars(
        sa.select(Mailbox).where(Mailbox.account_id == account.id).order_by(Mailbox.id)
    ).all()


def of_operator() -> Sequence[Mailbox]:
    """The operator's own: what comes there reaches the desk."""
    return db.session.scalars(
        sa.select(Mailbox).where(Mailbox.account_id.is_(None)).order_by(Mailbox.id)
    ).all()


def find_own(mailbox_id: int) -> Mailbox:
    """One of the operator's own. Raises NotFound."""
    found = next((one for one in of_operator() if one.id == mailbox_id), None)
    if found is None:
        raise NotFound("That mailbox")
    return found


def box_of(mailbox: Mailbox) -> Box:
    """What the reader needs. Raises Unreachable for a server that is not public."""
    account = db.session.get(Account, mailbox.account_id) if mailbox.account_id else None
    trusted = account is None or account.vouched
    return Box(
        kind=mailbox.kind, host=mailbox.host, port=mailbox.port, tls=mailbox.tls,
        username=mailbox.username, password=sealing.unseal(mailbox.sealed_password),
        folder=mailbox.folder, keeps=mailbox.keeps,
        read_bytes=fetching.READ_BYTES if account else LETTER_BYTES,
        pinned="" if trusted else mail_servers.public_address(mailbox.host, mailbox.port),
    )  # fmt: skip


def test(mailbox: Mailbox) -> tuple[bool, str]:
    """Sign in; whether it works, and words. No transaction may be open: this waits."""
    try:
        waiting = fetching.look(box_of(mailbox))
    except (DomainError, fetching.CannotRead) as error:
        return False, str(error)
    return True, f"It works: {waiting} {'mail waits' if waiting == 1 else 'mails wait'} there."
