"""Cleaning up: what a look through the contacts found, and one thing to do about each."""

from __future__ import annotations

from typing import Any

from flask import render_template
from flask.typing import ResponseReturnValue

from app.auth.current import current_account
from app.contacts import hygiene, queries
from app.contacts.routes.blueprint import bp
from app.core.db import transaction
from app.core.fragments import see_other
from app.tracking import jobs as tracking_jobs
from app.tracking import scanning, silence

AT_ONCE_S = 0.5


@bp.get("/contacts/clean-up")
def clean_up() -> ResponseReturnValue:
    """The page."""
    account = current_account()
    look = hygiene.latest(account)
    return render_template(
        "contacts/clean_up.html", forecasts=silence.forecasts(account, look), **_context(look)
    )


@bp.get("/contacts/clean-up/progress")
def clean_up_progress() -> ResponseReturnValue:
    """How far a look is; asks for itself again."""
    return render_template("contacts/_look.html", **_context(hygiene.latest(current_account())))


def _context(look: Any) -> dict[str, Any]:
    account = current_account()
    return {
        "look": look,
        "headcount": queries.headcount(account),
        "twice": sum(look.counts.get(kind, 0) for kind in hygiene.LIKENESSES) if look else 0,
    }


@bp.post("/contacts/clean-up/look")
def look_through() -> ResponseReturnValue:
    """Look at everybody anew."""
    account = current_account()
    with transaction():
        hygiene.begin(account)
    if scanning.run(account.id, budget_s=AT_ONCE_S):
        tracking_jobs.wake_look(account.id)
    return see_other("contacts.clean_up")


@bp.get("/contacts/clean-up/duplicates")
def duplicates() -> ResponseReturnValue:
    """Pairs that may be one person."""
    account = current_account()
    return render_template(
        "contacts/duplicates.html", pairs=hygiene.pairs(account), look=hygiene.latest(account)
    )
