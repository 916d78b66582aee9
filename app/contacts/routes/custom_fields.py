"""Custom fields."""

from __future__ import annotations

from flask import (
    render_template,
    request,
)
from flask.typing import ResponseReturnValue

from app.auth.current import current_account
from app.contacts import (
    fields,
    queries,
)
from app.contacts.forms import (
    FieldForm,
)
from app.contacts.routes.blueprint import bp
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.fragments import see_other


@bp.get("/contacts/fields")
def all_fields() -> ResponseReturnValue:
    return _fields_page(FieldForm())


def _fields_page(form: FieldForm, status: int = 200) -> ResponseReturnValue:
    known = fields.of(current_account().id).values()
    page = render_template("contacts/fields.html", form=form, known=known, types=fields.TYPES)
    return page, status


@bp.post("/contacts/fields")
def create_field() -> ResponseReturnValue:
    form = FieldForm()
    if not form.validate():
        return _fields_page(form, 422)
    try:
        with transaction():
            fields.create(current_account().id, form.label.data, type_=form.type.data)
    except Invalid as error:
        form.label.errors = [str(error)]
        return _fields_page(form, 422)
    return see_other("contacts.all_fields", notice="The field is there.")


@bp.post("/contacts/fields/<int:field_id>")
def change_field(field_id: int) -> ResponseReturnValue:
    with transaction():
        field = queries.field(current_account(), field_id)
        if request.form.get("action") == "delete":
            fields.delete(field)
        else:
            fields.rename(field, request.form.get("label", ""))
    return see_other("contacts.all_fields", notice="Done.")
