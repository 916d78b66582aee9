"""What stands between a signed-in person and a view: a second factor, or proof from just now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, request, url_for

from app.auth import demanding, sessions
from app.auth.current import current_session, membership_or_none
from app.core.fragments import go, see_other

FIRST = "Set up a second factor first, here below. It takes a minute."


def detour(marks: Mapping[str, Any]) -> Response | None:
    """Where the person must go before this view opens; None where nothing is in the way."""
    session = current_session()
    if _lacks_factor(marks):
        return see_other("auth.security", notice=FIRST, kind="warn")
    if marks.get("is_staff_only") and not sessions.is_recent(session, within=sessions.SHIFT):
        own = request.path if request.method == "GET" else url_for("staff.console")
        return go(url_for("auth.confirm", next=own))
    back = marks.get("goes_back_to")
    if back and not sessions.is_recent(session):
        own = request.path if request.method == "GET" else url_for(back)
        return go(url_for("auth.confirm", next=own))
    return None


def _lacks_factor(marks: Mapping[str, Any]) -> bool:
    session = current_session()
    if marks.get("is_staff_only"):
        return demanding.is_due_for_staff(session)
    if marks.get("is_personal"):
        return False
    membership = membership_or_none()
    return membership is not None and demanding.is_due(membership.account, session)
