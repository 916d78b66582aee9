"""Many people at once: choosing what to do, confirming with numbers, progress, taking back."""

from __future__ import annotations

from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.auth.current import current_account, current_member, needs
from app.contacts import bulk_actions, bulk_verbs, fields, jobs, queries, selecting
from app.contacts.models import BulkAction
from app.contacts.routes.blueprint import bp
from app.contacts.routes.people import wanted_people
from app.contacts.segments import keeping, words
from app.contacts.selecting import Selection
from app.core.db import db, transaction
from app.core.errors import Invalid
from app.core.fragments import see_other

#: So long a person may wait for what is soon done; the rest goes on in the background.
AT_ONCE_S = 0.5


@bp.post("/contacts/bulk")
def bulk() -> ResponseReturnValue:
    """Something for those ticked, or for all who fit; without an action, the choice of one."""
    selection, verb = _selection(), request.form.get("action", "")
    if selection is None:
        return see_other("contacts.index", notice="Tick some people first.", kind="info")
    if verb not in bulk_actions.VERBS:
        return _choice(selection)
    try:
        with transaction():
            action = bulk_actions.ask(
                current_account(), verb, _given(), selection, member_id=current_member().id
            )
    except Invalid as error:
        return _choice(selection, str(error))
    _get_on(action, at_once=bulk_actions.is_quick(verb, selection))
    return see_other("contacts.show_bulk", action_id=action.id)


def _given() -> dict[str, Any]:
    """What the verbs need; the address of the page names whom it is about."""
    form = request.form
    given: dict[str, Any] = {name: form.get(name, "") for name in ("tag", "wording", "field")}
    list_id = form.get("target", 0, type=int)
    return given | {
        "list": list_id if 0 < list_id < 1 << 62 else 0,
        "value": form.get("value", ""),
        "kind": form.get("as_kind", ""),
    }


def _selection() -> Selection | None:
    if request.form.get("everyone"):
        return Selection(wanted_people())
    ids = request.form.getlist("ids", type=int)
    owned = [number for number in ids if 0 < number < 1 << 62]
    return selecting.ticked(owned) if owned else None


def _choice(selection: Selection, problem: str = "") -> ResponseReturnValue:
    account = current_account()
    page = render_template(
        "contacts/bulk_choice.html",
        selection=selection,
        query=query_of(selection),
        problem=problem,
        lists=queries.lists(account),
        tags=queries.tags(account),
        known=fields.of(account.id),
    )
    return page, 422 if problem else 200


def query_of(selection: Selection) -> dict[str, Any]:
    """A search as a query string has it."""
    wanted = selection.wanted
    found = {
        "q": wanted.text, "list": wanted.list_id, "tag": wanted.tag_id, "state": wanted.state,
        "segment": wanted.segment_id, "kind": wanted.kind, "mailbox": wanted.mailbox,
        "finding": wanted.finding,
    }  # fmt: skip
    return {name: value for name, value in found.items() if value}


def _get_on(action: BulkAction, *, at_once: bool = False) -> None:
    """Work for a moment, so that few people are dealt with before the page is shown."""
    more = bulk_actions.run(action.id, budget_s=AT_ONCE_S)
    db.session.refresh(action)
    if at_once and not more and action.state == "ready":
        with transaction():
            bulk_actions.start(_action(action.id))
        more = bulk_actions.run(action.id, budget_s=AT_ONCE_S)
    if more:
        jobs.wake_bulk(action.id)


def _action(action_id: int) -> BulkAction:
    return bulk_actions.action_of(current_account(), action_id)


@bp.get("/contacts/bulk")
def bulk_recent() -> ResponseReturnValue:
    """What was done to many, newest first."""
    found = bulk_actions.recent(current_account(), cursor=request.args.get("cursor"))
    return render_template("contacts/bulk_recent.html", found=found, **_words())


@bp.get("/contacts/bulk/<int:action_id>")
def show_bulk(action_id: int) -> ResponseReturnValue:
    """Its numbers: before, meanwhile and after."""
    return render_template("contacts/bulk_show.html", action=_action(action_id), **_words())


@bp.get("/contacts/bulk/<int:action_id>/progress")
def bulk_progress(action_id: int) -> ResponseReturnValue:
    """The same as a fragment, which asks for itself again."""
    return render_template("contacts/_bulk.html", action=_action(action_id), **_words())


def _words() -> dict[str, Any]:
    return {
        "title_of": bulk_actions.title,
        "undo_until": bulk_actions.undo_until,
        "why": bulk_verbs.REASONS,
        "at_work": bulk_actions.AT_WORK,
        "describe": describe,
    }


def describe(action: BulkAction) -> str:
    """Whom it is about, in words."""
    selection = selecting.read(action.selection)
    if selection.is_ticked:
        return "people ticked one by one"
    return in_words(selection)


def in_words(selection: Selection) -> str:
    """A search as part of a sentence; what is gone by now is left out of it."""
    account, wanted = current_account(), selection.wanted
    if wanted.is_everybody:
        return "everybody"
    parts = [f"all {wanted.kind}s" if wanted.kind else "all people"]
    if wanted.mailbox:
        parts.append(f"whose address is {words.MAILBOXES[wanted.mailbox]}")
    if wanted.text:
        parts.append(f"named “{wanted.text}”")
    if wanted.list_id:
        states = {"pending": "not confirmed yet on", "ended": "who left"}
        name = next((one.name for one in _all_lists() if one.id == wanted.list_id), "a list")
        parts.append(f"{states.get(wanted.state, 'on')} {name}")
    if wanted.state == "suppressed":
        parts.append("who must not be mailed")
    if wanted.tag_id:
        names = (one.name for one in queries.tags(account) if one.id == wanted.tag_id)
        parts.append(f"with the tag {next(names, 'that is gone')}")
    if wanted.segment_id:
        segments = (one.name for one in keeping.of(account.id) if one.id == wanted.segment_id)
        parts.append(f"in the segment {next(segments, 'that is gone')}")
    if wanted.finding:
        parts.append("found by the clean-up")
    return " ".join(parts)


def _all_lists() -> list[Any]:
    account = current_account()
    return [*queries.lists(account), *queries.lists(account, archived=True)]


@bp.post("/contacts/bulk/<int:action_id>/start")
def start_bulk(action_id: int) -> ResponseReturnValue:
    """Yes to the numbers."""
    with transaction():
        action = _action(action_id)
        bulk_actions.start(action)
    _get_on(action)
    return see_other("contacts.show_bulk", action_id=action_id)


@bp.post("/contacts/bulk/<int:action_id>/cancel")
@needs("contacts.change")
def cancel_bulk(action_id: int) -> ResponseReturnValue:
    """No to the numbers."""
    with transaction():
        bulk_actions.cancel(_action(action_id))
    return see_other("contacts.index", notice="Nothing was changed.", kind="info")


@bp.post("/contacts/bulk/<int:action_id>/undo")
def undo_bulk(action_id: int) -> ResponseReturnValue:
    """Make it as it was."""
    with transaction():
        action = _action(action_id)
        bulk_actions.undo(action)
    _get_on(action)
    return see_other("contacts.show_bulk", action_id=action_id)
