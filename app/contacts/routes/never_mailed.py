"""Addresses that are never mailed."""

from __future__ import annotations

from flask import (
    request,
)
from flask.typing import ResponseReturnValue

from app.auth.current import current_account
from app.contacts import (
    queries,
    suppressions,
)
from app.contacts.forms import (
    SuppressionForm,
)
from app.contacts.routes.blueprint import bp
from app.core.db import transaction
from app.core.fragments import page_or_fragment, see_other
from app.mailer.address import BadAddress, normalise


@bp.get("/suppressions")
def all_suppressions() -> ResponseReturnValue:
    return _suppressions_page(SuppressionForm())


def _suppressions_page(form: SuppressionForm, status: int = 200) -> ResponseReturnValue:
    text = request.args.get("q", "").strip().lower()[:320]
    found = queries.suppressions(current_account(), cursor=request.args.get("cursor"), address=text)
    return page_or_fragment(
        "contacts/suppressions.html",
        "contacts/_suppressions.html",
        status=status,
        form=form,
        found=found,
        text=text,
        why=suppressions.WORDS,
    )


@bp.post("/suppressions")
def suppress() -> ResponseReturnValue:
    form = SuppressionForm()
    if not form.validate():
        return _suppressions_page(form, 422)
    try:
        address = normalise(form.email.data.strip())
    except BadAddress as error:
        form.email.errors = [str(error)]
        return _suppressions_page(form, 422)
    with transaction():
        suppressions.add(
            current_account().id, address, reason="account", detail=form.detail.data or ""
        )
    return see_other("contacts.all_suppressions", notice=f"{address} is never mailed.")


@bp.post("/suppressions/<int:suppression_id>/lift")
def lift_suppression(suppression_id: int) -> ResponseReturnValue:
    with transaction():
        suppressions.lift(queries.suppression(current_account(), suppression_id))
    return see_other("contacts.all_suppressions", notice="They can be mailed again.")
