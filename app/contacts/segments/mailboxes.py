"""What kind of mailbox an address is, as a condition on Contact: from its own two parts.

No column says it: lists of domains change with each version. The database compares the part
before or behind the @ with a list that is handed over once per statement.
"""

from __future__ import annotations

import json
from collections.abc import Set
from functools import cache

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from app.contacts import domain_lists, marks
from app.contacts.models import Contact
from app.contacts.text import ROLES
from app.contacts.typos import MEANT
from app.core.db import dialect_name


def condition(sort: str) -> sa.ColumnElement[bool]:
    """Whether an address is of a sort (rule.MAILBOXES)."""
    text = sa.type_coerce(Contact.address, sa.Text())
    at = sa.func.strpos if dialect_name() == "postgresql" else sa.func.instr
    place = at(text, "@")
    if sort == "role":
        return sa.func.substr(text, 1, place - 1).in_(_words(sort))
    return sa.func.substr(text, place + 1).in_(_words(sort))


def fits(address: str, sort: str) -> bool:
    """The same of one normalised address, in plain Python."""
    local, _, domain = address.rpartition("@")
    return local in ROLES if sort == "role" else domain in _domains(sort)


@cache
def _domains(sort: str) -> Set[str]:
    """Those that are mistyped count as nothing else, and throw-away ones are not called free."""
    if sort == "mistyped":
        return MEANT.keys()
    thrown = marks.disposable()
    return thrown if sort == "disposable" else domain_lists.free_mail() - thrown - MEANT.keys()


def _words(sort: str) -> sa.Select[str]:
    """All words as rows, from one parameter: looked up in a table that the database makes."""
    if dialect_name() == "postgresql":
        array = sa.literal(list(_sorted(sort)), postgresql.ARRAY(sa.Text()))
        return sa.select(sa.func.unnest(array, type_=sa.Text()))
    table = sa.func.json_each(_as_json(sort)).table_valued(sa.column("value", sa.Text()))
    return sa.select(table.c.value)


@cache
def _sorted(sort: str) -> tuple[str, ...]:
    return tuple(sorted(ROLES if sort == "role" else _domains(sort)))


@cache
def _as_json(sort: str) -> str:
    return json.dumps(_sorted(sort))
