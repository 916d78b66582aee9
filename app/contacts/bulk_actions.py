"""Doing something to many people: counted, confirmed, done in the background, taken back.

Each step of a pass is one transaction that also saves where to go on, and a pass is claimed with
a lease: killing a worker, or working twice, changes nothing in the result.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult

from app.accounts import auditing
from app.accounts.models import Account, Member
from app.contacts import bulk_permission, bulk_verbs, fields, selecting, tags
from app.contacts.bulk_verbs import Verb
from app.contacts.models import BulkAction, ContactField, ContactList, bulk_change
from app.contacts.selecting import Selection, Span
from app.contacts.text import clean_note
from app.contacts.writing import KINDS
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid, NotFound, WrongState
from app.core.owning import owned
from app.core.pagination import Page, cut, decode

log = logging.getLogger(__name__)

VERBS: dict[str, Verb] = {
    verb.name: verb
    for verb in (
        bulk_verbs.AddTag(), bulk_verbs.RemoveTag(), bulk_permission.PutOnList(),
        bulk_permission.TakeOffList(), bulk_verbs.SetField(), bulk_verbs.SetKind(),
        bulk_permission.NeverMail(), bulk_permission.Erase(), bulk_permission.MendAddress(),
    )
}  # fmt: skip
#: States in which a worker has something to do.
AT_WORK = ("counting", "doing", "erasing", "undoing")
BUDGET_S = 20.0
LEASE = timedelta(seconds=30)
WAIT_BEFORE_ERASING = timedelta(hours=24)
COUNT_CHUNK = 20_000


class Overtaken(WrongState):
    """Another worker went on with it."""


def ask(
    account: Account,
    verb: str,
    given: Mapping[str, Any],
    selection: Selection,
    *,
    member_id: int | None = None,
) -> BulkAction:
    """A new bulk action, which is counted first. Raises Invalid, NotFound.

    `given` names what the verb needs by what people chose: tag (a name), list (id), wording,
    field (key), value (as typed), kind.
    """
    if verb not in VERBS:
        raise Invalid("Choose what to do with them.")
    selecting.check(account.id, selection)
    action = BulkAction(
        account_id=account.id,
        member_id=member_id,
        verb=verb,
        given=_checked(account, verb, given),
        selection=selection.as_json(),
        state="counting",
        until_id=selecting.last_id(account.id),
        size=selecting.size(account.id, selection),
        left_out={},
    )
    db.session.add(action)
    db.session.flush()
    return action


def _checked(account: Account, verb: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What the verb needs, found in the account."""
    if verb == "tag":
        is_new = not tags.is_known(account.id, name := str(given.get("tag") or ""))
        tag = tags.named(account.id, name)
        return {"tag": tag.id, "name": tag.name, "made": is_new}
    if verb == "untag":
        tag = tags.known(account.id, str(given.get("tag") or ""))
        return {"tag": tag.id, "name": tag.name}
    if verb in ("list", "unlist"):
        list_ = owned(ContactList, account.id, int(given.get("list") or 0), "The list")
        wording = clean_note(str(given.get("wording") or ""))
        place = {"list": list_.id, "name": list_.name}
        return place | ({"opt_in": list_.opt_in, "wording": wording} if verb == "list" else {})
    if verb == "field":
        return _checked_field(account, given)
    if verb == "kind":
        if given.get("kind") not in KINDS:
            raise Invalid("A contact is a person or an organisation.", {"kind": ["Choose one."]})
        return {"kind": given["kind"]}
    return {}


def _checked_field(account: Account, given: Mapping[str, Any]) -> dict[str, Any]:
    field: ContactField | None = fields.of(account.id).get(str(given.get("field") or ""))
    if field is None:
        raise NotFound("The field")
    value = fields.read(field.type, field.label, given.get("value") or None)
    return {"field": field.key, "label": field.label, "value": value}


def title(action: BulkAction) -> str:
    """What it does, as a heading."""
    return VERBS[action.verb].title(action.given)


def is_quick(verb: str, selection: Selection) -> bool:
    """Whether it needs no question first: a few ticked people, and undone with one button."""
    return selection.is_ticked and not VERBS[verb].is_grave


def start(action: BulkAction) -> None:
    """The owner said yes to the numbers. Raises WrongState, Invalid."""
    if action.state != "ready":
        raise WrongState("This was started already, or it is still being counted.")
    bulk_permission.check_number(action.given, action.verb, action.changed)
    action.began_at = now()
    action.matched, action.changed, action.left_out = 0, 0, {}
    _begin(action, "doing", size=action.size)


def cancel(action: BulkAction) -> None:
    """Forget one that was not begun. Raises WrongState."""
    if action.state not in ("counting", "ready"):
        raise WrongState("It has begun already. Take it back instead.")
    _forget_tag(action)
    db.session.delete(action)


def undo_until(action: BulkAction) -> datetime | None:
    """Until when it can be taken back; None when it cannot be any more."""
    if action.state == "waiting":
        return action.due_at
    days = VERBS[action.verb].undo_days
    if action.state not in ("done", "failed") or not days or action.began_at is None:
        return None
    until = action.began_at + timedelta(days=days)
    return until if until > now() and action.changed else None


def undo(action: BulkAction) -> None:
    """Make everything as it was, where nobody changed it since. Raises WrongState."""
    if undo_until(action) is None:
        raise WrongState("This cannot be taken back any more.")
    action.due_at = None
    _begin(action, "undoing", size=action.changed)


def _begin(action: BulkAction, state: str, *, size: int) -> None:
    action.state, action.error = state, ""
    action.after_id, action.walked, action.size = 0, 0, size
    action.lease = action.lease_until = None


def run(action_id: int, *, budget_s: float = BUDGET_S) -> bool:
    """Go on with a bulk action for about so many seconds; True when there is more to do.

    Harmless when another worker has it. What nobody expects marks it as failed and is raised.
    """
    lease, until = secrets.token_hex(16), time.monotonic() + budget_s
    with transaction():
        if not _claim(action_id, lease):
            return False
    try:
        goes_on = True
        while goes_on:
            with transaction(bulk=True):
                action = _hold(action_id, lease)
                more = _STEPS[action.state](action)
                goes_on = more and time.monotonic() < until
                # Given back at the end, so that the next job goes on at once.
                action.lease = lease if goes_on else None
                action.lease_until = now() + LEASE if goes_on else None
        return more
    except Overtaken:
        return False
    except sa.exc.OperationalError:
        raise  # the database is busy or away: the sweep takes it up again
    except Exception as error:
        db.session.rollback()
        with transaction():
            _fail(action_id, lease, error)
        if isinstance(error, (Invalid, NotFound)):
            return False
        raise


def _claim(action_id: int, lease: str) -> bool:
    free = sa.or_(BulkAction.lease_until.is_(None), BulkAction.lease_until < now())
    taken = db.session.execute(
        sa.update(BulkAction)
        .where(BulkAction.id == action_id, BulkAction.state.in_(AT_WORK), free)
        .values(lease=lease, lease_until=now() + LEASE)
    )
    return isinstance(taken, CursorResult) and taken.rowcount == 1


def _hold(action_id: int, lease: str) -> BulkAction:
    action = db.session.get(BulkAction, action_id, with_for_update=True, populate_existing=True)
    if action is None or action.lease != lease or action.state not in AT_WORK:
        raise Overtaken("Another worker went on with this.")
    return action


def _count(action: BulkAction) -> bool:
    verb = VERBS[action.verb]
    selection, span = _next(action, COUNT_CHUNK)
    wanted = selecting.conditions(action.account_id, selection)
    if span.people:
        _add(action, verb.count(action, wanted, span), span)
        return True
    action.state = "ready"
    return False


def _do(action: BulkAction) -> bool:
    verb = VERBS[action.verb]
    selection, span = _next(action, verb.chunk)
    wanted = selecting.conditions(action.account_id, selection)
    if span.people:
        _add(action, verb.do(action, wanted, span), span)
        return True
    action.state, action.finished_at = "done", now()
    if action.verb == "delete" and action.changed:
        action.state, action.due_at = "waiting", now() + WAIT_BEFORE_ERASING
    return False


def _next(action: BulkAction, limit: int) -> tuple[Selection, Span]:
    selection = selecting.read(action.selection)
    span = selecting.span(
        action.account_id, selection, after=action.after_id, until=action.until_id, limit=limit
    )
    return selection, span


def _add(action: BulkAction, counts: Counter[str], span: Span) -> None:
    action.changed += counts.pop("change", 0)
    left = Counter(action.left_out) + counts
    action.left_out = dict(left)
    action.matched = action.changed + sum(left.values())
    action.after_id, action.walked = span.last, action.walked + span.people


def _take_back(action: BulkAction) -> bool:
    span = _next_changed(action)
    if span.people:
        action.undone += VERBS[action.verb].take_back(action, span)
        action.after_id, action.walked = span.last, action.walked + span.people
        return True
    action.state, action.finished_at = "undone", now()
    _forget_tag(action)
    return False


def _forget_tag(action: BulkAction) -> None:
    """Remove the tag that it made, unless somebody has it or another action is about to use it."""
    if not action.given.get("made"):
        return
    others = sa.select(BulkAction.given).where(
        BulkAction.account_id == action.account_id,
        BulkAction.id != action.id,
        BulkAction.verb == "tag",
        BulkAction.state.in_(("ready", *AT_WORK)),
    )
    if all(given["tag"] != action.given["tag"] for given in db.session.scalars(others)):
        tags.forget_unused(action.given["tag"])


def _erase(action: BulkAction) -> bool:
    span = _next_changed(action)
    if span.people:
        bulk_permission.Erase().erase(action, span)
        action.after_id, action.walked = span.last, action.walked + span.people
        return True
    action.state, action.finished_at = "done", now()
    account = db.session.get_one(Account, action.account_id)
    by = db.session.get(Member, action.member_id) if action.member_id else None
    auditing.note(account, by, "contact.erase_many", f"{action.walked}, by action {action.id}")
    return False


#: By state: one span; whether there is more to do.
_STEPS: dict[str, Callable[[BulkAction], bool]] = {
    "counting": _count,
    "doing": _do,
    "erasing": _erase,
    "undoing": _take_back,
}


def _next_changed(action: BulkAction) -> Span:
    """The next people whom it changed."""
    ids = bulk_change.c.contact_id
    here = sa.select(ids).where(bulk_change.c.action_id == action.id, ids > action.after_id)
    rows = here.order_by(ids).limit(VERBS[action.verb].chunk).subquery()
    last, n = db.session.execute(sa.select(sa.func.max(rows.c.contact_id), sa.func.count())).one()
    return Span(action.after_id, last or action.after_id, n)


def _fail(action_id: int, lease: str, error: Exception) -> None:
    action = db.session.get(BulkAction, action_id, populate_existing=True)
    if action is None or action.lease != lease or action.state not in AT_WORK:
        return
    log.error("bulk action %d stopped: %s", action_id, type(error).__name__)
    told = str(error) if isinstance(error, (Invalid, NotFound)) else "Something broke on our side."
    action.state, action.lease, action.lease_until = "failed", None, None
    action.error = f"{told} What was done so far stays, and can be taken back."


def due(limit: int = 100) -> Sequence[tuple[int, int]]:
    """Bulk actions that a worker should go on with: their ids, and how far they are.

    People whose day of waiting is over are among them: their erasing begins here.
    """
    over = sa.and_(BulkAction.state == "waiting", BulkAction.due_at <= now())
    if db.session.scalar(sa.select(BulkAction.id).where(over).limit(1)) is not None:
        begin = {"state": "erasing", "after_id": 0, "walked": 0, "size": BulkAction.changed}
        with transaction():
            db.session.execute(sa.update(BulkAction).where(over).values(begin))
    free = sa.or_(BulkAction.lease_until.is_(None), BulkAction.lease_until < now())
    rows = db.session.execute(
        sa.select(BulkAction.id, BulkAction.walked)
        .where(BulkAction.state.in_(AT_WORK), free)
        .order_by(BulkAction.id)
        .limit(limit)
    )
    return [(row.id, row.walked) for row in rows]


def recent(account: Account, *, cursor: str | None = None, limit: int = 20) -> Page[BulkAction]:
    """Newest first, those that were begun."""
    query = sa.select(BulkAction).where(
        BulkAction.account_id == account.id, BulkAction.began_at.is_not(None)
    )
    if after := decode(cursor):
        query = query.where(BulkAction.id < after.number(0))
    rows = db.session.scalars(query.order_by(BulkAction.id.desc()).limit(limit + 1)).all()
    return cut(rows, limit, lambda row: [row.id])


def action_of(account: Account, action_id: int) -> BulkAction:
    """Raises NotFound."""
    return owned(BulkAction, account.id, action_id, "That")


def forget_old() -> int:
    """What was before is kept as long as it can be put back; who was changed stays known.

    Returns how many rows forgot. Counted ones that nobody said yes to go as well.
    """
    with transaction():
        asked = (BulkAction.state.in_(("counting", "ready")),
                 BulkAction.created_at < now() - timedelta(days=2))  # fmt: skip
        db.session.execute(sa.delete(BulkAction).where(*asked))
    old = sa.select(BulkAction.id).where(
        BulkAction.began_at < now() - timedelta(days=31), BulkAction.state.not_in(AT_WORK)
    )
    some = (
        sa.select(bulk_change.c.action_id, bulk_change.c.contact_id)
        .where(bulk_change.c.action_id.in_(old), bulk_change.c.was_value.is_not(None))
        .limit(20_000)
    )
    with transaction(bulk=True):
        return bulk_verbs.run(
            sa.update(bulk_change)
            .where(sa.tuple_(bulk_change.c.action_id, bulk_change.c.contact_id).in_(some))
            .values(was_value=sa.null())
        )
