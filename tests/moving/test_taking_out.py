"""Everything of an account as one ZIP: complete, without secrets, whoever is killed meanwhile."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest
import sqlalchemy as sa

import app.factory  # noqa: F401  # knows every part, so that every table is known here
from app.accounts.models import Account, Notice
from app.campaigns.models import Campaign
from app.contacts.models import Contact, Suppression
from app.core.clock import now
from app.core.db import Base, db, transaction
from app.core.room import NoRoom
from app.moving import files, jobs, leasing, parts, taking_out, writing
from app.moving.archive import Archive
from app.moving.models import Takeout
from app.trust import forgetting
from tests.auth.helpers import time_passes
from tests.conftest import Client, Person
from tests.moving.conftest import RELAY_PASSWORD, Zip, later, take_out, unpacked


def test_every_file_is_in_the_manifest_with_its_sum(bakery: Account, alice: Person) -> None:
    found = unpacked(take_out(bakery, alice))

    manifest = found.json("manifest.json")
    assert [one["name"] for one in manifest["files"]] == found.names[:-1]
    for one in manifest["files"]:
        data = found.read(one["name"])
        assert (one["bytes"], one["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        if one["name"].endswith(".csv"):
            assert one["rows"] == len(found.rows(one["name"])), one["name"]
        elif one["name"].endswith(".jsonl"):
            assert one["rows"] == len(found.lines(one["name"]))
    assert (manifest["format"], manifest["version"]) == ("leadersend-takeout", 1)


def test_each_part_has_its_file_and_the_readme_names_it(bakery: Account) -> None:
    found = unpacked(take_out(bakery))

    readme = found.read("README.txt").decode()
    sent = db.session.scalar(sa.select(Campaign.id).where(Campaign.name == "May"))
    for part in parts.PARTS:
        name = f"campaigns/{sent}/{part.name}" if part.of_campaign else part.name
        assert name in found.names
        assert part.name in readme


def test_people_come_with_all_that_is_known_of_them(bakery: Account) -> None:
    rows = {row["email"]: row for row in unpacked(take_out(bakery)).rows("contacts.csv")}

    ada = rows["Ada@Example.com"]
    assert ada["company"] == "=cmd|' /C calc'!A0"
    assert ada["tags"] == "cake  big, regular"
    assert (ada["field_cake"], ada["field_visits"], ada["field_member"]) == ("=1+1", "2.5", "yes")
    assert ada["notes"] == 'Two\nlines, "quoted"'
    assert ada["source"] == "spring.csv"
    assert (ada["lists"], ada["status"]) == ("Newsletter", "")
    assert rows["left@example.com"]["status"] == "unsubscribed"
    assert rows["jörg@bücher.example"]["tracking_off"] == "yes"


def test_no_cell_begins_like_a_formula(bakery: Account) -> None:
    found = unpacked(take_out(bakery))

    raw = found.read("contacts.csv").decode("utf-8-sig")
    assert "'=cmd" in raw
    assert ",=" not in raw


def test_the_ledger_is_whole(bakery: Account) -> None:
    lines = unpacked(take_out(bakery)).lines("consents.jsonl")

    kinds = {(line["kind"], line["source"]) for line in lines}
    assert {("stated", "hand"), ("asked", "form"), ("withdrawn", "link")} <= kinds
    assert any(line["wording"] == "Asked at the counter" for line in lines)
    assert any(line["contact_id"] is None for line in lines)  # of who was erased


def test_erased_people_have_a_hash_and_no_address(bakery: Account) -> None:
    found = unpacked(take_out(bakery))

    (erased,) = (row for row in found.rows("suppressions.csv") if row["reason"] == "erased")
    assert (erased["address"], len(erased["hash"])) == ("", 64)
    assert erased["key"] == found.json("suppression_keys.json")[0]["name"]
    assert b"erased@example.com" not in found.everything()
    secret = db.session.scalar(
        sa.select(Suppression.address_hash).where(Suppression.reason == "erased")
    )
    assert secret.encode() not in found.everything()


def test_no_secret_is_in_it(bakery: Account, alice: Person) -> None:
    with transaction():
        alice.member.password_hash = "scrypt:of-alice"
        db.session.add(alice.member)

    everything = unpacked(take_out(bakery)).everything()

    assert b"smtp.bakery.example" in everything
    for secret in (RELAY_PASSWORD, "sealed_password", "gAAAA", "scrypt:of-alice"):
        assert secret.encode() not in everything


def test_a_campaign_comes_with_its_mail_and_numbers(bakery: Account) -> None:
    found = unpacked(take_out(bakery))
    sent = db.session.scalar(sa.select(Campaign.id).where(Campaign.name == "May"))

    folder = f"campaigns/{sent}/"
    mail = found.read(folder + "message.eml")
    assert b"Subject: Fresh bread" in mail
    assert b"multipart/alternative" in mail
    assert b"Hello" in found.read(folder + "message.html")
    outcomes = [row["state"] for row in found.rows(folder + "deliveries.csv")]
    assert outcomes == ["sent", "sent", "failed", "uncertain", "skipped"]
    assert found.json(folder + "report.json")["receipt"]["intended"] == 5
    assert {row["kind"] for row in found.rows(folder + "events.csv")} == {"open", "click", "bounce"}


@pytest.mark.parametrize(
    "unfinished",
    [{"from_email": ""}, {"body": "{{ contact.first_name"}, {"format": "mjml", "body": "<nothing"},
     {"subject": "{% if %}"}, {"from_name": "=?utf-8?q?x?="}, {"body": "", "subject": ""}],
)  # fmt: skip
def test_a_draft_that_is_not_finished_stops_nothing(
    bakery: Account, unfinished: dict[str, str]
) -> None:
    with transaction():
        db.session.execute(sa.update(Campaign).where(Campaign.name == "June").values(**unfinished))

    found = unpacked(take_out(bakery))

    june = db.session.scalar(sa.select(Campaign.id).where(Campaign.name == "June"))
    told = found.json(f"campaigns/{june}/campaign.json")
    assert unfinished.items() <= told.items()


def test_nothing_of_another_account_is_in_it(bakery: Account, charlie: Person) -> None:
    with transaction():
        db.session.add(
            Contact(account_id=charlie.account.id, email="driver@garage.example",
                    address="driver@garage.example")
        )  # fmt: skip

    assert b"garage.example" not in unpacked(take_out(bakery)).everything()
    assert b"example.com" not in unpacked(take_out(charlie.account)).read("contacts.csv")


def test_every_table_of_accounts_travels_or_says_why_not() -> None:
    """A new table fails here: add a part (app.moving.parts), or name it in LEFT_OUT."""
    covered = {name for part in parts.PARTS for name in part.covers}
    assert writing.VERSION == 1

    reached = tables_of_accounts()

    assert reached - covered - set(parts.LEFT_OUT) == set()
    assert set(parts.LEFT_OUT) & covered == set()


def tables_of_accounts() -> set[str]:
    """Tables that name an account, a campaign or a contact, or hang on one that does."""
    found = {"account"}
    while True:
        more = {
            table.name
            for table in Base.metadata.sorted_tables
            if table.name not in found
            and (
                {"account_id", "campaign_id"} & set(table.columns.keys())
                or any(key.column.table.name in found - {"member"} for key in table.foreign_keys)
            )
        }
        if not more:
            return found
        found |= more


def test_long_tables_are_cut_into_pieces(bakery: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.moving.people_parts.CHUNK", 2)
    monkeypatch.setattr("app.moving.parts.chunk.__defaults__", (2,))
    monkeypatch.setattr(writing, "PIECE_ROWS", 2)

    found = unpacked(take_out(bakery))

    names = [name for name in found.names if name.startswith("contacts")]
    assert names == ["contacts.csv", "contacts-2.csv", "contacts-3.csv"]
    emails = [row["email"] for name in names for row in found.rows(name)]
    assert len(emails) == len(set(emails)) == 6


def test_it_goes_on_over_many_runs(bakery: Account) -> None:
    whole = unpacked(take_out(bakery))
    with transaction():
        takeout = taking_out.start(bakery, None)

    runs = 1
    while taking_out.run(takeout.id, budget_s=0.0):
        runs += 1
        assert runs < 200
        grow_a_little(takeout)

    db.session.rollback()
    found = unpacked(db.session.get_one(Takeout, takeout.id, populate_existing=True))
    assert found.names == whole.names
    assert without_times(found) == without_times(whole)


def grow_a_little(takeout: Takeout) -> None:
    """A run that has no time at all writes nothing, so let one write a file or two."""
    taking_out.run(takeout.id, budget_s=0.02)


def without_times(found: Zip) -> list[object]:
    files = found.json("manifest.json")["files"]
    return [one for one in files if not one["name"].endswith(("message.eml", "audit.csv"))]


def test_a_torn_file_is_put_back(bakery: Account) -> None:
    with transaction():
        takeout = taking_out.start(bakery, None)
    while db.session.get_one(Takeout, takeout.id, populate_existing=True).size_bytes < 1000:
        assert taking_out.run(takeout.id, budget_s=0.01)
    path = files.path_of(files.OUT, takeout.stored_as)
    size = db.session.get_one(Takeout, takeout.id, populate_existing=True).size_bytes
    with pytest.raises(RuntimeError):
        tear(path, size)
    with path.open("ab") as file:
        file.write(b"bytes that nobody knows")

    while taking_out.run(takeout.id):
        pass

    found = unpacked(db.session.get_one(Takeout, takeout.id, populate_existing=True))
    assert "half.csv" not in found.names
    with zipfile.ZipFile(found.path) as file:
        assert file.testzip() is None


def tear(path: Path, size: int) -> None:
    with Archive(path, size) as torn, torn.entry("half.csv") as sink:
        sink.write(b"half of it" * 100_000)
        raise RuntimeError("killed here")


def test_a_worker_that_died_is_followed_by_another(bakery: Account) -> None:
    with transaction():
        takeout = taking_out.start(bakery, None)
        leasing.claim(Takeout, takeout.id, ("queued",), to="running")
    assert not taking_out.run(takeout.id)  # the other one may still be alive
    assert jobs.sweep() == 0

    with transaction():
        db.session.execute(sa.update(Takeout).values(lease_until=later(-1)))

    assert jobs.sweep() == 1
    assert not taking_out.run(takeout.id)
    assert db.session.get_one(Takeout, takeout.id, populate_existing=True).state == "finished"


def test_two_at_once_are_refused(bakery: Account, alice: Person, client: Client) -> None:
    client.sign_in(alice)
    assert client.post("/settings/take-out").status_code == 303

    answer = client.post("/settings/take-out")

    assert answer.status_code == 409
    assert "being made already" in answer.text


def test_the_database_itself_refuses_two_at_once(bakery: Account) -> None:
    with transaction():
        taking_out.start(bakery, None)

    with pytest.raises(sa.exc.IntegrityError), transaction():
        db.session.add(Takeout(account_id=bakery.id, stored_as="other.zip"))


def test_a_full_disk_is_told_before(bakery: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "room_bytes", lambda: 1_000)

    with pytest.raises(NoRoom), transaction():
        taking_out.start(bakery, None)


def test_a_disk_that_fills_up_is_told_and_given_back(
    bakery: Account, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction():
        takeout = taking_out.start(bakery, alice.member)

    def fill_up(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("app.moving.archive.Sink.write", fill_up)
    assert not taking_out.run(takeout.id)

    takeout = db.session.get_one(Takeout, takeout.id, populate_existing=True)
    assert takeout.state == "failed"
    assert "disk" in takeout.error
    assert list(files.folder(files.OUT).iterdir()) == []
    assert letters() == [("takeout_failed", "alice@bakery.example")]


def test_who_asked_hears_of_it_by_mail(bakery: Account, alice: Person) -> None:
    take_out(bakery, alice)

    assert letters() == [("takeout_ready", "alice@bakery.example")]


def letters() -> list[tuple[str, str]]:
    rows = sa.select(Notice.kind, Notice.to_email).where(Notice.kind.startswith("takeout"))
    return [(row.kind, row.to_email) for row in db.session.execute(rows)]


def test_the_owner_downloads_it(bakery: Account, alice: Person, client: Client) -> None:
    takeout = take_out(bakery, alice)
    client.sign_in(alice)

    assert "Download the ZIP" in client.get("/settings/take-out").text
    url = f"/settings/take-out/{takeout.id}/download"
    answer = client.get(url, buffered=True)

    assert answer.status_code == 200
    assert answer.mimetype == "application/zip"
    assert "bakery-" in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.data == taking_out.path(takeout).read_bytes()
    part = client.get(url, headers={"Range": "bytes=0-3"}, buffered=True)
    assert (part.status_code, part.data) == (206, b"PK\x03\x04")


@pytest.mark.parametrize("role", ["bob", "vera"])
def test_nobody_but_owners_sees_it(
    bakery: Account, client: Client, request: pytest.FixtureRequest, role: str
) -> None:
    takeout = take_out(bakery)
    client.sign_in(request.getfixturevalue(role))

    assert client.get("/settings/take-out").status_code == 403
    assert client.post("/settings/take-out").status_code == 403
    assert client.get(f"/settings/take-out/{takeout.id}/download").status_code == 403


def test_a_stranger_finds_no_file(bakery: Account, charlie: Person, client: Client) -> None:
    takeout = take_out(bakery)
    client.sign_in(charlie)

    assert client.get(f"/settings/take-out/{takeout.id}/download").status_code == 404
    assert client.post(f"/settings/take-out/{takeout.id}/remove").status_code == 404


def test_it_is_removed_after_a_week(bakery: Account, alice: Person, client: Client) -> None:
    takeout = take_out(bakery, alice)
    path = taking_out.path(takeout)
    forgetting.keep("takeouts")
    assert path.exists()

    with transaction():
        db.session.execute(sa.update(Takeout).values(remove_at=now()))
    forgetting.keep("takeouts")

    client.sign_in(alice)
    assert not path.exists()
    assert list(files.folder(files.OUT).iterdir()) == []
    assert client.get(f"/settings/take-out/{takeout.id}/download").status_code == 409


def test_the_owner_removes_it_or_stops_it(bakery: Account, alice: Person, client: Client) -> None:
    client.sign_in(alice)
    client.post("/settings/take-out")
    takeout = db.session.scalars(sa.select(Takeout)).one()
    assert taking_out.run(takeout.id, budget_s=0.0)

    client.post(f"/settings/take-out/{takeout.id}/remove")

    assert not taking_out.run(takeout.id)
    assert list(files.folder(files.OUT).iterdir()) == []
    assert client.post("/settings/take-out").status_code == 303


def test_an_empty_account_has_a_take_out_too(charlie: Person) -> None:
    found = unpacked(take_out(charlie.account))

    assert found.rows("contacts.csv") == []
    assert found.json("account.json")["name"] == "Garage"


def test_a_whole_account_is_taken_out_only_by_who_has_just_shown_who_they_are(
    client: Client, alice: Person
) -> None:
    client.sign_in(alice)
    time_passes(alice.member)

    for answer in (client.post("/settings/take-out"), client.get("/settings/take-out/1/download")):
        assert answer.location.startswith("/confirm?next=/settings/take-out")
