"""HTTP of the second step of signing in, and of proving once more who one is."""

from __future__ import annotations

from flask import Response, jsonify, render_template, request, session
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.accounts.models import Member
from app.auth import code_tries, confirming, passkeys, second_factors, steps, throttling
from app.auth.current import current_member, personal, public
from app.auth.forms import CodeForm, ConfirmForm, take_over
from app.auth.models import SignInStep
from app.auth.routes.blueprint import bp, network
from app.auth.routes.letting_in import STEP, let_in, note_proof
from app.core import watch
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.fragments import go, own_path, see_other

PASSKEY = "passkey_step"


@bp.get("/sign-in/second")
@public
def second_factor() -> ResponseReturnValue:
    try:
        return _code_page(steps.find("code", session.get(STEP)), CodeForm(formdata=None))
    except steps.Over as error:
        return _from_the_start(error)


@bp.post("/sign-in/second")
@public
@throttling.secrets
def second_factor_post() -> ResponseReturnValue:
    form = CodeForm()
    try:
        step = steps.find("code", session.get(STEP))
        if not form.validate():
            return _code_page(step, form, 422)
        way, notice, target = (step.data[name] for name in ("way", "notice", "target"))
        kind = code_tries.check(
            step, form.code.data, lambda member: let_in(member, way=way, is_strong=True)
        )
    except steps.Over as error:
        return _from_the_start(error)
    except second_factors.WrongCode as error:
        watch.note("sign_in.failed", way="code", member=step.member_id, network=network())
        take_over(form, error.errors)
        return _code_page(step, form, 422)
    if kind == "recovery":
        left = second_factors.unused_recovery_codes(steps.member_of(step))
        return see_other(
            "auth.security",
            notice=f"You are in. That recovery code is used up; {left} are left.",
            kind="warn",
        )
    if notice:
        return see_other("site.home", notice=notice)
    return go(own_path(target))


def _code_page(step: SignInStep, form: CodeForm, status: int = 200) -> tuple[str, int]:
    member = steps.member_of(step)
    form.code.render_kw = {**form.code.render_kw, "autofocus": True}
    page = render_template(
        "auth/second_factor.html",
        form=form,
        has_app=second_factors.has_app(member),
        has_passkey=passkeys.are_possible() and second_factors.has_passkey(member),
        target=step.data["target"],
    )
    return page, status


def _from_the_start(error: steps.Over) -> Response:
    return see_other("auth.sign_in", notice=str(error), kind="warn")


# Passkeys, alone or as the second step


@bp.post("/sign-in/passkey/options")
@public
@throttling.secrets
def passkey_options() -> ResponseReturnValue:
    """What the browser needs for asking the device, as JSON."""
    member: Member | None = None
    try:
        member = steps.member_of(steps.find("code", session.get(STEP)))
    except steps.Over:
        if current_user.is_authenticated:
            member = current_member()
    with transaction():
        secret, options = passkeys.offer_to_use(member)
    session[PASSKEY] = secret
    return jsonify(options)


@bp.post("/sign-in/passkey")
@public
@throttling.secrets
def sign_in_by_passkey() -> ResponseReturnValue:
    target = request.form.get("next")
    try:
        with transaction():
            member = passkeys.use(
                session.pop(PASSKEY, None), request.form.get("credential", "")[:20_000]
            )
            let_in(member, way="passkey", is_strong=True)
    except (passkeys.NotTaken, steps.Over) as error:
        watch.note("sign_in.failed", way="passkey", network=network())
        return see_other("auth.sign_in", notice=str(error), kind="bad", next=target or None)
    return go(own_path(target))


# Proving once more who one is


@bp.get("/confirm")
@personal
def confirm() -> ResponseReturnValue:
    return _confirm_page(ConfirmForm(formdata=None), request.args.get("next"))


@bp.post("/confirm")
@personal
@throttling.confirm
def confirm_post() -> ResponseReturnValue:
    form, target = ConfirmForm(), request.form.get("next")
    if not form.validate():
        return _confirm_page(form, target, 422)
    try:
        with transaction():
            is_code = confirming.check(
                current_member(), password=form.password.data or "", code=form.code.data or ""
            )
            note_proof(strongly=is_code)
    except Invalid as error:
        watch.note("confirm.failed", member=current_member().id, network=network())
        take_over(form, error.errors)
        return _confirm_page(form, target, 422)
    return go(own_path(target))


@bp.post("/confirm/passkey")
@personal
@throttling.confirm
def confirm_by_passkey() -> ResponseReturnValue:
    target = request.form.get("next")
    try:
        with transaction():
            member = passkeys.use(
                session.pop(PASSKEY, None), request.form.get("credential", "")[:20_000]
            )
            if member.id != current_member().id:
                raise passkeys.NotTaken
            note_proof(strongly=True)
    except (passkeys.NotTaken, steps.Over) as error:
        return see_other("auth.confirm", notice=str(error), kind="bad", next=target or None)
    return go(own_path(target))


def _confirm_page(form: ConfirmForm, target: str | None, status: int = 200) -> tuple[str, int]:
    page = render_template(
        "auth/confirm.html",
        form=form,
        target=own_path(target),
        ways=confirming.ways(current_member()),
    )
    return page, status
