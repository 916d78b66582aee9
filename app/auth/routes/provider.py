"""HTTP of signing in by a provider: there, back, and what becomes of who comes back."""

from __future__ import annotations

from flask import abort, render_template, request, session
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.auth import alarms, provider, provider_logins, steps, throttling
from app.auth.current import current_member, current_session, personal, public, sensitive
from app.auth.models import SignInStep
from app.auth.provider import Said
from app.auth.routes.blueprint import bp, network
from app.auth.routes.letting_in import go_on, note_proof
from app.core import settings, watch
from app.core.db import db, transaction
from app.core.errors import DomainError
from app.core.fragments import go, own_path, see_other

STEP = "provider_step"
PAGE = "auth.security"


@bp.post("/sign-in/provider")
@public
@throttling.secrets
def sign_in_by_provider() -> ResponseReturnValue:
    return _leave("enter", target=request.form.get("next") or "")


@bp.post("/settings/sign-in/provider")
@personal
@sensitive(PAGE)
def link_provider() -> ResponseReturnValue:
    return _leave("link")


@bp.post("/confirm/provider")
@personal
def confirm_by_provider() -> ResponseReturnValue:
    return _leave("confirm", target=request.form.get("next") or "", anew=True)


def _leave(purpose: str, *, target: str = "", anew: bool = False) -> ResponseReturnValue:
    """A page that leads on to the provider: a form may not be redirected to another host."""
    if not provider.is_on():
        abort(404)
    secrets = provider.new_secrets()
    db.session.rollback()
    address = provider.address(secrets, anew=anew)
    with transaction():
        session[STEP] = steps.begin(
            "provider",
            purpose=purpose,
            target=target,
            state=secrets["state"],
            nonce=secrets["nonce"],
            verifier=secrets["verifier"],
        )
    return render_template("auth/provider.html", address=address, name=_name())


@bp.get("/sign-in/provider/back")
@public
@throttling.secrets
def provider_back() -> ResponseReturnValue:
    """The browser comes back. Acts by GET, as the protocol wants it: the state that it brings is
    of a single use and belongs to this very browser, which has asked for it by POST.
    """
    if not provider.is_on():
        abort(404)
    try:
        step = steps.find("provider", session.pop(STEP, None))
        if request.args.get("state") != step.data["state"] or _is_of_another():
            raise steps.Over
        said = _ask(step)
        return _receive(step, said)
    except DomainError as error:
        watch.note("sign_in.failed", way="provider", network=network())
        where = PAGE if current_user.is_authenticated else "auth.sign_in"
        return see_other(where, notice=str(error), kind="bad")


def _is_of_another() -> bool:
    """An answer that says which provider it comes from must come from ours (RFC 9207)."""
    issuer = settings.get().OIDC_ISSUER
    return request.args.get("iss", issuer) != issuer


def _ask(step: SignInStep) -> Said:
    if "code" not in request.args:
        raise provider.Unusable("it did not let you in.")
    with transaction():
        steps.use(step)
    return provider.claims_for(request.args["code"], step.data)


def _receive(step: SignInStep, said: Said) -> ResponseReturnValue:
    provider_logins.demand_place(said)
    if step.data["purpose"] == "enter":
        return _enter(said, step.data["target"])
    if not current_user.is_authenticated:
        raise steps.Over
    if step.data["purpose"] == "link":
        with transaction():
            provider_logins.link(current_member(), said)
            what = f"linked a login of {_name()}"
            alarms.tell_of_change(current_member(), current_session(), what)
        return see_other(PAGE, notice=f"You can sign in with {_name()} from now on.")
    return _confirm(step, said)


def _enter(said: Said, target: str) -> ResponseReturnValue:
    with transaction():
        member = provider_logins.member_of(said)
        is_asked = member is None and provider_logins.ask_to_link(said)
    if member is not None:
        return go_on(member, way="provider", target=target, strong=said.is_strong)
    if is_asked:
        return see_other("auth.sent")
    page = render_template(
        "auth/provider_unknown.html", email=said.email, is_verified=said.is_verified, name=_name()
    )
    return page, 403


def _confirm(step: SignInStep, said: Said) -> ResponseReturnValue:
    """Only who signed in there after we asked for it has shown anything."""
    with transaction():
        member = provider_logins.member_of(said)
        is_fresh = said.signed_in_at > step.created_at.timestamp() - provider.CLOCKS_DIFFER_S
        if member is None or member.id != current_member().id or not is_fresh:
            raise provider.Unusable("it did not ask you to sign in again.")
        note_proof(strongly=said.is_strong)
    return go(own_path(step.data["target"]))


@bp.get("/sign-in/provider/link/<secret>")
@public
@throttling.secrets
def provider_link(secret: str) -> ResponseReturnValue:
    try:
        step = steps.find("link", secret)
    except steps.Over as error:
        return render_template("auth/dead_invitation.html", problem=str(error)), 410
    return render_template("auth/provider_link.html", step=step, name=_name())


@bp.post("/sign-in/provider/link/<secret>")
@public
@throttling.secrets
def link_by_mail(secret: str) -> ResponseReturnValue:
    try:
        with transaction():
            provider_logins.link_by_mail(secret)
    except steps.Over as error:
        return render_template("auth/dead_invitation.html", problem=str(error)), 410
    return see_other("auth.sign_in", notice=f"You can sign in with {_name()} from now on.")


@bp.post("/settings/sign-in/provider/<int:login_id>/remove")
@personal
@sensitive(PAGE)
def unlink_provider(login_id: int) -> ResponseReturnValue:
    with transaction():
        provider_logins.remove(current_member(), login_id)
        what = f"removed your login of {_name()}"
        alarms.tell_of_change(current_member(), current_session(), what)
    return see_other(PAGE, notice="That login opens nothing here any more.")


def _name() -> str:
    return settings.get().OIDC_NAME
