"""A test mail through an account's own mail server."""

from __future__ import annotations

from app.accounts import letters
from app.accounts.mail_servers import connection
from app.accounts.models import Account, Notice, Relay
from app.core.clock import now
from app.core.errors import DomainError
from app.mailer import smtp


def test(account: Account, relay: Relay, *, sender: str, to: str) -> str:
    """Send one mail through one of the account's servers; returns what is wrong, or nothing.

    No transaction may be open: this waits for a network.
    """
    subject, text, html = letters.render("mail_server_test", host=relay.host, port=relay.port)
    headers = {"From": sender, "Auto-Submitted": "auto-generated"}
    draft = Notice(
        id=0, kind="mail_server_test", to_email=to, subject=subject, text=text, html=html,
        headers=headers, created_at=now(),
    )  # fmt: skip
    try:
        settings = connection(relay, vouched=account.vouched)
    except DomainError as error:
        return str(error)
    message, _ = letters.compose(draft)
    outcome = smtp.send_one(settings, sender, to, message, patience_s=20)
    return "" if outcome.kind == "accepted" else _in_words(outcome)


def _in_words(outcome: smtp.Outcome) -> str:
    if outcome.kind == "never_left":
        return outcome.text or "The server cannot be reached."
    if outcome.kind == "uncertain":
        return "The server took the mail but broke off before saying so. Look into your mailbox."
    said = f" It said: {outcome.code or ''} {outcome.text}".rstrip()
    # Many answer 530 here, some 550, 553 or 554 with such words.
    if outcome.code == 530 or "authenticat" in outcome.text.lower():
        return f"The server wants a user name and a password first.{said}"
    if outcome.phase == "mail":
        return f"The server does not let you send from this address.{said}"
    if outcome.phase == "rcpt":
        return f"The server does not take mail for this address.{said}"
    return f"The server refused the mail.{said}"
