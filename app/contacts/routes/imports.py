"""Bringing a file of people."""

from __future__ import annotations

import io
from typing import Any

from flask import make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.auth.current import current_account, current_member, needs
from app.contacts import (
    checking,
    exporting,
    fields,
    importing,
    jobs,
    letters,
    lists,
    mapping,
    marks,
    queries,
    services,
    undoing,
)
from app.contacts.formats import converting
from app.contacts.formats.pasted import as_csv
from app.contacts.forms import (
    ImportForm,
    UploadForm,
)
from app.contacts.models import Import
from app.contacts.routes.blueprint import bp
from app.core.db import transaction
from app.core.errors import DomainError, Invalid, WrongState
from app.core.fragments import csv_answer, see_other, wants_fragment


@bp.get("/imports")
def imports() -> ResponseReturnValue:
    found = queries.imports(current_account(), cursor=request.args.get("cursor"))
    undone = undoing.undone(found.items)
    return render_template("contacts/imports.html", found=found, undone=undone)


@bp.get("/imports/new")
@needs("contacts.change")
def new_import() -> ResponseReturnValue:
    return render_template("contacts/upload.html", form=UploadForm())


@bp.post("/imports/new")
def upload() -> ResponseReturnValue:
    form = UploadForm()
    if not form.validate():
        return render_template("contacts/upload.html", form=form), 422
    file = form.file.data
    pasted = io.BytesIO(as_csv(form.text.data or ""))
    try:
        import_ = importing.stage(
            current_account(),
            file.stream if file else pasted,
            file.filename if file else "pasted.csv",
            member_id=current_member().id,
            confirmed=False,
        )
    except DomainError as error:
        (form.file if file else form.text).errors = [str(error)]
        return render_template("contacts/upload.html", form=form), error.status
    finally:
        if file:
            file.close()
    if import_.state == "reading":
        jobs.wake(import_.id)
        return see_other("contacts.show_import", import_id=import_.id)
    return see_other("contacts.map_import", import_id=import_.id)


@bp.get("/imports/<int:import_id>/columns")
@needs("contacts.change")
def map_import(import_id: int) -> ResponseReturnValue:
    import_ = queries.import_(current_account(), import_id)
    if import_.state not in importing.OPEN:
        return see_other("contacts.show_import", import_id=import_id)
    form = ImportForm(data={**import_.choices, "repair": bool(import_.mapping.get("repair"))})
    anew = request.args.get("guess") == "anew"
    columns = importing.guess(import_) if anew else import_.mapping["columns"]
    return _columns_page(import_, form, columns, anew=anew)


def _columns_page(
    import_: Import,
    form: ImportForm,
    columns: mapping.Columns,
    problem: str = "",
    *,
    anew: bool = False,
) -> ResponseReturnValue:
    account = current_account()
    form.offer(queries.lists(account))
    before = None if anew else import_.choices.get("remembered")
    page = render_template(
        "contacts/columns.html",
        form=form,
        problem=problem,
        service=services.recognise(map(mapping.fold, import_.dialect["columns"])),
        kinds=converting.KINDS,
        before=queries.import_(account, before) if before else None,
        problems=queries.problems(import_, limit=20) if import_.state == "checked" else [],
        **_preview(import_, columns),
    )
    return page, 422 if problem or form.errors else 200


def _preview(import_: Import, columns: mapping.Columns) -> dict[str, Any]:
    has_address = any(column["to"] == "email" for column in columns)
    repairs = bool(request.form.get("repair")) or bool(
        request.method == "GET" and import_.mapping.get("repair")
    )
    shown = importing.preview(import_, columns, repairs=repairs) if has_address else []
    seen = checking.glance(import_, columns, repairs=False) if has_address else {}
    return {
        "import_": import_,
        "columns": columns,
        "targets": mapping.TARGETS,
        "known": fields.of(import_.account_id),
        "types": fields.TYPES,
        "encodings": letters.ENCODINGS,
        "rows": shown,
        "no_rows": importing.NO_ROWS if importing.is_empty(import_) else "",
        "marks_of": marks.of,
        "seen": seen,
        "proposals": marks.proposals(seen.get("marks", {})),
        "repairs": repairs,
    }


def _chosen(import_: Import) -> mapping.Columns:
    """The columns as the form says; what means nothing is left out."""
    known = fields.of(import_.account_id)
    found = [
        _column(column, place, known) for place, column in enumerate(import_.mapping["columns"])
    ]
    return importing.complete(import_, found)


def _column(column: dict[str, Any], place: int, known: dict[str, Any]) -> dict[str, Any]:
    """One column: `new.date:Born` is a new field that holds dates."""
    to = request.form.get(f"column-{place}", _as_option(column))
    kind, _, label = to.partition(":")
    word, _, type_ = kind.partition(".")
    asked: dict[str, Any] = {"name": column["name"], "to": f"new:{label}" if word == "new" else to}
    if word == "new" and type_ in fields.TYPES and type_ != "text":
        asked["type"] = type_
    if request.form.get(f"keep-{place}"):
        asked["keep"] = True
    return asked if _is_target(asked["to"], known) else {**asked, "to": "skip"}


def _as_option(column: dict[str, Any]) -> str:
    """What a column becomes, as the form writes it."""
    word, _, label = str(column["to"]).partition(":")
    return f"new.{column['type']}:{label}" if word == "new" and "type" in column else column["to"]


@bp.post("/imports/<int:import_id>/preview")
def preview_import(import_id: int) -> ResponseReturnValue:
    """The first rows as they would look; changes nothing."""
    import_ = _open_import(import_id)
    columns = _chosen(import_)
    return render_template("contacts/_preview.html", **_preview(import_, columns))


def _open_import(import_id: int) -> Import:
    """An import whose columns can still be chosen."""
    import_ = queries.import_(current_account(), import_id)
    importing.demand_open(import_)
    return import_


@bp.post("/imports/<int:import_id>/letters")
def read_letters(import_id: int) -> ResponseReturnValue:
    """Read the file in the encoding that was chosen, and show the columns and rows again."""
    import_ = _open_import(import_id)
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
    if _is_started(import_id):
        return _started_already(import_id)
    import_ = _open_import(import_id)
    columns = _chosen(import_)
    form.offer(queries.lists(account))
    if not form.validate():
        return _columns_page(import_, form, columns)
    try:
        with transaction():
            import_ = queries.import_(account, import_id)
            columns = _in_letters(import_, columns)
            list_ = None
            if form.list.data == "new":
                list_ = lists.create(account, form.new_list.data or "")
            elif form.list.data:
                list_ = queries.list_(account, int(form.list.data))
            importing.start(
                import_,
                list_=list_,
                columns=columns,
                mode=form.mode.data,
                basis=form.basis.data,
                repair=form.repair.data,
            )
    except (Invalid, WrongState) as error:
        if _is_started(import_id):
            return _started_already(import_id)
        import_ = _open_import(import_id)
        return _columns_page(import_, form, columns, str(error))
    jobs.wake(import_id)
    return see_other("contacts.show_import", import_id=import_id)


def _is_started(import_id: int) -> bool:
    state = queries.import_(current_account(), import_id).state
    return state in ("queued", "running", "finished", "failed")


def _started_already(import_id: int) -> ResponseReturnValue:
    """The button was pressed twice, or on a page of before: here is what became of it."""
    return see_other(
        "contacts.show_import", import_id=import_id, notice=importing.STARTED, kind="info"
    )


def _in_letters(import_: Import, columns: mapping.Columns) -> mapping.Columns:
    """The columns; the file is read in another encoding first, where one was chosen."""
    encoding = request.form.get("encoding")
    if not encoding or encoding == import_.dialect["encoding"]:
        return columns
    return importing.read_as(import_, encoding, columns)


@bp.post("/imports/<int:import_id>/check")
def check_import(import_id: int) -> ResponseReturnValue:
    """Look at the whole file as an import would, without taking anybody in."""
    account, form = current_account(), ImportForm()
    import_ = _open_import(import_id)
    columns = _chosen(import_)
    form.offer(queries.lists(account))
    try:
        with transaction():
            import_ = queries.import_(account, import_id)
            columns = _in_letters(import_, columns)
            importing.plan(import_, columns, form.choices(), repair=form.repair.data)
            checking.begin(import_)
    except Invalid as error:
        import_ = queries.import_(account, import_id)
        return _columns_page(import_, form, columns, str(error))
    jobs.wake(import_id)
    return see_other("contacts.show_import", import_id=import_id)


@bp.post("/imports/<int:import_id>/check/stop")
def stop_check(import_id: int) -> ResponseReturnValue:
    """Go back to the columns before the dry run is over."""
    with transaction():
        checking.stop(queries.import_(current_account(), import_id))
    return see_other("contacts.map_import", import_id=import_id)


@bp.get("/imports/<int:import_id>")
def show_import(import_id: int) -> ResponseReturnValue:
    import_ = queries.import_(current_account(), import_id)
    if import_.state in importing.OPEN:
        return see_other("contacts.map_import", import_id=import_id)
    journal = undoing.journal_of(import_)
    return render_template(
        "contacts/import.html",
        import_=import_,
        problems=queries.problems(import_, limit=20),
        found=marks.proposals(import_.marks or {}),
        journal=journal,
        can_undo=undoing.can_begin(import_, journal),
    )


@bp.get("/imports/<int:import_id>/progress")
def import_progress(import_id: int) -> ResponseReturnValue:
    import_ = queries.import_(current_account(), import_id)
    if import_.state in importing.OPEN:
        # It is read or checked: the columns are next.
        to = url_for("contacts.map_import", import_id=import_id)
        return make_response("", 200, {"HX-Redirect": to})
    page = render_template(
        "contacts/_progress.html", import_=import_, found=marks.proposals(import_.marks or {})
    )
    response = make_response(page)
    if import_.state in ("finished", "failed"):
        # The whole page, with the rows that were not taken and the way to undo it.
        response.headers["HX-Refresh"] = "true"
    return response


@bp.get("/imports/<int:import_id>/rejected.csv")
@needs("contacts.change")
def rejected_rows(import_id: int) -> ResponseReturnValue:
    import_ = queries.import_(current_account(), import_id)
    return csv_answer(exporting.rejected(import_), f"import-{import_id}-rejected.csv")
