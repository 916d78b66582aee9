"""What a file says of who may be reached by post or by phone.

A yes fills what is not known; a no always counts, and stays whatever a later file says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.contacts.bulk import among
from app.contacts.mapping import WAYS
from app.contacts.models import ChannelConsent, Import
from app.contacts.rows import Person
from app.core.db import connection, insert

#: An answer as it stands in a journal: [is it a yes, wording, time, member's id]; None for none.
Answer = list[Any] | None
_TABLE = ChannelConsent.__table__


class Heard:
    """The answers of one chunk. Everything happens in the caller's transaction."""

    def __init__(self, import_: Import) -> None:
        self._import = import_
        self._asks = any(column["to"] in WAYS for column in import_.mapping["columns"])
        self._known: dict[int, dict[str, Answer]] = {}

    def load(self, people: Mapping[int, Person]) -> None:
        """What is known of people who were here before."""
        if not self._asks:
            return
        self._known = answers(people)
        for contact_id, ways in self._known.items():
            people[contact_id].ways = {way: bool(said and said[0]) for way, said in ways.items()}

    def hear(self, person: Person, row: Person, *, fills: bool) -> bool:
        """Whether a row says something about somebody that counts; a yes only where it `fills`."""
        if not row.ways:
            return False
        known = person.ways or {}
        new = {
            way: is_yes
            for way, is_yes in row.ways.items()
            if ((fills or not is_yes) if known.get(way) is None else known[way] and not is_yes)
        }
        if new:
            person.ways, person.heard = {**known, **new}, person.heard | new.keys()
        return bool(new)

    def write(self, people: Iterable[Person], at: datetime) -> dict[int, dict[str, list[Answer]]]:
        """Keep what counts; returns contact id → channel → [before, after], of who was here."""
        if not self._asks:
            return {}
        said: dict[tuple[int, str], Answer] = {}
        became: dict[int, dict[str, list[Answer]]] = {}
        for person in people:
            for way in sorted(person.ways or ()) if person.number else sorted(person.heard):
                is_yes = (person.ways or {})[way]
                answer = [is_yes, self._import.basis, at.isoformat(), self._import.member_id]
                said[person.id, way] = answer
                if not person.number:
                    before = self._known.get(person.id, {}).get(way)
                    became.setdefault(person.id, {})[way] = [before, answer]
        put(self._import.account_id, said)
        return became


def answers(contact_ids: Iterable[int]) -> dict[int, dict[str, Answer]]:
    """What many said, by contact and channel."""
    query = sa.select(_TABLE).where(among(ChannelConsent.contact_id, list(contact_ids)))
    found: dict[int, dict[str, Answer]] = {}
    for row in connection().execute(query):
        answer = [row.is_allowed, row.wording, row.at.isoformat(), row.member_id]
        found.setdefault(row.contact_id, {})[row.channel] = answer
    return found


def put(account_id: int, said: Mapping[tuple[int, str], Answer]) -> None:
    """Make these the answers of (contact, channel); None forgets one."""
    rows = [
        {
            "contact_id": contact_id, "channel": way, "account_id": account_id,
            "is_allowed": answer[0], "wording": answer[1],
            "at": datetime.fromisoformat(answer[2]), "member_id": answer[3],
        }
        for (contact_id, way), answer in said.items() if answer is not None
    ]  # fmt: skip
    if rows:
        statement = insert(_TABLE)
        names = ("is_allowed", "wording", "at", "member_id")
        statement = statement.on_conflict_do_update(
            index_elements=["contact_id", "channel"],
            set_={name: statement.excluded[name] for name in names},
        )
        connection().execute(statement, rows)
    for way in sorted({way for (_, way), answer in said.items() if answer is None}):
        gone = [one for (one, of), answer in said.items() if of == way and answer is None]
        forget = sa.delete(ChannelConsent).where(
            among(ChannelConsent.contact_id, gone), ChannelConsent.channel == way
        )
        connection().execute(forget)
