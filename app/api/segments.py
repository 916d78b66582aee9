"""Segments in the API: their shapes and calls.

No postponed annotations here: TypedDict must see NotRequired to know what may be left out.
"""

from collections.abc import Callable
from typing import Annotated, Any, NotRequired, TypedDict

from app.api import queries, showing
from app.api.calls import current_account
from app.api.shapes import Cursor, Moment, NeededName, PageQuery
from app.contacts.models import Segment
from app.contacts.segments import checked, counting, is_readable, keeping, names, words

#: Counts are a worker's: what is asked for here is counted within some seconds.
Rule = Annotated[
    dict[str, Any],
    {"description": "A condition or a group of rules; docs/segments.md has every field."},
]


class SegmentIn(TypedDict):
    """A segment to make."""

    name: NeededName
    rule: Rule


class SegmentChanges(TypedDict, total=False):
    """What to change; what is left out stays. Its people are counted anew."""

    name: NeededName
    rule: Rule


class SegmentOut(TypedDict):
    """A saved rule over contacts; whoever fits it now is in it now."""

    id: int
    name: str
    rule: dict[str, Any]
    sentence: Annotated[str, {"description": "The rule in words; empty where it is broken."}]
    people: Annotated[int | None, {"description": "As counted; null until then."}]
    mailable: Annotated[int | None, {"description": "How many of them would get a mail."}]
    left_out: Annotated[dict[str, int], {"description": "Reason to number of people."}]
    counted_at: Moment | None
    created_at: Moment


class SegmentPage(TypedDict):
    items: list[SegmentOut]
    cursor: Cursor


class SegmentQuery(PageQuery):
    """Which segments."""

    name: NotRequired[Annotated[str, {"maxLength": 200, "description": "Exactly this name."}]]


def declare(call: Callable[..., Callable[[Any], Any]]) -> None:
    """Register the calls."""
    read, write = {"scope": "contacts:read"}, {"scope": "contacts:write"}
    one = "/segments/<int:segment_id>"
    call("GET", "/segments", query=SegmentQuery, answer=SegmentPage, **read)(get_segments)
    call("POST", "/segments", body=SegmentIn, answer=SegmentOut, status=201, **write)(
        create_segment
    )
    call("GET", one, answer=SegmentOut, **read)(get_segment)
    call("PATCH", one, body=SegmentChanges, answer=SegmentOut, **write)(change_segment)
    call("DELETE", one, status=204, **write)(delete_segment)


def get_segments(query: dict[str, Any]) -> Any:
    """Segments, newest first."""
    limit = int(query.get("limit", queries.PAGE))
    found = queries.segments(current_account(), query.get("cursor"), limit, name=query.get("name"))
    return showing.page(found, [shown(row) for row in found.items])


def create_segment(body: dict[str, Any]) -> Any:
    """Make a segment from a rule."""
    row = keeping.create(current_account().id, body["name"], body["rule"])
    return _counted(row)


def get_segment(segment_id: int) -> Any:
    """One segment with the numbers that were counted last."""
    return shown(_segment(segment_id))


def change_segment(segment_id: int, body: dict[str, Any]) -> Any:
    """Change a segment; campaigns that aim at it follow."""
    row = _segment(segment_id)
    keeping.change(row, name=body.get("name"), rule=body.get("rule"))
    return _counted(row)


def delete_segment(segment_id: int) -> None:
    """Delete a segment, not its people; 409 while a campaign that is not over aims at it."""
    keeping.delete(_segment(segment_id))


def _segment(segment_id: int) -> Segment:
    return keeping.one(current_account().id, segment_id)


def _counted(row: Segment) -> SegmentOut:
    """Ask for its numbers; a worker finds that within some seconds."""
    if is_readable(row.account_id, row.rule):
        counting.ask(row.account_id, checked(row.account_id, row.rule), anew=True)
    return shown(row)


def shown(row: Segment) -> SegmentOut:
    """A segment with what is remembered of it."""
    count = counting.remembered(row.account_id, [row.rule]).get(counting.digest(row.rule))
    left_out = dict(count.left_out) if count else {}
    people = count.people if count else None
    return {
        "id": row.id,
        "name": row.name,
        "rule": row.rule,
        "sentence": _sentence(row),
        "people": people,
        "mailable": None if people is None else people - sum(left_out.values()),
        "left_out": left_out,
        "counted_at": count.counted_at if count and people is not None else None,
        "created_at": row.created_at,
    }


def _sentence(row: Segment) -> str:
    if not is_readable(row.account_id, row.rule):
        return ""
    rule = checked(row.account_id, row.rule)
    return words.plain(words.sentence(rule, names.of(row.account_id, [rule])))
