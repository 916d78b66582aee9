"""HTTP of contacts."""

from __future__ import annotations

from typing import Any

from flask import (
    Blueprint,
    Response,
    make_response,
    render_template,
    request,
    stream_with_context,
)
from flask.typing import ResponseReturnValue

from app.auth.current import View, current_account, current_member, needs, public
from app.contacts import (
    consent,
    exporting,
    fields,
    finding,
    importing,
    jobs,
    letters,
    lists,
    mapping,
    queries,
    suppressions,
    tags,
    uploads,
    writing,
)
from app.contacts.forms import (
    ContactForm,
    FieldForm,
    ImportForm,
    ListForm,
    SuppressionForm,
    UploadForm,
    custom,
    custom_values,
)
from app.contacts.models import Contact, Import, Subscription
from app.core.db import transaction
from app.core.errors import DomainError, Invalid
from app.core.fragments import page_or_fragment, see_other, wants_fragment
from app.extensions import csrf
from app.mailer.address import BadAddress, normalise
from app.tracking import timeline

bp = Blueprint("contacts", __name__)

UPLOADS = ("contacts.upload",)
MOST_AT_ONCE = 500


@bp.url_value_preprocessor
def let_large_files_in(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Before anything reads the form, the limit for uploads is lifted; `uploads` has its own."""
    if endpoint in UPLOADS:
        request.max_content_length = uploads.LIMIT_BYTES + 1_000_000


# People


@bp.get("/contacts")
def index() -> ResponseReturnValue:
    account, wanted = current_account(), _wanted()
    found = finding.page(account.id, wanted, cursor=request.args.get("cursor"))
    return page_or_fragment(
        "contacts/index.html", "contacts/_people.html", **_people(found, wanted)
    )


def _people(found: Any, wanted: finding.Wanted) -> dict[str, Any]:
    account = current_account()
    return {
        "found": found,
        "wanted": wanted,
        "lists": queries.lists(account),
        "tags": queries.tags(account),
        "tags_of": queries.tags_of([contact.id for contact in found.items]),
        "barred": queries.not_mailed(account, found.items),
        "headcount": queries.headcount(account),
    }


def _wanted() -> finding.Wanted:
    """What the query string asks for; ids of others are unknown here."""
    account, given = current_account(), request.values
    list_id, tag_id = given.get("list", type=int), given.get("tag", type=int)
    state = given.get("state", "")
    if list_id:
        queries.list_(account, list_id)
    if tag_id:
        queries.tag(account, tag_id)
    if state not in finding.STATES or (state != "suppressed" and not list_id):
        state = ""
    return finding.Wanted(given.get("q", "")[:200], list_id, tag_id, state)


@bp.get("/contacts/export.csv")
def export() -> ResponseReturnValue:
    return _csv(exporting.people(current_account(), _wanted()), "contacts.csv")


def _csv(lines: Any, filename: str) -> Response:
    response = Response(stream_with_context(lines), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


@bp.route("/contacts/new", methods=["GET", "POST"])
@needs("editor")
def new() -> ResponseReturnValue:
    account, form = current_account(), ContactForm()
    if form.validate_on_submit():
        try:
            with transaction():
                known = fields.of(account.id)
                values = form.values() | {"fields": custom_values(known, request.form)}
                contact = writing.create(account, **values)  # type: ignore[arg-type]
                _subscribe_chosen(contact)
        except DomainError as error:
            return _contact_form(form, None, error)
        return see_other("contacts.show", notice="Added.", contact_id=contact.id)
    return _contact_form(form, None)


def _subscribe_chosen(contact: Contact) -> None:
    for list_id in request.form.getlist("lists", type=int):
        _put_on(contact, list_id)


def _put_on(contact: Contact, list_id: int) -> str:
    """Subscribe by hand; returns the state that came of it."""
    list_ = queries.list_(current_account(), list_id)
    evidence = {"member": current_member().id}
    wording = request.form.get("wording", "")[:2000]
    return consent.subscribe(
        contact, list_, source="hand", wording=wording, evidence=evidence
    ).state


def _contact_form(
    form: ContactForm, contact: Contact | None, error: DomainError | None = None
) -> ResponseReturnValue:
    account = current_account()
    for name, messages in (getattr(error, "errors", None) or {}).items():
        if name in form:
            form[name].errors = messages
    page = render_template(
        "contacts/edit.html",
        form=form,
        contact=contact,
        problem=str(error) if error else "",
        custom=custom(fields.of(account.id), request.form, contact),
        lists=queries.lists(account) if contact is None else [],
    )
    status = error.status if error else 422 if form.errors else 200
    return page, status


@bp.get("/contacts/<int:contact_id>")
def show(contact_id: int) -> ResponseReturnValue:
    account = current_account()
    contact = queries.contact(account, contact_id)
    places = queries.subscriptions(contact)
    here = {list_.id for list_, place in places if place.state != "ended"}
    return render_template(
        "contacts/show.html",
        contact=contact,
        places=places,
        other_lists=[list_ for list_ in queries.lists(account) if list_.id not in here],
        known=fields.of(account.id),
        tags=queries.tags_of([contact.id]).get(contact.id, []),
        suppression=suppressions.find(account.id, contact.address),
        why=suppressions.WORDS,
        consents=queries.consents(contact),
        timeline=timeline.of_contact(contact),
    )


@bp.route("/contacts/<int:contact_id>/edit", methods=["GET", "POST"])
@needs("editor")
def edit(contact_id: int) -> ResponseReturnValue:
    account = current_account()
    contact = queries.contact(account, contact_id)
    names = ", ".join(queries.tags_of([contact.id]).get(contact.id, []))
    form = ContactForm(obj=contact, data={"tags": names})
    if not form.is_submitted():
        form.tags.data = names
    if form.validate_on_submit():
        try:
            with transaction():
                contact = queries.contact(account, contact_id)
                values = custom_values(fields.of(account.id), request.form)
                writing.update(contact, **form.values(), fields=values)
        except DomainError as error:
            return _contact_form(form, queries.contact(account, contact_id), error)
        return see_other("contacts.show", notice="Saved.", contact_id=contact_id)
    return _contact_form(form, contact)


@bp.post("/contacts/<int:contact_id>/subscribe")
def subscribe(contact_id: int) -> ResponseReturnValue:
    with transaction():
        contact = queries.contact(current_account(), contact_id)
        state = _put_on(contact, request.form.get("list", 0, type=int))
    told = "On the list." if state == "active" else "We asked them by mail to confirm."
    return see_other("contacts.show", notice=told, contact_id=contact_id)


@bp.post("/contacts/<int:contact_id>/unsubscribe")
def unsubscribe(contact_id: int) -> ResponseReturnValue:
    """Off one list, or, without one, no mail of this account any more."""
    account, list_id = current_account(), request.form.get("list", type=int)
    evidence = {"member": current_member().id}
    with transaction():
        contact = queries.contact(account, contact_id)
        if list_id:
            list_ = queries.list_(account, list_id)
            consent.leave_list(contact, list_, source="hand", evidence=evidence)
        else:
            consent.withdraw(contact, source="hand", evidence=evidence)
    told = "Taken off the list." if list_id else "They get no more mail from you."
    return see_other("contacts.show", notice=told, contact_id=contact_id)


@bp.route("/contacts/<int:contact_id>/delete", methods=["GET", "POST"])
@needs("editor")
def delete(contact_id: int) -> ResponseReturnValue:
    account = current_account()
    contact = queries.contact(account, contact_id)
    if request.method == "GET":
        return render_template("contacts/delete.html", contact=contact)
    with transaction():
        contact = queries.contact(account, contact_id)
        writing.delete(contact, by_person=request.form.get("by_person") == "yes")
    return see_other("contacts.index", notice="Erased.")


@bp.post("/contacts/bulk")
def bulk() -> ResponseReturnValue:
    """Tag, list or delete the people who are ticked."""
    account, action = current_account(), request.form.get("action", "")
    ids = sorted(set(request.form.getlist("ids", type=int)))[:MOST_AT_ONCE]
    if not ids:
        return see_other("contacts.index", notice="Tick some people first.", kind="info")
    if action == "delete" and request.form.get("sure") != str(len(ids)):
        return render_template("contacts/bulk_delete.html", ids=ids)
    with transaction():
        chosen = [queries.contact(account, contact_id) for contact_id in ids]
        told = _act(action, chosen)
    return see_other("contacts.index", notice=told)


def _act(action: str, chosen: list[Contact]) -> str:
    account, ids = current_account(), [contact.id for contact in chosen]
    if action == "delete":
        return f"{writing.delete_many(account, ids):,} erased."
    if action == "tag":
        added = tags.add(tags.named(account.id, request.form.get("tag", "")), ids)
        return f"{added:,} have the tag now who did not before."
    if action == "list":
        return _put_all_on(chosen, request.form.get("list", 0, type=int))
    raise Invalid("Choose what to do with them.")


def _put_all_on(chosen: list[Contact], list_id: int) -> str:
    states: list[str] = []
    for contact in chosen:
        try:
            states.append(_put_on(contact, list_id))
        except suppressions.Suppressed:
            states.append("left out")
    parts = (("active", "on the list"), ("pending", "asked to confirm"), ("left out", "left out"))
    return ", ".join(f"{states.count(s):,} {word}" for s, word in parts if s in states) + "."


# Lists


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
    context = _people(found, wanted) | {"list": list_, "form": form or ListForm(obj=list_)}
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


# Custom fields


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


# Never mailed


@bp.get("/suppressions")
def all_suppressions() -> ResponseReturnValue:
    return _suppressions_page(SuppressionForm())


def _suppressions_page(form: SuppressionForm, status: int = 200) -> ResponseReturnValue:
    text = request.args.get("q", "").strip().lower()[:320]
    found = queries.suppressions(current_account(), cursor=request.args.get("cursor"), address=text)
    return page_or_fragment(
        "contacts/suppressions.html",
        "contacts/_suppressions.html",
        status=status,
        form=form,
        found=found,
        text=text,
        why=suppressions.WORDS,
    )


@bp.post("/suppressions")
def suppress() -> ResponseReturnValue:
    form = SuppressionForm()
    if not form.validate():
        return _suppressions_page(form, 422)
    try:
        address = normalise(form.email.data.strip())
    except BadAddress as error:
        form.email.errors = [str(error)]
        return _suppressions_page(form, 422)
    with transaction():
        suppressions.add(
            current_account().id, address, reason="account", detail=form.detail.data or ""
        )
    return see_other("contacts.all_suppressions", notice=f"{address} is never mailed.")


@bp.post("/suppressions/<int:suppression_id>/lift")
def lift_suppression(suppression_id: int) -> ResponseReturnValue:
    with transaction():
        suppressions.lift(queries.suppression(current_account(), suppression_id))
    return see_other("contacts.all_suppressions", notice="They can be mailed again.")


# Imports


@bp.get("/imports")
def imports() -> ResponseReturnValue:
    found = queries.imports(current_account(), cursor=request.args.get("cursor"))
    return render_template("contacts/imports.html", found=found)


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
    return render_template(
        "contacts/import.html", import_=import_, problems=queries.problems(import_, limit=20)
    )


@bp.get("/imports/<int:import_id>/progress")
def import_progress(import_id: int) -> ResponseReturnValue:
    import_ = queries.import_(current_account(), import_id)
    response = make_response(render_template("contacts/_progress.html", import_=import_))
    if import_.rejected and import_.state in ("finished", "failed"):
        # The whole page, where the rows that were not taken are listed.
        response.headers["HX-Refresh"] = "true"
    return response


@bp.get("/imports/<int:import_id>/rejected.csv")
def rejected_rows(import_id: int) -> ResponseReturnValue:
    import_ = queries.import_(current_account(), import_id)
    return _csv(exporting.rejected(import_), f"import-{import_id}-rejected.csv")


# Confirming a subscription


def _by_its_token(view: View) -> View:
    """Proves itself by its link, and reads no cookie."""
    exempted: View = csrf.exempt(view)
    return exempted


@bp.get("/subscribe/confirm/<token>")
@public
def confirm(token: str) -> ResponseReturnValue:
    # Scanners open every link of a mail, so GET only shows the button.
    return _confirm_page(consent.asked_by(token), token, done=False)


@bp.post("/subscribe/confirm/<token>")
@_by_its_token
@public
def confirm_now(token: str) -> ResponseReturnValue:
    with transaction():
        subscription = consent.confirm(token, evidence={"page": "confirm"})
    return _confirm_page(subscription, token, done=True)


def _confirm_page(subscription: Subscription, token: str, *, done: bool) -> str:
    return render_template(
        "contacts/confirm.html",
        subscription=subscription,
        token=token,
        done=done,
        business=queries.business(subscription),
    )
