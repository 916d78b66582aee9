"""How many come and go."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.auth.current import current_account
from app.contacts import growth, queries
from app.contacts.routes.blueprint import bp


@bp.get("/contacts/growth")
def account_growth() -> ResponseReturnValue:
    """All contacts."""
    account = current_account()
    return _page(growth.of_account(account, _unit()), None)


@bp.get("/lists/<int:list_id>/growth")
def list_growth(list_id: int) -> ResponseReturnValue:
    """One list."""
    list_ = queries.list_(current_account(), list_id)
    return _page(growth.of_list(list_, _unit()), list_)


def _unit() -> str:
    unit = request.args.get("by", "day")
    return unit if unit in growth.STEPS else "day"


def _page(found: growth.Growth, list_: object) -> ResponseReturnValue:
    return render_template(
        "contacts/growth.html", growth=found, list=list_, lists=queries.lists(current_account())
    )
