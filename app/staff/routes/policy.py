"""HTTP of the privacy policy for staff: the inventory, the draft, publishing."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from flask import render_template
from flask.typing import ResponseReturnValue

from app.auth.current import current_member
from app.core.clock import now
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.fragments import see_other
from app.privacy import comparing, inventory, publishing
from app.privacy.inventory import Entry
from app.staff.forms import EntryForm, PassagesForm, PublishForm
from app.staff.routes.blueprint import bp, for_purposes


@bp.get("/staff/policy")
@for_purposes("service")
def policy_page() -> ResponseReturnValue:
    return _policy(PublishForm(formdata=None))


def _policy(form: PublishForm, status: int = 200) -> ResponseReturnValue:
    in_force, sections = publishing.current(), publishing.drafted()
    parts = comparing.compare(in_force.sections, sections)
    form.seen.data = publishing.fingerprint(sections)
    page = render_template(
        "staff/policy.html",
        form=form,
        in_force=in_force,
        ahead=publishing.ahead(),
        accepted=publishing.accepted_by(in_force.id),
        parts=[part for part in parts if part.changes],
        changes=sum(part.changes for part in parts),
        today=now().date(),
    )
    return page, status


@bp.get("/staff/policy/preview")
@for_purposes("service")
def policy_preview() -> ResponseReturnValue:
    """The draft as a page."""
    return render_template("staff/policy_preview.html", sections=publishing.drafted())


@bp.post("/staff/policy/publish")
@for_purposes("service")
def publish_policy() -> ResponseReturnValue:
    form = PublishForm()
    if not form.validate():
        return _policy(form, 422)
    try:
        with transaction():
            version = publishing.publish_draft(
                current_member(), seen=form.seen.data, summary=form.summary.data,
                effective_at=_beginning(form.effective_on.data), matters=form.matters.data,
            )  # fmt: skip
    except Invalid as error:
        form.effective_on.errors = error.errors.get("effective_on", [])
        form.summary.errors = [] if form.effective_on.errors else [str(error)]
        return _policy(form, 422)
    return see_other(
        "privacy.version", number=version.number, notice=f"Version {version.number} is published."
    )


def _beginning(day: date | None) -> datetime | None:
    """Of a day, in UTC."""
    return datetime.combine(day, time(), UTC) if day else None


@bp.get("/staff/policy/inventory")
@for_purposes("service")
def inventory_page() -> ResponseReturnValue:
    draft = inventory.draft()
    return render_template(
        "staff/inventory.html",
        entries=inventory.in_words(draft),
        form=PassagesForm(formdata=None, more=draft["more"]),
    )


@bp.post("/staff/policy/passages")
@for_purposes("service")
def save_passages() -> ResponseReturnValue:
    form = PassagesForm()
    if not form.validate():
        entries = inventory.in_words(inventory.draft())
        return render_template("staff/inventory.html", entries=entries, form=form), 422
    with transaction():
        inventory.say_more(form.more.data or "")
    return see_other("staff.policy_page", notice="Kept in the draft. Nothing is published yet.")


@bp.get("/staff/policy/inventory/new")
@for_purposes("service")
def new_entry() -> ResponseReturnValue:
    form = EntryForm(formdata=None, place=inventory.HERE)
    return render_template("staff/inventory_entry.html", form=form, entry=None)


@bp.post("/staff/policy/inventory/new")
@for_purposes("service")
def add_entry() -> ResponseReturnValue:
    form = EntryForm()
    if not form.validate():
        return render_template("staff/inventory_entry.html", form=form, entry=None), 422
    try:
        with transaction():
            inventory.write(None, form.data)
    except Invalid as error:
        return _entry_again(form, None, error)
    return see_other("staff.inventory_page", notice=f"{form.title.data} is in the draft.")


@bp.get("/staff/policy/inventory/<name>")
@for_purposes("service")
def entry_page(name: str) -> ResponseReturnValue:
    entry = inventory.one(name)
    form = EntryForm(formdata=None, obj=entry)
    return render_template("staff/inventory_entry.html", form=form, entry=entry)


@bp.post("/staff/policy/inventory/<name>")
@for_purposes("service")
def save_entry(name: str) -> ResponseReturnValue:
    entry, form = inventory.one(name), EntryForm()
    if entry.is_ours:
        form.keeps.data = entry.keeps
    if not form.validate():
        return render_template("staff/inventory_entry.html", form=form, entry=entry), 422
    try:
        with transaction():
            inventory.write(name, form.data)
    except Invalid as error:
        return _entry_again(form, entry, error)
    return see_other("staff.inventory_page", notice=f"{form.title.data} is kept in the draft.")


def _entry_again(form: EntryForm, entry: Entry | None, error: Invalid) -> ResponseReturnValue:
    form.title.errors = error.errors["title"]
    return render_template("staff/inventory_entry.html", form=form, entry=entry), 422


@bp.post("/staff/policy/inventory/<name>/undo")
@for_purposes("service")
def undo_entry(name: str) -> ResponseReturnValue:
    entry = inventory.one(name)
    with transaction():
        inventory.undo(name)
    words = "says again what the program says" if entry.is_ours else "is gone from the draft"
    return see_other("staff.inventory_page", notice=f"{entry.title} {words}.")
