"""From rows of the database to files of a ZIP, a chunk at a time.

Nothing here remembers how far it is: the entries that the ZIP has say it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.accounts.models import Account
from app.campaigns.models import Campaign
from app.contacts.rows import as_csv
from app.core.clock import now
from app.core.db import db
from app.moving import (  # noqa: F401  (each adds its parts)
    account_parts,
    campaign_parts,
    choice_parts,
    ledger_parts,
    parts,
    people_parts,
    sharing_parts,
    signup_parts,
)
from app.moving.archive import Archive, Entry, Sink
from app.moving.parts import Chunk, Key, Part, Read, Scope

FORMAT = "leadersend-takeout"
VERSION = 1
#: What spreadsheets open at most, with room for a header.
PIECE_ROWS = 1_000_000
#: Spreadsheets take a file without it for one of an old encoding.
MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
_OF_CAMPAIGN = re.compile(r"campaigns/(\d+)/")


class Ended(Exception):
    """The run should end now; another one goes on."""


class Writer:
    """Writes what is missing of one account's take-out.

    `pause` is called after each chunk with the number of rows so far; it may raise. `is_over`
    says that the run has had its time: the file being written is finished, or cut into a piece
    where `must_end` says so, and Ended is raised.
    """

    def __init__(
        self, account: Account, archive: Archive, *, pause: Callable[[int], None],
        is_over: Callable[[], bool], must_end: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._account = account
        self._archive = archive
        self._pause, self._is_over, self._must_end = pause, is_over, must_end
        self._done = {entry.name: entry for entry in archive.entries()}
        self.rows = sum(entry.rows or 0 for entry in self._done.values())

    def write(self) -> None:
        """Everything that is not there yet. Raises Ended."""
        self._text("README.txt", readme)
        scope = Scope(self._account)
        for part in parts.of_account():
            self._part(part, part.name, scope)
        for campaign in self._campaigns():
            about = Scope(self._account, campaign)
            for part in parts.of_campaign():
                self._part(part, f"campaigns/{campaign.id}/{part.name}", about)
        self._text("manifest.json", self._manifest)

    def _campaigns(self) -> Iterator[Campaign]:
        """By id, from the last one that has files."""
        found = [int(hit[1]) for name in self._done if (hit := _OF_CAMPAIGN.match(name))]
        at = max(found, default=1) - 1
        while True:
            campaign = db.session.scalar(
                sa.select(Campaign)
                .where(Campaign.account_id == self._account.id, Campaign.id > at)
                .order_by(Campaign.id)
                .limit(1)
            )
            if campaign is None:
                return
            at = campaign.id
            yield campaign
            db.session.rollback()
            db.session.expunge(campaign)

    def _part(self, part: Part, name: str, scope: Scope) -> None:
        if part.read is not None:
            self._table(part, name, scope)
        elif name not in self._done and part.make is not None:
            made = part.make(scope)
            if made is not None:
                self._text(name, lambda: made)
        db.session.rollback()  # nothing is held between two files

    def _text(self, name: str, make: Callable[[], Any]) -> None:
        if name in self._done:
            return
        self._rest()
        made = make()
        with self._archive.entry(name) as sink:
            sink.write(made if isinstance(made, bytes) else _encoded(made))

    def _table(self, part: Part, name: str, scope: Scope) -> None:
        """All pieces of a table; what an earlier run wrote stays."""
        number, after = 1, None
        while (known := self._done.get(piece_name(name, number))) is not None:
            if known.after is None:
                return
            number, after = number + 1, known.after
        while True:
            self._rest()
            with self._archive.entry(piece_name(name, number)) as sink:
                self._fill(sink, part, scope, after)
            if sink.after is None:
                return
            number, after = number + 1, sink.after

    def _fill(self, sink: Sink, part: Part, scope: Scope, after: list[Any] | None) -> None:
        assert part.read is not None  # noqa: S101  (tables have it)
        columns = part.columns(scope) if part.columns else None
        if columns:
            sink.write((MARK + as_csv([columns])).encode())
        sink.rows = 0
        while True:
            found: Chunk = part.read(scope, after)
            db.session.rollback()
            sink.write(as_csv(found.rows).encode() if columns else _lines(found.rows))
            sink.rows, after = sink.rows + len(found.rows), found.after
            self.rows += len(found.rows)
            self._pause(self.rows)
            if after is None:
                break
            if sink.rows >= PIECE_ROWS or self._must_end():
                sink.after = after if _is_more(part.read, scope, after) else None
                break

    def _rest(self) -> None:
        """Between two files a run may end."""
        if self._is_over():
            raise Ended

    def _manifest(self) -> dict[str, Any]:
        entries = self._archive.entries()
        return {
            "format": FORMAT,
            "version": VERSION,
            "made_at": now().isoformat(),
            "account": {"id": self._account.id, "name": self._account.name},
            "rows": sum(entry.rows or 0 for entry in entries),
            "files": [_described(entry) for entry in entries],
        }


def _is_more(read: Read, scope: Scope, after: Key | None) -> bool:
    """Whether a piece that begins there would have any rows."""
    while after is not None:
        found = read(scope, after)
        if found.rows:
            return True
        after = found.after
    return False


def _described(entry: Entry) -> dict[str, Any]:
    told: dict[str, Any] = {"name": entry.name, "bytes": entry.size_bytes, "sha256": entry.sha256}
    return told if entry.rows is None else {**told, "rows": entry.rows}


def piece_name(name: str, number: int) -> str:
    """contacts.csv, contacts-2.csv and so on."""
    stem, _, kind = name.rpartition(".")
    return name if number == 1 else f"{stem}-{number}.{kind}"


def _encoded(made: Any) -> bytes:
    if isinstance(made, str):
        return made.encode()
    return json.dumps(made, ensure_ascii=False, indent=1, default=_plain).encode() + b"\n"


def _lines(rows: Iterable[Any]) -> bytes:
    """A JSON object a line."""
    return "".join(
        json.dumps(row, ensure_ascii=False, separators=(",", ":"), default=_plain) + "\n"
        for row in rows
    ).encode()


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"A {type(value).__name__} is not written to a take-out.")


def readme() -> str:
    """README.txt: what the files are, for whoever opens the ZIP without LeaderSend."""
    lines = [_README.strip(), "", "Files", "-----", ""]
    lines += [_line(part.name, part.about) for part in parts.of_account()]
    lines += ["", "For each campaign, in a folder campaigns/ID/:", ""]
    lines += [_line(part.name, part.about) for part in parts.of_campaign()]
    return "\n".join(lines) + "\n"


def _line(name: str, about: str) -> str:
    return f"{name:<23} {about}"


_README = """
A take-out of LeaderSend
========================

This is everything that LeaderSend kept for one account, in formats that any program reads: tables
as CSV (UTF-8, commas, the first line names the columns), records as JSON (or one JSON object a
line), mails as EML. Times are UTC, ISO 8601.

- It holds names, addresses and what people did with your mail. Keep it as you keep your customers'
  files: encrypted, and no longer than you need it.
- Tables are cut after a million rows, which is what spreadsheets open: contacts.csv, then
  contacts-2.csv and so on.
- A cell that a spreadsheet would take for a formula has an apostrophe before it.
- Numbers of people, lists and campaigns (id, contact_id and so on) mean the same in all files.
- manifest.json has the number of rows and the SHA-256 of every file.
- Passwords, tokens and private keys are in none of them.
- Another LeaderSend takes the ZIP in under Settings, Take-out, Take in.
"""
