"""HTTP for customers: who of the operator's people looks, what they saw, what they may."""

from __future__ import annotations

from collections.abc import Sequence

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.accounts.forms import take_over
from app.auth.current import current_account, current_member, membership_or_none, needs
from app.core.chaining import head
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.fragments import see_other
from app.staff import book, granting, looking
from app.staff.forms import GrantForm
from app.staff.models import StaffLook
from app.staff.purposes import KINDS, PURPOSES
from app.staff.routes.blueprint import bp


@bp.app_template_global("staff_looks")
def staff_looks() -> Sequence[StaffLook]:
    """For the banner on every page: who looks into the account just now."""
    if not current_user.is_authenticated:
        return []
    membership = membership_or_none()
    return looking.going_on(membership.account_id) if membership else []


@bp.get("/settings/staff-access")
def staff_access() -> ResponseReturnValue:
    return _page(GrantForm())


@bp.get("/settings/staff-access/now")
def watching() -> ResponseReturnValue:
    """The banner alone: open pages ask for it, so that a look is seen while it lasts."""
    return render_template("staff/_watching.html")


@bp.post("/settings/staff-access")
@needs("owner")
def choose_staff_access() -> ResponseReturnValue:
    answer = request.form.get("support", "")
    with transaction():
        looking.let_support_look(current_account(), current_member(), answer)
    words = {
        "always": "Support may look when there is a reason.",
        "day": "Support may look until tomorrow.",
        "ask": "Support looks only when you allow it.",
    }
    return see_other("staff.staff_access", notice=words[answer])


@bp.post("/settings/staff-access/grants")
@needs("owner")
def grant_export() -> ResponseReturnValue:
    form = GrantForm()
    if not form.validate():
        return _page(form, 422)
    try:
        with transaction():
            granting.grant(
                current_account(), current_member(), reason=form.reason.data, days=form.days.data
            )
    except Invalid as error:
        if not take_over(form, error.errors):
            raise
        return _page(form, 422)
    return see_other("staff.staff_access", notice="Allowed, once.")


@bp.post("/settings/staff-access/grants/<int:grant_id>/take-back")
@needs("owner")
def take_grant_back(grant_id: int) -> ResponseReturnValue:
    with transaction():
        granting.take_back(current_account(), current_member(), grant_id)
    return see_other("staff.staff_access", notice="Taken back.")


def _page(form: GrantForm, status: int = 200) -> ResponseReturnValue:
    account = current_account()
    page = render_template(
        "staff/access.html", form=form, page=book.page(account, request.args.get("cursor")),
        looks=looking.going_on(account.id), verbs=book.VERBS, kinds=KINDS, purposes=PURPOSES,
        grant=granting.standing(account.id), last=head(book.BOOK, account.id),
        may_support_look=looking.may_support_look(account),
    )  # fmt: skip
    return page, status
