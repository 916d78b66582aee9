"""The history of one contact, page by page."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from app.auth.current import current_account
from app.contacts import queries
from app.contacts.routes.blueprint import bp
from app.core.fragments import page_or_fragment
from app.tracking import timeline


@bp.get("/contacts/<int:contact_id>/history")
def history(contact_id: int) -> ResponseReturnValue:
    """Everything, or one kind of it; from a cursor on."""
    contact = queries.contact(current_account(), contact_id)
    only = request.args.get("only", "")
    only = only if only in timeline.GROUPS else ""
    found = timeline.page(contact, only=only, cursor=request.args.get("cursor"))
    return page_or_fragment(
        "contacts/history.html", "contacts/_history.html", contact=contact, found=found, only=only
    )
