"""Confirming subscriptions, by the link of a mail. No cookie is read or set."""

from __future__ import annotations

from flask import Response, make_response, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.utils import redirect

from app.accounts.models import Account
from app.auth.current import View, public
from app.contacts import consent
from app.contacts.models import FormEntry, SignUpForm, Subscription
from app.contacts.routes import signing_up
from app.contacts.routes.blueprint import bp
from app.contacts.signup import reading, signing
from app.contacts.signup.reading import Shown
from app.contacts.signup.words import LANGUAGES, Words
from app.core import networks, settings
from app.core.db import db, transaction
from app.extensions import csrf


def _by_its_token(view: View) -> View:
    """Proves itself by its link, and reads no cookie."""
    exempted: View = csrf.exempt(view)
    return exempted


@bp.get("/subscribe/confirm/<token>")
@public
def confirm(token: str) -> ResponseReturnValue:
    # Scanners open every link of a mail, so GET only shows the button.
    try:
        return _ask(consent.all_asked_by(token), token)
    except consent.LinkOver as error:
        return _over(error)


@bp.post("/subscribe/confirm/<token>")
@_by_its_token
@public
def confirm_now(token: str) -> ResponseReturnValue:
    """The lists that are ticked, where there were several; else what the link is about."""
    chosen = request.form.getlist("lists", type=int) if "several" in request.form else None
    evidence = {
        "page": f"{settings.get().BASE_URL}/subscribe/confirm",
        "network": networks.shortened(request.remote_addr),
    }
    try:
        with transaction():
            joined = consent.confirm_all(token, chosen=chosen, evidence=evidence)
            ids = [one.list_id for one in joined]
            signing.arrived(joined[0].contact, ids, is_proved=True)
    except consent.LinkOver as error:
        return _over(error)
    return _done(joined, token)


def _ask(asked: list[Subscription], token: str) -> Response:
    waiting = [one for one in asked if one.state == "pending"]
    if not waiting and any(one.state == "active" for one in asked):
        return _done([one for one in asked if one.state == "active"], token)
    if not waiting:
        raise consent.LinkOver
    known = {one.list_id for one in waiting}
    others = [one for one in consent.waiting(asked[0].contact) if one.list_id not in known]
    return _page(waiting, token, others=others, is_done=False)


def _done(joined: list[Subscription], token: str) -> Response:
    entry, found = _form_of(joined)
    words = ""
    if found and entry:
        names = signing_up.names_of(joined[0].contact)
        target = signing_up.thanks_address(found, names)
        if target and request.method == "POST":
            response = make_response(redirect(target, 303))
            response.headers["Content-Security-Policy"] = signing_up.policy_for(found, framed=False)
            return response
        words = signing_up.thanks_words(found, names, entry.language)
    return _page(joined, token, words=words, is_done=True)


def _form_of(subscriptions: list[Subscription]) -> tuple[FormEntry | None, Shown | None]:
    """The form by which they came, where it is still there."""
    ids = [one.list_id for one in subscriptions]
    entry = signing.entry_of(subscriptions[0].contact, ids)
    form = db.session.get(SignUpForm, entry.form_id) if entry else None
    if form is None:
        return entry, None
    account = db.session.get_one(Account, form.account_id)
    return entry, Shown(form, account, reading.up_to_date(form, account))


def _page(
    subscriptions: list[Subscription],
    token: str,
    *,
    is_done: bool,
    others: list[Subscription] | None = None,
    words: str = "",
) -> Response:
    first = subscriptions[0]
    account = db.session.get_one(Account, first.account_id)
    entry, found = _form_of(subscriptions)
    html = render_template(
        "contacts/confirm.html",
        subscriptions=subscriptions,
        others=others or [],
        email=first.contact.email,
        token=token,
        done=is_done,
        words=words,
        business=account.name,
        t=Words(entry.language if entry else _wanted(), sender=account.name),
    )
    response = make_response(html)
    response.headers["Content-Security-Policy"] = signing_up.policy_for(found, framed=False)
    return response


def _over(error: consent.LinkOver) -> Response:
    html = render_template("contacts/confirm_over.html", t=Words(_wanted()))
    return make_response(html, error.status)


def _wanted() -> str:
    return request.accept_languages.best_match(list(LANGUAGES), "en") or "en"
