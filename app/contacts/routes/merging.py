"""Two contacts that may be one."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.auth.current import current_account, current_member, needs
from app.contacts import changes, hygiene, merging, queries, suppressions
from app.contacts.routes.blueprint import bp
from app.core.db import transaction
from app.core.fragments import see_other
from app.tracking import merging as histories


@bp.get("/contacts/<int:contact_id>/merge/<int:other_id>")
@needs("contacts.change")
def merge(contact_id: int, other_id: int) -> ResponseReturnValue:
    """What would come of it."""
    account = current_account()
    keep, other = queries.contact(account, contact_id), queries.contact(account, other_id)
    return render_template(
        "contacts/merge.html",
        keep=keep,
        other=other,
        found=merging.preview(keep, other),
        both_got=histories.both_got(keep, other),
        why=suppressions.WORDS,
    )


@bp.post("/contacts/<int:contact_id>/merge/<int:other_id>")
def do_merge(contact_id: int, other_id: int) -> ResponseReturnValue:
    """Make one of them."""
    by = changes.by_hand(current_member().id)
    with transaction():
        histories.merge(current_account(), contact_id, other_id, request.form, by=by)
    return see_other("contacts.show", notice="Merged: they are one now.", contact_id=contact_id)


@bp.post("/contacts/<int:contact_id>/merges/<int:merge_id>/part")
def part(contact_id: int, merge_id: int) -> ResponseReturnValue:
    """Make two of one again."""
    by = changes.by_hand(current_member().id)
    with transaction():
        other = histories.part(current_account(), contact_id, merge_id, by=by)
    return see_other("contacts.show", notice="They are two again.", contact_id=other.id)


@bp.post("/contacts/<int:contact_id>/differs/<int:other_id>")
def differs(contact_id: int, other_id: int) -> ResponseReturnValue:
    """They are two."""
    account = current_account()
    with transaction():
        one, two = queries.contact(account, contact_id), queries.contact(account, other_id)
        hygiene.not_the_same(account, one.id, two.id)
        hygiene.not_the_same(account, two.id, one.id)
    return see_other("contacts.duplicates", notice="They stay two.")
