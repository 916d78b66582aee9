"""HTTP of the registers for staff: processors, and disclosures with their second approval."""

from __future__ import annotations

from io import BytesIO
from typing import Any, BinaryIO, cast

from flask import render_template, request, send_file
from flask.typing import ResponseReturnValue

from app.accounts import auditing, finding
from app.accounts.models import Account, Member
from app.auth.current import current_member
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid
from app.core.fragments import see_other
from app.privacy import disclosing, documents, processors
from app.privacy.disclosing import Entry
from app.privacy.models import Disclosure
from app.staff.forms import BarForm, DisclosureForm, ProcessorForm
from app.staff.routes.blueprint import bp, for_purposes, settings

LARGE = ("staff.enter_disclosure",)


@bp.url_value_preprocessor
def let_documents_in(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Before anything reads the form; `documents` has a limit of its own."""
    if endpoint in LARGE:
        request.max_content_length = documents.LIMIT_BYTES + 1_000_000


@bp.get("/staff/processors")
@for_purposes("service")
def processors_page() -> ResponseReturnValue:
    return _processors(ProcessorForm(formdata=None, since=now().date()))


def _processors(form: ProcessorForm, status: int = 200) -> ResponseReturnValue:
    page = render_template(
        "staff/processors.html",
        form=form,
        of_settings=[*processors.of_settings(settings()), *processors.of_mailboxes()],
        added=processors.added(),
    )
    return page, status


@bp.post("/staff/processors")
@for_purposes("service")
def add_processor() -> ResponseReturnValue:
    form = ProcessorForm()
    if not form.validate():
        return _processors(form, 422)
    with transaction():
        processors.add({**form.data, "data": form.which.data}, form.since.data, current_member())
    return see_other("staff.processors_page", notice=f"{form.name.data} is in the register.")


@bp.post("/staff/processors/<int:number>/end")
@for_purposes("service")
def end_processor(number: int) -> ResponseReturnValue:
    with transaction():
        processors.end(number, current_member())
    return see_other("staff.processors_page", notice="It stays in the register as ended today.")


@bp.get("/staff/disclosures")
@for_purposes("service", "support")
def disclosures_page() -> ResponseReturnValue:
    rows = disclosing.latest()
    return render_template(
        "staff/disclosures.html", rows=rows, grounds=disclosing.GROUNDS, names=_names(rows)
    )


@bp.get("/staff/disclosures/new")
@for_purposes("service", "support")
def new_disclosure() -> ResponseReturnValue:
    return render_template("staff/disclosure_new.html", form=DisclosureForm(formdata=None))


@bp.post("/staff/disclosures/new")
@for_purposes("service", "support")
def enter_disclosure() -> ResponseReturnValue:
    form = DisclosureForm()
    if not form.validate():
        return render_template("staff/disclosure_new.html", form=form), 422
    try:
        account = finding.one(form.account.data)
    except Invalid as error:
        form.account.errors = [str(error)]
        return render_template("staff/disclosure_new.html", form=form), 422
    try:
        row = _enter(account, form)
    except Invalid as error:
        for name, messages in error.errors.items():
            form[name].errors = messages
        return render_template("staff/disclosure_new.html", form=form), 422
    return see_other(
        "staff.disclosure_page", number=row.id,
        notice="Entered. Nothing may be given away before somebody else has approved it.",
    )  # fmt: skip


def _enter(account: Account, form: DisclosureForm) -> Disclosure:
    given = request.files.get("document")
    file = cast(BinaryIO, given.stream if given else BytesIO())
    document = documents.keep(file, (given.filename if given else "") or "")
    names = ("recipient", "purpose", "ground", "bar_reason", "barred_until")
    entry = Entry(data=form.which.data, **{name: form[name].data for name in names})
    try:
        with transaction():
            return disclosing.enter(account, entry, document, current_member())
    except BaseException:
        documents.drop(document.stored_as)
        raise


@bp.get("/staff/disclosures/<int:number>")
@for_purposes("service", "support")
def disclosure_page(number: int) -> ResponseReturnValue:
    return _disclosure(disclosing.one(number))


def _disclosure(row: Disclosure, *, wrong: str = "", status: int = 200) -> ResponseReturnValue:
    page = render_template(
        "staff/disclosure.html",
        row=row,
        ground=disclosing.GROUNDS[row.ground],
        business=db.session.get(Account, row.account_id) if row.account_id else None,
        names=_names([row]),
        is_own=row.entered_by_id == current_member().id,
        may_decide="service" in (current_member().staff_roles or ()),
        bar=BarForm(formdata=None, obj=row),
        wrong=wrong,
    )
    return page, status


@bp.post("/staff/disclosures/<int:number>/document")
@for_purposes("service", "support")
def disclosure_document(number: int) -> ResponseReturnValue:
    """A POST, for who reads it is noted."""
    row = disclosing.one(number)
    content = documents.read(row.stored_as, row.document_hash)
    with transaction():
        auditing.note(None, current_member(), "disclosure.read", f"disclosure {number}")
    return send_file(
        BytesIO(content), mimetype="application/octet-stream", as_attachment=True,
        download_name=row.document_name,
    )  # fmt: skip


@bp.post("/staff/disclosures/<int:number>/approve")
@for_purposes("service")
def approve_disclosure(number: int) -> ResponseReturnValue:
    with transaction():
        disclosing.approve(number, current_member())
    return see_other("staff.disclosure_page", number=number, notice="Approved.")


@bp.post("/staff/disclosures/<int:number>/refuse")
@for_purposes("service")
def refuse_disclosure(number: int) -> ResponseReturnValue:
    why = request.form.get("why", "").strip()[:2_000]
    try:
        with transaction():
            disclosing.refuse(number, current_member(), why)
    except Invalid as error:
        return _disclosure(disclosing.one(number), wrong=str(error), status=422)
    return see_other("staff.disclosure_page", number=number, notice="Refused.")


@bp.post("/staff/disclosures/<int:number>/bar")
@for_purposes("service")
def change_bar(number: int) -> ResponseReturnValue:
    form = BarForm()
    try:
        if not form.validate():
            raise Invalid("Write the day on which the bar ends, or leave both empty.")
        with transaction():
            disclosing.change_bar(
                number, current_member(), reason=form.bar_reason.data or "",
                until=form.barred_until.data,
            )  # fmt: skip
    except Invalid as error:
        return _disclosure(disclosing.one(number), wrong=str(error), status=422)
    return see_other("staff.disclosure_page", number=number, notice="Noted.")


def _names(rows: Any) -> dict[int, str]:
    """Of staff, by their ids."""
    ids = {id_ for row in rows for id_ in (row.entered_by_id, row.decided_by_id) if id_}
    found = (db.session.get(Member, id_) for id_ in ids)
    return {member.id: member.name or member.email for member in found if member}
