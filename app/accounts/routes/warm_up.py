"""Warm-up plans."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.accounts import (
    warming,
)
from app.accounts.forms import (
    WarmUpForm,
    take_over,
)
from app.accounts.routes.blueprint import bp
from app.auth.current import current_account, current_member, needs
from app.campaigns import jobs
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.fragments import page_or_fragment, see_other
from app.delivery import forecasting
from app.mailer.warming import Plan, volume


@bp.get("/settings/warm-up")
@needs("settings")
def warm_up() -> ResponseReturnValue:
    found = warming.subjects(current_account())
    return render_template("accounts/warm_up.html", subjects=found, tomorrow=warming.tomorrow())


@bp.get("/settings/warm-up/plan")
@needs("settings")
def plan_warm_up() -> ResponseReturnValue:
    """What a plan would mean, before it is switched on."""
    form = WarmUpForm(request.args, meta={"csrf": False})
    if "goal" not in request.args:
        form.goal.data = 5000
        return _warm_up_plan(form)
    return _warm_up_plan(form, 200 if _is_good(form) else 422)


@bp.post("/settings/warm-up")
@needs("settings")
def start_warm_up() -> ResponseReturnValue:
    form = WarmUpForm()
    if not _is_good(form):
        return _warm_up_plan(form, 422)
    with transaction():
        warming.start(current_account(), current_member(), form.subject.data, goal=form.goal.data)
    return see_other("accounts.warm_up", notice="The plan is on. Today is its first day.")


@bp.post("/settings/warm-up/<int:warm_up_id>/<any(pause, resume, end):verb>")
@needs("settings")
def change_warm_up(warm_up_id: int, verb: str) -> ResponseReturnValue:
    account = current_account()
    row = warming.find(account, warm_up_id)
    change = {"pause": warming.pause, "resume": warming.resume, "end": warming.end}[verb]
    with transaction():
        change(account, current_member(), row)
    words = {
        "pause": "The plan rests, and limits nothing meanwhile.",
        "resume": "The plan goes on where it stood.",
        "end": "The plan has ended. It limits nothing any more.",
    }
    return see_other("accounts.warm_up", notice=words[verb])


def _is_good(form: WarmUpForm) -> bool:
    """Whether the goal can be planned; else the form says why not."""
    if not form.validate():
        return False
    try:
        warming.check_goal(form.goal.data)
    except Invalid as error:
        return not take_over(form, error.errors)
    return True


def _warm_up_plan(form: WarmUpForm, status: int = 200) -> ResponseReturnValue:
    account = current_account()
    subject = warming.subject(account, form.subject.data or "")
    plan = Plan(form.goal.data) if not form.errors and form.goal.data else None
    coming = forecasting.under(account, subject.key, plan) if plan else []
    for one in coming:
        if one.is_old:
            jobs.wake_count(one.campaign.id, one.campaign.version)
    return page_or_fragment(
        "accounts/warm_up_plan.html",
        "accounts/_warm_up_coming.html",
        status=status,
        form=form,
        subject=subject,
        plan=plan,
        volume=volume,
        coming=coming,
    )
