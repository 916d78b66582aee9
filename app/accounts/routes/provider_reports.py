"""Webhooks of mail providers."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from app.accounts import (
    report_hooks,
)
from app.accounts.forms import (
    ReportHookForm,
    ReportKeyForm,
    take_over,
)
from app.accounts.models import ReportHook
from app.accounts.routes.blueprint import bp
from app.auth.current import current_account, current_member, needs
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.fragments import see_other
from app.core.sealing import Unreadable
from app.mailer import providers


@bp.get("/settings/provider-reports")
@needs("settings")
def report_hooks_page() -> ResponseReturnValue:
    return _report_hooks(ReportHookForm())


@bp.post("/settings/provider-reports")
@needs("settings")
def make_report_hook() -> ResponseReturnValue:
    form = ReportHookForm()
    if not form.validate():
        return _report_hooks(form, 422)
    account, member = current_account(), current_member()
    with transaction():
        hook = report_hooks.make(account, member, provider=form.provider.data)
    return see_other("accounts.report_hook", hook_id=hook.id)


@bp.get("/settings/provider-reports/<int:hook_id>")
@needs("settings")
def report_hook(hook_id: int) -> ResponseReturnValue:
    return _report_hook(report_hooks.find(current_account(), hook_id), ReportKeyForm())


@bp.post("/settings/provider-reports/<int:hook_id>/key")
@needs("settings")
def set_report_key(hook_id: int) -> ResponseReturnValue:
    account, form = current_account(), ReportKeyForm()
    hook = report_hooks.find(account, hook_id)
    if not form.validate():
        return _report_hook(hook, form, 422)
    try:
        with transaction():
            report_hooks.set_key(account, current_member(), hook, form.key.data)
    except Invalid as error:
        if not take_over(form, error.errors):
            raise
        return _report_hook(hook, form, 422)
    return see_other("accounts.report_hook", hook_id=hook.id, notice="Saved.")


@bp.get("/settings/provider-reports/<int:hook_id>/remove")
@needs("settings")
def ask_remove_report_hook(hook_id: int) -> ResponseReturnValue:
    hook = report_hooks.find(current_account(), hook_id)
    return render_template(
        "accounts/report_hook_remove.html", hook=hook, name=providers.NAMES[hook.provider]
    )


@bp.post("/settings/provider-reports/<int:hook_id>/remove")
@needs("settings")
def remove_report_hook(hook_id: int) -> ResponseReturnValue:
    account = current_account()
    with transaction():
        report_hooks.remove(account, current_member(), report_hooks.find(account, hook_id))
    return see_other(
        "accounts.report_hooks_page", notice="Removed. Take the address out at your provider too."
    )


def _report_hooks(form: ReportHookForm, status: int = 200) -> ResponseReturnValue:
    hooks = report_hooks.of_account(current_account())
    page = render_template(
        "accounts/report_hooks.html", form=form, hooks=hooks, names=providers.NAMES
    )
    return page, status


def _report_hook(hook: ReportHook, form: ReportKeyForm, status: int = 200) -> ResponseReturnValue:
    try:
        url = report_hooks.url(hook)
        topic = report_hooks.key_of(hook) if hook.provider == "ses" else ""
    except Unreadable:
        words = "What is stored for it cannot be read any more. Remove it, then add it again."
        place = "accounts.ask_remove_report_hook"
        return see_other(place, hook_id=hook.id, notice=words, kind="bad")
    page = render_template(
        "accounts/report_hook.html",
        form=form,
        hook=hook,
        name=providers.NAMES[hook.provider],
        url=url,
        topic=topic,
    )
    return page, status
