"""HTTP of plans and mails that staff give without payment, in a look for billing."""

from __future__ import annotations

from datetime import timedelta

from flask import render_template
from flask.typing import ResponseReturnValue
from wtforms.fields.choices import SelectChoice

from app.accounts.forms import take_over
from app.accounts.models import Account
from app.auth.current import current_member
from app.billing import standing
from app.core.clock import now
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.fragments import see_other
from app.plans.catalogue import catalogue
from app.staff import book, looking, panels
from app.staff.forms import PlanForm
from app.staff.models import StaffLook
from app.staff.routes.blueprint import bp, for_purposes, looking_at

KIND = "billing"


@bp.app_template_global("plan_form")
def plan_form() -> PlanForm:
    """For the panel of plans and invoices."""
    return _choices(PlanForm(formdata=None))


@bp.post("/staff/accounts/<int:account_id>/plan")
@for_purposes("billing")
def give_plan(account_id: int) -> ResponseReturnValue:
    account, look = looking_at(account_id, KIND)
    form = _choices(PlanForm())
    if not form.validate():
        return _panel(account, look, form)
    until = now() + timedelta(days=form.days.data) if form.days.data else None
    try:
        reason = looking.check_reference(form.reason.data, field="reason")
        with transaction():
            standing.give(
                account, current_member(), reason=reason, plan=form.plan.data,
                mails=form.mails.data or 0, until=until,
            )  # fmt: skip
            book.note(look, "do", KIND, reference=reason)
    except Invalid as error:
        if not take_over(form, error.errors):
            raise
        account, look = looking_at(account_id, KIND)
        return _panel(account, look, form)
    return see_other("staff.show_panel", account_id=account_id, panel=KIND, notice="Given.")


@bp.post("/staff/accounts/<int:account_id>/plan/<int:plan_grant_id>/end")
@for_purposes("billing")
def end_plan(account_id: int, plan_grant_id: int) -> ResponseReturnValue:
    account, look = looking_at(account_id, KIND)
    with transaction():
        standing.end_grant(account, current_member(), plan_grant_id)
        book.note(look, "do", KIND)
    return see_other("staff.show_panel", account_id=account_id, panel=KIND, notice="Taken back.")


def _choices(form: PlanForm) -> PlanForm:
    plans = [SelectChoice(plan.key, plan.name) for plan in catalogue().values()]
    form.plan.choices = [SelectChoice("", "none, mails alone"), *plans]
    return form


def _panel(account: Account, look: StaffLook, form: PlanForm) -> ResponseReturnValue:
    shown = panels.find(look.purpose, KIND)
    page = render_template(
        "staff/account.html", subject=account, look=look, panel=shown, filled_in=form,
        panels=panels.for_purpose(look.purpose), **shown.load(account),
    )  # fmt: skip
    return page, 422
