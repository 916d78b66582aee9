"""HTTP of what staff do in a look: one contact, a link to set a password, a permitted take-out."""

from __future__ import annotations

from flask import Response, render_template, send_file
from flask.typing import ResponseReturnValue

from app.accounts.forms import take_over
from app.auth.current import current_member
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.fragments import see_other
from app.moving import jobs as moving_jobs
from app.moving import taking_out
from app.staff import book, contacts, granting, helping, panels
from app.staff.forms import ContactForm
from app.staff.routes.blueprint import bp, for_purposes, looking_at


@bp.app_template_global("contact_form")
def contact_form() -> ContactForm:
    """For the panel of contacts."""
    return ContactForm(formdata=None)


@bp.post("/staff/accounts/<int:account_id>/contact")
@for_purposes("support")
def find_contact(account_id: int) -> ResponseReturnValue:
    account, look = looking_at(account_id, "contact")
    form = ContactForm()
    found = None
    if form.validate():
        try:
            with transaction():
                found = contacts.find(
                    account, look, address=form.address.data, reference=form.reference.data
                )
            if found is None:
                form.address.errors = ["No contact of this account has this address."]
        except Invalid as error:
            if not take_over(form, error.errors):
                raise
    if found is None:
        page = render_template(
            "staff/contact.html", subject=account, look=look, form=form, seen=None,
            panels=panels.for_purpose(look.purpose),
        )  # fmt: skip
        return page, 422
    return see_other("staff.show_contact", account_id=account_id, contact_id=found)


@bp.get("/staff/accounts/<int:account_id>/contacts/<int:contact_id>")
@for_purposes("support")
def show_contact(account_id: int, contact_id: int) -> ResponseReturnValue:
    account, look = looking_at(account_id, "contact")
    return render_template(
        "staff/contact.html", subject=account, look=look, form=ContactForm(formdata=None),
        seen=contacts.show(account, look, contact_id),
        panels=panels.for_purpose(look.purpose),
    )  # fmt: skip


@bp.post("/staff/accounts/<int:account_id>/people/<int:member_id>/link")
@for_purposes("support")
def send_password_link(account_id: int, member_id: int) -> ResponseReturnValue:
    account, look = looking_at(account_id, "people")
    with transaction():
        helping.send_link(account, look, current_member(), member_id)
    return see_other(
        "staff.show_panel", account_id=account_id, panel="people",
        notice="The link is on its way to them. Nobody here sees it.",
    )  # fmt: skip


@bp.post("/staff/accounts/<int:account_id>/take-out")
@for_purposes("support")
def start_export(account_id: int) -> ResponseReturnValue:
    account, look = looking_at(account_id, "takeout")
    with transaction():
        takeout = granting.export(account, look, current_member())
    moving_jobs.wake_out(takeout.id)
    return see_other("staff.show_panel", account_id=account_id, panel="takeout")


@bp.post("/staff/accounts/<int:account_id>/take-out/<int:takeout_id>")
@for_purposes("support")
def fetch_export(account_id: int, takeout_id: int) -> ResponseReturnValue:
    """A POST, for each fetching is written down."""
    account, look = looking_at(account_id, "takeout")
    takeout = granting.find_export(account, current_member(), takeout_id)
    path = taking_out.path(takeout)
    with transaction():
        book.note(look, "fetch", "takeout", takeout.id)
    response: Response = send_file(
        path, mimetype="application/zip", as_attachment=True,
        download_name=f"account-{account.id}-{takeout.created_at:%Y-%m-%d}.zip",
        etag=False, max_age=0,
    )  # fmt: skip
    response.headers["Cache-Control"] = "no-store"
    return response
