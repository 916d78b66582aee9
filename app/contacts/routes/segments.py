"""Segments: all of them, one with its people, changing and removing."""

from __future__ import annotations

from typing import Any

from flask import make_response, render_template, request
from flask.typing import ResponseReturnValue

from app.auth.current import current_account, needs
from app.contacts import finding, jobs, queries, segments
from app.contacts.forms import SegmentForm
from app.contacts.models import Contact, Segment
from app.contacts.routes import segment_counts
from app.contacts.routes.blueprint import bp
from app.contacts.routes.people import people_context
from app.contacts.routes.segment_building import builder_page, fill_in
from app.contacts.segments import building, counting, keeping, ready_made, surroundings
from app.core.db import transaction
from app.core.errors import DomainError
from app.core.fragments import page_or_fragment, see_other
from app.core.pagination import Page


@bp.get("/segments")
def all_segments() -> ResponseReturnValue:
    account = current_account()
    types = surroundings.of(account.id).types
    return render_template(
        "contacts/segments.html",
        shown=segment_counts.shown(account.id, keeping.of(account.id)),
        ideas=ready_made.ideas(types),
    )


@bp.get("/segments/new")
@needs("contacts.change")
def new_segment() -> ResponseReturnValue:
    """From nothing, from a ready-made one (`like`), or those who did not open a campaign."""
    account = current_account()
    types = surroundings.of(account.id).types
    idea = ready_made.idea(request.args.get("like", ""), types)
    if campaign_id := request.args.get("not_opened", type=int):
        idea = ready_made.not_opened(campaign_id, keeping.campaign_name(account.id, campaign_id))
    form = SegmentForm(formdata=None, name=idea.name if idea else "")
    tree = (
        building.from_json(segments.as_json(segments.checked(account.id, idea.rule)))
        if idea
        else None
    )
    return builder_page(form, tree or building.from_form({}), None)


@bp.post("/segments")
def create_segment() -> ResponseReturnValue:
    account, form = current_account(), SegmentForm()
    types = surroundings.of(account.id).types
    tree = building.from_form(request.form)
    if not form.validate():
        return builder_page(form, tree, None, status=422)
    try:
        with transaction():
            segment = keeping.create(account.id, form.name.data, building.to_json(tree, types))
    except DomainError as error:
        return builder_page(form, fill_in(form, tree, error), None, status=error.status)
    return see_other("contacts.show_segment", notice="Saved.", segment_id=segment.id)


@bp.get("/segments/<int:segment_id>")
def show_segment(segment_id: int) -> ResponseReturnValue:
    account, given = current_account(), request.args
    segment = keeping.one(account.id, segment_id)
    list_id = given.get("list", type=int)
    if list_id:
        queries.list_(account, list_id)
    wanted = finding.Wanted(given.get("q", "")[:200], list_id, segment_id=segment.id)
    one = segment_counts.shown(account.id, [segment], with_people=True)[0]
    found = _people(one, wanted) if one.pieces else Page([], None)
    context = people_context(found, wanted) | _about(one)
    return page_or_fragment("contacts/segment.html", "contacts/_people.html", **context)


def _people(one: segment_counts.Shown, wanted: finding.Wanted) -> Page[Contact]:
    """A look at some thousand people; where it met nobody, those whom the last count met."""
    account_id, cursor = one.segment.account_id, request.args.get("cursor")
    found = finding.page(account_id, wanted, cursor=cursor)
    if found.items or not found.older or wanted.text or wanted.list_id:
        return found
    ids = counting.newest(account_id, one.segment.rule)
    return finding.known(account_id, wanted, ids, after=cursor) or found


def _about(one: segment_counts.Shown) -> dict[str, Any]:
    return {
        "segment": one.segment,
        "pieces": one.pieces,
        "numbers": one.numbers,
        "is_stale": one.is_stale,
        "words": segment_counts.WORDS,
        "used_by": keeping.used_by(one.segment),
    }


@bp.get("/segments/<int:segment_id>/edit")
@needs("contacts.change")
def edit_segment(segment_id: int) -> ResponseReturnValue:
    segment = keeping.one(current_account().id, segment_id)
    return builder_page(SegmentForm(obj=segment), _tree(segment), segment)


def _tree(segment: Segment) -> building.Node:
    """Its rows; those of a rule that cannot be worked out any more are there to be mended."""
    types = surroundings.of(segment.account_id).types
    try:
        rule = segments.as_json(segments.checked(segment.account_id, segment.rule))
    except segments.BadRule as error:
        tree = building.from_json(segment.rule) if segment.rule else building.from_form({})
        building.mark(tree, building.place_in(tree, error.place), str(error))
        return tree
    return building.settled(building.from_json(rule), types)


@bp.post("/segments/<int:segment_id>")
def save_segment(segment_id: int) -> ResponseReturnValue:
    account, form = current_account(), SegmentForm()
    segment, types = keeping.one(account.id, segment_id), surroundings.of(account.id).types
    tree = building.from_form(request.form)
    if not form.validate():
        return builder_page(form, tree, segment, status=422)
    try:
        with transaction():
            segment = keeping.one(account.id, segment_id)
            keeping.change(segment, name=form.name.data, rule=building.to_json(tree, types))
    except DomainError as error:
        segment = keeping.one(account.id, segment_id)
        return builder_page(form, fill_in(form, tree, error), segment, status=error.status)
    return see_other("contacts.show_segment", notice="Saved.", segment_id=segment_id)


@bp.post("/segments/<int:segment_id>/copy")
def copy_segment(segment_id: int) -> ResponseReturnValue:
    with transaction():
        made = keeping.copy(keeping.one(current_account().id, segment_id))
    return see_other("contacts.edit_segment", notice="This is the copy.", segment_id=made.id)


@bp.route("/segments/<int:segment_id>/delete", methods=["GET", "POST"])
@needs("contacts.change")
def delete_segment(segment_id: int) -> ResponseReturnValue:
    account = current_account()
    segment = keeping.one(account.id, segment_id)
    if request.method == "POST":
        try:
            with transaction():
                keeping.delete(keeping.one(account.id, segment_id))
        except keeping.InUse:
            return _delete_page(keeping.one(account.id, segment_id), 409)
        return see_other("contacts.all_segments", notice="Deleted. Nobody was removed.")
    return _delete_page(segment)


def _delete_page(segment: Segment, status: int = 200) -> ResponseReturnValue:
    used_by = keeping.used_by(segment)
    page = render_template("contacts/segment_delete.html", segment=segment, used_by=used_by)
    return make_response(page, status)


@bp.post("/segments/<int:segment_id>/count")
def recount_segment(segment_id: int) -> ResponseReturnValue:
    """Have its people counted anew."""
    account = current_account()
    segment = keeping.one(account.id, segment_id)
    count_id = segment_counts.have_counted(account.id, segment.rule)
    if count_id:
        jobs.wake_count(count_id)
    if request.headers.get("HX-Request") != "true":
        return see_other("contacts.show_segment", segment_id=segment_id)
    one = segment_counts.shown(account.id, [segment], with_people=True)[0]
    if request.args.get("whole"):
        context = {"numbers": one.numbers, "words": segment_counts.WORDS}
        return render_template("contacts/_segment_numbers.html", **context)
    return render_template("contacts/_segment_count.html", one=one)


@bp.get("/segments/<int:segment_id>/count")
def segment_count(segment_id: int) -> ResponseReturnValue:
    account = current_account()
    one = segment_counts.shown(account.id, [keeping.one(account.id, segment_id)])[0]
    return render_template("contacts/_segment_count.html", one=one)
