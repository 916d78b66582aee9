"""Taking in what people agreed to and refused. Nothing is ever lifted or weakened by it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.contacts import barring, suppressions, travelling
from app.contacts.bulk import among
from app.contacts.models import Consent, Contact, Suppression
from app.contacts.text import clean_line, clean_note
from app.contacts.travelling import KEY_BYTES, TravelKey
from app.core.db import db, insert
from app.mailer.address import BadAddress, quick
from app.moving.steps import ADDED, CHUNK, KNOWN, LEFT_OUT, Into, Row, moment, whole, words

KINDS = (
    "stated", "asked", "confirmed", "withdrawn", "restored", "paused", "resumed", "frequency",
    "changed",
)  # fmt: skip
#: What makes two entries the same; of erased people, only the digest tells one from another.
KEY = ("contact_id", "list_id", "kind", "source", "at", "proof")
PROOF = re.compile(r"[0-9a-f]{64}")


def keys(into: Into) -> None:
    """What the hashes of erased people were made with."""
    for row in into.package.document("suppression_keys.json"):
        try:
            secret = bytes.fromhex(words(row.get("key")))
        except ValueError:
            continue
        if len(secret) == KEY_BYTES:
            travelling.add_key(into.account.id, TravelKey(secret))


def barred(into: Into, rows: Sequence[Row]) -> None:
    """A chunk of suppressions.csv."""
    named, nameless = [], []
    for row in rows:
        reason = row.get("reason")
        known = {
            "account_id": into.account.id,
            "reason": reason if reason in suppressions.WORDS else "import",
            "detail": clean_line(words(row.get("detail")), 500),
            "created_at": moment(row.get("created_at"), latest=into.at) or into.at,
        }
        if row.get("address"):
            named.append((row, known))
        elif len(words(row.get("hash"))) == 64 and row.get("key"):
            hash_ = {"address": None, "address_hash": row["hash"], "travel_hash": row["hash"]}
            nameless.append({**known, **hash_, "travel_key": words(row["key"])[:16]})
        else:
            into.leave_out("suppressions", "An erased person without a hash that can travel.")
    _bar_named(into, named)
    _bar_nameless(into, nameless)


def _bar_named(into: Into, named: list[tuple[Row, dict[str, Any]]]) -> None:
    rows = []
    for row, known in named:
        try:
            address = quick(words(row["address"])).address
        except BadAddress as error:
            into.leave_out("suppressions", f"{clean_line(words(row['address']), 80)}: {error}")
            continue
        hash_ = suppressions.address_hash(into.account.id, address)
        rows.append({**known, "address": address, "address_hash": hash_})
    _insert(into, rows)


def _insert(into: Into, rows: list[dict[str, Any]]) -> None:
    """What a person asked for replaces weaker reasons, never the other way round."""
    before = _number(into, rows)
    for row in sorted(rows, key=lambda row: str(row["address_hash"])):
        statement = insert(Suppression).values(**row)
        weaker = sa.and_(
            sa.literal(row["reason"] in suppressions.BY_PERSON),
            Suppression.reason.not_in(suppressions.BY_PERSON),
        )
        change = {name: row[name] for name in ("reason", "detail", "created_at")}
        db.session.execute(
            statement.on_conflict_do_update(
                index_elements=["account_id", "address_hash"], set_=change, where=weaker
            ),
            execution_options={"synchronize_session": False},
        )
    added = _number(into, rows) - before
    into.count("suppressions", ADDED, added)
    into.count("suppressions", KNOWN, len(rows) - added)


def _number(into: Into, rows: list[dict[str, Any]]) -> int:
    query = sa.select(sa.func.count()).where(
        Suppression.account_id == into.account.id,
        among(Suppression.address_hash, [row["address_hash"] for row in rows]),
    )
    return db.session.scalar(query) or 0


def _bar_nameless(into: Into, rows: list[dict[str, Any]]) -> None:
    """The account's own hashes may be here under the installation's key as well."""
    if not rows:
        return
    found = sa.select(Suppression.travel_hash).where(
        Suppression.account_id == into.account.id,
        among(Suppression.travel_hash, [row["travel_hash"] for row in rows]),
    )
    here = set(db.session.scalars(found))
    into.count("suppressions", KNOWN, sum(row["travel_hash"] in here for row in rows))
    _insert(into, [row for row in rows if row["travel_hash"] not in here])


def erased_there(into: Into) -> Iterator[Row]:
    """People who are here and were erased there."""
    hashes = dict(_nameless(into))
    known = travelling.foreign_keys(into.account.id) if hashes else []
    for address in _addresses(into) if hashes else ():
        hits = (hashes.get(key.hash(address)) for key in known)
        if reason := next((hit for hit in hits if hit), None):
            yield {"address": address, "reason": reason}


def bar_erased(into: Into, rows: Sequence[Row]) -> None:
    """They get no more mail: they asked for that."""
    for row in rows:
        suppressions.add(
            into.account.id, row["address"], reason=row["reason"], detail="asked elsewhere"
        )
    into.count("erased_there", ADDED, len(rows))


def _nameless(into: Into) -> Iterator[tuple[str, str]]:
    rows = db.session.execute(
        sa.select(Suppression.travel_hash, Suppression.reason).where(
            Suppression.account_id == into.account.id,
            Suppression.address.is_(None),
            Suppression.travel_key.is_not(None),
        )
    )
    return ((row.travel_hash, row.reason) for row in rows if row.travel_hash)


def _addresses(into: Into) -> Iterator[str]:
    after = 0
    while True:
        rows = db.session.execute(
            sa.select(Contact.id, Contact.address)
            .where(Contact.account_id == into.account.id, Contact.id > after)
            .order_by(Contact.id)
            .limit(CHUNK)
        ).all()
        db.session.rollback()
        yield from (row.address for row in rows)
        if len(rows) < CHUNK:
            return
        after = rows[-1].id


def consents(into: Into, rows: Sequence[Row]) -> None:
    """A chunk of consents.jsonl, added with its own times and marked as taken in.

    Entries of erased people come in as what is left of them: when, how, and the digest.
    """
    known = Known.of(into, rows)
    wanted = [said for row in rows if (said := _said(into, row, known))]
    here = _here(into, wanted)
    fresh = [said for said in wanted if _key(said) not in here]
    if fresh:
        db.session.connection().execute(sa.insert(Consent), fresh)
    into.count("consents", ADDED, len(fresh))
    into.count("consents", KNOWN, len(wanted) - len(fresh))
    into.count("consents", LEFT_OUT, len(rows) - len(wanted))


@dataclass(frozen=True)
class Known:
    """What numbers and addresses of a chunk mean here."""

    people: Mapping[int, int]
    places: Mapping[int, int]
    forms: Mapping[int, int]
    addresses: Mapping[int, str]
    """Of contacts of here."""
    erased: set[str]
    """Addresses of the file whose people were erased here."""

    @classmethod
    def of(cls, into: Into, rows: Sequence[Row]) -> Known:
        """A handful of statements for all rows."""
        people = into.new_ids("contact", (row.get("contact_id") for row in rows))
        query = sa.select(Contact.id, Contact.address).where(
            among(Contact.id, sorted(set(people.values())))
        )
        addresses = {row.id: row.address for row in db.session.execute(query)}
        others = {_address(row) for row in rows} - {*addresses.values(), ""}
        return cls(
            people=people,
            places=into.new_ids("list", (row.get("list_id") for row in rows)),
            forms=into.new_ids("signup_form", _forms(rows)),
            addresses=addresses,
            erased=barring.erased(into.account.id, sorted(others)) if others else set(),
        )


def _address(row: Row) -> str:
    """Of the person as it was then; empty where the file does not say."""
    try:
        return quick(words(row.get("address"))).address
    except BadAddress:
        return ""


def _forms(rows: Sequence[Row]) -> Iterable[Any]:
    return (_given(row).get("form") for row in rows)


def _given(row: Row) -> dict[str, Any]:
    """Evidence as it was given first, also of what was taken in there before."""
    found = row.get("evidence")
    found = found if isinstance(found, dict) else {}
    before = found.get("as_given") if "taken_in" in found else found
    return before if isinstance(before, dict) else {}


def _said(into: Into, row: Row, known: Known) -> dict[str, Any] | None:
    kind, at = row.get("kind"), moment(row.get("at"), latest=into.at)
    contact_id = known.people.get(whole(row.get("contact_id")) or 0)
    if kind not in KINDS or at is None or (row.get("contact_id") and contact_id is None):
        return None  # nobody who is kept out leaves traces
    said = {
        "account_id": into.account.id, "contact_id": contact_id,
        "list_id": known.places.get(whole(row.get("list_id")) or 0), "kind": kind,
        "source": clean_line(words(row.get("source")), 64), "at": at,
    }  # fmt: skip
    if contact_id is None:
        proof = words(row.get("proof"))
        left = {**said, "address": None, "wording": "", "evidence": {}, "proof": proof}
        return left if PROOF.fullmatch(proof) else None
    address = _address(row) or known.addresses.get(contact_id, "")
    if not address or address in known.erased:
        return None
    return {
        **said, "address": address, "wording": clean_note(words(row.get("wording"))),
        "evidence": _evidence(into, row, known), "proof": None,
    }  # fmt: skip


def _evidence(into: Into, row: Row, known: Known) -> dict[str, Any]:
    """Numbers in it mean rows of elsewhere, so it stands apart from our own; but for the form,
    whose words came along."""
    given = _given(row)
    form = known.forms.get(whole(given.get("form")) or 0)
    ours = {"form": form, "version": whole(given.get("version"))} if form else {}
    return {"taken_in": into.takein_id, "as_given": given, **ours}


def _here(into: Into, wanted: Sequence[dict[str, Any]]) -> set[tuple[Any, ...]]:
    """What is in the ledger already, from this file or because it came from here."""
    ids = sorted({said["contact_id"] for said in wanted if said["contact_id"]})
    columns = [getattr(Consent, name) for name in KEY]
    found = set()
    for condition in (among(Consent.contact_id, ids), _of_nobody(wanted)):
        query = sa.select(*columns).where(Consent.account_id == into.account.id, condition)
        found |= {tuple(row) for row in db.session.execute(query)}
    return found


def _of_nobody(wanted: Sequence[dict[str, Any]]) -> sa.ColumnElement[bool]:
    times = {said["at"] for said in wanted if not said["contact_id"]}
    return sa.and_(Consent.contact_id.is_(None), Consent.at.in_(times))


def _key(said: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(said[name] for name in KEY)
