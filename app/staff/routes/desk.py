"""HTTP of the desk for staff: conversations by purpose, wishes to leave, and the mailbox."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.accounts import mailboxes
from app.accounts.forms import MailboxForm, take_over
from app.auth.current import current_member
from app.core import keeping
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.fragments import page_or_fragment, see_other
from app.core.headers import strangers_file
from app.desk import optouts, queries, tickets
from app.desk.forms import LetterForm
from app.desk.models import PURPOSES, STATES, Ticket
from app.staff import wishing
from app.staff.routes.blueprint import bp, for_purposes, settings

DESK = ("support", "service", "billing", "abuse")


def _purposes() -> list[str]:
    return queries.seen_by(current_member().staff_roles or ())


def _ticket(ticket_id: int) -> Ticket:
    return queries.for_staff(_purposes(), ticket_id)


@bp.get("/staff/desk")
@for_purposes(*DESK)
def desk() -> ResponseReturnValue:
    asked = {name: request.args.get(name, "") for name in ("state", "purpose", "assignee", "q")}
    state = asked["state"] or "open"
    found = queries.page(
        _purposes(), state=state, purpose=asked["purpose"], assignee=asked["assignee"],
        me=current_member().id, text=asked["q"], cursor=request.args.get("cursor"),
    )  # fmt: skip
    return page_or_fragment(
        "staff/desk.html", "staff/_tickets.html",
        found=found, asked={**asked, "state": state}, states=STATES, purposes=_purposes(),
        waiting=queries.waiting(_purposes()), may_see_people=_may_see_people(),
    )  # fmt: skip


@bp.get("/staff/desk/<int:ticket_id>")
@for_purposes(*DESK)
def ticket(ticket_id: int) -> ResponseReturnValue:
    return _page(_ticket(ticket_id), LetterForm())


def _may_see_people() -> bool:
    """Who may be meant by a letter is a contact of a customer: for support alone."""
    return wishing.PURPOSE in (current_member().staff_roles or ())


def _page(found: Ticket, form: LetterForm) -> str:
    others = queries.of_account(found.account_id) if found.account_id else []
    is_wish = found.leaving == "waiting" and _may_see_people()
    return render_template(
        "staff/ticket.html",
        ticket=found,
        form=form,
        thread=queries.thread(found, for_staff=True),
        staff=tickets.staff_for(found.purpose),
        purposes=PURPOSES,
        others=[one for one in others if one.purpose in _purposes()],
        is_wish=is_wish,
        candidates=wishing.candidates([found], current_member())[found.id] if is_wish else [],
        kept=keeping.in_words(keeping.days("enquiries")),
        may_answer_people=bool({"support", "abuse"} & set(current_member().staff_roles or ())),
    )


@bp.post("/staff/desk/<int:ticket_id>/answer")
@for_purposes(*DESK)
def answer_ticket(ticket_id: int) -> ResponseReturnValue:
    found, form = _ticket(ticket_id), LetterForm()
    if not form.validate():
        return _page(found, form), 422
    with transaction():
        tickets.answer(found, current_member(), form.text.data, closes=form.closes.data)
    return see_other("staff.ticket", ticket_id=found.id, notice="The answer is on its way.")


@bp.post("/staff/desk/<int:ticket_id>/note")
@for_purposes(*DESK)
def note_on_ticket(ticket_id: int) -> ResponseReturnValue:
    found = _ticket(ticket_id)
    with transaction():
        tickets.note(found, current_member(), request.form.get("note", "")[:20_000])
    return see_other("staff.ticket", ticket_id=found.id, notice="Noted, for staff alone.")


@bp.post("/staff/desk/<int:ticket_id>/change")
@for_purposes(*DESK)
def change_ticket(ticket_id: int) -> ResponseReturnValue:
    found, asked = _ticket(ticket_id), request.form
    with transaction():
        tickets.change(
            found, current_member(), state=asked.get("state", ""),
            purpose=asked.get("purpose", ""), assignee=asked.get("assignee", type=int),
        )  # fmt: skip
    if found.purpose not in _purposes():
        return see_other("staff.desk", notice="It is with those of the other purpose now.")
    return see_other("staff.ticket", ticket_id=found.id, notice="Changed.")


@bp.get("/staff/desk/<int:ticket_id>/files/<int:file_id>")
@for_purposes(*DESK)
def ticket_file(ticket_id: int, file_id: int) -> ResponseReturnValue:
    found = queries.file(_ticket(ticket_id), file_id)
    return strangers_file(found.name, found.content)


@bp.get("/staff/desk/wishes")
@for_purposes(wishing.PURPOSE)
def wishes() -> ResponseReturnValue:
    found = queries.wishes(_purposes(), request.args.get("cursor"))
    candidates = wishing.candidates(found.items, current_member())
    letters = {one.id: queries.thread(one, for_staff=False) for one in found.items}
    return render_template("staff/wishes.html", found=found, candidates=candidates, letters=letters)


@bp.post("/staff/desk/<int:ticket_id>/leave")
@for_purposes(wishing.PURPOSE)
def execute_wish(ticket_id: int) -> ResponseReturnValue:
    found, keys = _ticket(ticket_id), request.form.getlist("who")
    if not keys:
        raise Invalid("Choose who is meant.")
    with transaction():
        senders = optouts.execute(found, keys, by=current_member())
    return see_other("staff.wishes", notice=f"No more mail from: {', '.join(senders)}.")


@bp.post("/staff/desk/<int:ticket_id>/no-leave")
@for_purposes(wishing.PURPOSE)
def decline_wish(ticket_id: int) -> ResponseReturnValue:
    found = _ticket(ticket_id)
    with transaction():
        optouts.decline(found, by=current_member())
    return see_other("staff.wishes", notice="It is a letter like any other now.")


@bp.get("/staff/desk/mailboxes")
@for_purposes("service")
def desk_mailboxes() -> ResponseReturnValue:
    return _mailboxes(MailboxForm())


def _mailboxes(form: MailboxForm, status: int = 200) -> ResponseReturnValue:
    return render_template(
        "staff/mailboxes.html", form=form, mailboxes=mailboxes.of_operator(),
        operator_email=settings().OPERATOR_EMAIL,
    ), status  # fmt: skip


@bp.post("/staff/desk/mailboxes")
@for_purposes("service")
def add_desk_mailbox() -> ResponseReturnValue:
    form = MailboxForm()
    if not form.validate():
        return _mailboxes(form, 422)
    try:
        with transaction():
            mailboxes.add(None, current_member(), **form.chosen())
    except Invalid as error:
        if not take_over(form, error.errors):
            raise
        return _mailboxes(form, 422)
    return see_other("staff.desk_mailboxes", notice="Saved. Now test it.", kind="info")


@bp.post("/staff/desk/mailboxes/<int:mailbox_id>/test")
@for_purposes("service")
def test_desk_mailbox(mailbox_id: int) -> ResponseReturnValue:
    works, words = mailboxes.test(mailboxes.find_own(mailbox_id))
    return see_other("staff.desk_mailboxes", notice=words, kind="done" if works else "bad")


@bp.post("/staff/desk/mailboxes/<int:mailbox_id>/remove")
@for_purposes("service")
def remove_desk_mailbox(mailbox_id: int) -> ResponseReturnValue:
    with transaction():
        mailboxes.remove(None, current_member(), mailboxes.find_own(mailbox_id))
    return see_other("staff.desk_mailboxes", notice="It is not read any more.")
