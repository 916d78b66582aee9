"""A rule as a sentence: people who are on *News* and who opened a mail *in the last 30 days*."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from app.contacts.segments.names import Names
from app.contacts.segments.rule import (
    TEXTS,
    Agreed,
    Condition,
    Day,
    Did,
    Filled,
    Group,
    Kind,
    Last,
    Mailbox,
    Number,
    OnList,
    Rule,
    Source,
    Tagged,
    Text,
    Tracked,
    When,
    YesNo,
)

REMOVED = "(something that was removed)"
COMPARED = {
    "is": "is", "is_not": "is not", "contains": "contains", "contains_not": "does not contain",
    "begins": "begins with", "ends": "ends with", "at_least": "is at least",
    "at_most": "is at most", "more": "is more than", "less": "is less than",
    "between": "is between",
}  # fmt: skip
ON_LIST = {
    "active": ("are on", "are not on"),
    "pending": ("have not confirmed yet to be on", "do not wait to be on"),
    "ended": ("left", "did not leave"),
    "any": ("are or were on", "were never on"),
}
CAME = {
    "import": "by a file", "form": "by a sign-up form", "api": "by a program (API)",
    "hand": "by hand", "unknown": "in a way that was not noted",
}  # fmt: skip
MAILBOXES = {
    "role": "a desk such as info@", "disposable": "a throw-away one",
    "free": "of a free mail service", "mistyped": "mistyped as it seems",
}  # fmt: skip
AGREED = {
    "stated": "were said by you to agree", "asked": "asked for mail themselves",
    "confirmed": "confirmed by mail", "withdrawn": "withdrew their consent",
    "restored": "came back after leaving",
}  # fmt: skip


@dataclass(frozen=True)
class Piece:
    """A bit of the sentence; what was chosen is strong."""

    text: str
    strong: bool = False


def sentence(rule: Rule, names: Names) -> list[Piece]:
    """The whole of it, from "people"."""
    return _tidy([Piece("people "), *_part(rule, names, 0)])


def plain(pieces: Sequence[Piece]) -> str:
    """As one line."""
    return "".join(piece.text for piece in pieces)


def _tidy(pieces: Sequence[Piece]) -> list[Piece]:
    """Neighbours of the same kind become one."""
    found: list[Piece] = []
    for piece in pieces:
        if found and found[-1].strong == piece.strong:
            found[-1] = Piece(found[-1].text + piece.text, piece.strong)
        elif piece.text:
            found.append(piece)
    return found


def _part(rule: Rule, names: Names, depth: int) -> Iterator[Piece]:
    if not isinstance(rule, Group):
        yield from _leaf(rule, names)
        return
    if rule.mode == "none":
        yield Piece("other than those ")
    several = len(rule.parts) > 1
    brackets = several and (depth > 0 or rule.mode == "none")
    yield Piece("(" if brackets else "")
    for number, part in enumerate(rule.parts):
        if number:
            yield Piece(" and " if rule.mode == "all" else " or ")
        yield from _part(part, names, depth + several)
    yield Piece(")" if brackets else "")


def _leaf(rule: Condition, names: Names) -> list[Piece]:
    match rule:
        case Text(field, op, value):
            return _whose(field, names, COMPARED[op], f"“{value}”")
        case Number(field, op, values):
            return _whose(field, names, COMPARED[op], " and ".join(f"{one:,}" for one in values))
        case YesNo(field, value):
            return _whose(field, names, "is", "yes" if value else "no")
        case Filled(field, known):
            return _whose(field, names, "is", "known" if known else "empty")
        case Day(field, when):
            return _day(field, when, names)
        case Kind(value, negated):
            word = "people" if (value == "person") != negated else "organisations"
            return [Piece("who are "), Piece(word, strong=True)]
        case Mailbox(value, negated):
            compared = "is not" if negated else "is"
            return [Piece(f"whose address {compared} "), Piece(MAILBOXES[value], strong=True)]
        case Tagged(name, negated):
            have = "who do not have" if negated else "who have"
            return [Piece(f"{have} the tag "), Piece(name, strong=True)]
        case Tracked(value):
            let = "let you count" if value else "do not let you count"
            return [Piece("who "), Piece(f"{let} opens and clicks", strong=True)]
    return _history(rule, names)


def _history(rule: Condition, names: Names) -> list[Piece]:
    match rule:
        case OnList(list_id, state, when, negated):
            have = ON_LIST[state][negated]
            name = names.lists.get(list_id, REMOVED)
            joined = ", having joined" if when and state != "ended" else ""
            return [
                Piece(f"who {have} "), Piece(name, strong=True), Piece(joined), *_during(when),
            ]  # fmt: skip
        case Did():
            return _did(rule, names)
        case Source(value, import_id, negated):
            came = "who did not come " if negated else "who came "
            file = names.imports.get(import_id, REMOVED) if import_id else ""
            return [
                Piece(came),
                Piece(f"with the file {file}" if file else CAME[value], strong=True),
            ]
        case Agreed(kind, when, negated):
            have = "of whom it is not noted that they " if negated else "who "
            return [Piece(have), Piece(AGREED[kind], strong=True), *_during(when)]
    raise TypeError(rule)


def _whose(field: str, names: Names, compared: str, value: str) -> list[Piece]:
    return [Piece(f"whose {label(field, names)} {compared} "), Piece(value, strong=True)]


def label(field: str, names: Names) -> str:
    """What a field is called on pages."""
    if field in TEXTS:
        return TEXTS[field].lower()
    return names.fields.get(field.removeprefix("fields."), REMOVED)


def _day(field: str, when: When, names: Names) -> list[Piece]:
    if field == "added":
        return [Piece("who were added"), *_during(when)]
    if field == "changed":
        return [Piece("who were last changed"), *_during(when)]
    return [Piece(f"whose {label(field, names)} is"), *_during(when)]


def _during(when: When | None) -> list[Piece]:
    return [Piece(" "), Piece(time(when), strong=True)] if when else []


def time(when: When) -> str:
    """in the last 30 days, more than 90 days ago, between 1 May 2025 and 3 May 2025."""
    first = when.values[0]
    if isinstance(first, int):
        return _days(when.op, first)
    dates = [_date(str(value)) for value in when.values]
    return f"between {dates[0]} and {dates[1]}" if when.op == "between" else f"{when.op} {dates[0]}"


def _days(op: str, days: int) -> str:
    each_year = " (each year)" if op.startswith("anniversary") else ""
    if days == 0 and op != "before_last":
        return f"today{each_year}"
    n = "1 day" if days == 1 else f"{days:,} days"
    words = {
        "in_last": "in the last {}", "before_last": "more than {} ago",
        "in_next": "within the next {}", "anniversary_in": "in {}",
        "anniversary_within": "within the next {}",
    }  # fmt: skip
    return words[op].format(n) + each_year


def _date(text: str) -> str:
    day = date.fromisoformat(text)
    return f"{day.day} {day:%B %Y}"


def _did(rule: Did, names: Names) -> list[Piece]:
    """who opened at least 3 of the last 5 campaigns in the last 30 days, by machine."""
    verb = {"received": "receive", "opened": "open", "clicked": "click"}[rule.deed]
    verb = f"did not {verb}" if rule.negated else rule.deed
    where = " in" if rule.deed == "clicked" else ""
    by = {"machine": " by a machine", "anybody": " by a person or a machine"}
    who = by.get(rule.by, "") if rule.deed != "received" else ""
    return [
        Piece(f"who {verb}{where} "), Piece(_mails(rule, names), strong=True),
        *_during(rule.when), Piece(who, strong=bool(who)),
    ]  # fmt: skip


def _mails(rule: Did, names: Names) -> str:
    least = f"at least {rule.times:,}" if rule.times > 1 else ""
    match rule.campaign:
        case Last(n):
            last = f"of the last {n:,} campaigns" if n > 1 else "the last campaign"
            return f"{least or 'any'} {last}" if n > 1 else last
        case int(number):
            return names.campaigns.get(number, REMOVED)
    tracked = " whose opens are counted" if rule.campaign == "tracked" else ""
    any_ = "any mail" if rule.negated else "a mail"
    return f"{least} mails{tracked}" if least else f"{any_}{tracked}"
