"""Looking at an uploaded take-out before anything is changed: every byte is compared with its
sum, and what will happen is counted."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from app.accounts.models import Account
from app.contacts import barring, suppressions, vetting
from app.contacts.bulk import among
from app.contacts.models import Contact, ContactList, Suppression
from app.contacts.rows import Person
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid
from app.mailer.address import BadAddress, quick
from app.moving import leasing
from app.moving.leasing import LEASE, Beat
from app.moving.models import Takein
from app.moving.package import Package
from app.moving.steps import CHUNK, Row, words


def look(takein: Takein, package: Package, lease: str, beat: Beat) -> bool:
    """Go on looking; True when there is more to look at. Raises NoTakeout, NotVetted."""
    done: int = takein.cursor.get("file", 0)
    found: Counter[str] = Counter(takein.forecast)
    seen, names = takein.rows, list(package.files)
    for number, name in enumerate(names[done:], done):
        package.check(name)
        _count(takein.account_id, package, name, found, beat, seen)
        seen += package.files[name]["bytes"]
        with transaction():
            values: dict[str, Any] = {"cursor": {"file": number + 1}, "forecast": dict(found)}
            leasing.move(Takein, takein.id, lease, rows=seen, lease_until=now() + LEASE, **values)
        if beat.is_over():
            break
    is_whole = db.session.get_one(
        Takein, takein.id, populate_existing=True
    ).cursor.get("file", 0) >= len(names)  # fmt: skip
    if is_whole:
        _vet(takein.account_id, package, found["contacts_new"])
    with transaction():
        ready = {"state": "ready", "cursor": {}} if is_whole else {}
        leasing.move(Takein, takein.id, lease, lease=None, lease_until=None, **ready)
    return not is_whole


class NotVetted(Invalid):
    """The people of the file speak against it, and the account is new."""

    def __init__(self, findings: Sequence[Mapping[str, str]]) -> None:
        why = " ".join(found["words"] for found in findings)
        super().__init__(
            f"The people of this file need a look first. {why} Bring its contacts as a file under "
            "Contacts, Import: there you say where they come from, and somebody reads it."
        )


def _vet(account_id: int, package: Package, new: int) -> None:
    """New accounts bring nobody past the look at files (contacts.vetting). Raises NotVetted."""
    account = db.session.get_one(Account, account_id)
    if findings := vetting.of_people(account, _in_chunks(package), new):
        raise NotVetted(findings)


def _in_chunks(package: Package) -> Iterator[list[Person]]:
    """Whom one could mail, now or once the account lifts what it may lift; who asked for no more
    mail is no reason to look."""
    for piece in package.pieces("contacts.csv"):
        rows = (r for r in package.rows(piece) if r.get("status") not in suppressions.BY_PERSON)
        while some := list(itertools.islice(rows, CHUNK)):
            yield [person for row in some if (person := _person(row)) is not None]


def _person(row: Row) -> Person | None:
    try:
        found = quick(words(row.get("email")).strip())
    except BadAddress:
        return None
    return Person(0, found.address, found.address, found.address.rpartition("@")[0])


def _count(
    account_id: int, package: Package, name: str, found: Counter[str], beat: Beat, seen: int
) -> None:
    if name.startswith("campaigns/"):
        _campaign(package, name, found)
    elif name in package.pieces("contacts.csv"):
        _chunks(package, name, lambda rows: _people(account_id, rows, found), beat, seen)
    elif name in package.pieces("suppressions.csv"):
        _chunks(package, name, lambda rows: _barred(account_id, rows, found), beat, seen)
    elif name == "lists.csv":
        _lists(account_id, package, found)
    elif name == "account.json":
        about = package.document(name)
        found["members"] += len(about.get("members") or ())
        found["senders"] += len(about.get("senders") or ())
    else:
        kind = name.partition(".")[0].partition("-")[0]
        found[kind] += package.files[name].get("rows") or _size(package, name)


def _size(package: Package, name: str) -> int:
    """Of a document that is a list."""
    if name not in ("tags.json", "fields.json"):
        return 0
    made = package.document(name)
    return len(made) if isinstance(made, list) else 0


def _chunks(package: Package, name: str, count: Any, beat: Beat, seen: int) -> None:
    some: list[Row] = []
    for row in package.rows(name):
        some.append(row)
        if len(some) == CHUNK:
            count(some)
            db.session.rollback()
            beat(seen)
            some = []
    count(some)
    db.session.rollback()


def _people(account_id: int, rows: Sequence[Row], found: Counter[str]) -> None:
    """As taking in decides: known, kept out, or new."""
    by_address: dict[str, Row] = {}
    for row in rows:
        try:
            by_address[quick(words(row.get("email")).strip()).address] = row
        except BadAddress:
            found["contacts_unusable"] += 1
    addresses = list(by_address)
    query = sa.select(Contact.address).where(
        Contact.account_id == account_id, among(Contact.address, addresses)
    )
    known = set(db.session.scalars(query))
    barred, erased = barring.barred(account_id, addresses), barring.erased(account_id, addresses)
    for address, row in by_address.items():
        if address in known:
            found["contacts_known"] += 1
        elif address in erased or (address in barred and not row.get("status")):
            found["contacts_kept_out"] += 1
        else:
            found["contacts_new"] += 1


def _barred(account_id: int, rows: Sequence[Row], found: Counter[str]) -> None:
    addresses = [words(row.get("address")) for row in rows if row.get("address")]
    query = sa.select(sa.func.count()).where(
        Suppression.account_id == account_id, among(Suppression.address, addresses)
    )
    found["suppressions_known"] += db.session.scalar(query) or 0
    found["suppressions"] += len(rows)
    nameless = [row for row in rows if not row.get("address")]
    found["suppressions_nameless"] += len(nameless)
    found["suppressions_lost"] += sum(not row.get("hash") for row in nameless)


def _lists(account_id: int, package: Package, found: Counter[str]) -> None:
    query = sa.select(ContactList.name).where(ContactList.account_id == account_id)
    here = set(db.session.scalars(query))
    for row in package.rows("lists.csv"):
        found["lists_known" if row.get("name") in here else "lists_new"] += 1


def _campaign(package: Package, name: str, found: Counter[str]) -> None:
    _, _, file = name.split("/", 2)
    kind = file.partition(".")[0].partition("-")[0]
    if file == "campaign.json":
        state = package.document(name).get("state")
        found["drafts" if state in ("draft", "scheduled", "held") else "archives"] += 1
    elif kind in ("deliveries", "events"):
        found[kind] += package.files[name].get("rows") or 0
