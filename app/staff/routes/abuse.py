"""HTTP of the abuse desk: reports, held files, answers of owners; and what is done about them."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.accounts import auditing, ladder
from app.accounts.models import Account
from app.auth.current import current_member
from app.contacts import jobs, vetting
from app.core.db import db, transaction
from app.core.errors import Invalid, NotFound
from app.core.fragments import see_other
from app.staff import book
from app.staff.routes.blueprint import bp, for_purposes, looking_at
from app.tracking import stopping
from app.trust import reporting, suspending


@bp.get("/staff/abuse")
@for_purposes("abuse")
def abuse_desk() -> ResponseReturnValue:
    reports = reporting.open_reports()
    return render_template(
        "staff/abuse.html", reports=reports, files=vetting.waiting(),
        appeals=suspending.open_appeals(), stopped=stopping.in_force(),
        kinds=reporting.KINDS, outcomes=reporting.OUTCOMES, names=_names(reports),
    )  # fmt: skip


def _names(reports: object) -> dict[int, str]:
    ids = {one.account_id for one in reports if one.account_id}  # type: ignore[attr-defined]
    accounts = [db.session.get(Account, account_id) for account_id in ids]
    return {one.id: one.name for one in accounts if one is not None}


def _back(subject: Account, notice: str, kind: str = "done") -> ResponseReturnValue:
    """To the panel, which the look has seen already."""
    return see_other(
        "staff.show_panel", account_id=subject.id, panel="abuse", notice=notice, kind=kind
    )


@bp.post("/staff/abuse/accounts/<int:account_id>/suspend")
@for_purposes("abuse")
def suspend_account(account_id: int) -> ResponseReturnValue:
    subject, look = looking_at(account_id, "abuse")
    try:
        with transaction():
            book.note(look, "do", "abuse")
            suspending.suspend(
                subject, current_member(), kind=request.form.get("kind", ""),
                reason=request.form.get("reason", ""),
            )  # fmt: skip
    except Invalid as error:
        return _back(subject, str(error), "bad")
    return _back(subject, "Suspended from this moment. The owners were written to.")


@bp.post("/staff/abuse/accounts/<int:account_id>/suspensions/<int:suspension_id>/lift")
@for_purposes("abuse")
def lift_suspension(account_id: int, suspension_id: int) -> ResponseReturnValue:
    subject, look = looking_at(account_id, "abuse")
    row = suspending.suspension_of(subject, suspension_id)
    with transaction():
        book.note(look, "do", "abuse")
        suspending.lift(row, current_member(), words=request.form.get("words", ""))
    return _back(subject, "The account may go on. Its campaigns wait to be resumed.")


@bp.post("/staff/abuse/accounts/<int:account_id>/appeals/<int:appeal_id>")
@for_purposes("abuse")
def answer_appeal(account_id: int, appeal_id: int) -> ResponseReturnValue:
    subject, look = looking_at(account_id, "abuse")
    row = suspending.appeal_of(subject, appeal_id)
    try:
        with transaction():
            book.note(look, "do", "abuse")
            suspending.answer(row, current_member(), request.form.get("answer", ""))
    except Invalid as error:
        return _back(subject, str(error), "bad")
    return _back(subject, "Your answer is on its way.")


@bp.post("/staff/abuse/accounts/<int:account_id>/files/<int:review_id>/<verb>")
@for_purposes("abuse")
def decide_file(account_id: int, review_id: int, verb: str) -> ResponseReturnValue:
    subject, look = looking_at(account_id, "abuse")
    review = vetting.one(subject, review_id)
    words, by = request.form.get("words", ""), current_member()
    try:
        with transaction():
            book.note(look, "do", "abuse")
            if verb == "release":
                vetting.release(review, by, words=words)
            elif verb == "refuse":
                vetting.refuse(review, by, words=words)
            else:
                raise NotFound("This page")
    except Invalid as error:
        return _back(subject, str(error), "bad")
    jobs.wake(review.import_id)
    done = "The file is being taken in." if verb == "release" else "Nobody of the file is taken in."
    return _back(subject, f"{done} The owners were written to.")


@bp.post("/staff/abuse/accounts/<int:account_id>/step")
@for_purposes("abuse")
def choose_step(account_id: int) -> ResponseReturnValue:
    subject, look = looking_at(account_id, "abuse")
    step = request.form.get("step", type=int)
    words = request.form.get("words", "").strip()
    if step is None or not 0 <= step <= ladder.TOP or not words:
        return _back(subject, "Choose a step and say why.", "bad")
    with transaction():
        book.note(look, "do", "abuse")
        ladder.move(subject.id, step, words=words, evidence={}, by_id=current_member().id)
        auditing.note(subject, current_member(), "standing.step", f"step {step + 1}")
    return _back(subject, "The limit holds from now on.")


@bp.post("/staff/abuse/reports/<int:report_id>")
@for_purposes("abuse")
def answer_report(report_id: int) -> ResponseReturnValue:
    row = reporting.find(report_id)
    with transaction():
        reporting.answer(
            row, current_member(), outcome=request.form.get("outcome", ""),
            text=request.form.get("answer", ""),
        )  # fmt: skip
    return see_other("staff.abuse_desk", notice=f"{row.reference} is answered.")


@bp.post("/staff/abuse/links")
@for_purposes("abuse")
def stop_links() -> ResponseReturnValue:
    """A host, a link or all links of an account."""
    kind, what = request.form.get("kind", "host"), request.form.get("what", "").strip().lower()
    with transaction():
        row = stopping.stop(
            f"{kind}:{what}", reason=request.form.get("reason", ""), by_id=current_member().id
        )
        auditing.note(None, current_member(), "link.stop", row.key)
    return see_other("staff.abuse_desk", notice="A warning stands there within two seconds.")


@bp.post("/staff/abuse/links/<int:stopped_id>/let-through")
@for_purposes("abuse")
def let_links_through(stopped_id: int) -> ResponseReturnValue:
    with transaction():
        row = stopping.let_through(stopped_id)
        auditing.note(None, current_member(), "link.let_through", row.key)
    return see_other("staff.abuse_desk", notice="The links lead on again.")
