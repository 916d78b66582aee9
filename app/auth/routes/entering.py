"""HTTP of registering, signing in, passwords, joining, and one's own profile."""

from __future__ import annotations

from flask import Response, current_app, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, logout_user

from app.accounts import people, queries, rights
from app.accounts.models import Member
from app.auth import (
    joining,
    links,
    passkeys,
    passwords,
    profiles,
    provider,
    registering,
    sessions,
    signing_in,
    throttling,
)
from app.auth.current import (
    current_member,
    current_session,
    personal,
    public,
    sensitive,
)
from app.auth.forms import (
    EmailForm,
    ForgotForm,
    JoinForm,
    PasswordForm,
    ProfileForm,
    RegisterForm,
    SignInForm,
    take_over,
)
from app.auth.routes.blueprint import bp, network
from app.auth.routes.letting_in import go_on
from app.core import settings, watch
from app.core.db import db, transaction
from app.core.errors import Invalid
from app.core.fragments import go, own_path, see_other
from app.privacy import publishing

# Registering


@bp.get("/register")
@public
def register() -> ResponseReturnValue:
    if not current_app.config["SETTINGS"].REGISTRATION:
        return render_template("auth/closed.html"), 403
    return render_template("auth/register.html", form=RegisterForm(), policy=publishing.current())


@bp.post("/register")
@public
@throttling.mails_link
def register_post() -> ResponseReturnValue:
    if not current_app.config["SETTINGS"].REGISTRATION:
        return render_template("auth/closed.html"), 403
    form, version = RegisterForm(), publishing.current()
    if not form.validate():
        return render_template("auth/register.html", form=form, policy=version), 422
    if form.fax.data:
        return see_other("auth.sent")
    given = registering.Registration(
        person=form.person.data,
        email=form.email.data,
        business=form.business.data,
        address=form.address.data,
        website=form.website.data or "",
        consents=("marketing_email",) if form.marketing_email.data else (),
    )
    try:
        with transaction():
            registering.register(given, version, network=network())
    except Invalid as error:
        take_over(form, error.errors)
        return render_template("auth/register.html", form=form, policy=version), 422
    return see_other("auth.sent")


@bp.get("/sent")
@public
def sent() -> ResponseReturnValue:
    """The same page for known and unknown addresses."""
    return render_template("auth/sent.html")


# Signing in and out


@bp.get("/sign-in")
@public
def sign_in() -> ResponseReturnValue:
    if current_user.is_authenticated:
        return go(own_path(request.args.get("next")))
    return _sign_in_page(SignInForm(), request.args.get("next"))


@bp.post("/sign-in")
@public
@throttling.sign_in
def sign_in_post() -> ResponseReturnValue:
    form, target = SignInForm(), request.form.get("next")
    if not form.validate():
        return _sign_in_page(form, target, status=422)
    db.session.rollback()
    try:
        member = signing_in.check(form.email.data, form.password.data)
        matched = member.password_hash
        with transaction():
            if not passwords.hold(member, matched):
                raise signing_in.WrongPassword(member)
            passwords.refresh(member, form.password.data)
            return go_on(member, way="password", target=target)
    except signing_in.WrongPassword as error:
        watch.note("sign_in.failed", way="password", member=error.member_id, network=network())
        return _sign_in_page(form, target, problem=str(error), status=422)


def _sign_in_page(
    form: SignInForm, target: str | None, *, problem: str = "", status: int = 200
) -> tuple[str, int]:
    page = render_template(
        "auth/sign_in.html",
        form=form,
        next=target,
        problem=problem,
        has_passkeys=passkeys.are_possible(),
        provider_name=settings.get().OIDC_NAME if provider.is_on() else "",
    )
    return page, status


@bp.post("/sign-out")
@personal
def sign_out() -> ResponseReturnValue:
    with transaction():
        sessions.end(current_session())
    watch.note("sign_out", member=current_member().id, network=network())
    logout_user()
    session.clear()
    return see_other("auth.sign_in", notice="You are signed out.")


# Passwords


@bp.get("/password/forgot")
@public
def forgot() -> ResponseReturnValue:
    return render_template("auth/forgot.html", form=ForgotForm())


@bp.post("/password/forgot")
@public
@throttling.mails_link
def forgot_post() -> ResponseReturnValue:
    form = ForgotForm()
    if not form.validate():
        return render_template("auth/forgot.html", form=form), 422
    try:
        with transaction():
            signing_in.forgot(form.email.data)
    except Invalid as error:
        take_over(form, error.errors)
        return render_template("auth/forgot.html", form=form), 422
    return see_other("auth.sent")


@bp.get("/password/<secret>")
@public
@throttling.secrets
def password(secret: str) -> ResponseReturnValue:
    try:
        link = passwords.find(secret)
    except links.DeadLink as error:
        return _dead_link(error)
    return _password_page(PasswordForm(), link.member)


@bp.post("/password/<secret>")
@public
@throttling.secrets
def set_password(secret: str) -> ResponseReturnValue:
    form = PasswordForm()
    try:
        who = passwords.find(secret).member
        if not form.validate():
            return _password_page(form, who, 422)
        with transaction():
            member = passwords.redeem(secret, form.password.data)
    except links.DeadLink as error:
        return _dead_link(error)
    except Invalid as error:
        take_over(form, error.errors)
        return _password_page(form, who, 422)
    return go_on(member, way="link", notice="Your password is set, and you are signed in.")


@bp.post("/password/<secret>/strength")
@public
@throttling.advice
def password_strength(secret: str) -> ResponseReturnValue:
    """What is thought of a password while it is typed. Nothing is kept of it."""
    member = passwords.find(secret).member
    typed = request.form.get("password", "")[:4000]
    thought = passwords.judge(typed, email=member.email, known=passwords.known_about(member))
    return render_template("auth/_strength.html", typed=typed, thought=thought)


def _password_page(form: PasswordForm, who: Member, status: int = 200) -> tuple[str, int]:
    advice = url_for("auth.password_strength", secret=request.view_args["secret"])  # type: ignore[index]
    form.password.render_kw = {
        **form.password.render_kw,
        "hx-post": advice,
        "hx-trigger": "input changed delay:300ms",
        "hx-target": "#strength",
        "hx-swap": "outerHTML",
        "aria-controls": "strength",
    }
    return render_template("auth/password.html", form=form, who=who, typed="", thought=None), status


def _dead_link(error: links.DeadLink) -> ResponseReturnValue:
    return render_template("auth/dead_link.html", form=ForgotForm(), problem=str(error)), 410


# Joining


@bp.get("/join/<secret>")
@public
@throttling.secrets
def join(secret: str) -> ResponseReturnValue:
    return _join_page(secret, JoinForm())


@bp.post("/join/<secret>")
@public
@throttling.secrets
def join_post(secret: str) -> ResponseReturnValue:
    if current_user.is_authenticated:
        with transaction():
            account = people.accept(secret, current_member())
            sessions.look_at(current_session(), account.id)
        return see_other("site.home", notice=f"You now work in {account.name}.")
    if joining.invited_member(secret):
        return see_other("auth.sign_in", next=request.path)
    form, version = JoinForm(), publishing.current()
    if not form.validate():
        return _join_page(secret, form, 422)
    with transaction():
        _, member = joining.join_as_new(secret, version, name=form.name.data, network=network())
        link = passwords.issue(member)
    return see_other("auth.password", secret=link, notice="Welcome. Choose a password to go on.")


def _join_page(secret: str, form: JoinForm, status: int = 200) -> ResponseReturnValue:
    try:
        invitation = people.find_invitation(secret)
    except people.DeadInvitation as error:
        return render_template("auth/dead_invitation.html", problem=str(error)), 410
    page = render_template(
        "auth/join.html",
        form=form,
        invitation=invitation,
        business=people.business_of(invitation),
        offered=rights.in_words(invitation) if invitation.rights is not None else [],
        must_sign_in=not current_user.is_authenticated and joining.invited_member(secret),
        policy=publishing.current(),
    )
    return page, status


@bp.post("/accounts/<int:account_id>/look")
@personal
def look(account_id: int) -> ResponseReturnValue:
    with transaction():
        account = sessions.look_at(current_session(), account_id)
    return see_other("site.home", notice=f"You are looking at {account.name}.")


# One's own profile


@bp.get("/settings/profile")
@personal
def profile() -> ResponseReturnValue:
    return _profile_page(ProfileForm(obj=current_member()), EmailForm(formdata=None))


@bp.post("/settings/profile")
@personal
def save_profile() -> ResponseReturnValue:
    form = ProfileForm()
    if not form.validate():
        return _profile_page(form, EmailForm(formdata=None), 422)
    with transaction():
        profiles.change(current_member(), name=form.name.data, phone=form.phone.data or "")
    return see_other("auth.profile", notice="Saved.")


@bp.post("/settings/profile/email")
@personal
@sensitive("auth.profile")
@throttling.mails_link
def change_email() -> ResponseReturnValue:
    form = EmailForm()
    problem = not form.validate()
    if not problem:
        try:
            with transaction():
                profiles.ask_for_email(current_member(), form.email.data)
        except Invalid as error:
            problem = True
            take_over(form, error.errors)
    if problem:
        return _profile_page(ProfileForm(formdata=None, obj=current_member()), form, 422)
    return see_other("auth.profile", notice="We have mailed a link to the new address. Open it.")


def _profile_page(form: ProfileForm, email_form: EmailForm, status: int = 200) -> Response:
    member = current_member()
    page = render_template(
        "auth/profile.html",
        form=form,
        email_form=email_form,
        memberships=queries.memberships_of(member),
    )
    return current_app.make_response((page, status))


@bp.get("/email/<secret>")
@public
@throttling.secrets
def email(secret: str) -> ResponseReturnValue:
    try:
        change = profiles.find_change(secret)
    except links.DeadLink as error:
        return render_template("auth/dead_invitation.html", problem=str(error)), 410
    return render_template("auth/email.html", change=change)


@bp.post("/email/<secret>")
@public
@throttling.secrets
def confirm_email(secret: str) -> ResponseReturnValue:
    try:
        with transaction():
            profiles.confirm_email(secret)
    except links.DeadLink as error:
        return render_template("auth/dead_invitation.html", problem=str(error)), 410
    return see_other("auth.sign_in", notice="Your new address counts from now on.")


@bp.get("/email/back/<secret>")
@public
@throttling.secrets
def email_back(secret: str) -> ResponseReturnValue:
    try:
        change = profiles.find_way_back(secret)
    except links.DeadLink as error:
        return render_template("auth/dead_invitation.html", problem=str(error)), 410
    return render_template("auth/email_back.html", change=change)


@bp.post("/email/back/<secret>")
@public
@throttling.secrets
def take_email_back(secret: str) -> ResponseReturnValue:
    try:
        with transaction():
            profiles.take_back(secret)
    except links.DeadLink as error:
        return render_template("auth/dead_invitation.html", problem=str(error)), 410
    return see_other("auth.sent")
