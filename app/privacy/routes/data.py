"""HTTP of a person's own page: what is kept, what they declared and agreed to."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.accounts.models import Account
from app.auth.current import current_member, personal
from app.contacts.models import Consent, Contact, Suppression
from app.core.db import db, transaction
from app.core.fragments import see_other
from app.preferences import privacy_page
from app.privacy import consenting, disclosing, incidents
from app.privacy.routes.blueprint import account_or_none, bp, network
from app.staff import following


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
    """The box of customer-supplied data, for the account being looked at."""

    def rows(model: Any, *more: sa.ColumnElement[bool]) -> int:
        if account is None:
            return 0
        query = sa.select(sa.func.count()).where(model.account_id == account.id, *more)
        return db.session.scalar(query) or 0

    organisations = rows(Contact, Contact.kind == "organisation")
    return {
        "people": rows(Contact) - organisations,
        "organisations": organisations,
        "suppressed": rows(Suppression),
        "consents": rows(Consent),
    }
