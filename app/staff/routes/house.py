"""HTTP of the operator's own account: make it, work in it, lists for post and phone."""

from __future__ import annotations

from flask import Response, render_template, stream_with_context
from flask.typing import ResponseReturnValue

from app.accounts import auditing
from app.accounts.forms import take_over
from app.accounts.models import Account
from app.auth import sessions
from app.auth.current import current_member, current_session
from app.contacts import houses
from app.core.db import db, transaction
from app.core.errors import DomainError
from app.core.fragments import see_other
from app.staff import house, reaching
from app.staff.forms import HouseForm
from app.staff.routes.blueprint import bp, for_purposes


@bp.get("/staff/mailings")
@for_purposes("marketing")
def mailings_page() -> ResponseReturnValue:
    return _page(HouseForm())


@bp.post("/staff/mailings")
@for_purposes("marketing")
def make_house() -> ResponseReturnValue:
    form = HouseForm()
    if not form.validate():
        return _page(form, 422)
    try:
        with transaction():
            house.make(name=form.name.data, address=form.address.data, by=current_member())
    except DomainError as error:
        if not take_over(form, getattr(error, "errors", {})):
            raise
        return _page(form, 422)
    return see_other("staff.mailings_page", notice="Made. Customers who agreed come in by now.")


@bp.post("/staff/mailings/enter")
@for_purposes("marketing")
def enter_house() -> ResponseReturnValue:
    with transaction():
        account = house.enter(current_member())
        sessions.look_at(current_session(), account.id)
    return see_other("site.home", notice=f"You are looking at {account.name}.")


@bp.post("/staff/mailings/<channel>.csv")
@for_purposes("marketing")
def reach_list(channel: str) -> ResponseReturnValue:
    """A POST, for each download is written down."""
    reaching.check(channel)
    found = houses.find()
    account = db.session.get(Account, found.account_id) if found else None
    with transaction():
        auditing.note(account, current_member(), "house.list", channel)
    lines = stream_with_context(reaching.rows(channel))
    response = Response(lines, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{channel}.csv"'
    return response


def _page(form: HouseForm, status: int = 200) -> ResponseReturnValue:
    found = houses.find()
    page = render_template(
        "staff/mailings.html", form=form, house=found,
        own=db.session.get(Account, found.account_id) if found else None,
        topics=houses.topics(found) if found else [],
        numbers=reaching.numbers(found) if found else {},
    )  # fmt: skip
    return page, status
