"""Lists."""

from __future__ import annotations

from flask import (
    render_template,
    request,
)
from flask.typing import ResponseReturnValue

from app.auth.current import current_account
from app.contacts import (
    finding,
    lists,
    queries,
)
from app.contacts.forms import (
    ListForm,
)
from app.contacts.routes.blueprint import bp
from app.contacts.routes.people import people_context
from app.contacts.signup import rounds
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.fragments import page_or_fragment, see_other


@bp.get("/lists")
def all_lists() -> ResponseReturnValue:
    return _lists_page(ListForm())


def _lists_page(form: ListForm, status: int = 200) -> ResponseReturnValue:
    account = current_account()
    page = render_template(
        "contacts/lists.html",
        form=form,
        lists=queries.lists(account),
        archived=queries.lists(account, archived=True),
    )
    return page, status


@bp.post("/lists")
def create_list() -> ResponseReturnValue:
    form = ListForm()
    if not form.validate():
        return _lists_page(form, 422)
    try:
        with transaction():
            list_ = lists.create(
                current_account(),
                form.name.data,
                opt_in=form.opt_in.data,
                description=form.description.data or "",
            )
    except Invalid as error:
        form.name.errors = [str(error)]
        return _lists_page(form, 422)
    return see_other("contacts.show_list", notice="The list is there.", list_id=list_.id)


@bp.get("/lists/<int:list_id>")
def show_list(list_id: int) -> ResponseReturnValue:
    return _list_page(list_id, None)


def _list_page(list_id: int, form: ListForm | None, status: int = 200) -> ResponseReturnValue:
    account = current_account()
    list_ = queries.list_(account, list_id)
    state = request.args.get("state", "")
    state = state if state in finding.STATES else "active"
    wanted = finding.Wanted(request.args.get("q", "")[:200], list_.id, None, state)
    found = finding.page(account.id, wanted, cursor=request.args.get("cursor"))
    context = people_context(found, wanted) | {
        "list": list_, "form": form or ListForm(obj=list_), "asking": rounds.latest(list_)
    }  # fmt: skip
    return page_or_fragment("contacts/list.html", "contacts/_people.html", status=status, **context)


@bp.post("/lists/<int:list_id>")
def change_list(list_id: int) -> ResponseReturnValue:
    form = ListForm()
    if not form.validate():
        return _list_page(list_id, form, 422)
    try:
        with transaction():
            lists.change(
                queries.list_(current_account(), list_id),
                name=form.name.data,
                opt_in=form.opt_in.data,
                description=form.description.data or "",
            )
    except Invalid as error:
        form.name.errors = [str(error)]
        return _list_page(list_id, form, 422)
    return see_other("contacts.show_list", notice="Saved.", list_id=list_id)


@bp.post("/lists/<int:list_id>/archive")
def archive_list(list_id: int) -> ResponseReturnValue:
    with transaction():
        list_ = queries.list_(current_account(), list_id)
        if request.form.get("undo"):
            lists.unarchive(list_)
        else:
            lists.archive(list_)
    told = "The list is back." if request.form.get("undo") else "Archived. Nobody was removed."
    return see_other("contacts.all_lists", notice=told)
