"""HTTP of standing: limits, suspensions, held files, and the owner's answers."""

from __future__ import annotations

from collections.abc import Sequence

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.accounts import ladder
from app.accounts.models import Account
from app.auth.current import current_account, current_member, membership_or_none
from app.contacts import vetting
from app.contacts.models import Import
from app.core.db import db, transaction
from app.core.errors import Invalid
from app.core.fragments import see_other
from app.core.owning import owned
from app.trust import suspending
from app.trust.models import Suspension
from app.trust.routes.blueprint import bp


@bp.app_template_global("suspensions_in_force")
def in_force() -> Sequence[Suspension]:
    """For the banner: asks the database only where something holds."""
    if not current_user.is_authenticated:
        return []
    membership = membership_or_none()
    if membership is None or not membership.account.barred:
        return []
    return suspending.in_force(membership.account)


@bp.get("/settings/standing")
def standing_page() -> ResponseReturnValue:
    return _page(current_account())


def _page(account: Account, wrong: str = "", text: str = "", about: str = "") -> str:
    appeals = suspending.appeals_of(account)
    return render_template(
        "trust/standing.html", limits=ladder.limits(account), moves=ladder.moves(account.id),
        suspensions=suspending.all_of(account), files=vetting.of_account(account),
        appeals=appeals, means=suspending.MEANS, titles=suspending.WORDS,
        titles_over=suspending.WAS, wrong=wrong, text=text, about=about, waiting={
            *(f"suspension-{one.suspension_id}" for one in appeals if not one.answered_at),
            *(f"import-{one.import_id}" for one in appeals if not one.answered_at),
        },
    )  # fmt: skip


@bp.post("/settings/standing/suspensions/<int:suspension_id>")
def appeal_suspension(suspension_id: int) -> ResponseReturnValue:
    account = current_account()
    suspension = suspending.suspension_of(account, suspension_id)
    return _appeal(account, f"suspension-{suspension_id}", suspension=suspension)


@bp.post("/settings/standing/files/<int:import_id>")
def appeal_file(import_id: int) -> ResponseReturnValue:
    account = current_account()
    import_ = owned(Import, account.id, import_id, "That file")
    return _appeal(account, f"import-{import_id}", import_=import_)


def _appeal(
    account: Account, about: str, *, suspension: Suspension | None = None,
    import_: Import | None = None,
) -> ResponseReturnValue:  # fmt: skip
    text = request.form.get("text", "")
    try:
        with transaction():
            suspending.appeal(
                account, current_member(), text, suspension=suspension, import_=import_
            )
    except Invalid as error:
        db.session.rollback()
        return _page(account, str(error), text, about), 422
    return see_other("trust.standing_page", notice="Your answer is here and will be read.")
