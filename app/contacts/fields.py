"""Custom fields: text, number, date, yes or no, and data of any shape (JSON)."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from app.contacts.models import ContactField
from app.contacts.segments import keeping
from app.contacts.text import clean_line, clean_note, refuse_card_number, search_key, words
from app.core.db import db
from app.core.errors import Invalid, WrongState

TYPES = {
    "text": "Text", "number": "Number", "date": "Date", "yes_no": "Yes or no",
    "json": "Data (JSON)",
}  # fmt: skip
MOST = 200
VALUE_LENGTH = 5_000
#: Of data, written out; and of lists and objects inside one another.
DATA_LENGTH, DATA_DEPTH = 20_000, 10
#: How letters sound, in the order of Unicode: the small ones of Cyrillic and of Greek.
_CYRILLIC = (
    "a b v g d e zh z i i k l m n o p r s t u f kh ts ch sh shch - y - e yu ya - yo dj g ye dz i yi"
)
_GREEK = "a b g d e z i th i k l m n x o p r s s t y f ch ps o"
SOUNDS = {
    chr(code): sound.strip("-")
    for first, sounds in ((0x430, _CYRILLIC), (0x3B1, _GREEK))
    for code, sound in enumerate(sounds.split(), first)
} | {"\N{CYRILLIC SMALL LETTER GHE WITH UPTURN}": "g"}
LONGEST_KEY = 64
KEY = re.compile(rf"[a-z][a-z0-9_]{{0,{LONGEST_KEY - 1}}}")
YES = words("yes y true 1 on x ja oui si sí sì sim j o s v wahr vrai verdadero vero")
NO = words("no n false 0 off nein non não nao nee f falsch faux falso")
_DATES = ("%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y", "%Y/%m/%d", "%d.%m.%y", "%Y%m%d")

Value = str | int | float | bool | list[Any] | dict[str, Any]


class Misfit(Invalid):
    """A value that does not fit the field's type."""


@lru_cache(maxsize=1024)
def key_for(label: str) -> str:
    """The name for merge tags that belongs to a label: Favourite cake → favourite_cake.

    Labels in other scripts get different keys too: Город → gorod, 城市 → 57ce_5e02.
    """
    key = re.sub(r"[^a-z0-9]+", "_", _in_latin(search_key(label))).strip("_")
    if key and not key[0].isalpha():
        key = f"f_{key}"
    return key[:LONGEST_KEY] or "field"


def _in_latin(text: str) -> str:
    return text if text.isascii() else "".join(map(_letter_in_latin, text))


def _letter_in_latin(letter: str) -> str:
    """As it sounds, where that is known; else the end of its name in Unicode: ツ → tu."""
    if letter.isascii() or not letter.isalnum():
        return letter
    name = unicodedata.name(letter, f"x {ord(letter):x}").lower()
    # An ideograph is a word, and its name a number.
    last = f"_{name.rpartition('-')[2]}_" if "ideograph-" in name else name.rpartition(" ")[2]
    return SOUNDS.get(letter, last)


def create(account_id: int, label: str, *, type_: str = "text", key: str = "") -> ContactField:
    """A new field. Raises Invalid where the key is taken or there are too many."""
    label = clean_line(label)
    key = key or key_for(label)
    if not label:
        raise Invalid("Give the field a name.", {"label": ["Give the field a name."]})
    if type_ not in TYPES or not KEY.fullmatch(key):
        raise Invalid("A field needs a known type and a key of letters, digits and underscores.")
    known = of(account_id)
    if key in known:
        text = f"There is a field {known[key].label} already."
        raise Invalid(text, {"label": [text]})
    if len(known) >= MOST:
        raise Invalid(f"An account can have {MOST} fields. Remove one that you do not use.")
    field = ContactField(
        account_id=account_id, key=key, label=label, type=type_, position=len(known)
    )
    db.session.add(field)
    db.session.flush()
    return field


def of(account_id: int) -> dict[str, ContactField]:
    """The account's fields by key, in their order."""
    rows = db.session.scalars(
        sa.select(ContactField)
        .where(ContactField.account_id == account_id)
        .order_by(ContactField.position, ContactField.id)
        .limit(MOST + 1)
    )
    return {field.key: field for field in rows}


def askable(account_id: int) -> dict[str, ContactField]:
    """As `of`, without what nobody can be asked for in a form."""
    return {key: field for key, field in of(account_id).items() if field.type != "json"}


def rename(field: ContactField, label: str) -> None:
    """Another label; the key in merge tags stays."""
    label = clean_line(label)
    if not label:
        raise Invalid("Give the field a name.", {"label": ["Give the field a name."]})
    field.label = label


def delete(field: ContactField) -> None:
    """Hide a field from forms and files; values that contacts have stay until they change.

    Raises WrongState while a segment asks for it: nobody could say any more who belongs to that.
    """
    if names := keeping.asking_for(field.account_id, f"fields.{field.key}"):
        text = f"The segments that ask for {field.label} come first: {', '.join(names[:10])}."
        raise WrongState(f"{text} Change or delete them.")
    db.session.delete(field)


def read(type_: str, label: str, given: Any) -> Value | None:
    """A value of the type; None for nothing. Raises Misfit, CardNumber."""
    if given is None or given == "":
        return None
    if type_ == "text" and not isinstance(given, list | dict):
        return _text(label, given)
    if isinstance(given, str) and not (given := given.strip()):
        return None
    if isinstance(given, list | dict) and type_ != "json":
        raise Misfit(f"{label}: that is data, not a {TYPES[type_].lower()}.")
    return _READERS[type_](label, given)


def _text(label: str, given: Any) -> str | None:
    text = given if isinstance(given, str) else str(given)
    text = clean_note(text) if "\n" in text or "\r" in text else clean_line(text, VALUE_LENGTH)
    if len(text) > VALUE_LENGTH:
        raise Misfit(f"{label}: that is longer than {VALUE_LENGTH} characters.")
    refuse_card_number(text, label)
    return text or None


def _number(label: str, given: Any) -> int | float:
    if isinstance(given, int | float) and not isinstance(given, bool):
        _refuse_endless(label, given)
        return given
    text = str(given).replace(" ", "").replace("\N{NO-BREAK SPACE}", "").replace("'", "")
    if re.fullmatch(r"[+-]?\d{1,3}(\.\d{3})+(,\d+)?|[+-]?\d+,\d+", text):
        text = text.replace(".", "").replace(",", ".")
    elif re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", text):
        text = text.replace(",", "")
    if not re.fullmatch(r"[+-]?\d{1,15}(\.\d{1,10})?", text):
        raise Misfit(f"{label}: {clean_line(str(given), 40)} is not a number.")
    refuse_card_number(text, label)
    return float(text) if "." in text else int(text)


def _date(label: str, given: Any) -> str:
    text = str(given)
    refuse_card_number(text, label)
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        pass
    for form in _DATES:
        try:
            found = datetime.strptime(text.partition(" ")[0], form)  # noqa: DTZ007
        except ValueError:
            continue
        return found.date().isoformat()
    raise Misfit(f"{label}: {clean_line(text, 40)} is not a date such as 2025-12-31.")


def _yes_no(label: str, given: Any) -> bool:
    if isinstance(given, bool):
        return given
    word = str(given).casefold()
    if word in YES or word in NO:
        return word in YES
    raise Misfit(f"{label}: {clean_line(str(given), 40)} is neither yes nor no.")


def _data(label: str, given: Any) -> list[Any] | dict[str, Any]:
    """An object or a list, without what cannot be kept or shown."""
    if isinstance(given, str):
        try:
            given = json.loads(given, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            given = None
    if not isinstance(given, list | dict):
        raise Misfit(f'{label}: that is not data such as {{"size": "L"}} or ["a", "b"].')
    found: list[Any] | dict[str, Any] = tidy(label, given)
    text = as_text(found)
    if len(text) > DATA_LENGTH:
        raise Misfit(f"{label}: that is longer than {DATA_LENGTH:,} characters.")
    refuse_card_number(text, label)
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(name)  # NaN and the like are no JSON


def _refuse_endless(label: str, value: int | float) -> None:
    """JSON can write more than a database keeps: 1e999 is read as infinity."""
    if abs(value) >= 1 << 63 if isinstance(value, int) else not math.isfinite(value):
        raise Misfit(f"{label}: a number is too large.")


def tidy(label: str, value: Any, depth: int = DATA_DEPTH) -> Any:
    """What was read from JSON, as it can be kept. Raises Misfit."""
    if not depth:
        raise Misfit(f"{label}: more than {DATA_DEPTH} lists or objects stand inside one another.")
    if isinstance(value, dict):
        return {
            clean_line(str(key)): tidy(label, one, depth - 1) for key, one in value.items()
        }  # fmt: skip
    if isinstance(value, list):
        return [tidy(label, one, depth - 1) for one in value]
    if isinstance(value, int | float):
        _refuse_endless(label, value)
    return clean_note(value) if isinstance(value, str) else value


def as_text(value: Any) -> str:
    """A value as it is shown, written and read again."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)


_READERS: dict[str, Callable[[str, Any], Value]] = {
    "number": _number, "date": _date, "yes_no": _yes_no, "json": _data,
}  # fmt: skip
