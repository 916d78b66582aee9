"""HTTP of a person's own page: what is kept, what they declared and agreed to."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.accounts.models import Account
from app.auth.current import current_member, personal
from app.contacts import queries
from app.contacts.models import Consent, ConsentSeal, Suppression
from app.core.db import db, transaction
from app.core.fragments import see_other
from app.preferences import privacy_page
from app.privacy import consenting, disclosing, incidents
from app.privacy.routes.blueprint import account_or_none, bp, network
from app.staff import following

#: What has no kept counter is counted so far; beyond it, pages say "or more".
MOST = 10_000


@bp.get("/settings/data")
@personal
def data() -> ResponseReturnValue:
    member, account = current_member(), account_or_none()
    return render_template(
        "privacy/data.html",
        wordings=consenting.WORDINGS,
        standing=consenting.standing(member),
        history=consenting.history(member),
        acceptances=consenting.acceptances(member),
        counts=_counts(account),
        most=MOST,
        disclosures=disclosing.about(account) if account else [],
        withheld=disclosing.withheld(),
        grounds=disclosing.GROUNDS,
        incidents=incidents.about(account) if account else [],
        facts=privacy_page.facts(account) if account else None,
    )


@bp.post("/settings/consents/<kind>")
@personal
def consent(kind: str) -> ResponseReturnValue:
    granted = request.form.get("granted") == "yes"
    with transaction():
        consenting.record(
            current_member(), account_or_none(), kind, granted=granted, network=network()
        )
        # At once, so that no mailing that is under way reaches who has just left.
        following.follow([current_member().id])
    return see_other("privacy.data", notice="Noted." if granted else "Taken back.")


def _counts(account: Account | None) -> dict[str, int]:
    """The box of customer-supplied data, for the account being looked at; the same cost at any
    size: kept counters, and at most MOST rows of what has none."""
    if account is None:
        return {"contacts": 0, "suppressed": 0, "consents": 0}
    sealed = (
        sa.select(sa.func.sum(ConsentSeal.entries), sa.func.max(ConsentSeal.last_id))
        .where(ConsentSeal.account_id == account.id)
    )  # fmt: skip
    entries, last_id = db.session.execute(sealed).one()
    return {
        "contacts": queries.headcount(account),
        "suppressed": _up_to_most(Suppression, Suppression.account_id == account.id),
        "consents": int(entries or 0)
        + _up_to_most(Consent, Consent.account_id == account.id, Consent.id > (last_id or 0)),
    }


def _up_to_most(model: Any, *which: sa.ColumnElement[bool]) -> int:
    some = sa.select(model.id).where(*which).limit(MOST).subquery()
    return db.session.scalar(sa.select(sa.func.count()).select_from(some)) or 0
