"""From addresses and their confirmation."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from app.accounts import (
    senders,
)
from app.accounts.forms import (
    SenderForm,
    take_over,
)
from app.accounts.routes.blueprint import MAILS, bp
from app.auth import throttling
from app.auth.current import current_account, current_member, needs, public
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.fragments import see_other
from app.extensions import limiter


@bp.get("/settings/senders")
def senders_page() -> ResponseReturnValue:
    return _senders(SenderForm())


@bp.post("/settings/senders")
@needs("campaigns.send")
@limiter.limit(MAILS, key_func=throttling.network)
def add_sender() -> ResponseReturnValue:
    form = SenderForm()
    if not form.validate():
        return _senders(form, 422)
    try:
        with transaction():
            senders.add(
                current_account(),
                current_member(),
                email=form.email.data,
                name=form.name.data or current_account().name,
            )
    except Invalid as error:
        if not take_over(form, error.errors):
            raise
        return _senders(form, 422)
    return see_other("accounts.senders_page", notice="Now open the link in the mail we sent there.")


@bp.post("/settings/senders/<int:sender_id>/resend")
@needs("campaigns.send")
@limiter.limit(MAILS, key_func=throttling.network)
def resend_confirmation(sender_id: int) -> ResponseReturnValue:
    account = current_account()
    with transaction():
        senders.ask(account, senders.find(account, sender_id))
    return see_other("accounts.senders_page", notice="The mail is on its way again.")


@bp.post("/settings/senders/<int:sender_id>/remove")
@needs("campaigns.send")
def remove_sender(sender_id: int) -> ResponseReturnValue:
    account = current_account()
    with transaction():
        senders.remove(account, current_member(), senders.find(account, sender_id))
    return see_other("accounts.senders_page", notice="The sender is removed.")


@bp.get("/senders/confirm/<secret>")
@public
@throttling.secrets
def confirm_sender(secret: str) -> ResponseReturnValue:
    try:
        sender = senders.by_secret(secret)
    except senders.DeadConfirmation as error:
        return render_template("auth/dead_invitation.html", problem=str(error)), 410
    return render_template(
        "accounts/confirm_sender.html", sender=sender, business=senders.business_of(sender)
    )


@bp.post("/senders/confirm/<secret>")
@public
@throttling.secrets
def confirm_sender_post(secret: str) -> ResponseReturnValue:
    try:
        with transaction():
            sender = senders.confirm(secret)
    except senders.DeadConfirmation as error:
        return render_template("auth/dead_invitation.html", problem=str(error)), 410
    return render_template("accounts/sender_confirmed.html", sender=sender)


def _senders(form: SenderForm, status: int = 200) -> ResponseReturnValue:
    page = render_template(
        "accounts/senders.html", form=form, senders=senders.of_account(current_account())
    )
    return page, status
