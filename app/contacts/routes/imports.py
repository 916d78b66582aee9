"""Bringing a file of people."""

from __future__ import annotations

from typing import Any

from flask import (
    make_response,
    render_template,
    request,
)
from flask.typing import ResponseReturnValue

from app.auth.current import current_account, current_member, needs
from app.contacts import (
    exporting,
    fields,
    importing,
    jobs,
    letters,
    lists,
    mapping,
    queries,
    undoing,
)
from app.contacts.forms import (
    ImportForm,
    UploadForm,
)
from app.contacts.models import Import
from app.contacts.routes.blueprint import bp, csv_answer
from app.core.db import transaction
from app.core.errors import DomainError, Invalid
from app.core.fragments import see_other, wants_fragment


@bp.get("/imports")
def imports() -> ResponseReturnValue:
    found = queries.imports(current_account(), cursor=request.args.get("cursor"))
    undone = undoing.undone(found.items)
    return render_template("contacts/imports.html", found=found, undone=undone)


@bp.get("/imports/new")
@needs("editor")
def new_import() -> ResponseReturnValue:
    return render_template("contacts/upload.html", form=UploadForm())


@bp.post("/imports/new")
def upload() -> ResponseReturnValue:
    form = UploadForm()
    if not form.validate():
        return render_template("contacts/upload.html", form=form), 422
    file = form.file.data
    try:
        import_ = importing.stage(
            current_account(),
            file.stream,
            file.filename,
            member_id=current_member().id,
            confirmed=False,
        )
    except DomainError as error:
        form.file.errors = [str(error)]
        return render_template("contacts/upload.html", form=form), error.status
    finally:
        file.close()
    return see_other("contacts.map_import", import_id=import_.id)


@bp.get("/imports/<int:import_id>/columns")
@needs("editor")
def map_import(import_id: int) -> ResponseReturnValue:
    import_ = queries.import_(current_account(), import_id)
    if import_.state != "draft":
        return see_other("contacts.show_import", import_id=import_id)
    return _columns_page(import_, ImportForm(), import_.mapping["columns"])


def _columns_page(
    import_: Import, form: ImportForm, columns: mapping.Columns, problem: str = ""
) -> ResponseReturnValue:
    account = current_account()
    form.offer(queries.lists(account))
    page = render_template(
        "contacts/columns.html",
        form=form,
        problem=problem,
        **_preview(import_, columns),
    )
    return page, 422 if problem or form.errors else 200


def _preview(import_: Import, columns: mapping.Columns) -> dict[str, Any]:
    has_address = any(column["to"] == "email" for column in columns)
    return {
        "import_": import_,
        "columns": columns,
        "targets": mapping.TARGETS,
        "known": fields.of(import_.account_id),
        "encodings": letters.ENCODINGS,
        "rows": importing.preview(import_, columns) if has_address else [],
    }


def _chosen(import_: Import) -> mapping.Columns:
    """The columns as the form says; what means nothing is left out."""
    known = fields.of(import_.account_id)
    asked = [
        {"name": column["name"], "to": request.form.get(f"column-{place}", column["to"])}
        for place, column in enumerate(import_.mapping["columns"])
    ]
    return [c if _is_target(c["to"], known) else {**c, "to": "skip"} for c in asked]


@bp.post("/imports/<int:import_id>/preview")
def preview_import(import_id: int) -> ResponseReturnValue:
    """The first rows as they would look; changes nothing."""
    import_ = queries.import_(current_account(), import_id)
    columns = _chosen(import_)
    return render_template("contacts/_preview.html", **_preview(import_, columns))


@bp.post("/imports/<int:import_id>/letters")
def read_letters(import_id: int) -> ResponseReturnValue:
    """Read the file in the encoding that was chosen, and show the columns and rows again."""
    import_ = queries.import_(current_account(), import_id)
    with transaction():
        columns = importing.read_as(import_, request.form.get("encoding", ""), _chosen(import_))
    if not wants_fragment():
        return see_other("contacts.map_import", import_id=import_id)
    return render_template("contacts/_columns.html", **_preview(import_, columns))


def _is_target(target: str, known: dict[str, Any]) -> bool:
    kind, _, rest = target.partition(":")
    return target in mapping.TARGETS or kind == "new" or (kind == "field" and rest in known)


@bp.post("/imports/<int:import_id>/columns")
def start_import(import_id: int) -> ResponseReturnValue:
    account, form = current_account(), ImportForm()
    import_ = queries.import_(account, import_id)
    columns = _chosen(import_)
    form.offer(queries.lists(account))
    if not form.validate():
        return _columns_page(import_, form, columns)
    try:
        with transaction():
            import_ = queries.import_(account, import_id)
            if (encoding := request.form.get("encoding")) and encoding != import_.dialect[
                "encoding"
            ]:
                columns = importing.read_as(import_, encoding, columns)
            list_ = None
            if form.list.data == "new":
                list_ = lists.create(account, form.new_list.data or "")
            elif form.list.data:
                list_ = queries.list_(account, int(form.list.data))
            importing.start(
                import_, list_=list_, columns=columns, mode=form.mode.data, basis=form.basis.data
            )
    except Invalid as error:
        import_ = queries.import_(account, import_id)
        return _columns_page(import_, form, columns, str(error))
    jobs.wake(import_id)
    return see_other("contacts.show_import", import_id=import_id)


@bp.get("/imports/<int:import_id>")
def show_import(import_id: int) -> ResponseReturnValue:
    import_ = queries.import_(current_account(), import_id)
    if import_.state == "draft":
        return see_other("contacts.map_import", import_id=import_id)
    journal = undoing.journal_of(import_)
    return render_template(
        "contacts/import.html",
        import_=import_,
        problems=queries.problems(import_, limit=20),
        journal=journal,
        can_undo=undoing.can_begin(import_, journal),
    )


@bp.get("/imports/<int:import_id>/progress")
def import_progress(import_id: int) -> ResponseReturnValue:
    import_ = queries.import_(current_account(), import_id)
    response = make_response(render_template("contacts/_progress.html", import_=import_))
    if import_.state in ("finished", "failed"):
        # The whole page, with the rows that were not taken and the way to undo it.
        response.headers["HX-Refresh"] = "true"
    return response


@bp.get("/imports/<int:import_id>/rejected.csv")
def rejected_rows(import_id: int) -> ResponseReturnValue:
    import_ = queries.import_(current_account(), import_id)
    return csv_answer(exporting.rejected(import_), f"import-{import_id}-rejected.csv")
