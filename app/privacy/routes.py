"""HTTP of privacy: the policy and its versions; what a person declared and agreed to."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.accounts.models import Account
from app.auth.current import current_member, membership_or_none, personal, public
from app.contacts.models import Consent, Contact, Suppression
from app.core import networks
from app.core.db import db, transaction
from app.core.errors import NotFound
from app.core.fragments import go, own_path, see_other
from app.privacy import comparing, consenting, publishing
from app.privacy.models import PolicyVersion

bp = Blueprint("privacy", __name__)


@bp.app_context_processor
def news() -> dict[str, Any]:
    """For the banner; asked only by templates that show it."""
    return {"policy_news": policy_news}


def policy_news() -> PolicyVersion | None:
    """The newest version, while the signed-in person has not accepted it."""
    if not current_user.is_authenticated or request.blueprint == bp.name:
        return None
    newest = publishing.current()
    return None if consenting.has_accepted(current_member(), newest) else newest


@bp.get("/privacy")
@public
def policy() -> ResponseReturnValue:
    return _page(publishing.current())


@bp.get("/privacy/versions")
@public
def versions() -> ResponseReturnValue:
    publishing.current()
    return render_template("privacy/versions.html", versions=publishing.versions())


@bp.get("/privacy/versions/<int:number>")
@public
def version(number: int) -> ResponseReturnValue:
    return _page(publishing.version(number))


def _page(shown: PolicyVersion) -> str:
    signed_in = current_user.is_authenticated
    return render_template(
        "privacy/policy.html",
        version=shown,
        is_current=shown.id == publishing.current().id,
        accepted=signed_in and consenting.has_accepted(current_member(), shown),
    )


@bp.get("/privacy/compare")
@public
def compare() -> ResponseReturnValue:
    newest = publishing.current().number
    after = publishing.version(request.args.get("to", newest, type=int))
    before = publishing.version(request.args.get("from", max(1, after.number - 1), type=int))
    parts = comparing.compare(before.sections, after.sections)
    return render_template(
        "privacy/compare.html",
        before=before,
        after=after,
        parts=parts,
        changes=sum(part.changes for part in parts),
    )


@bp.post("/privacy/versions/<int:number>/accept")
@personal
def accept(number: int) -> ResponseReturnValue:
    if publishing.current().number != number:
        raise NotFound("That version is not in force. The newest one")
    with transaction():
        consenting.accept(
            current_member(), _account(), publishing.version(number), network=_network()
        )
    flash(f"Version {number} is accepted. Thank you.", "done")
    return go(own_path(request.form.get("next"), otherwise=url_for("privacy.data")))


@bp.get("/settings/data")
@personal
def data() -> ResponseReturnValue:
    member = current_member()
    return render_template(
        "privacy/data.html",
        wordings=consenting.WORDINGS,
        standing=consenting.standing(member),
        history=consenting.history(member),
        acceptances=consenting.acceptances(member),
        counts=_counts(_account()),
    )


@bp.post("/settings/consents/<kind>")
@personal
def consent(kind: str) -> ResponseReturnValue:
    granted = request.form.get("granted") == "yes"
    with transaction():
        consenting.record(current_member(), _account(), kind, granted=granted, network=_network())
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


def _account() -> Account | None:
    membership = membership_or_none()
    return membership.account if membership else None


def _network() -> str:
    return networks.shortened(request.remote_addr)
