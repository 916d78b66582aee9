"""Small letters, the same in Python, SQLite and PostgreSQL.

SQLite's own lower() knows ASCII only, and PostgreSQL's depends on how the server was installed.
So there is one table, letter by letter; final sigma and letters that become two stay out.
"""

from __future__ import annotations

import sqlalchemy as sa

#: No script behind it has letters of two sizes; looking at all of Unicode would slow every start.
LAST = 0x1FFFF
SMALL = {
    code: ord(small)
    for code in range(LAST + 1)
    if len(small := chr(code).lower()) == 1 and ord(small) != code
}
_LARGE_LETTERS = "".join(map(chr, SMALL))
_SMALL_LETTERS = "".join(map(chr, SMALL.values()))


def fold(text: str | None) -> str | None:
    """The text in small letters: what makes two texts the same for a person."""
    return text if text is None else text.lower() if text.isascii() else text.translate(SMALL)


def folded(text: sa.ColumnElement[str], dialect: str) -> sa.ColumnElement[str]:
    """`fold` in the database. Texts of plain letters, most of all, take the short way."""
    if dialect == "postgresql":
        plain = sa.func.octet_length(text) == sa.func.char_length(text)
        small = sa.func.translate(text, _LARGE_LETTERS, _SMALL_LETTERS)
        return sa.case((plain, sa.func.lower(text.collate("C"))), else_=small)
    plain = sa.not_(text.op("GLOB", is_comparison=True)("*[^ -~]*"))
    return sa.case((plain, sa.func.lower(text)), else_=sa.func.fold(text))
