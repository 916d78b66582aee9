"""HTTP of requests of people to the operator: enter, have them confirmed, close."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.accounts.forms import take_over
from app.auth.current import current_member
from app.core import keeping
from app.core.clock import now
from app.core.db import transaction
from app.core.errors import Invalid, WrongState
from app.core.fragments import see_other
from app.desk import queries
from app.desk.models import Ticket
from app.staff import asked
from app.staff.forms import PersonRequestForm
from app.staff.routes.blueprint import bp, for_purposes


def _purpose() -> str:
    """The one that is noted: support before abuse."""
    return "support" if "support" in (current_member().staff_roles or ()) else "abuse"


def _ticket(ticket_id: int | None) -> Ticket | None:
    """The letter, where the person may read it. Raises NotFound."""
    if not ticket_id:
        return None
    return queries.for_staff(queries.seen_by(current_member().staff_roles or ()), ticket_id)


@bp.get("/staff/requests")
@for_purposes("support", "abuse")
def requests_page() -> ResponseReturnValue:
    ticket = _ticket(request.args.get("ticket", type=int))
    form = PersonRequestForm(formdata=None)
    if ticket is not None:
        form.email.data, form.ticket.data = ticket.email, str(ticket.id)
        form.reference.data, form.came_on.data = (
            f"letter #{ticket.reference}",
            ticket.opened_at.date(),
        )
    return _page(form)


def _page(form: PersonRequestForm, status: int = 200) -> ResponseReturnValue:
    found = asked.open_ones()
    page = render_template(
        "staff/requests.html", form=form, found=found, over=asked.latest_over(), now=now(),
        late=sum(one.due_at < now() for one in found), kinds=asked.KINDS, states=asked.STATES,
        kept=keeping.in_words(keeping.days("person_requests")),
    )  # fmt: skip
    return page, status


@bp.post("/staff/requests")
@for_purposes("support", "abuse")
def enter_request() -> ResponseReturnValue:
    form = PersonRequestForm()
    if not form.validate():
        return _page(form, 422)
    ticket_id = form.ticket.data or ""
    ticket = _ticket(int(ticket_id) if ticket_id.isdecimal() else None)
    try:
        with transaction():
            row = asked.open_(
                current_member(), _purpose(), email=form.email.data, kind=form.kind.data,
                reference=form.reference.data, came_on=form.came_on.data, ticket=ticket,
            )  # fmt: skip
    except Invalid as error:
        if not take_over(form, error.errors):
            raise
        return _page(form, 422)
    except WrongState as error:
        form.email.errors = [str(error)]
        return _page(form, 409)
    return see_other("staff.request_page", request_id=row.id)


@bp.get("/staff/requests/<int:request_id>")
@for_purposes("support", "abuse")
def request_page(request_id: int) -> ResponseReturnValue:
    row = asked.find(request_id)
    return render_template(
        "staff/request.html", asked=row, places=asked.places(row), now=now(),
        kinds=asked.KINDS, states=asked.STATES, is_over=row.state in asked.OVER,
        most=asked.MOST_MAILS, days=asked.LINK_LIFE.days,
    )  # fmt: skip


@bp.post("/staff/requests/<int:request_id>/ask")
@for_purposes("support", "abuse")
def ask_person(request_id: int) -> ResponseReturnValue:
    with transaction():
        asked.ask(asked.find(request_id), current_member())
    return see_other("staff.request_page", request_id=request_id, notice="The link is on its way.")


@bp.post("/staff/requests/<int:request_id>/close")
@for_purposes("support", "abuse")
def close_request(request_id: int) -> ResponseReturnValue:
    try:
        with transaction():
            asked.close(asked.find(request_id), current_member(), request.form.get("words", ""))
    except Invalid as error:
        return see_other(
            "staff.request_page", request_id=request_id, notice=str(error), kind="bad"
        )  # fmt: skip
    return see_other("staff.requests_page", notice="Closed. The address is forgotten.")
