"""HTTP of the policy: its versions, what changed between them, accepting one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, flash, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.auth.current import current_member, personal, public
from app.core import settings
from app.core.db import transaction
from app.core.fragments import go, own_path, wants_fragment
from app.privacy import comparing, consenting, publishing
from app.privacy.models import PolicyVersion
from app.privacy.publishing import News, Standing
from app.privacy.routes.blueprint import account_or_none, bp, network

FEED_LENGTH = 30


@bp.app_context_processor
def news() -> dict[str, Any]:
    """For the banner; asked only by templates that show it."""
    return {"policy_news": policy_news}


def policy_news() -> News | None:
    """The newest version, while the signed-in person has not accepted it."""
    if not current_user.is_authenticated or request.blueprint == bp.name:
        return None
    if not _standing().is_kept_up:
        publishing.keep_up()
        g.pop("policy_standing")
    return _standing().news


def _standing() -> Standing:
    """Of the signed-in person, asked for once a request."""
    if "policy_standing" not in g:
        g.policy_standing = publishing.standing_of(current_member())
    found: Standing = g.policy_standing
    return found


def asking_first(marks: Mapping[str, Any]) -> Response | None:
    """Where a version matters, the page that asks to accept it comes before any other.

    What somebody has just written is taken all the same: only looking at pages waits.
    """
    goes_without = marks.get("is_personal") or marks.get("is_before_accepting")
    if goes_without or request.method != "GET" or wants_fragment():
        return None
    if _standing().wanted is None:
        return None
    wanted = request.full_path.rstrip("?")
    return make_response(redirect(url_for("privacy.ask", next=wanted), 303))


@bp.get("/privacy")
@public
def policy() -> ResponseReturnValue:
    return _page(publishing.current())


@bp.get("/privacy/versions")
@public
def versions() -> ResponseReturnValue:
    publishing.keep_up()
    found = publishing.versions()
    return render_template(
        "privacy/versions.html", versions=found, replaced=publishing.replacements(found)
    )


@bp.get("/privacy/versions/<int:number>")
@public
def version(number: int) -> ResponseReturnValue:
    return _page(publishing.version(number))


def _page(shown: PolicyVersion) -> str:
    signed_in = current_user.is_authenticated
    in_force = publishing.current()
    return render_template(
        "privacy/policy.html",
        version=shown,
        in_force=in_force,
        ahead=publishing.ahead(),
        replaced_by=publishing.replacements([shown]).get(shown.number),
        is_paper="paper" in request.args,
        accepted=signed_in and consenting.has_accepted(current_member(), shown),
    )


@bp.get("/privacy/compare")
@public
def compare() -> ResponseReturnValue:
    newest = publishing.current().number
    after = publishing.version(request.args.get("to", newest, type=int))
    usual = after.follows or max(1, after.number - 1)
    before = publishing.version(request.args.get("from", usual, type=int))
    parts = comparing.compare(before.sections, after.sections)
    return render_template(
        "privacy/compare.html",
        before=before,
        after=after,
        parts=[part for part in parts if part.changes],
        changes=sum(part.changes for part in parts),
        is_paper="paper" in request.args,
    )


@bp.get("/privacy/feed.xml")
@public
def feed() -> ResponseReturnValue:
    """Atom (RFC 4287): an entry a version."""
    publishing.keep_up()
    found = publishing.versions(FEED_LENGTH)
    response = make_response(
        render_template("privacy/feed.xml", versions=found, base=settings.get().BASE_URL)
    )
    response.headers["Content-Type"] = "application/atom+xml; charset=utf-8"
    response.last_modified = found[0].published_at
    response.add_etag()
    return response.make_conditional(request)


@bp.get("/privacy/accept")
@personal
def ask() -> ResponseReturnValue:
    """Asked before somebody goes on; leaving and taking everything along stay possible."""
    wanted = _standing().wanted
    target = own_path(request.args.get("next"))
    if wanted is None:
        return go(target)
    # Another version may count since then; accepting that one accepts this one as well.
    in_force = publishing.current()
    return render_template("privacy/ask.html", wanted=wanted, in_force=in_force, next=target)


@bp.post("/privacy/versions/<int:number>/accept")
@personal
def accept(number: int) -> ResponseReturnValue:
    with transaction():
        accepted = consenting.acceptable(number)
        consenting.accept(current_member(), account_or_none(), accepted, network=network())
    flash(f"Version {number} is accepted. Thank you.", "done")
    return go(own_path(request.form.get("next"), otherwise=url_for("privacy.data")))
