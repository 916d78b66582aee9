"""HTTP of incidents for staff: write, publish, add what became known later."""

from __future__ import annotations

from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.accounts import finding
from app.auth.current import current_member
from app.core.clock import now
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.fragments import see_other
from app.core.templating import count
from app.privacy import incidents
from app.privacy.models import Incident
from app.staff.forms import IncidentForm
from app.staff.routes.blueprint import bp, for_purposes


@bp.get("/staff/incidents")
@for_purposes("service")
def incidents_page() -> ResponseReturnValue:
    rows = incidents.latest(is_public=False)
    return render_template("staff/incidents.html", rows=rows)


@bp.get("/staff/incidents/new")
@for_purposes("service")
def new_incident() -> ResponseReturnValue:
    today = now().date()
    form = IncidentForm(formdata=None, began_on=today, found_on=today)
    return render_template("staff/incident_write.html", form=form, row=None)


@bp.post("/staff/incidents/new")
@for_purposes("service")
def write_incident() -> ResponseReturnValue:
    return _write(None)


@bp.get("/staff/incidents/<int:number>")
@for_purposes("service")
def incident_page(number: int) -> ResponseReturnValue:
    return _show(incidents.one(number))


def _show(row: Incident, *, wrong: str = "", status: int = 200) -> ResponseReturnValue:
    page = render_template(
        "staff/incident.html",
        row=row,
        notes=incidents.notes(row.id),
        concerned=incidents.concerned(row.id),
        told=incidents.concerned(row.id, is_told=True),
        wrong=wrong,
    )
    return page, status


@bp.get("/staff/incidents/<int:number>/write")
@for_purposes("service")
def rewrite_page(number: int) -> ResponseReturnValue:
    row = incidents.one(number)
    named = "\n".join(str(account.id) for account in incidents.accounts(number))
    form = IncidentForm(formdata=None, obj=row, accounts=named, which=row.data)
    return render_template("staff/incident_write.html", form=form, row=row)


@bp.post("/staff/incidents/<int:number>/write")
@for_purposes("service")
def rewrite_incident(number: int) -> ResponseReturnValue:
    return _write(incidents.one(number))


def _write(row: Incident | None) -> ResponseReturnValue:
    form = IncidentForm()

    def again() -> tuple[Any, int]:
        return render_template("staff/incident_write.html", form=form, row=row), 422

    if not form.validate():
        return again()
    try:
        accounts = [] if form.concerns_all.data else finding.several(form.accounts.data or "")
    except Invalid as error:
        form.accounts.errors = [str(error)]
        return again()
    try:
        words = {**form.data, "data": form.which.data}
        with transaction():
            written = incidents.write(row.id if row else None, words, accounts)
    except Invalid as error:
        for name, messages in error.errors.items():
            form[name].errors = messages
        return again()
    return see_other("staff.incident_page", number=written.id, notice="Kept. Not published yet.")


@bp.post("/staff/incidents/<int:number>/publish")
@for_purposes("service")
def publish_incident(number: int) -> ResponseReturnValue:
    with transaction():
        n = incidents.publish(number, current_member())
    words = f"Published. The owners of {count(n, 'account')} are told by mail."
    return see_other("staff.incident_page", number=number, notice=words)


@bp.post("/staff/incidents/<int:number>/notes")
@for_purposes("service")
def add_incident_note(number: int) -> ResponseReturnValue:
    text = request.form.get("text", "").strip()[:10_000]
    try:
        with transaction():
            incidents.add_note(number, text, current_member())
    except Invalid as error:
        return _show(incidents.one(number), wrong=str(error), status=422)
    return see_other("staff.incident_page", number=number, notice="It stands on the page.")
