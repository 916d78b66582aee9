"""The page on which a segment is built by clicking, and its count while one does."""

from __future__ import annotations

import secrets
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from flask import make_response, render_template, request
from flask.typing import ResponseReturnValue

from app.auth.current import current_account
from app.contacts import finding, jobs, segments
from app.contacts.forms import SegmentForm
from app.contacts.models import Segment, SegmentCount
from app.contacts.routes import segment_counts
from app.contacts.routes.blueprint import bp
from app.contacts.segments import building, counting, keeping, names, offering, surroundings, words
from app.core.db import transaction
from app.core.errors import DomainError
from app.core.fragments import wants_fragment
from app.core.owning import owned

#: What every row of every account offers.
FIXED = {
    "modes": offering.MODES,
    "when": offering.WHEN,
    "list_states": offering.LIST_STATES,
    "by": offering.BY,
    "kinds": offering.KINDS,
    "addresses": offering.ADDRESSES,
    "yes_no": offering.YES_NO,
    "consents": offering.CONSENTS,
}


def builder_page(
    form: SegmentForm, tree: building.Node, segment: Segment | None, *, status: int = 200,
    numbers: segment_counts.Seen | None = None,
) -> ResponseReturnValue:  # fmt: skip
    """The whole page."""
    page = render_template(
        "contacts/segment_edit.html",
        form=form,
        segment=segment,
        draft=request.form.get("draft", "")[:32] or secrets.token_hex(8),
        numbers=numbers or segment_counts.Seen(),
        words=segment_counts.WORDS,
        **_builder(tree),
    )
    return make_response(page, status)


def _builder(tree: building.Node) -> dict[str, Any]:
    choices = offering.choices(current_account().id)
    building.settled(tree, choices.types)
    return {"tree": tree, "offer": SimpleNamespace(account=choices, **FIXED)}


def fill_in(form: SegmentForm, tree: building.Node, error: DomainError) -> building.Node:
    """Put what is wrong where it is wrong."""
    if isinstance(error, segments.BadRule):
        building.mark(tree, error.place, str(error))
    else:
        form.name.errors = [str(error)]
    return tree


@bp.post("/segments/build")
def build_segment() -> ResponseReturnValue:
    """The rows again, after a button was pressed or a choice made that decides on other choices."""
    account = current_account()
    types = surroundings.of(account.id).types
    wish = request.form.getlist("do")[-1] if request.form.get("do") else ""
    tree = building.act(building.from_form(request.form), wish, types)
    if not wants_fragment():
        return _without_scripts(tree, wish)
    response = make_response(render_template("contacts/_segment_builder.html", **_builder(tree)))
    response.headers["HX-Trigger"] = "segment-built"
    return response


def _without_scripts(tree: building.Node, wish: str) -> ResponseReturnValue:
    account, form = current_account(), SegmentForm()
    segment_id = request.form.get("segment", type=int)
    segment = keeping.one(account.id, segment_id) if segment_id else None
    numbers = _count(tree) if wish == "count" else None
    return builder_page(form, tree, segment, numbers=numbers)


@bp.post("/segments/count")
def count_segment_draft() -> ResponseReturnValue:
    """How many it would be. What is not finished says so and is no error."""
    numbers = _count(building.from_form(request.form))
    context = {"numbers": numbers, "words": segment_counts.WORDS}
    return render_template("contacts/_segment_numbers.html", **context)


def _count(tree: building.Node) -> segment_counts.Seen:
    account = current_account()
    types = surroundings.of(account.id).types
    try:
        rule = segments.written(account.id, building.to_json(tree, types))
    except segments.BadRule as error:
        is_empty = error.place == "0"
        return segment_counts.Seen(problem="Choose what to ask for." if is_empty else str(error))
    pieces = words.sentence(rule, names.of(account.id, [rule]))
    return replace(_numbers(rule), pieces=pieces)


def _numbers(rule: segments.Rule) -> segment_counts.Seen:
    """What is known at once; the rest is asked for."""
    account = current_account()
    if numbers := counting.at_once(account.id, rule):
        return segment_counts.of_numbers(account.id, numbers)
    with transaction():
        row = counting.ask(account.id, rule, draft=request.form.get("draft", "")[:32])
    if row.state == "waiting":
        jobs.wake_count(row.id)
    return _meanwhile(rule, segment_counts.of_row(account.id, row))


def _meanwhile(rule: segments.Rule, seen: segment_counts.Seen) -> segment_counts.Seen:
    """A kept counter says the number, and some people are found without looking at all."""
    account = current_account()
    if seen.people is None:
        seen = replace(seen, people=counting.kept(account.id, rule))
    if not seen.sample:
        seen = replace(seen, sample=finding.some(account.id, segments.as_json(rule)))
    return seen


@bp.get("/segments/counts/<int:count_id>")
def segment_numbers(count_id: int) -> ResponseReturnValue:
    """How far a count is."""
    account = current_account()
    row = owned(SegmentCount, account.id, count_id, "This count")
    rule = segments.checked(account.id, row.rule)
    seen = segment_counts.of_row(account.id, row)
    if seen.is_counting:
        seen = _meanwhile(rule, seen)
    pieces = words.sentence(rule, names.of(account.id, [rule]))
    context = {"numbers": replace(seen, pieces=pieces), "words": segment_counts.WORDS}
    return render_template("contacts/_segment_numbers.html", **context)
