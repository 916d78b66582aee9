"""Addresses that are never mailed."""

from __future__ import annotations

from flask import (
    request,
)
from flask.typing import ResponseReturnValue

from app.auth.current import current_account
from app.contacts import (
    domain_rules,
    queries,
    suppressions,
)
from app.contacts.forms import (
    DomainForm,
    SuppressionForm,
)
from app.contacts.routes.blueprint import bp
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.fragments import page_or_fragment, see_other
from app.mailer.address import BadAddress, normalise


@bp.get("/suppressions")
def all_suppressions() -> ResponseReturnValue:
    return _suppressions_page(SuppressionForm())


def _suppressions_page(
    form: SuppressionForm, status: int = 200, domain_form: DomainForm | None = None
) -> ResponseReturnValue:
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
        domains=domain_rules.all_rules(current_account().id),
        domain_form=domain_form or DomainForm(),
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


@bp.post("/suppressions/domains")
def rule_on_domain() -> ResponseReturnValue:
    form = DomainForm()
    if not form.validate():
        return _suppressions_page(SuppressionForm(formdata=None), 422, form)
    lets_in = form.lets_in.data == "in"
    try:
        with transaction():
            rule = domain_rules.add(current_account().id, form.domain.data or "", lets_in=lets_in)
    except Invalid as error:
        form.domain.errors = [str(error)]
        return _suppressions_page(SuppressionForm(formdata=None), 422, form)
    words = "is let in." if lets_in else "is kept out."
    return see_other("contacts.all_suppressions", notice=f"{rule.domain} {words}")


@bp.post("/suppressions/domains/forget")
def forget_domain() -> ResponseReturnValue:
    domain = request.form.get("domain", "")[:255]
    with transaction():
        domain_rules.remove(current_account().id, domain)
    return see_other("contacts.all_suppressions", notice=f"The rule on {domain} is gone.")
