"""The public site, the start page, help, and the palette."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.auth import throttling
from app.auth.current import (
    current_account,
    current_member,
    may,
    membership_or_none,
    needs,
    public,
)
from app.core import fragments
from app.core.db import transaction
from app.core.errors import Invalid
from app.desk import tickets
from app.desk.models import Ticket
from app.privacy import publishing
from app.site import framing, menu, queries, sampling
from app.site.forms import ContactForm
from app.site.works import works
from app.staff import sections

bp = Blueprint("site", __name__)
framing.install(bp)


@bp.get("/")
@public
def landing() -> ResponseReturnValue:
    if current_user.is_authenticated:
        return fragments.see_other("site.home")
    return render_template("site/landing.html")


@bp.get("/home")
def home() -> ResponseReturnValue:
    # The operator's people may belong to no account; signing in leads everybody here.
    if membership_or_none() is None and current_member().staff_roles:
        return fragments.see_other("staff.console")
    account = current_account()
    if not may("reports.read"):
        return render_template("site/home_apart.html")
    return render_template("site/home.html", summary=queries.summary(account))


@bp.post("/home/samples")
@needs("editor")
def add_samples() -> ResponseReturnValue:
    with transaction():
        sampling.add(current_account())
    return fragments.see_other(
        "site.home", notice="Look round: 200 people and three campaigns, marked as samples."
    )


@bp.post("/home/samples/remove")
@needs("editor")
def remove_samples() -> ResponseReturnValue:
    with transaction():
        gone = sampling.remove(current_account())
    return fragments.see_other(
        "site.home", notice=f"The sample data is gone, {gone} people and their campaigns."
    )


@bp.get("/palette")
def palette() -> ResponseReturnValue:
    words = request.args.get("q", "").strip()[:200]
    found = queries.find(
        current_account(), words, campaigns=may("reports.read"), contacts=may("contacts.read")
    )
    consoles = sections.open_to(current_member().staff_roles or ())
    groups = menu.find(words, staff=[(one.endpoint, one.label, one.icon) for one in consoles])
    return fragments.page_or_fragment(
        "site/palette.html", "site/_palette.html", words=words, found=found, groups=groups
    )


@bp.get("/help")
@public
def help_page() -> ResponseReturnValue:
    return render_template("site/help.html")


@bp.get("/about")
@public
def about() -> ResponseReturnValue:
    return render_template("site/about.html", works=works())


@bp.get("/contact")
@public
def contact() -> ResponseReturnValue:
    version = publishing.number_or_none(request.args.get("version", type=int))
    form = ContactForm(version=version, about="privacy" if version else "support")
    if current_user.is_authenticated and request.method == "GET":
        member = current_member()
        form.name.data, form.email.data = member.name, member.email
    return _contact(form, asked=request.args.get("asked", ""))


@bp.post("/contact")
@public
@throttling.letters("5/minute;20/hour;60/day", lambda wait: _too_many(wait))
def contact_post() -> ResponseReturnValue:
    form = ContactForm()
    signed_in = current_user.is_authenticated
    if not form.validate():
        return _contact(form), 422
    if form.fax.data:
        return fragments.see_other("site.contact", asked="kept")
    try:
        with transaction():
            letter: dict[str, Any] = {
                "email": form.email.data,
                "subject": form.subject.data or "",
                "text": form.text.data,
                "member": current_member() if signed_in else None,
            }
            ticket = tickets.just_asked(**letter) or _open(form, letter)
    except Invalid as error:
        form.email.errors = error.errors["email"]
        return _contact(form), 422
    return fragments.see_other("site.contact", asked=ticket.reference)


def _open(form: ContactForm, letter: dict[str, Any]) -> Ticket:
    membership = membership_or_none() if letter["member"] else None
    ticket = tickets.open_(
        **letter,
        name=form.name.data,
        purpose=form.about.data,
        account=membership.account if membership else None,
        version=publishing.number_or_none(form.version.data),
        origin="page" if letter["member"] else "form",
    )
    tickets.confirm(ticket)
    tickets.tell_staff(ticket)
    return ticket


def _too_many(wait: str) -> Response:
    """What was written is kept: only the button is to be pressed again."""
    form = ContactForm()
    form.text.errors = [f"Too many letters came from your network. {wait}"]
    return make_response(_contact(form), 429)


def _contact(form: ContactForm, *, asked: str = "") -> str:
    """`asked` is the reference of what was just sent, or another word where there is none."""
    reference = asked if tickets.SUBJECT_MARK.fullmatch(f"[#{asked}]") else ""
    return render_template("site/contact.html", form=form, asked=bool(asked), reference=reference)


@bp.post("/theme")
@public
def choose_theme() -> ResponseReturnValue:
    """Keep light or dark in a cookie, so that pages come in the right colours at once."""
    chosen = request.form.get("theme", "")
    response = fragments.go(fragments.own_path(request.form.get("next"), otherwise="/"))
    if chosen in framing.THEMES:
        response.set_cookie(
            framing.THEME_COOKIE, chosen, max_age=31_536_000, samesite="Lax", httponly=True,
            secure=request.is_secure,
        )  # fmt: skip
    return make_response(response)
