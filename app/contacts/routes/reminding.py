"""Asking people once more to confirm: one of them, or all of a list."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from app.auth.current import current_account, current_member
from app.contacts import consent, jobs, queries
from app.contacts.routes.blueprint import bp
from app.contacts.signup import rounds
from app.core import jobs as queue
from app.core.db import transaction
from app.core.fragments import see_other


@bp.post("/contacts/<int:contact_id>/remind")
def remind(contact_id: int) -> ResponseReturnValue:
    evidence = {"member": current_member().id}
    with transaction():
        contact = queries.contact(current_account(), contact_id)
        was_asked = consent.remind(contact, source="hand", evidence=evidence)
    told = (
        "We asked them once more by mail."
        if was_asked
        else "They were asked within the last day, or have nothing to confirm. Go on tomorrow."
    )
    kind = "done" if was_asked else "info"
    return see_other("contacts.show", notice=told, kind=kind, contact_id=contact_id)


@bp.post("/lists/<int:list_id>/remind")
def remind_all(list_id: int) -> ResponseReturnValue:
    with transaction():
        rounds.start(queries.list_(current_account(), list_id))
    queue.enqueue(jobs.ask_again, key="ask-again", on="work")
    told = "We are asking them now, each person once. Who was asked today is left out."
    return see_other("contacts.show_list", notice=told, list_id=list_id)
