"""HTTP of leaving: closing an account, undoing that, one's own data, and deleting one's login."""

from __future__ import annotations

from flask import Response, render_template, request
from flask.typing import ResponseReturnValue

from app.accounts.people import LastOwner
from app.auth.current import (
    before_accepting,
    current_account,
    current_member,
    membership_or_none,
    needs,
    personal,
    sensitive,
)
from app.core.clock import now
from app.core.db import transaction
from app.core.errors import Invalid, WrongState
from app.core.fragments import go, see_other
from app.moving import estimating
from app.trust import closing, own_data
from app.trust.routes.blueprint import bp


@bp.get("/settings/close")
@before_accepting
@needs("owner")
def close_page() -> ResponseReturnValue:
    return _page()


def _page(wrong: str = "", typed: str = "") -> str:
    account = current_account()
    return render_template(
        "trust/close.html", closing=closing.of(account), days=closing.UNDO.days, wrong=wrong,
        typed=typed, counts=estimating.estimate(account), at=now(),
    )  # fmt: skip


@bp.post("/settings/close")
@before_accepting
@needs("owner")
@sensitive("trust.close_page")
def close_account() -> ResponseReturnValue:
    typed = request.form.get("name", "")
    account = current_account()
    try:
        with transaction():
            closing.begin(account, current_member(), name=typed)
    except (Invalid, WrongState) as error:
        return _page(str(error), typed), error.status
    return see_other("trust.close_page", notice="It is being closed. You can undo it here.")


@bp.post("/settings/close/undo")
@before_accepting
@needs("owner")
def undo_closing() -> ResponseReturnValue:
    account = current_account()
    with transaction():
        closing.undo(account, current_member())
    return see_other("site.home", notice="Everything stays as it was. Campaigns wait for you.")


@bp.get("/profile/data")
@before_accepting
@personal
def own_data_page() -> ResponseReturnValue:
    return _own_page()


def _own_page(wrong: str = "", typed: str = "") -> str:
    member = current_member()
    return render_template(
        "trust/own_data.html", wrong=wrong, typed=typed, alone_in=own_data.alone_in(member),
        titles=own_data.TITLES,
        tables=own_data.counts(member),
        membership=membership_or_none(),
    )  # fmt: skip


@bp.get("/profile/data.zip")
@before_accepting
@personal
@sensitive("trust.own_data_page")
def download_own_data() -> Response:
    response = Response(own_data.as_zip(current_member()), mimetype="application/zip")
    name = f"leadersend-{now():%Y-%m-%d}.zip"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.post("/profile/delete")
@before_accepting
@personal
@sensitive("trust.own_data_page")
def delete_login() -> ResponseReturnValue:
    member, typed = current_member(), request.form.get("email", "")
    try:
        with transaction():
            own_data.delete_login(member, typed=typed)
    except (Invalid, LastOwner, WrongState) as error:
        return _own_page(str(error), typed), error.status
    return go("/")
