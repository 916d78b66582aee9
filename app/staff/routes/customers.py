"""HTTP of the list of accounts, of looks into them, and of the panels seen in a look."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue
from wtforms.fields.choices import SelectChoice

from app.accounts.forms import take_over
from app.accounts.models import Account
from app.auth.current import current_member
from app.core.db import transaction
from app.core.errors import DomainError
from app.core.fragments import page_or_fragment, see_other
from app.staff import accounts, looking, panels
from app.staff.forms import LookForm
from app.staff.purposes import KINDS, PURPOSES
from app.staff.routes.blueprint import bp, for_purposes, looking_at

ALL = tuple(PURPOSES)


@bp.get("/staff/accounts")
@for_purposes(*ALL)
def accounts_page() -> ResponseReturnValue:
    text, state = request.args.get("q", "").strip()[:200], request.args.get("state", "")
    found = accounts.search(text, state=state, cursor=request.args.get("cursor"))
    return page_or_fragment(
        "staff/accounts.html", "staff/_accounts.html",
        found=found, text=text, state=state, states=accounts.STATES,
    )  # fmt: skip


@bp.get("/staff/accounts/<int:account_id>")
@for_purposes(*ALL)
def account_page(account_id: int) -> ResponseReturnValue:
    """What may be seen in the look that lasts; where there is none, the form that begins one."""
    account = looking.find_account(account_id)
    return _page(account, _form())


@bp.post("/staff/accounts/<int:account_id>/look")
@for_purposes(*ALL)
def begin_look(account_id: int) -> ResponseReturnValue:
    account, form = looking.find_account(account_id), _form()
    if not form.validate():
        return _page(account, form, 422)
    try:
        with transaction():
            looking.begin(
                looking.find_account(account_id), current_member(), purpose=form.purpose.data,
                reference=form.reference.data, minutes=form.minutes.data,
            )  # fmt: skip
    except DomainError as error:
        if not take_over(form, getattr(error, "errors", {})):
            form.purpose.errors = [str(error)]
        return _page(account, form, error.status)
    return see_other("staff.account_page", account_id=account_id)


@bp.post("/staff/accounts/<int:account_id>/end")
@for_purposes(*ALL)
def end_look(account_id: int) -> ResponseReturnValue:
    looking.find_account(account_id)
    with transaction():
        look = looking.current(account_id, current_member())
        if look is not None:
            looking.end(look)
    return see_other("staff.account_page", account_id=account_id, notice="Your look is over.")


@bp.post("/staff/accounts/<int:account_id>/panels/<panel>")
@for_purposes(*ALL)
def open_panel(account_id: int, panel: str) -> ResponseReturnValue:
    """Looking is an act: it is written into the book here, and shown by the page behind it."""
    _, look = looking_at(account_id, panel)
    panels.find(look.purpose, panel)
    with transaction():
        looking.see(look, panel)
    return see_other("staff.show_panel", account_id=account_id, panel=panel)


@bp.get("/staff/accounts/<int:account_id>/panels/<panel>")
@for_purposes(*ALL)
def show_panel(account_id: int, panel: str) -> ResponseReturnValue:
    account = looking.find_account(account_id)
    look = looking.current(account_id, current_member())
    if look is None or not looking.has_seen(look, panel):
        return see_other("staff.account_page", account_id=account_id)
    account, look = looking_at(account_id, panel)
    shown = panels.find(look.purpose, panel)
    return render_template(
        "staff/account.html", subject=account, look=look, panels=panels.for_purpose(look.purpose),
        panel=shown, **shown.load(account),
    )  # fmt: skip


def _form() -> LookForm:
    form = LookForm()
    if request.method == "GET" and (reference := request.args.get("reference", "")):
        form.reference.data = reference[:200]
    mine = [purpose for purpose in PURPOSES if purpose in (current_member().staff_roles or ())]
    form.purpose.choices = [SelectChoice(name, PURPOSES[name].label) for name in mine]
    return form


def _page(account: Account, form: LookForm, status: int = 200) -> ResponseReturnValue:
    look = looking.current(account.id, current_member())
    page = render_template(
        "staff/account.html", subject=account, look=look, form=form, purposes=PURPOSES,
        kinds=KINDS, may_support_look=looking.may_support_look(account), panel=None,
        panels=panels.for_purpose(look.purpose) if look else [],
    )  # fmt: skip
    return page, status
