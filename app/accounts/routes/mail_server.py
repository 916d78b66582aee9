"""Own mail servers."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from app.accounts import (
    auditing,
    mail_servers,
    relays,
    senders,
    trying,
)
from app.accounts.forms import (
    MailServerTermsForm,
    take_over,
)
from app.accounts.models import Relay
from app.accounts.routes.blueprint import bp
from app.auth import throttling
from app.auth.current import current_account, current_member, needs
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.fragments import see_other
from app.delivery import outages, slowing
from app.extensions import limiter


@bp.get("/settings/mail-server")
@needs("settings")
def mail_server() -> ResponseReturnValue:
    return _mail_servers(MailServerTermsForm())


@bp.post("/settings/mail-server")
@needs("settings")
def save_mail_server() -> ResponseReturnValue:
    return _save_mail_server(None)


@bp.get("/settings/mail-server/<int:relay_id>")
@needs("settings")
def edit_mail_server(relay_id: int) -> ResponseReturnValue:
    relay = mail_servers.find(current_account(), relay_id)
    return _mail_servers(MailServerTermsForm(obj=relay), relay=relay)


@bp.post("/settings/mail-server/<int:relay_id>")
@needs("settings")
def change_mail_server(relay_id: int) -> ResponseReturnValue:
    return _save_mail_server(mail_servers.find(current_account(), relay_id))


@bp.post("/settings/mail-server/<int:relay_id>/test")
@needs("settings")
@limiter.limit("20/hour", key_func=throttling.network)
def test_mail_server(relay_id: int) -> ResponseReturnValue:
    account, member = current_account(), current_member()
    relay = mail_servers.find(account, relay_id)
    confirmed = [one.email for one in senders.of_account(account) if one.confirmed_at]
    sender = confirmed[0] if confirmed else member.email
    problem = trying.test(account, relay, sender=sender, to=member.email)
    if not problem:
        with transaction():
            outages.forget(mail_servers.key(relay))
    words = problem or f"It works: look for the mail to {member.email}."
    return see_other("accounts.mail_server", notice=words, kind="bad" if problem else "done")


@bp.post("/settings/mail-server/<int:relay_id>/earlier")
@needs("settings")
def move_mail_server(relay_id: int) -> ResponseReturnValue:
    account = current_account()
    with transaction():
        mail_servers.move_up(account, mail_servers.find(account, relay_id))
    return see_other("accounts.mail_server", notice="Moved up.")


@bp.post("/settings/mail-server/<int:relay_id>/remove")
@needs("settings")
def remove_mail_server(relay_id: int) -> ResponseReturnValue:
    account = current_account()
    with transaction():
        mail_servers.remove(account, current_member(), mail_servers.find(account, relay_id))
    return see_other("accounts.mail_server", notice="The mail server is removed.")


@bp.post("/settings/mail-server/<int:relay_id>/full-speed")
@needs("settings")
def full_speed(relay_id: int) -> ResponseReturnValue:
    account = current_account()
    relay = mail_servers.find(account, relay_id)
    with transaction():
        slowing.forget(mail_servers.key(relay))
        auditing.note(account, current_member(), "mail_server.full_speed", f"{relay.host}")
    words = "Everybody gets mail at full speed. Whoever asks again is slowed down again."
    return see_other("accounts.mail_server", notice=words)


def _save_mail_server(relay: Relay | None) -> ResponseReturnValue:
    form = MailServerTermsForm()
    if not form.validate():
        return _mail_servers(form, 422, relay=relay)
    terms = mail_servers.Terms(
        max_connections=form.max_connections.data or 10,
        weight=1 if form.weight.data is None else form.weight.data,
        from_domains=form.from_domains.data or "",
        per_second=form.per_second.data,
        per_hour=form.per_hour.data,
        per_day=form.per_day.data,
    )
    try:
        with transaction():
            mail_servers.set_up(
                current_account(),
                current_member(),
                host=form.host.data,
                port=form.port.data,
                tls=form.tls.data,
                username=form.username.data or "",
                password=form.password.data or None,
                relay=relay,
                terms=terms,
            )
    except Invalid as error:
        if not take_over(form, error.errors):
            raise
        return _mail_servers(form, 422, relay=relay)
    return see_other("accounts.mail_server", notice="Saved. Now send a test.", kind="info")


def _mail_servers(
    form: MailServerTermsForm, status: int = 200, *, relay: Relay | None = None
) -> ResponseReturnValue:
    account = current_account()
    own = mail_servers.all_of_account(account.id)
    page = render_template(
        "accounts/mail_server.html",
        form=form,
        relay=relay,
        relays=own,
        out=outages.known(map(mail_servers.key, own)),
        key=mail_servers.key,
        slowed={one.id: slowing.behind(mail_servers.key(one), account.zone) for one in own},
        shared_slowed=[] if own else slowing.behind(relays.operator().key, account.zone),
    )
    return page, status
