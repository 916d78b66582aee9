"""Two versions of the policy side by side, passage by passage and word by word."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.privacy import inventory

Sections = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Piece:
    """Some words: the same, new or gone."""

    kind: str
    """same, ins or del."""
    text: str


@dataclass(frozen=True)
class Comparison:
    """A section in both versions."""

    id: str
    title: str
    passages: list[list[Piece]]
    changes: int
    """Passages that differ."""


def compare(before: Sections, after: Sections) -> list[Comparison]:
    """Every section of either version, in the order of the newer one."""
    old = {section["id"]: section for section in before}
    new = {section["id"]: section for section in after}
    ids = [*new, *(id_ for id_ in old if id_ not in new)]
    return [_section(id_, old.get(id_), new.get(id_)) for id_ in ids]


def changed_titles(before: Sections, after: Sections) -> list[str]:
    """Titles of the sections that differ."""
    return [part.title for part in compare(before, after) if part.changes]


def _section(id_: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Comparison:
    title = (new or old or {})["title"]
    pairs = _pairs(inventory.passages(old) if old else [], inventory.passages(new) if new else [])
    passages = [_words(before, after) for before, after in pairs]
    changes = sum(any(piece.kind != "same" for piece in passage) for passage in passages)
    return Comparison(id_, title, passages, changes)


def _pairs(old: Sequence[str], new: Sequence[str]) -> list[tuple[str, str]]:
    """Paragraphs that belong together; an empty text where one has no partner."""
    pairs: list[tuple[str, str]] = []
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    for kind, a1, a2, b1, b2 in matcher.get_opcodes():
        if kind == "equal":
            pairs += [(text, text) for text in old[a1:a2]]
        else:
            longest = max(a2 - a1, b2 - b1)
            left = [*old[a1:a2], *[""] * (longest - (a2 - a1))]
            right = [*new[b1:b2], *[""] * (longest - (b2 - b1))]
            pairs += list(zip(left, right, strict=True))
    return pairs


def _words(before: str, after: str) -> list[Piece]:
    if before == after:
        return [Piece("same", after)]
    a, b = re.findall(r"\s*\S+", before), re.findall(r"\s*\S+", after)
    pieces: list[Piece] = []
    for kind, a1, a2, b1, b2 in difflib.SequenceMatcher(a=a, b=b, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(Piece("same", "".join(b[b1:b2])))
            continue
        if a2 > a1:
            pieces.append(Piece("del", "".join(a[a1:a2])))
        if b2 > b1:
            pieces.append(Piece("ins", "".join(b[b1:b2])))
    return pieces
