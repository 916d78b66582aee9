"""Confirming a subscription, by the link of a mail."""

from __future__ import annotations

from flask import (
    render_template,
    request,
)
from flask.typing import ResponseReturnValue

from app.auth import sessions
from app.auth.current import View, public
from app.contacts import (
    consent,
    queries,
)
from app.contacts.models import Subscription
from app.contacts.routes.blueprint import bp
from app.core import settings
from app.core.db import transaction
from app.extensions import csrf


def _by_its_token(view: View) -> View:
    """Proves itself by its link, and reads no cookie."""
    exempted: View = csrf.exempt(view)
    return exempted


@bp.get("/subscribe/confirm/<token>")
@public
def confirm(token: str) -> ResponseReturnValue:
    # Scanners open every link of a mail, so GET only shows the button.
    return _confirm_page(consent.asked_by(token), token, done=False)


@bp.post("/subscribe/confirm/<token>")
@_by_its_token
@public
def confirm_now(token: str) -> ResponseReturnValue:
    seen = {
        "page": f"{settings.get().BASE_URL}/subscribe/confirm",
        "network": sessions.shortened(request.remote_addr),
    }
    with transaction():
        subscription = consent.confirm(token, evidence=seen)
    return _confirm_page(subscription, token, done=True)


def _confirm_page(subscription: Subscription, token: str, *, done: bool) -> str:
    return render_template(
        "contacts/confirm.html",
        subscription=subscription,
        token=token,
        done=done,
        business=queries.business(subscription),
    )
