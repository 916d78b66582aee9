"""People: looking, adding, changing, many at once."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import (
    render_template,
    request,
)
from flask.typing import ResponseReturnValue

from app.auth.current import current_account, current_member, needs
from app.contacts import (
    changes,
    channels,
    consent,
    erasing,
    exporting,
    fields,
    finding,
    hygiene,
    kinds,
    parting,
    queries,
    resting,
    suppressions,
    writing,
)
from app.contacts.forms import (
    ContactForm,
    custom,
    custom_values,
)
from app.contacts.models import Consent, Contact, Subscription
from app.contacts.routes.blueprint import bp
from app.contacts.segments import keeping
from app.contacts.segments.rule import MAILBOXES
from app.core.db import db, transaction
from app.core.errors import DomainError
from app.core.fragments import csv_answer, page_or_fragment, see_other
from app.delivery.models import Delivery
from app.tracking import timeline


@bp.get("/contacts")
def index() -> ResponseReturnValue:
    account, wanted = current_account(), wanted_people()
    found = finding.page(account.id, wanted, cursor=request.args.get("cursor"))
    return page_or_fragment(
        "contacts/index.html", "contacts/_people.html", **people_context(found, wanted)
    )


def people_context(found: Any, wanted: finding.Wanted) -> dict[str, Any]:
    account = current_account()
    return {
        "found": found,
        "wanted": wanted,
        "lists": queries.lists(account),
        "tags": queries.tags(account),
        "tags_of": queries.tags_of([contact.id for contact in found.items]),
        "barred": queries.not_mailed(account, found.items),
        "headcount": queries.headcount(account),
        "segments": keeping.of(account.id),
        "kind_of": kinds.of,
    }


def wanted_people() -> finding.Wanted:
    """What the query string asks for; ids of others are unknown here."""
    account, given = current_account(), request.args
    list_id, tag_id = given.get("list", type=int), given.get("tag", type=int)
    state = given.get("state", "")
    if list_id:
        queries.list_(account, list_id)
    if tag_id:
        queries.tag(account, tag_id)
    if segment_id := given.get("segment", type=int):
        keeping.one(account.id, segment_id)
    if state not in finding.STATES or (state != "suppressed" and not list_id):
        state = ""
    kind = given.get("kind", "")
    return finding.Wanted(
        given.get("q", "")[:200], list_id, tag_id, state, segment_id,
        kind=kind if kind in writing.KINDS else "",
        mailbox=mailbox if (mailbox := given.get("mailbox", "")) in MAILBOXES else "",
        finding=found if (found := given.get("finding", "")) in hygiene.FINDINGS else "",
    )  # fmt: skip


@bp.get("/contacts/export.csv")
@needs("contacts.export")
def export() -> ResponseReturnValue:
    return csv_answer(exporting.people(current_account(), wanted_people()), "contacts.csv")


@bp.route("/contacts/new", methods=["GET", "POST"])
@needs("contacts.change")
def new() -> ResponseReturnValue:
    account, form = current_account(), ContactForm()
    if form.validate_on_submit():
        try:
            with transaction():
                known = fields.of(account.id)
                values = form.values() | {"fields": custom_values(known, request.form)}
                contact = writing.create(account, by=_me(), **values)  # type: ignore[arg-type]
                _subscribe_chosen(contact)
        except DomainError as error:
            return _contact_form(form, None, error)
        return see_other("contacts.show", notice="Added.", contact_id=contact.id)
    return _contact_form(form, None)


def _me() -> changes.Actor:
    return changes.by_hand(current_member().id)


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


@bp.post("/contacts/<int:contact_id>/kind")
def set_kind(contact_id: int) -> ResponseReturnValue:
    """The owner knows better; or, without a kind, wants it worked out again."""
    with transaction():
        contact = queries.contact(current_account(), contact_id)
        writing.update(contact, by=_me(), kind=request.form.get("kind", ""))
    return see_other("contacts.show", notice="Noted.", contact_id=contact_id)


@bp.post("/contacts/<int:contact_id>/channels")
def set_channels(contact_id: int) -> ResponseReturnValue:
    """By which other ways they may be reached."""
    with transaction():
        contact = queries.contact(current_account(), contact_id)
        for name in channels.CHANNELS:
            answer = request.form.get(name, "")
            wording = request.form.get(f"{name}-wording", "")
            channels.say(contact, name, answer, wording=wording, by=_me())
    return see_other("contacts.show", notice="Saved.", contact_id=contact_id)


@bp.get("/contacts/<int:contact_id>")
def show(contact_id: int) -> ResponseReturnValue:
    account = current_account()
    contact = queries.contact(account, contact_id)
    places = queries.subscriptions(contact)
    here = {list_.id for list_, place in places if place.state != "ended"}
    pause = resting.paused(contact)
    return render_template(
        "contacts/show.html",
        contact=contact,
        places=places,
        other_lists=[list_ for list_ in queries.lists(account) if list_.id not in here],
        known=fields.of(account.id),
        tags=queries.tags_of([contact.id]).get(contact.id, []),
        suppression=suppressions.find(account.id, contact.address),
        why=suppressions.WORDS,
        timeline=timeline.page(contact),
        consents=queries.consents(contact),
        kind=kinds.of(contact),
        channels=channels.of(contact),
        paused_until=pause.until if pause else None,
        frequency=resting.frequency(contact),
        merges=[(merge, parting.person(merge)) for merge in parting.of(contact)],
    )


@bp.route("/contacts/<int:contact_id>/edit", methods=["GET", "POST"])
@needs("contacts.change")
def edit(contact_id: int) -> ResponseReturnValue:
    account = current_account()
    contact = queries.contact(account, contact_id)
    names = ", ".join(queries.tags_of([contact.id]).get(contact.id, []))
    form = ContactForm(obj=contact, data={"tags": names})
    if not form.is_submitted():
        form.tags.data = names
        form.kind.data = contact.kind if contact.kind_by else ""
    if form.validate_on_submit():
        try:
            with transaction():
                contact = queries.contact(account, contact_id)
                values = custom_values(fields.of(account.id), request.form)
                writing.update(contact, by=_me(), **form.values(), fields=values)
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
@needs("contacts.change")
def delete(contact_id: int) -> ResponseReturnValue:
    account = current_account()
    contact = queries.contact(account, contact_id)
    if request.method == "GET":
        return render_template("contacts/delete.html", contact=contact, **_what_goes(contact))
    with transaction():
        contact = queries.contact(account, contact_id)
        asked = request.form.get("by_person") == "yes"
        erasing.erase(contact, by="owner", keep_out=asked, member=current_member())
    return see_other("contacts.index", notice="Erased.")


def _what_goes(contact: Contact) -> dict[str, int]:
    """Numbers for the page that asks."""
    rows: dict[str, Any] = {"lists": Subscription, "consents": Consent, "mails": Delivery}
    return {
        name: db.session.scalar(sa.select(sa.func.count()).where(model.contact_id == contact.id))
        or 0
        for name, model in rows.items()
    }
