"""A rule as the fields of a form, row by row, also while it is not finished.

Each part has a place: 0 is the outermost group, 0.2 its third part. `0.2:field` is that part's
field, `0:mode` the group's mode. Everything is text as it was typed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.contacts.segments import rule as shapes
from app.contacts.segments.rule import MAX_DEPTH, MOST_CONDITIONS

PLACE = re.compile(r"0(?:\.\d{1,3}){0,8}")
#: What a part can hold, besides its group's mode.
VALUES = (
    "field", "op", "value", "value2", "state", "times", "campaign", "last", "by", "when",
    "days", "date", "date2",
)  # fmt: skip
_FIRST_OPS = {
    "text": "is", "number": "is", "date": "in_last", "moment": "in_last", "yes_no": "is",
    "list": "on", "tag": "has", "kind": "is", "deed": "did", "source": "is", "consent": "has",
    "tracking": "is", "mailbox": "is", "json": "known",
}  # fmt: skip


@dataclass
class Node:
    """A group (it has a mode) or a row; `error` is what to mend there."""

    mode: str = ""
    parts: list[Node] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    place: str = "0"
    error: str = ""

    def get(self, name: str) -> str:
        """A value of a row, as typed; or a group's mode."""
        return self.mode if name == "mode" else self.values.get(name, "")


def sort_of(name: str, types: Mapping[str, str]) -> str:
    """What kind of thing a field is: decides how it is compared. Empty for an unknown one."""
    if name in shapes.TEXTS:
        return "text"
    if name in shapes.MOMENTS:
        return "moment"
    if name in shapes.DEEDS:
        return "deed"
    if name.startswith("fields."):
        return types.get(name.removeprefix("fields."), "")
    return name if name in _FIRST_OPS else ""


# From the form


def from_form(given: Mapping[str, str]) -> Node:
    """The rows of a form. What does not belong to one is left aside."""
    cells: dict[str, dict[str, str]] = {}
    for name, value in given.items():
        place, _, part = name.partition(":")
        if part in (*VALUES, "mode") and PLACE.fullmatch(place):
            cells.setdefault(place, {})[part] = value[: shapes.TEXT_LENGTH]
    if not cells.get("0", {}).get("mode"):
        return Node("all", [Node()])
    children: dict[str, list[str]] = {}
    for place in sorted(cells, key=_order):
        if place != "0":
            children.setdefault(place.rpartition(".")[0], []).append(place)
    return numbered(_node("0", cells, children))


def _order(place: str) -> list[int]:
    return [int(step) for step in place.split(".")]


def _node(
    place: str, cells: Mapping[str, dict[str, str]], children: Mapping[str, list[str]]
) -> Node:
    values = dict(cells[place])
    mode = values.pop("mode", "")
    if not mode:
        return Node(values=values)
    parts = [_node(one, cells, children) for one in children.get(place, [])]
    return Node(mode if mode in shapes.MODES else "all", parts)


def numbered(node: Node, place: str = "0") -> Node:
    """Give each part its place."""
    node.place = place
    for number, part in enumerate(node.parts):
        numbered(part, f"{place}.{number}")
    return node


# Changing it


def act(root: Node, wish: str, types: Mapping[str, str]) -> Node:
    """Do what a button says: `add 0`, `group 0`, `remove 0.1`; then set right what does not fit."""
    verb, _, place = wish.partition(" ")
    target = _find(root, place)
    if verb == "remove" and target is not None and target is not root:
        _drop(root, target)
    elif target is not None and target.mode and _size(root) < MOST_CONDITIONS:
        if verb == "add":
            target.parts.append(Node())
        elif verb == "group" and place.count(".") < MAX_DEPTH - 1:
            target.parts.append(Node("any", [Node()]))
    return settled(root, types)


def settled(root: Node, types: Mapping[str, str]) -> Node:
    """Each row with an operation that its field knows, and at least one row."""
    if not root.parts:
        root.parts.append(Node())
    _settle(root, types)
    return numbered(root)


def _find(node: Node, place: str) -> Node | None:
    if node.place == place:
        return node
    return next((found for part in node.parts if (found := _find(part, place))), None)


def _drop(node: Node, target: Node) -> None:
    node.parts = [part for part in node.parts if part is not target]
    for part in node.parts:
        _drop(part, target)


def _size(node: Node) -> int:
    return sum(_size(part) for part in node.parts) if node.mode else 1


def _settle(node: Node, types: Mapping[str, str]) -> None:
    """Each row has an operation that its field knows; the choices shown need no more than that."""
    for part in node.parts:
        _settle(part, types)
    sort = sort_of(node.get("field"), types)
    if node.mode or not sort:
        return
    if node.get("op") not in ops(sort):
        kept = {"field": node.get("field")}
        node.values = kept | {"op": _FIRST_OPS[sort]}
    if sort in ("date", "moment", "deed", "list", "consent"):
        node.values.setdefault("days", "30")


def ops(sort: str) -> tuple[str, ...]:
    """The operations of a kind of field."""
    return {
        "text": (*shapes.TEXT_OPS, *shapes.FILLED_OPS),
        "number": (*shapes.NUMBER_OPS, *shapes.FILLED_OPS),
        "date": (*shapes.WHEN_OPS, *shapes.YEARLY_OPS, *shapes.FILLED_OPS),
        "moment": shapes.WHEN_OPS,
        "yes_no": ("is", *shapes.FILLED_OPS),
        "json": shapes.FILLED_OPS,
        "list": ("on", "not_on"),
        "tag": ("has", "has_not"),
        "kind": ("is", "is_not"),
        "mailbox": ("is", "is_not"),
        "deed": ("did", "did_not"),
        "source": ("is", "is_not"),
        "consent": ("has", "has_not"),
        "tracking": ("is",),
    }.get(sort, ())


# To JSON and from a rule


def to_json(node: Node, types: Mapping[str, str]) -> dict[str, Any]:
    """For `reading.read`, which says what is wrong; rows without a field count for nothing."""
    if node.mode:
        parts = [to_json(part, types) for part in _begun(node)]
        return {node.mode: parts}
    return _row(node, types)


def _begun(node: Node) -> list[Node]:
    return [part for part in node.parts if _is_begun(part)]


def _is_begun(node: Node) -> bool:
    return any(map(_is_begun, node.parts)) if node.mode else bool(node.get("field"))


def mark(node: Node, place: str, message: str) -> None:
    """Put a message on the part that `to_json` gave that place."""
    here, _, rest = place.removeprefix("0").lstrip(".").partition(".")
    if not here:
        node.error = message
        return
    parts = _begun(node)
    if int(here) < len(parts):
        mark(parts[int(here)], f"0.{rest}" if rest else "0", message)


def place_in(root: Node, place: str) -> str:
    """The place of a stored rule's part, in the form of that rule."""
    return place if _find(root, place) else "0.0"


def _row(node: Node, types: Mapping[str, str]) -> dict[str, Any]:
    name = node.get("field")
    sort, op = sort_of(name, types), node.get("op")
    base: dict[str, Any] = {"field": name, "op": op}
    match sort:
        case "number":
            return base | {"value": _pair(op, _number(node, "value"), _number(node, "value2"))}
        case "date" | "moment":
            return base | {"value": _time(op, node)}
        case "yes_no" | "tracking":
            return base | {"value": {"yes": True, "no": False}.get(node.get("value"))}
        case "list":
            state = node.get("state") or "active"
            return base | {"value": _int(node.get("value")), "state": state, "when": _span(node)}
        case "deed":
            return base | _deed(node)
        case "source":
            way, _, number = node.get("value").partition(" ")
            return base | {"value": {"import": _int(number)} if number else way}
        case "consent":
            return base | {"value": node.get("value"), "when": _span(node)}
    return base | {"value": node.get("value")}


def _deed(node: Node) -> dict[str, Any]:
    campaign: Any = node.get("campaign") or "any"
    if campaign == "last":
        campaign = {"last": _int(node.get("last") or "5")}
    elif campaign not in ("any", "tracked"):
        campaign = _int(campaign)
    times = node.get("times")
    return {
        "campaign": campaign, "times": _int(times) if times else 1,
        "by": node.get("by") or "human", "when": _span(node),
    }  # fmt: skip


def _span(node: Node) -> dict[str, Any] | None:
    op = node.get("when")
    return {"op": op, "value": _time(op, node)} if op else None


def _time(op: str, node: Node) -> Any:
    if op in shapes.DAYS_OPS or op in shapes.YEARLY_OPS:
        return _int(node.get("days"))
    return _pair(op, node.get("date"), node.get("date2"))


def _pair(op: str, first: Any, second: Any) -> Any:
    return [first, second] if op == "between" else first


def _int(text: str) -> Any:
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else text


def _number(node: Node, name: str) -> Any:
    text = node.get(name).strip().replace(",", ".")
    if re.fullmatch(r"[+-]?[0-9]{1,16}", text):
        return int(text)
    written = re.fullmatch(r"[+-]?[0-9]{1,16}(\.[0-9]{1,20})?(e[+-]?[0-9]{1,3})?", text)
    return float(text) if written else text


def from_json(given: Mapping[str, Any]) -> Node:
    """The form of a rule as `rule.as_json` writes it."""
    root = _from(given)
    return numbered(root if root.mode else Node("all", [root]))


def _from(given: Mapping[str, Any]) -> Node:
    for mode in shapes.MODES:
        if mode in given:
            return Node(mode, [_from(part) for part in given[mode]])
    values = {"field": str(given["field"]), "op": str(given["op"])}
    values |= {name: str(given[name]) for name in ("state", "times", "by") if name in given}
    return Node(values=values | _value(given) | _campaign(given) | _spanned(given))


def _value(given: Mapping[str, Any]) -> dict[str, str]:
    value, op = given.get("value"), given["op"]
    if isinstance(value, bool):
        return {"value": "yes" if value else "no"}
    if isinstance(value, Mapping):
        return {"value": f"import {value['import']}"}
    if op in shapes.DAYS_OPS or op in shapes.YEARLY_OPS:
        return {"days": str(value)}
    if op in shapes.DATE_OPS and isinstance(value, str):
        return {"date": str(value)}
    if isinstance(value, list):
        names = ("date", "date2") if isinstance(value[0], str) else ("value", "value2")
        return dict(zip(names, map(str, value), strict=True))
    return {} if value is None else {"value": str(value)}


def _campaign(given: Mapping[str, Any]) -> dict[str, str]:
    campaign = given.get("campaign")
    if isinstance(campaign, Mapping):
        return {"campaign": "last", "last": str(campaign["last"])}
    return {} if campaign is None else {"campaign": str(campaign)}


def _spanned(given: Mapping[str, Any]) -> dict[str, str]:
    when = given.get("when")
    return {"when": when["op"]} | _value(when) if when else {}
