"""HTTP for members: what they asked the operator, and the answers."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template, request
from flask.typing import ResponseReturnValue

from app.auth import throttling
from app.auth.current import before_accepting, current_account, current_member, may, personal
from app.config import Config
from app.core import settings
from app.core.db import transaction
from app.core.fragments import see_other
from app.core.headers import strangers_file
from app.desk import queries, reading, tickets
from app.desk.forms import LetterForm
from app.desk.models import Ticket

bp = Blueprint("desk", __name__)


@bp.app_template_global("public_address")
def public_address() -> tuple[str, str]:
    """The operator's address in its two halves, for the macro that shows it without an @."""
    config: Config = settings.get()
    local, _, domain = config.OPERATOR_EMAIL.rpartition("@")
    return local, domain


bp.add_app_template_filter(reading.unquoted, "unquoted")


@bp.get("/questions")
@before_accepting
def questions() -> ResponseReturnValue:
    found = queries.of_asker(
        current_account(), current_member(), sees_all=may("owner"),
        cursor=request.args.get("cursor"),
    )  # fmt: skip
    return render_template("desk/questions.html", found=found)


@bp.get("/questions/<int:ticket_id>")
@before_accepting
def question(ticket_id: int) -> ResponseReturnValue:
    return _page(_ticket(ticket_id), LetterForm())


@bp.post("/questions/<int:ticket_id>")
@personal
@throttling.letters("10/minute;60/hour", lambda wait: _too_many(wait))
def write(ticket_id: int) -> ResponseReturnValue:
    ticket, form = _ticket(ticket_id), LetterForm()
    if not form.validate():
        return _page(ticket, form), 422
    with transaction():
        tickets.hear(ticket, form.text.data, member=current_member())
        tickets.tell_staff(ticket)
    return see_other("desk.question", ticket_id=ticket.id, notice="Sent. We answer by mail.")


@bp.post("/questions/<int:ticket_id>/close")
@personal
def close(ticket_id: int) -> ResponseReturnValue:
    ticket = _ticket(ticket_id)
    with transaction():
        tickets.close_by_asker(ticket)
    return see_other("desk.questions", notice="Closed. Write again whenever something is left.")


@bp.get("/questions/<int:ticket_id>/files/<int:file_id>")
@before_accepting
def download(ticket_id: int, file_id: int) -> ResponseReturnValue:
    found = queries.file(_ticket(ticket_id), file_id)
    return strangers_file(found.name, found.content)


def _ticket(ticket_id: int) -> Ticket:
    return queries.for_asker(current_account(), current_member(), ticket_id, sees_all=may("owner"))


def _page(ticket: Ticket, form: LetterForm) -> str:
    thread = queries.thread(ticket, for_staff=False)
    return render_template("desk/question.html", ticket=ticket, thread=thread, form=form)


def _too_many(wait: str) -> Response:
    """What was written is kept: only the button is to be pressed again."""
    form = LetterForm()
    form.text.errors = [f"Too many letters came from your network. {wait}"]
    return make_response(_page(_ticket((request.view_args or {})["ticket_id"]), form), 429)
