"""Address cards: vCard 2.1, 3.0 (RFC 2426) and 4.0 (RFC 6350), as programs really write them.

Read line by line: folded lines, quoted-printable with soft ends, groups, parameters without names.
What cannot be understood costs its line only, and a card without an address is a row without one.
"""

from __future__ import annotations

import binascii
import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from app.contacts.formats.limits import CELL_LENGTH, Cells, Rows, Source, Table

LINE_BYTES = 1_000_000
MOST_LINES = 2_000
#: Pictures and sounds hold most of a card's bytes and nothing that is kept.
_HEAVY = ("PHOTO", "LOGO", "SOUND", "KEY")
TITLES = [
    "E-mail", "First name", "Last name", "Company", "Job title", "Phone", "Street", "City",
    "State", "Postal code", "Country", "Birthday", "Website", "Tags", "Notes",
]  # fmt: skip
_PARAMETER = re.compile(r';([^=;:"]+)(?:=((?:"[^"]*"|[^;:"])*))?')
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass
class Property:
    """One line of a card."""

    name: str
    parameters: list[tuple[str, str]]
    value: str

    @property
    def preference(self) -> int:
        """0 for the one that is meant first."""
        for name, value in self.parameters:
            if name == "PREF" and value.isdigit():
                return min(int(value), 100)
            if "PREF" in value.upper().split(",") or name == "PREF":
                return 0
        return 101


@dataclass
class Card:
    """The lines of one card."""

    version: str = "3.0"
    lines: list[Property] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        """The values of a property, the preferred one first."""
        found = sorted((one for one in self.lines if one.name == name), key=_preference)
        return [value for one in found if (value := one.value.strip())]

    def first(self, name: str) -> str:
        """The preferred value, plain."""
        return next(iter(self.texts(name)), "")

    def texts(self, name: str) -> list[str]:
        """The values without their backslashes."""
        return [_plain(value) for value in self.values(name)]

    def parts(self, name: str) -> list[str]:
        """The parts of a value that has several, such as N and ADR."""
        return [_plain(part) for part in _split(next(iter(self.values(name)), ""), ";")]


def _preference(one: Property) -> int:
    return one.preference


def is_card(beginning: bytes) -> bool:
    """Whether a file begins like one with cards."""
    return beginning.removeprefix(codecs.BOM_UTF8).lstrip()[:11].upper() == b"BEGIN:VCARD"


def source(path: Path, encoding: str) -> Source:
    """The cards of a file, a row each."""
    return Source("vcard", [Table("", lambda: _rows(path, encoding))])


def _rows(path: Path, encoding: str) -> Rows:
    yield list(TITLES)
    for card in read(path, encoding):
        yield row(card)


def read(path: Path, encoding: str) -> Iterator[Card]:
    """The cards of a file."""
    card, depth = None, 0
    for raw in _unfolded(path):
        word = raw[:40].strip().upper()
        if word == b"BEGIN:VCARD":
            if card and depth == 1 and not _holds_another(card):
                yield card  # the one before was never ended
                depth = 0
            depth += 1
            card = card if card and depth > 1 else Card()
        elif word == b"END:VCARD":
            depth = max(0, depth - 1)
            if card and depth == 0:
                yield card
                card = None
        elif card and depth == 1 and len(card.lines) < MOST_LINES:
            _take(card, raw, encoding)
    if card:
        yield card


def _holds_another(card: Card) -> bool:
    """Whether the card that begins stands inside of this one (vCard 2.1: AGENT)."""
    return bool(card.lines) and card.lines[-1].name == "AGENT" and not card.lines[-1].value


def _take(card: Card, raw: bytes, encoding: str) -> None:
    found = _property(raw, encoding)
    if found is None or found.name in _HEAVY:
        return
    if found.name == "VERSION":
        card.version = found.value.strip()
    card.lines.append(found)


def _unfolded(path: Path) -> Iterator[bytes]:
    """Whole lines: what was folded put together, in bytes, for folds cut letters in two."""
    held: list[bytes] = []
    size = 0
    with path.open("rb") as file:
        for raw in iter(partial(file.readline, LINE_BYTES), b""):
            line = raw.rstrip(b"\r\n")
            if held and (line[:1] in (b" ", b"\t") or _goes_on(held)):
                if held[-1].endswith(b"=") and _is_quoted_printable(held[0]):
                    held[-1] = held[-1][:-1]
                else:
                    line = line[1:]
                size += len(line)
                if size < LINE_BYTES:
                    held.append(line)
                continue
            if held:
                yield b"".join(held)
            held, size = [line.removeprefix(codecs.BOM_UTF8)], len(line)
    if held:
        yield b"".join(held)


def _goes_on(held: list[bytes]) -> bool:
    """Whether a quoted-printable value has a soft end here."""
    return held[-1].endswith(b"=") and _is_quoted_printable(held[0])


def _is_quoted_printable(line: bytes) -> bool:
    return b"QUOTED-PRINTABLE" in line.partition(b":")[0].upper()


def _property(raw: bytes, encoding: str) -> Property | None:
    """One line, taken apart; None for what is none."""
    head = raw.decode("latin-1")
    name, at = _name(head)
    if not name:
        return None
    parameters: list[tuple[str, str]] = []
    while found := _PARAMETER.match(head, at):
        parameters.append(_parameter(found[1], found[2]))
        at = found.end()
    if head[at : at + 1] != ":":
        return None
    return Property(name, parameters, _decoded(raw[at + 1 :], parameters, encoding))


def _name(head: str) -> tuple[str, int]:
    """The name without its group, and where it ends."""
    found = re.match(r"(?:[A-Za-z0-9_-]+\.)?([A-Za-z0-9_-]+)(?=[;:])", head)
    return (found[1].upper(), found.end()) if found else ("", 0)


def _parameter(name: str, value: str | None) -> tuple[str, str]:
    """vCard 2.1 leaves the name out: EMAIL;PREF;INTERNET."""
    if value is None:
        word = name.strip().upper()
        is_encoding = word in ("QUOTED-PRINTABLE", "BASE64", "8BIT", "7BIT")
        return ("ENCODING", word) if is_encoding else ("TYPE", word)
    return name.strip().upper(), value.strip().strip('"')


def _decoded(raw: bytes, parameters: list[tuple[str, str]], encoding: str) -> str:
    given = dict(parameters)
    if given.get("ENCODING", "").upper() == "QUOTED-PRINTABLE":
        raw = binascii.a2b_qp(raw)
    for name in (given.get("CHARSET", ""), encoding, "cp1252"):
        try:
            return raw.decode(codecs.lookup(name).name)[:CELL_LENGTH] if name else _utf8(raw)
        except (LookupError, ValueError):
            continue
    return raw.decode("latin-1")[:CELL_LENGTH]


def _utf8(raw: bytes) -> str:
    return raw.decode("utf-8")[:CELL_LENGTH]


def _split(text: str, sign: str) -> list[str]:
    """At signs that no backslash stands before."""
    if not text:
        return []
    pieces = re.findall(rf"((?:\\.|[^\\{sign}]|\\$)*)({sign}|$)", text, re.DOTALL)
    return [piece for piece, _ in pieces][: 1 + sum(end == sign for _, end in pieces)]


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], text).strip()


def row(card: Card) -> Cells:
    """A card as a row under TITLES."""
    first, last = _names(card)
    address = card.parts("ADR")
    address += [""] * (7 - len(address))
    street = " ".join(filter(None, (address[2], address[1], address[0])))
    return [
        " ::: ".join(_addresses(card)), first, last,
        ", ".join(filter(None, card.parts("ORG"))), card.first("TITLE"), _phone(card),
        street, address[3], address[4], address[5], address[6],
        _birthday(card.first("BDAY")), card.first("URL"),
        ",".join(_tags(card)), "\n".join(card.texts("NOTE")),
    ]  # fmt: skip


def _addresses(card: Card) -> list[str]:
    """Mail addresses, the preferred one first, each once."""
    found = (value.removeprefix("mailto:").strip() for value in card.texts("EMAIL"))
    return list(dict.fromkeys(value for value in found if value))


def _names(card: Card) -> tuple[str, str]:
    """First and last name; where N is empty, the whole name is cut at its last space."""
    parts = card.parts("N")
    if any(parts[:2]):
        parts += [""] * (3 - len(parts))
        return " ".join(filter(None, (parts[1], parts[2]))), parts[0]
    whole = card.first("FN")
    if not whole or whole in (card.first("ORG").partition(";")[0], *card.texts("EMAIL")):
        return "", ""
    first, _, last = whole.rpartition(" ")
    return (first, last) if first else (last, "")


def _phone(card: Card) -> str:
    return re.sub(r"^tel:|;ext=", lambda sign: " ext. " if "ext" in sign[0] else "",
                  card.first("TEL"))  # fmt: skip


def _birthday(text: str) -> str:
    """19800322 and 1980-03-22T00:00:00Z as 1980-03-22; days without a year as they are."""
    found = re.fullmatch(r"(\d{4})-?(\d\d)-?(\d\d)(?:T.*)?", text)
    return "-".join(found.groups()) if found else text


def _tags(card: Card) -> list[str]:
    words = (_plain(word) for value in card.values("CATEGORIES") for word in _split(value, ","))
    return [word.replace(",", " ") for word in words if word]
