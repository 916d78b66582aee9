"""The record of consents travels: verifiable in the file, sound where it comes in, forgettable."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.accounts.models import Account
from app.contacts import chaining, erasing, undoing, verifying, writing
from app.contacts.models import Consent, Contact, Import
from app.core.db import Base, db, transaction
from app.core.errors import WrongState
from app.moving import steps
from tests.moving.conftest import at, person, rezipped, take_out, taken_in, unpacked

#: Columns of an entry that concern nobody in particular, as docs/consent.md has it.
PUBLIC = ("id", "list_id", "kind", "source", "policy_version_id")


def sound(account: Account) -> verifying.Result:
    """As `leadersend consent verify` has it, everything sealed."""
    chaining.seal(account.id)
    found = verifying.verify(account.id)
    assert found.problem is None, found.problem
    assert found.unsealed == 0
    return found


def consents(account: Account) -> list[Consent]:
    query = sa.select(Consent).where(Consent.account_id == account.id).order_by(Consent.id)
    return list(db.session.scalars(query))


def as_text(value: dict[str, Any]) -> str:
    """JSON as it is hashed: keys in order, no spaces, nothing that is empty."""
    said = {name: one for name, one in value.items() if one not in (None, "", {})}
    return json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def leaf(row: dict[str, Any], account_id: int) -> bytes:
    """Of a line of consents.jsonl, with nothing but what the file says."""
    at = datetime.fromisoformat(row["at"]).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    public = as_text({**{name: row[name] for name in PUBLIC}, "at": at, "account_id": account_id})
    personal = as_text({name: row[name] for name in ("address", "wording", "evidence")})
    digest = row["proof"] or hashlib.sha256(f"{row['salt']}\n{personal}".encode()).hexdigest()
    return hashlib.sha256(b"\x00" + f"{public}\n{digest}".encode()).digest()


def root(level: list[bytes]) -> str:
    while len(level) > 1:
        pairs = [
            hashlib.sha256(b"\x01" + level[n] + level[n + 1]).digest()
            for n in range(0, len(level) - 1, 2)
        ]
        level = pairs + level[len(pairs) * 2 :]
    return level[0].hex()


def test_whoever_has_the_file_can_verify_it(bakery: Account) -> None:
    chaining.seal(bakery.id)
    with transaction():
        writing.create(bakery, "late@example.com")
        erasing.erase(person(bakery, "left@example.com"), by="owner")
    chaining.seal(bakery.id)

    found = unpacked(take_out(bakery))

    seals, lines = found.lines("consent_seals.jsonl"), found.lines("consents.jsonl")
    assert seals
    before = ""
    for seal in seals:
        under = [r for r in lines if seal["first_id"] <= r["id"] <= seal["last_id"]]
        assert len(under) == seal["entries"]
        assert root([leaf(row, seal["account_id"]) for row in under]) == seal["root"]
        assert seal["before"] == before
        before = seal.pop("hash")
        text = json.dumps(seal, sort_keys=True, separators=(",", ":"))
        assert hashlib.sha256(text.encode()).hexdigest() == before


def test_a_line_that_was_altered_shows(bakery: Account) -> None:
    chaining.seal(bakery.id)

    found = unpacked(take_out(bakery))

    (seal,), lines = found.lines("consent_seals.jsonl"), found.lines("consents.jsonl")
    lines[0]["wording"] = "Asked by mail"
    assert root([leaf(row, bakery.id) for row in lines]) != seal["root"]


def test_who_was_removed_just_now_is_not_in_it(bakery: Account) -> None:
    """Rows that went by another way wait up to a minute for the sweep to empty their consents."""
    chaining.seal(bakery.id)
    gone = person(bakery, "gone@example.com").id
    with transaction():
        db.session.execute(sa.delete(Contact).where(Contact.id == gone))

    found = unpacked(take_out(bakery))

    assert b"gone@example.com" not in found.read("consents.jsonl")
    (seal,), lines = found.lines("consent_seals.jsonl"), found.lines("consents.jsonl")
    assert root([leaf(row, bakery.id) for row in lines]) == seal["root"]


def test_the_record_is_sound_after_a_take_in(out: Path, bakery: Account, dora: Account) -> None:
    with transaction():
        writing.create(dora, "ada@example.com")
    sound(dora)

    taken_in(dora, out)

    found = sound(dora)
    assert found.entries == len(consents(bakery)) > 0
    assert found.erased == 1
    sound(bakery)


def test_entries_say_whose_they_are(out: Path, bakery: Account, dora: Account) -> None:
    taken_in(dora, out)

    given = {(row.address, row.kind, row.at) for row in consents(bakery)}
    assert {(row.address, row.kind, row.at) for row in consents(dora)} == given


def test_an_older_address_of_somebody_stays(bakery: Account, dora: Account) -> None:
    with transaction():
        writing.update(person(bakery, "ada@example.com"), email="lovelace@example.com")

    taken_in(dora, Path(unpacked(take_out(bakery)).path))

    ada = person(dora, "lovelace@example.com")
    addresses = {row.address for row in consents(dora) if row.contact_id == ada.id}
    assert addresses == {"ada@example.com"}


def test_an_address_that_was_erased_here_comes_back_in_no_entry(
    bakery: Account, dora: Account
) -> None:
    with transaction():
        writing.update(person(bakery, "ada@example.com"), email="lovelace@example.com")
        erasing.erase(writing.create(dora, "ada@example.com"), by="person")

    takein = taken_in(dora, Path(unpacked(take_out(bakery)).path))

    assert takein.counts["consents"]["left_out"] == 2
    assert "ada@example.com" not in {row.address for row in consents(dora)}


def test_an_entry_without_its_address_or_digest(
    bakery: Account, dora: Account, tmp_path: Path
) -> None:
    """As in files of before there were any: the person's address of now, and nothing of nobody."""

    def strip(found: dict[str, bytes]) -> None:
        lines = [json.loads(line) for line in found["consents.jsonl"].splitlines()]
        for line in lines:
            del line["address"], line["proof"], line["salt"]
        found["consents.jsonl"] = b"".join(json.dumps(one).encode() + b"\n" for one in lines)
        for name in ("consent_seals.jsonl", "wishes.csv", "preferences.json", "signup_forms.jsonl",
                     "signup_form_versions.jsonl", "leaving_reasons.jsonl"):  # fmt: skip
            found.pop(name, None)
        manifest = json.loads(found["manifest.json"])
        manifest["files"] = [one for one in manifest["files"] if one["name"] in found]
        found["manifest.json"] = json.dumps(manifest).encode()

    old = rezipped(Path(unpacked(take_out(bakery)).path), tmp_path / "old.zip", strip, fix=True)

    takein = taken_in(dora, old)

    assert takein.counts["consents"]["left_out"] == 1
    assert {row.address for row in consents(dora)} >= {"ada@example.com", "gone@example.com"}
    assert all(row.address and row.contact_id for row in consents(dora))
    sound(dora)


def test_who_is_erased_after_a_take_in_is_nowhere(out: Path, dora: Account) -> None:
    taken_in(dora, out)
    sound(dora)

    with transaction():
        erasing.erase(person(dora, "gone@example.com"), by="owner")
    while erasing.sweep():
        pass

    sound(dora)
    assert b"gone@example.com" not in unpacked(take_out(dora)).everything()
    assert mentions(dora, "gone@example.com") == []


def mentions(account: Account, address: str) -> list[str]:
    """Tables with rows of the account in which it stands, in whatever column."""
    db.session.rollback()
    found = []
    for table in Base.metadata.sorted_tables:
        if "account_id" in table.c:
            rows = db.session.execute(sa.select(table).where(table.c.account_id == account.id))
            found += [table.name for row in rows if address in str(tuple(row))]
    return found


def test_what_was_taken_in_cannot_be_undone_as_an_import(out: Path, dora: Account) -> None:
    taken_in(dora, out)

    import_ = db.session.scalars(sa.select(Import).where(Import.account_id == dora.id)).one()
    assert not undoing.can_begin(import_, undoing.journal_of(import_))
    with pytest.raises(WrongState), transaction():
        undoing.start(import_)


def test_many_erased_people_of_one_moment_all_come(
    bakery: Account, dora: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import writes thousands of entries that differ in nothing but the person."""
    monkeypatch.setattr(steps, "CHUNK", 2)
    with transaction():
        for n in range(5):
            one = writing.create(bakery, f"p{n}@example.com")
            db.session.add(
                Consent(account_id=bakery.id, contact_id=one.id, address=one.address,
                        kind="stated", source="import", at=at(7))
            )  # fmt: skip
            db.session.flush()
            erasing.erase(one, by="owner")
    file = Path(unpacked(take_out(bakery)).path)

    taken_in(dora, file)
    again = taken_in(dora, file)

    ours = sorted(row.proof for row in consents(bakery) if row.proof)
    assert len(ours) == 6
    assert sorted(row.proof for row in consents(dora) if row.proof) == ours
    assert "added" not in again.counts["consents"]
