"""Text that people paste: a table as it is, or addresses as mail programs write them."""

from __future__ import annotations

import csv
import io
import re

LIMIT = 900_000
_MAILTO = re.compile(r"^mailto:", re.IGNORECASE)
#: Name <address>, a quoted part, a separator, or anything else.
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|<[^<>\n]*>|[;,]|[^";,<]+|.', re.DOTALL)
_NAMED = re.compile(r"^(?P<name>.*?)\s*<(?P<address>[^<>]*)>\s*$", re.DOTALL)


def as_csv(text: str) -> bytes:
    """What was pasted as a file for the importer: nothing that stood there is left out."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not any(_has_several(line) for line in lines):
        return text.encode("utf-8", "replace")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["Email", "Name"])
    for line in lines:
        for entry in _entries(line):
            writer.writerow(taken_apart(entry))
    return out.getvalue().encode("utf-8", "replace")


def _has_several(line: str) -> bool:
    """Whether a line is no row of a table: Name <address>, or several addresses."""
    return "\t" not in line and (line.count("@") > 1 or re.search(r"<[^<>]*@", line) is not None)


def _entries(line: str) -> list[str]:
    """Cut at commas and semicolons, but not inside of a name: Doe, Jane <jane@example.com>."""
    found: list[str] = []
    held = ""
    for piece in _PIECE.findall(line):
        if piece in (";", ",") and (piece == ";" or "@" in held):
            found.append(held)
            held = ""
        else:
            held += piece
    found.append(held)
    return [entry.strip() for entry in found if entry.strip()]


def taken_apart(entry: str) -> tuple[str, str]:
    """The address and the name of Name <address>; of mailto:address the address."""
    named = _NAMED.match(entry)
    if named is None:
        return _MAILTO.sub("", entry), ""
    return _MAILTO.sub("", named["address"].strip()), named["name"].strip(" \"'")
