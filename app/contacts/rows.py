"""From the cells of a row to a person, or the reason why not. Pure, and the hot part of imports."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any

from app.contacts import fields, kinds
from app.contacts.domain_rules import Rules
from app.contacts.formats.pasted import taken_apart
from app.contacts.mapping import STATUSES, TARGETS, WAYS, Columns, fold
from app.contacts.models import ContactField
from app.contacts.naming import Names
from app.contacts.text import (
    NAME_LENGTH,
    TAG_LENGTH,
    clean_line,
    clean_note,
    has_card_number,
    mask_card_numbers,
    search_key,
)
from app.core.errors import Invalid
from app.mailer.address import BadAddress, quick

#: Beginnings that spreadsheets take for a formula; exports put an apostrophe before them.
FORMULA = "=+-@\t\r＝＋－＠"  # noqa: RUF001  (the full-width forms)

_ORGANISATION = ("organisation", "organization", "company", "business", "firma", "o")

#: Columns of Contact that differ from person to person.
PREPARED = (
    "email", "address", "kind", "first_name", "last_name", "company", "external_id", "first_key",
    "last_key", "company_key", "fields", "notes",
)  # fmt: skip


#: One for all: each empty set takes as much room as a person.
_NOTHING: frozenset[str] = frozenset()


class Problem(Exception):
    """Why a row is not taken; for a person."""


class Person:
    """What a row says about somebody; also what is known already while a chunk is worked."""

    __slots__ = (
        "address", "blocked", "company", "dirty", "email", "external", "fields", "first", "gained",
        "heard", "id", "joins", "kind", "kind_by", "last", "lists", "local", "notes", "number",
        "proof", "ready", "repaired", "state", "tags", "updated_at", "was", "ways",
    )  # fmt: skip

    kind_by: str
    """Who said the kind; only of people who were here before."""

    def __init__(self, number: int, email: str, address: str, local: str) -> None:
        self.number = number
        self.email = email
        self.address = address
        self.local = local
        self.first = self.last = self.company = self.notes = self.kind = ""
        self.external = ""
        """What they are called in another system of the owner's."""
        self.fields: dict[str, Any] = {}
        self.tags: tuple[str, ...] = ()
        self.gained: tuple[str, ...] = ()
        """Tags that the database does not have yet."""
        self.lists: tuple[str, ...] = ()
        """Names of lists that the file puts them on and that they were never on."""
        self.blocked = ""
        """Why the file says that nobody may write to them: a Suppression's reason."""
        self.proof: dict[str, str] | None = None
        """What the file says about consent: {signed_up, confirmed, from}, as it stands there."""
        self.ways: dict[str, bool] | None = None
        """Channel other than mail → whether they may be reached by it."""
        self.heard = _NOTHING
        """Channels about which a row said something new of somebody who was here before."""
        self.repaired = False
        """Whether the domain was put right."""
        self.id = 0
        self.state: str | None = None
        self.dirty = self.joins = False
        self.updated_at: datetime | None = None
        self.was: dict[str, Any] | None = None
        """What the database has, once a row changed it (see contacts.journal)."""
        self.ready: tuple[Any, ...] | None = None
        """`prepared`, made by whoever read the row; None where something changed since."""

    @property
    def guessed_kind(self) -> str:
        """person or organisation."""
        return self.kind or kinds.guess(self.local, self.first, self.last, self.company)

    def prepared(self) -> tuple[Any, ...]:
        """The values of a new Contact, in the order of PREPARED."""
        first, last, company = self.first, self.last, self.company
        return (
            self.email, self.address, self.guessed_kind, first, last, company, self.external,
            search_key(first), search_key(last), search_key(company),
            _as_json(self.fields) if self.fields else "{}", self.notes,
        )  # fmt: skip


def _as_json(fields: Mapping[str, Any]) -> str:
    """As json.dumps, in a third of the time for texts."""
    pairs = [
        f"{_quoted(key)}: {_quoted(value) if type(value) is str else json.dumps(value)}"
        for key, value in fields.items()
    ]
    return "{" + ", ".join(pairs) + "}"


def unguard(cell: str) -> str:
    """Take off the apostrophe that an export put before what looks like a formula."""
    rest = cell.lstrip("'")
    return cell[1:] if cell[:1] == "'" and rest[:1] and rest[0] in FORMULA else cell


def guard(cell: str) -> str:
    """Make a cell harmless for spreadsheets; `unguard` gives it back."""
    rest = cell.lstrip("'")
    return f"'{cell}" if rest[:1] and rest[0] in FORMULA else cell


def as_csv(lines: Iterable[Iterable[object]]) -> str:
    """Lines of a download. Texts are made harmless; lines end as RFC 4180 has them."""
    out = io.StringIO()
    csv.writer(out).writerows(
        [guard(cell) if isinstance(cell, str) else cell for cell in line] for line in lines
    )
    return out.getvalue()


Setter = Callable[[Person, str], None]


class Reader:
    """Turns rows into people by a mapping."""

    def __init__(
        self,
        columns: Columns,
        known: Mapping[str, ContactField],
        *,
        repairs: Mapping[str, str] | None = None,
        domains: Rules | None = None,
        blocks: bool = False,
    ) -> None:
        """`repairs` says which domains become which others, `domains` which ones stay out; with
        `blocks`, nobody of the file may be mailed, whatever its columns say."""
        self._blocks = "import" if blocks else ""
        self._repairs = repairs or {}
        self._domains = domains or None
        self._width = len(columns)
        self._email = next(i for i, column in enumerate(columns) if column["to"] == "email")
        self._setters: list[tuple[int, Setter]] = []
        self.labels: dict[str, str] = {}
        """Fields that are made when their first value arrives: key → label."""
        self._tags: set[str] = set()
        self._most_tags = self._most_lists = 1_000_000
        self._lists = Names()
        self.names_lists = any(column["to"] == "lists" for column in columns)
        """Whether a column says which lists people are on."""
        for place, column in sorted(enumerate(columns), key=_is_harmless):
            if place != self._email and column["to"] != "skip":
                self._setters.append((place, self._setter(column, known)))

    def limit_tags(self, known: set[str], most: int) -> None:
        """Refuse rows that would bring more different tags than an account can have."""
        self._tags, self._most_tags = known, most

    def limit_lists(self, known: Iterable[str], most: int) -> None:
        """Refuse rows that would make a list where the account has so many already."""
        self._lists, self._most_lists = Names(known), most

    def read(self, number: int, cells: Sequence[str]) -> Person:
        """Raises Problem. Of who is not to be mailed the address alone matters: what else would
        be wrong with the row is left out, and the file's no counts."""
        if len(cells) != self._width:
            self._check_width(cells)
        first, more = self._address(cells[self._email])
        person = self._person(number, first)
        self._fill(person, cells)
        if person.blocked:
            return person
        if self._domains:
            self._check_domain(person.address.rpartition("@")[2], self._domains)
        if person.tags:
            self._check_tags(person.tags)
        if person.lists:
            person.lists = self._settled(person.lists)
        if more:
            person.notes = f"{person.notes}\n{more}".strip()
            _refuse_card(more)
        return person

    def _check_width(self, cells: Sequence[str]) -> None:
        width = len(cells)
        if any(cells[self._width :]) and not self._blocks:
            raise Problem(f"The row has {width} cells, the first row of the file {self._width}.")
        if width <= self._email:
            raise Problem("There is no address.")

    def _fill(self, person: Person, cells: Sequence[str]) -> None:
        width = len(cells)
        for place, setter in self._setters:
            if place < width and (cell := cells[place]):
                try:
                    setter(person, cell)
                except Problem:
                    if not (person.blocked or self._blocks):
                        raise
        person.blocked = person.blocked or self._blocks

    def _person(self, number: int, address: str) -> Person:
        name = ""
        if "<" in address or ":" in address:
            address, name = taken_apart(address)
        try:
            found = quick(address)
        except BadAddress as error:
            raise Problem(str(error)) from None
        if len(found.local) >= 13:
            _refuse_card(found.local)
        right = self._repairs.get(found.domain)
        if right:
            found = quick(f"{found.local}@{right}")
        person = Person(number, found.email, found.address, found.local)
        person.repaired = bool(right)
        if name:
            _full_name(person, name)
        return person

    @staticmethod
    def _check_domain(domain: str, rules: Rules) -> None:
        if rules.refuses(domain):
            raise Problem(rules.words(domain))

    def _check_tags(self, names: tuple[str, ...]) -> None:
        if len(self._tags.union(names)) > self._most_tags:
            raise Problem("It brings one tag more than an account can have.")
        self._tags.update(names)

    def _settled(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Each list once, by its name here or as the file wrote it first."""
        fresh = [name for name in Names(names).first if self._lists.of(name) is None]
        if fresh and len(self._lists) + len(fresh) > self._most_lists:
            raise Problem(
                f"It would make one list more than the {self._most_lists:,} that files can make."
            )
        for name in fresh:
            self._lists.add(name)
        return tuple(dict.fromkeys(self._lists.of(name) or name for name in names))

    @staticmethod
    def _address(cell: str) -> tuple[str, str]:
        """The address, and a note on further ones in the same cell (Google's exports)."""
        cell = cell.strip()
        if cell[:1] == "'":
            cell = unguard(cell)
        if ":::" not in cell:
            return cell, ""
        first, *others = [part.strip() for part in cell.split(":::")]
        return first, clean_line("Other addresses: " + ", ".join(others))

    def _setter(self, column: Mapping[str, Any], known: Mapping[str, ContactField]) -> Setter:
        target = column["to"]
        if target == "attributes":
            return self._attributes(column.get("keys", ()), known)
        if target.startswith("new:"):
            label = target[4:]
            key = fields.key_for(label)
            if key not in known and column.get("type", "text") != "text":
                return _field(ContactField(key=key, label=label, type=column["type"]))
            if key not in known:
                self.labels[key] = label
                return _text_field(key)
            return _field(known[key])
        if target.startswith("field:"):
            return _field(known[target[6:]])
        return _SETTERS[target]

    def _attributes(self, keys: Sequence[str], known: Mapping[str, ContactField]) -> Setter:
        """Fields from a JSON object. Names that were not seen when the columns were chosen, which
        no field was made for, go into the notes."""
        setters = {key: self._setter({"to": f"new:{key}"}, known) for key in keys}

        def put(person: Person, cell: str) -> None:
            rest: list[str] = []
            for name, value in _json_object(cell).items():
                text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
                text = {"true": "yes", "false": "no", "null": ""}.get(text, text)
                if text and name in setters:
                    setters[name](person, text)
                elif text:
                    rest.append(f"{name}: {text}")
            if rest:
                note = clean_note("\n".join(rest))
                _refuse_card(note)
                person.notes = f"{person.notes}\n{note}".strip()

        return put


def _json_object(cell: str) -> dict[str, Any]:
    try:
        found = json.loads(cell)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Problem("The attributes are not a JSON object.")
    return found


def _line(cell: str) -> str:
    if cell[0] == "'":
        cell = unguard(cell)
    cell = clean_line(cell)
    if len(cell) >= 13:
        _refuse_card(cell)
    return cell


def _refuse_card(text: str) -> None:
    if has_card_number(text):
        raise Problem("It holds what looks like a card number. LeaderSend does not keep those.")


def _first(person: Person, cell: str) -> None:
    person.first = _line(cell)


def _last(person: Person, cell: str) -> None:
    person.last = _line(cell)


def _company(person: Person, cell: str) -> None:
    person.company = _line(cell)


def _external(person: Person, cell: str) -> None:
    person.external = _line(cell)


def _full_name(person: Person, cell: str) -> None:
    name = _line(cell)
    if "," in name:
        last, _, first = name.partition(",")
    else:
        first, _, last = name.rpartition(" ")
        if not first:
            first, last = last, ""
    person.first, person.last = first.strip(), last.strip()


def _kind(person: Person, cell: str) -> None:
    word = cell.strip().casefold()
    if word:
        person.kind = "organisation" if word in _ORGANISATION else "person"


def _notes(person: Person, cell: str) -> None:
    note = clean_note(unguard(cell))
    _refuse_card(note)
    person.notes = f"{person.notes}\n{note}".strip()


def _tags(person: Person, cell: str) -> None:
    person.tags = _names(person.tags, cell, TAG_LENGTH)


def _lists(person: Person, cell: str) -> None:
    person.lists = _names(person.lists, cell, NAME_LENGTH)


def _names(known: tuple[str, ...], cell: str, length: int) -> tuple[str, ...]:
    """These and those of a cell, each once."""
    for sign in (":::", ";", "|"):
        cell = cell.replace(sign, ",")
    names = (
        clean_line(unguard(name.strip(' *"'))).strip('"')[:length].strip()
        for name in cell.split(",")
    )
    found = tuple(dict.fromkeys((*known, *(name for name in names if name))))
    for name in found:
        _refuse_card(name)
    return found


def _status(person: Person, cell: str) -> None:
    person.blocked = person.blocked or STATUSES.get(fold(cell), "")


def _blocked(person: Person, cell: str) -> None:
    if cell.strip().casefold() in fields.YES:
        person.blocked = person.blocked or "unsubscribed"


def _allowed(person: Person, cell: str) -> None:
    if cell.strip().casefold() in fields.NO:
        person.blocked = person.blocked or "unsubscribed"


def _way(channel: str) -> Setter:
    label = TARGETS[f"{channel}_allowed"].partition(":")[0]

    def put(person: Person, cell: str) -> None:
        word = cell.strip().casefold()
        if word not in fields.YES and word not in fields.NO:
            if word:
                raise Problem(f"{label}: {clean_line(cell, 40)} is neither yes nor no.")
            return
        person.ways = {**(person.ways or {}), channel: word in fields.YES}

    return put


def _said(name: str) -> Setter:
    def put(person: Person, cell: str) -> None:
        if cell.strip():
            person.proof = {**(person.proof or {}), name: cell[:200]}

    return put


def _unsubscribed_at(person: Person, cell: str) -> None:
    if cell.strip():
        person.blocked = person.blocked or "unsubscribed"


def _bounced_at(person: Person, cell: str) -> None:
    if cell.strip():
        person.blocked = person.blocked or "bounced"


#: Targets that say whether somebody may be mailed; they are read before all others.
_NO = ("status", "blocked", "allowed", "unsubscribed_at", "bounced_at")


def _is_harmless(placed: tuple[int, Mapping[str, Any]]) -> bool:
    return placed[1]["to"] not in _NO


_SETTERS: dict[str, Setter] = {
    "first_name": _first,
    "last_name": _last,
    "full_name": _full_name,
    "company": _company,
    "external_id": _external,
    "kind": _kind,
    "notes": _notes,
    "tags": _tags,
    "lists": _lists,
    "status": _status,
    "blocked": _blocked,
    "allowed": _allowed,
    **{target: _way(channel) for target, channel in WAYS.items()},
    "consented_at": _said("signed_up"),
    "confirmed_at": _said("confirmed"),
    "consent_ip": _said("from"),
    "unsubscribed_at": _unsubscribed_at,
    "bounced_at": _bounced_at,
}


def _text_field(key: str) -> Setter:
    def put(person: Person, cell: str) -> None:
        if cell[0] == "'":
            cell = unguard(cell)
        if cell.isascii() and cell.isprintable():
            cell = cell.strip()[: fields.VALUE_LENGTH + 1]  # clean as it is, and each another
        elif "\n" in cell or "\r" in cell:
            cell = clean_note(cell)
        else:
            cell = clean_line(cell, fields.VALUE_LENGTH + 1)
        if len(cell) >= 13:
            _refuse_card(cell)
            if len(cell) > fields.VALUE_LENGTH:
                raise Problem(f"{key} is longer than {fields.VALUE_LENGTH} characters.")
        if cell:
            person.fields[key] = cell

    return put


def _field(field: ContactField) -> Setter:
    if field.type == "text":
        return _text_field(field.key)
    key, type_, label = field.key, field.type, field.label

    def put(person: Person, cell: str) -> None:
        try:
            value = fields.read(type_, label, unguard(cell))
        except Invalid as error:
            raise Problem(str(error)) from None
        if value is not None:
            person.fields[key] = value

    return put


def as_text(cells: Sequence[str]) -> str:
    """A row for the list of rejected ones: as CSV, cut, without card numbers."""
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow([cell[:500].replace("\0", "") for cell in cells])
    text = out.getvalue()[:2000].encode("utf-8", "replace").decode()
    return mask_card_numbers(text) if len(text) >= 13 else text
