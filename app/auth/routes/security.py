"""HTTP of the page on signing in and security: second factors, passkeys, sessions, alarms."""

from __future__ import annotations

from flask import jsonify, render_template, session
from flask.typing import ResponseReturnValue

from app.auth import (
    alarms,
    demanding,
    links,
    passkeys,
    passwords,
    provider,
    provider_logins,
    second_factors,
    sessions,
    steps,
    throttling,
)
from app.auth.current import (
    current_account,
    current_member,
    current_session,
    may,
    membership_or_none,
    needs,
    personal,
    public,
    sensitive,
)
from app.auth.forms import CodeForm, EverybodyForm, PasskeyForm, PasskeyNameForm, take_over
from app.auth.routes.blueprint import bp
from app.auth.routes.letting_in import note_proof
from app.core import settings
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.fragments import see_other
from app.core.templating import count

REGISTER = "register_step"
PAGE = "auth.security"


@bp.get("/settings/sign-in")
@personal
def security() -> ResponseReturnValue:
    return _page(PasskeyForm(formdata=None), EverybodyForm(formdata=None))


def _page(form: PasskeyForm, everybody: EverybodyForm, status: int = 200) -> tuple[str, int]:
    member, membership = current_member(), membership_or_none()
    account = membership.account if membership else None
    page = render_template(
        "auth/security.html",
        app=second_factors.app_of(member),
        has_factor=second_factors.has_any(member),
        codes_left=second_factors.unused_recovery_codes(member),
        has_password=passwords.has_password(member),
        passkeys=passkeys.of(member),
        has_passkeys=passkeys.are_possible(),
        passkey_form=form,
        provider_name=settings.get().OIDC_NAME if provider.is_on() else "",
        provider_logins=provider_logins.of(member),
        sessions=sessions.living(member),
        this_session=current_session(),
        everybody_form=everybody,
        without=demanding.without(account) if account and may("owner") else [],
    )
    return page, status


@bp.post("/settings/profile/password")
@personal
def mail_password_link() -> ResponseReturnValue:
    with transaction():
        passwords.mail_link(current_member())
    return see_other(PAGE, notice="We have mailed you a link to set a new password.")


# The app with codes


@bp.post("/settings/sign-in/app/begin")
@personal
@sensitive(PAGE)
def begin_app() -> ResponseReturnValue:
    with transaction():
        second_factors.begin(current_member())
    return see_other("auth.set_up_app")


@bp.get("/settings/sign-in/app")
@personal
@sensitive(PAGE)
def set_up_app() -> ResponseReturnValue:
    return _app_page(CodeForm(formdata=None))


@bp.post("/settings/sign-in/app")
@personal
@sensitive(PAGE)
@throttling.confirm
def confirm_app() -> ResponseReturnValue:
    form, member = CodeForm(), current_member()
    if not form.validate():
        return _app_page(form, 422)
    try:
        with transaction():
            codes = second_factors.confirm(member, form.code.data)
            _has_changed("set up an app as your second factor")
    except Invalid as error:
        take_over(form, error.errors)
        return _app_page(form, 422)
    if codes:
        return _codes_page(codes, "Your second factor is on")
    return see_other(PAGE, notice="The app is on. Your recovery codes stay as they are.")


def _app_page(form: CodeForm, status: int = 200) -> ResponseReturnValue:
    app = second_factors.app_of(current_member())
    if app is None or app.confirmed_at:
        return see_other(PAGE)
    page = render_template(
        "auth/app.html",
        form=form,
        secret=second_factors.secret_of(app),
        picture=second_factors.picture_of(app, current_member()),
    )
    return page, status


def _codes_page(codes: list[str], heading: str) -> str:
    return render_template("auth/recovery_codes.html", codes=codes, heading=heading)


def _has_changed(what: str) -> None:
    """Inside the transaction of a change that makes signing in safer: old sessions are ended."""
    member, session_ = current_member(), current_session()
    note_proof(strongly=True)
    sessions.end_all(member, but=session_)
    alarms.tell_of_change(member, session_, what)


@bp.post("/settings/sign-in/app/remove")
@personal
@sensitive(PAGE)
def remove_app() -> ResponseReturnValue:
    with transaction():
        second_factors.remove(current_member())
        alarms.tell_of_change(current_member(), current_session(), "turned off your app with codes")
    return see_other(PAGE, notice="Codes are not asked for any more.")


@bp.post("/settings/sign-in/recovery-codes")
@personal
@sensitive(PAGE)
def make_recovery_codes() -> ResponseReturnValue:
    member = current_member()
    if not second_factors.has_any(member):
        return see_other(PAGE, notice="Set up a second factor first.", kind="warn")
    with transaction():
        codes = second_factors.make_recovery_codes(member)
        alarms.tell_of_change(member, current_session(), "made new recovery codes")
    return _codes_page(codes, "Your new recovery codes")


# Passkeys


@bp.post("/settings/sign-in/passkeys/options")
@personal
@sensitive(PAGE)
def new_passkey_options() -> ResponseReturnValue:
    """What the browser needs for making a passkey, as JSON."""
    with transaction():
        session[REGISTER], options = passkeys.offer_to_make(current_member())
    return jsonify(options)


@bp.post("/settings/sign-in/passkeys")
@personal
@sensitive(PAGE)
def add_passkey() -> ResponseReturnValue:
    form, member = PasskeyForm(), current_member()
    if not form.validate():
        return _page(form, EverybodyForm(formdata=None), 422)
    had_one = second_factors.has_any(member)
    try:
        with transaction():
            passkeys.add(
                member,
                session.pop(REGISTER, None),
                credential=form.credential.data or "",
                name=form.name.data,
            )
            codes = [] if had_one else second_factors.make_recovery_codes(member)
            _has_changed(f"added the passkey “{form.name.data}”")
    except (Invalid, steps.Over) as error:
        return see_other(PAGE, notice=str(error), kind="bad")
    if codes:
        return _codes_page(codes, "Your passkey is added")
    return see_other(PAGE, notice=f"The passkey “{form.name.data}” is added.")


@bp.post("/settings/sign-in/passkeys/<int:passkey_id>/rename")
@personal
def rename_passkey(passkey_id: int) -> ResponseReturnValue:
    form = PasskeyNameForm()
    if not form.validate():
        return see_other(PAGE, notice="Give it a name of 1 to 100 characters.", kind="bad")
    with transaction():
        passkeys.rename(current_member(), passkey_id, form.name.data)
    return see_other(PAGE, notice=f"It is called “{form.name.data}” now.")


@bp.post("/settings/sign-in/passkeys/<int:passkey_id>/remove")
@personal
@sensitive(PAGE)
def remove_passkey(passkey_id: int) -> ResponseReturnValue:
    with transaction():
        name = passkeys.remove(current_member(), passkey_id)
        what = f"removed the passkey “{name}”"
        alarms.tell_of_change(current_member(), current_session(), what)
    return see_other(PAGE, notice=f"The passkey “{name}” opens nothing here any more.")


# Sessions


@bp.post("/settings/sessions/<int:session_id>/end")
@personal
def end_session(session_id: int) -> ResponseReturnValue:
    with transaction():
        sessions.end_one(current_member(), session_id)
    return see_other(PAGE, notice="That browser is signed out.")


@bp.post("/settings/sessions/end-others")
@personal
def end_other_sessions() -> ResponseReturnValue:
    with transaction():
        ended = sessions.end_all(current_member(), but=current_session())
    return see_other(PAGE, notice=f"Signed out in {count(ended, 'other browser')}.")


# Everybody in the account


@bp.post("/settings/sign-in/everybody")
@needs("owner")
@sensitive(PAGE)
def demand_of_everybody() -> ResponseReturnValue:
    form = EverybodyForm()
    if not form.validate():
        return _page(PasskeyForm(formdata=None), form, 422)
    if not current_session().is_strong:
        return see_other(PAGE, notice="Set up a second factor for yourself first.", kind="warn")
    with transaction():
        demanding.demand(current_account(), current_member(), days=form.days.data)
    return see_other(PAGE, notice="Everybody here needs a second factor from then on.")


@bp.post("/settings/sign-in/everybody/end")
@needs("owner")
@sensitive(PAGE)
def leave_everybody_free() -> ResponseReturnValue:
    with transaction():
        demanding.leave_free(current_account(), current_member())
    return see_other(PAGE, notice="Each person decides about a second factor again.")


# It was somebody else


@bp.get("/not-me/<secret>")
@public
@throttling.secrets
def not_me(secret: str) -> ResponseReturnValue:
    try:
        alarms.find(secret)
    except links.DeadLink as error:
        return render_template("auth/dead_invitation.html", problem=str(error)), 410
    return render_template("auth/not_me.html")


@bp.post("/not-me/<secret>")
@public
@throttling.secrets
def sound_alarm(secret: str) -> ResponseReturnValue:
    try:
        with transaction():
            alarms.sound(secret)
    except links.DeadLink as error:
        return render_template("auth/dead_invitation.html", problem=str(error)), 410
    return see_other("auth.sent")
