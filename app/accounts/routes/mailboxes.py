"""Mailboxes that bounces come back to."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from app.accounts import (
    mailboxes,
)
from app.accounts.forms import (
    MailboxForm,
    take_over,
)
from app.accounts.routes.blueprint import bp
from app.auth import throttling
from app.auth.current import current_account, current_member, needs
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.fragments import see_other
from app.extensions import limiter


@bp.get("/settings/mailboxes")
@needs("settings")
def mailboxes_page() -> ResponseReturnValue:
    return _mailboxes(MailboxForm())


@bp.post("/settings/mailboxes")
@needs("settings")
def add_mailbox() -> ResponseReturnValue:
    form = MailboxForm()
    if not form.validate():
        return _mailboxes(form, 422)
    try:
        with transaction():
            mailboxes.add(current_account(), current_member(), **form.chosen())
    except Invalid as error:
        if not take_over(form, error.errors):
            raise
        return _mailboxes(form, 422)
    return see_other("accounts.mailboxes_page", notice="Saved. Now test it.", kind="info")


@bp.post("/settings/mailboxes/<int:mailbox_id>/test")
@needs("settings")
@limiter.limit("20/hour", key_func=throttling.network)
def test_mailbox(mailbox_id: int) -> ResponseReturnValue:
    works, words = mailboxes.test(mailboxes.find(current_account(), mailbox_id))
    return see_other("accounts.mailboxes_page", notice=words, kind="done" if works else "bad")


@bp.post("/settings/mailboxes/<int:mailbox_id>/remove")
@needs("settings")
def remove_mailbox(mailbox_id: int) -> ResponseReturnValue:
    account = current_account()
    with transaction():
        mailboxes.remove(account, current_member(), mailboxes.find(account, mailbox_id))
    return see_other("accounts.mailboxes_page", notice="It is not read any more.")


def _mailboxes(form: MailboxForm, status: int = 200) -> ResponseReturnValue:
    found = mailboxes.of_account(current_account())
    return render_template("accounts/mailboxes.html", form=form, mailboxes=found), status
