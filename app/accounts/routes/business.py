"""What the business tells of itself."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from app.accounts import (
    businesses,
)
from app.accounts.forms import (
    BusinessForm,
)
from app.accounts.routes.blueprint import bp
from app.auth.current import current_account, current_member, needs
from app.core.db import transaction
from app.core.fragments import see_other


@bp.get("/settings/business")
def business() -> ResponseReturnValue:
    return render_template("accounts/business.html", form=BusinessForm(obj=current_account()))


@bp.post("/settings/business")
@needs("settings")
def save_business() -> ResponseReturnValue:
    form = BusinessForm()
    if not form.validate():
        return render_template("accounts/business.html", form=form), 422
    with transaction():
        businesses.change(
            current_account(),
            current_member(),
            name=form.name.data,
            address=form.address.data,
            website=form.website.data or "",
            zone_name=form.zone_name.data,
            mail_language=form.mail_language.data,
        )
    return see_other("accounts.business", notice="Saved.")
