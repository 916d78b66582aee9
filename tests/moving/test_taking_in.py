"""What was taken out comes in again, whole, once, and nobody is mailed who must not be."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.accounts.models import Account, Notice, Sender
from app.campaigns import dividing
from app.campaigns.models import Campaign
from app.contacts import barring, consent, erasing, fields, lists, suppressions, writing
from app.contacts.models import Consent, Contact, ContactField, ContactList, Segment, Suppression
from app.core.db import db, transaction
from app.core.errors import WrongState
from app.delivery import deciding, receipts
from app.moving import files, jobs, leasing, steps, taking_in, taking_out
from app.moving import writing as writing_out
from app.moving.models import Moved, Takein
from app.moving.package import NoTakeout
from app.reports import queries as reports
from tests.conftest import Client, Person
from tests.moving.conftest import (
    Zip,
    again,
    later,
    looked_at,
    person,
    rezipped,
    stored,
    take_out,
    taken_in,
    unpacked,
)

#: Numbers of rows, which are made anew, and what says when and from where something came in.
NUMBERS = {
    "id", "contact_id", "list_id", "import_id", "link_id", "delivery_id", "key", "member_id",
    "evidence", "updated_at", "salt",
}  # fmt: skip


def matter(found: Zip, name: str) -> Any:
    """A file without the numbers of its rows, in an order that does not depend on them."""
    rows = found.lines(name) if name.endswith(".jsonl") else found.rows(name)
    kept = [{key: value for key, value in row.items() if key not in NUMBERS} for row in rows]
    return sorted(kept, key=lambda row: json.dumps(row, sort_keys=True))


def test_what_comes_out_again_is_what_went_in(bakery: Account, out: Path, dora: Account) -> None:
    before = Zip(out)

    taken_in(dora, out)

    after = unpacked(take_out(dora))
    for name in ("contacts.csv", "lists.csv", "subscriptions.csv", "suppressions.csv",
                 "import_problems.csv"):  # fmt: skip
        assert matter(after, name) == matter(before, name), name
    for name in ("tags.json", "fields.json", "domains.json"):
        assert without_ids(after.json(name)) == without_ids(before.json(name))
    for name in ("consents.jsonl", "channels.csv", "changes.jsonl"):
        assert matter(after, name) == matter(before, name), name
    same_campaigns(before, after)


def without_ids(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key != "id"} for row in rows]


def same_campaigns(before: Zip, after: Zip) -> None:
    ours, theirs = by_name(before), by_name(after)
    assert ours.keys() == theirs.keys() == {"May", "June"}
    for name in ours:
        for file in ("deliveries.csv", "events.csv", "links.csv", "diary.csv"):
            there, here = f"{ours[name]}/{file}", f"{theirs[name]}/{file}"
            assert matter(after, here) == matter(before, there), (name, file)
        for file in ("message.html", "message.txt"):
            here, there = after.read(f"{theirs[name]}/{file}"), before.read(f"{ours[name]}/{file}")
            assert without_links(here) == without_links(there)
    told = [found.json(f"{by_name(found)['May']}/report.json") for found in (before, after)]
    for part in ("receipt", "tally", "hours"):
        assert told[0][part] == told[1][part], part
    scores = [sorted((r["kind"], r["verdict"], r["hits"]) for r in one["scores"]) for one in told]
    assert scores[0] == scores[1]


def without_links(message: bytes) -> bytes:
    """Ways out are signed for the campaign's number."""
    return re.sub(rb"http://localhost/[\w/.-]+", b"link", message)


def by_name(found: Zip) -> dict[str, str]:
    folders = {name.rpartition("/")[0] for name in found.names if name.endswith("/campaign.json")}
    return {found.json(f"{folder}/campaign.json")["name"]: folder for folder in folders}


def test_the_forecast_is_what_happens(out: Path, dora: Account) -> None:
    takein = looked_at(dora, out)
    assert rows_of(dora) == 0  # nothing has changed yet
    told = takein.forecast

    done = stored(dora, takein).counts

    assert told["contacts_new"] == done["contacts"]["added"] == 6
    assert told["lists_new"] == done["lists"]["added"] == 3
    assert told["consents"] == sum(done["consents"].values())
    assert told["suppressions"] == done["suppressions"]["added"]
    assert (told["drafts"], told["archives"]) == (1, 1)
    assert told["deliveries"] == done["deliveries"]["added"] == 5


def newsletter(account: Account) -> ContactList:
    query = sa.select(ContactList).where(
        ContactList.account_id == account.id, ContactList.name == "Newsletter"
    )
    return db.session.scalars(query).one()


def rows_of(account: Account) -> int:
    query = sa.select(sa.func.count()).where(Contact.account_id == account.id)
    return db.session.scalar(query) or 0


def test_the_same_file_twice_adds_nothing(out: Path, dora: Account) -> None:
    taken_in(dora, out)
    before = unpacked(take_out(dora))

    second = taken_in(dora, out)

    after = unpacked(take_out(dora))
    added = {kind: found.get("added", 0) for kind, found in second.counts.items()}
    assert {kind for kind, n in added.items() if n} <= {"tags"}
    for name in ("contacts.csv", "subscriptions.csv", "consents.jsonl", "suppressions.csv",
                 "lists.csv", "segments.jsonl", "imports.jsonl", "channels.csv",
                 "changes.jsonl"):  # fmt: skip
        assert matter(after, name) == matter(before, name), name
    assert by_name(after) == by_name(before)


def test_back_into_the_account_it_came_from_changes_nothing(bakery: Account, out: Path) -> None:
    taken_in(bakery, out)

    before, after = Zip(out), unpacked(take_out(bakery))
    for name in ("contacts.csv", "subscriptions.csv", "consents.jsonl", "suppressions.csv"):
        assert matter(after, name) == matter(before, name), name
    assert suppressions.find(bakery.id, "erased@example.com") is not None


def test_counters_are_right_afterwards(out: Path, dora: Account) -> None:
    taken_in(dora, out)

    for list_ in db.session.scalars(
        sa.select(ContactList).where(ContactList.account_id == dora.id)
    ):
        for state in ("active", "pending"):
            number = db.session.scalar(
                sa.text("SELECT count(*) FROM subscription WHERE list_id = :l AND state = :s"),
                {"l": list_.id, "s": state},
            )
            assert getattr(list_, state) == number, (list_.name, state)
    tally = unpacked(take_out(dora)).json("tags.json")
    assert {row["name"]: row["people"] for row in tally} == {"regular": 2, "cake  big": 1}
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Moved)) == 0


def test_erased_people_stay_out_and_have_no_address_here(out: Path, dora: Account) -> None:
    taken_in(dora, out)

    with pytest.raises(suppressions.Suppressed), transaction():
        writing.create(dora, "Erased@example.com")
    assert barring.barred(dora.id, ["erased@example.com"]) == {"erased@example.com": "erased"}
    row = db.session.scalars(
        sa.select(Suppression).where(
            Suppression.account_id == dora.id, Suppression.reason == "erased"
        )
    ).one()
    assert row.address is None


def test_they_stay_out_after_moving_twice(out: Path, dora: Account, charlie: Person) -> None:
    taken_in(dora, out)

    taken_in(charlie.account, taking_out.path(take_out(dora)))

    assert suppressions.find(charlie.account.id, "erased@example.com") is not None
    assert suppressions.find(charlie.account.id, "somebody@example.com") is None


def test_an_erased_person_comes_back_by_themselves(out: Path, dora: Account) -> None:
    taken_in(dora, out)

    with transaction():
        assert suppressions.lift_for_person(dora.id, "erased@example.com")
        writing.create(dora, "erased@example.com")


def test_who_was_erased_there_is_not_mailed_here(out: Path, dora: Account) -> None:
    with transaction():
        writing.create(dora, "erased@example.com")

    takein = taken_in(dora, out)

    named = sa.select(Suppression.reason).where(
        Suppression.account_id == dora.id, Suppression.address == "erased@example.com"
    )
    assert db.session.scalar(named) == "erased"  # by name: audiences leave them out
    assert takein.counts["erased_there"] == {"added": 1}


def test_who_left_here_stays_out(out: Path, dora: Account) -> None:
    with transaction():
        news = lists.create(dora, "Newsletter")
        ada = writing.create(dora, "ada@example.com", first_name="Countess")
        consent.subscribe(ada, news, source="hand")
        consent.withdraw(ada, source="one_click")
        suppressions.add(dora.id, "info@firm.example", reason="complaint")
        erased = writing.create(dora, "jörg@bücher.example")
        erasing.erase(erased, by="person")

    takein = taken_in(dora, out)

    assert suppressions.find(dora.id, "ada@example.com").reason == "unsubscribed"  # type: ignore[union-attr]
    assert takein.forecast["contacts_kept_out"] == 2
    addresses = set(db.session.scalars(sa.select(Contact.address).where(
        Contact.account_id == dora.id)))  # fmt: skip
    assert not {"info@firm.example", "jörg@xn--bcher-kva.example"} & addresses
    places = unpacked(take_out(dora)).rows("subscriptions.csv")
    assert [row["list"] for row in places if row["email"] == "ada@example.com"] == ["Newsletter"]


def test_a_weaker_reason_never_replaces_a_wish(out: Path, dora: Account) -> None:
    with transaction():
        suppressions.add(dora.id, "never@example.com", reason="unsubscribed")
        suppressions.add(dora.id, "left@example.com", reason="account")

    taken_in(dora, out)

    assert suppressions.find(dora.id, "never@example.com").reason == "unsubscribed"  # type: ignore[union-attr]
    assert suppressions.find(dora.id, "left@example.com").reason == "unsubscribed"  # type: ignore[union-attr]


def test_who_left_a_list_by_themselves_must_confirm_anew(out: Path, dora: Account) -> None:
    taken_in(dora, out)

    with transaction():
        gone = person(dora, "gone@example.com")
        news = newsletter(dora)
        place = consent.subscribe(gone, news, source="hand")

    assert place.state == "pending"


def test_an_older_word_of_elsewhere_does_not_outweigh_leaving_here(
    bakery: Account, out: Path, dora: Account
) -> None:
    with transaction():
        news = lists.create(dora, "Newsletter")
        ada = writing.create(dora, "ada@example.com")
        consent.subscribe(ada, news, source="hand")
        consent.leave_list(ada, news, source="link")

    taken_in(dora, out)

    with transaction():
        ada = db.session.get_one(Contact, ada.id)
        assert consent.subscribe(ada, news, source="hand").state == "pending"


def test_people_who_are_here_gain_what_is_missing(out: Path, dora: Account) -> None:
    with transaction():
        fields.create(dora.id, "Visits so far", key="visits", type_="text")
        writing.create(dora, "ada@example.com", first_name="Countess", fields={"visits": "many"})

    taken_in(dora, out)

    ada = person(dora, "ada@example.com")
    assert (ada.first_name, ada.last_name) == ("Countess", "O'Neil")
    assert ada.fields["visits"] == "many"
    assert ada.fields["born"] == "1980-02-29"
    kept = db.session.scalars(sa.select(ContactField).where(
        ContactField.account_id == dora.id, ContactField.key == "visits")).one()  # fmt: skip
    assert (kept.label, kept.type) == ("Visits so far", "text")


def test_segments_mean_the_lists_of_here(out: Path, dora: Account) -> None:
    taken_in(dora, out)

    segment = db.session.scalars(sa.select(Segment).where(Segment.account_id == dora.id)).one()
    news = db.session.scalar(sa.select(ContactList.id).where(
        ContactList.account_id == dora.id, ContactList.name == "Newsletter"))  # fmt: skip
    assert segment.rule["all"][1] == {"field": "list", "op": "on", "value": news, "state": "active"}


def test_a_scheduled_campaign_is_a_draft(out: Path, dora: Account) -> None:
    taken_in(dora, out)

    june = campaign_of(dora, "June")
    assert (june.state, june.due_at, june.is_archive) == ("draft", None, False)
    assert [bool(row.segment_id) for row in june.audience] == [False, True, False]
    assert june.audience[2].excluded


def campaign_of(account: Account, name: str) -> Campaign:
    query = sa.select(Campaign).where(Campaign.account_id == account.id, Campaign.name == name)
    return db.session.scalars(query).one()


def test_an_archive_keeps_its_numbers_and_never_sends(out: Path, dora: Account) -> None:
    taken_in(dora, out)

    may = campaign_of(dora, "May")
    receipt = receipts.receipt(may.id)
    report = reports.report(may.id)
    assert (receipt.intended, receipt.sent, receipt.uncertain) == (5, 2, 1)
    assert receipt.encrypted == 2
    assert (report.opens.people, report.clicks.people) == (1, 1)
    assert report.links[0].people == 1
    with pytest.raises(WrongState), transaction():
        deciding.send_again(may)


def test_what_was_going_out_counts_as_skipped(bakery: Account, dora: Account) -> None:
    may = campaign_of(bakery, "May")
    with transaction():
        db.session.execute(sa.text("UPDATE delivery SET state = 'pending' WHERE state = 'sent'"))
        db.session.execute(sa.update(Campaign).where(Campaign.id == may.id).values(state="sending"))

    taken_in(dora, taking_out.path(take_out(bakery)))

    archive = campaign_of(dora, "May")
    receipt = receipts.receipt(archive.id)
    assert archive.state == "cancelled"
    assert (receipt.pending, receipt.intended) == (0, 5)
    assert receipt.skipped == {"cancelled": 2, "unsubscribed": 1}


def test_a_campaign_has_one_rest(bakery: Account, dora: Account) -> None:
    may = campaign_of(bakery, "May")
    with transaction():
        may.at_most = 3
        dividing.rest(may)
    packed = taking_out.path(take_out(bakery))
    with transaction():
        campaign_of(bakery, "May (rest)").name = "For everybody else"

    takein = taken_in(bakery, packed)

    assert takein.state == "finished", takein.error
    assert "has a rest here already" in " ".join(takein.problems)
    kept = dividing.follower(campaign_of(bakery, "May"))
    assert kept is not None
    assert kept.name == "For everybody else"
    taken_in(dora, packed)
    there = dividing.follower(campaign_of(dora, "May"))
    assert there is not None
    assert there.name == "May (rest)"


def test_nobody_gets_a_mail_by_it(out: Path, dora: Account) -> None:
    before = db.session.scalar(sa.select(sa.func.count()).select_from(Notice))

    taken_in(dora, out)

    assert db.session.scalar(sa.select(sa.func.count()).select_from(Notice)) == before
    sender = db.session.scalars(sa.select(Sender).where(Sender.account_id == dora.id)).one()
    assert sender.confirmed_at is None


def test_consents_are_marked_and_keep_their_times(
    bakery: Account, out: Path, dora: Account
) -> None:
    takein = taken_in(dora, out)

    ours = set(db.session.scalars(sa.select(Consent.at).where(Consent.account_id == bakery.id)))
    theirs = db.session.scalars(sa.select(Consent).where(Consent.account_id == dora.id)).all()
    assert {row.at for row in theirs} == ours
    named = [row for row in theirs if row.contact_id]
    assert all(row.evidence["taken_in"] == takein.id for row in named)
    who = dict(db.session.execute(sa.select(Contact.id, Contact.address)).all())
    assert {row.address == who[row.contact_id] for row in named} == {True}
    assert {"list": "Newsletter", "member": 1} in [row.evidence["as_given"] for row in named]


@pytest.mark.parametrize("budget_s", [0.0, 0.05])
def test_it_goes_on_over_many_runs(
    out: Path, dora: Account, monkeypatch: pytest.MonkeyPatch, budget_s: float
) -> None:
    monkeypatch.setattr(steps, "CHUNK", 2)

    taken_in(dora, out, budget_s=budget_s)

    before, after = Zip(out), unpacked(take_out(dora))
    for name in ("contacts.csv", "subscriptions.csv", "consents.jsonl", "suppressions.csv"):
        assert matter(after, name) == matter(before, name), name
    same_campaigns(before, after)


def test_a_run_that_dies_in_a_chunk_is_repeated(
    out: Path, dora: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "CHUNK", 2)
    takein = looked_at(dora, out)
    with transaction():
        taking_in.start(dora, None, takein)
    broken = iter(range(1_000))

    def save_or_die(*args: Any, **options: Any) -> None:
        if next(broken) % 3 == 2:
            raise KeyboardInterrupt  # after storing, before saying so
        save(*args, **options)

    save = taking_in._save
    monkeypatch.setattr(taking_in, "_save", save_or_die)
    while again(takein).state != "finished":
        try:
            taking_in.run(takein.id)
        except KeyboardInterrupt:
            with transaction():
                db.session.execute(sa.update(Takein).values(lease_until=later(-1)))
            assert jobs.sweep() == 1

    before, after = Zip(out), unpacked(take_out(dora))
    for name in ("contacts.csv", "subscriptions.csv", "consents.jsonl", "suppressions.csv"):
        assert matter(after, name) == matter(before, name), name
    same_campaigns(before, after)


def test_two_workers_do_it_once(out: Path, dora: Account) -> None:
    takein = looked_at(dora, out)
    with transaction():
        taking_in.start(dora, None, takein)
        assert leasing.claim(Takein, takein.id, ("queued",))

    assert not taking_in.run(takein.id)
    assert rows_of(dora) == 0


# What is no take-out


def test_a_file_that_was_changed_is_refused(out: Path, dora: Account, tmp_path: Path) -> None:
    def forge(found: dict[str, bytes]) -> None:
        found["consents.jsonl"] = found["consents.jsonl"].replace(b"withdrawn", b"confirmed")

    takein = looked_at(dora, rezipped(out, tmp_path / "forged.zip", forge))

    assert takein.state == "failed"
    assert "consents.jsonl is not as it was" in takein.error
    assert list(files.folder(files.IN).iterdir()) == []


def test_packed_anew_it_is_the_same(out: Path, dora: Account, tmp_path: Path) -> None:
    def add_litter(found: dict[str, bytes]) -> None:
        found["__MACOSX/._contacts.csv"] = b"litter"

    assert taken_in(dora, rezipped(out, tmp_path / "again.zip", add_litter)).state == "finished"


def zip_of(target: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in entries.items():
            file.writestr(name, data)
    return target


MANIFEST = {"format": "leadersend-takeout", "version": 1, "account": {}, "files": []}


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"contacts.csv": b"a@b.example"}, "no manifest.json"),
        ({"manifest.json": b"[]"}, "not one of LeaderSend"),
        ({"manifest.json": b"{" * 100_000}, "cannot be read"),
        ({"manifest.json": json.dumps(MANIFEST | {"version": 9}).encode()}, "newer LeaderSend"),
        ({"manifest.json": json.dumps(MANIFEST | {"files": [
            {"name": "x.csv", "bytes": 1, "sha256": ""}]}).encode()}, "x.csv is missing"),
        ({"../../etc/passwd": b"x", "manifest.json": b"{}"}, "names that no take-out has"),
        ({"/abs": b"x", "manifest.json": b"{}"}, "names that no take-out has"),
        ({"bomb.csv": b"0" * 30_000_000, "manifest.json": b"{}"}, "far more than"),
    ],
)  # fmt: skip
def test_what_is_no_take_out_is_refused_at_once(
    dora: Account, tmp_path: Path, entries: dict[str, bytes], words: str
) -> None:
    path = zip_of(tmp_path / "odd.zip", entries)

    with pytest.raises(NoTakeout, match=words), path.open("rb") as file:
        taking_in.stage(dora, None, file, "odd.zip")

    assert list(files.folder(files.IN).iterdir()) == []
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Takein)) == 0


@pytest.mark.parametrize("data", [b"", b"hello", b"PK\x03\x04" + b"\0" * 500,
                                  b"PK\x05\x06" + b"\xff" * 18])  # fmt: skip
def test_any_bytes_get_a_clear_answer(dora: Account, data: bytes) -> None:
    with pytest.raises(NoTakeout, match="ZIP"):
        taking_in.stage(dora, None, io.BytesIO(data), "x.zip")


def test_a_cut_file_is_refused(out: Path, dora: Account) -> None:
    whole = out.read_bytes()

    for length in (100, len(whole) // 2, len(whole) - 1):
        with pytest.raises(NoTakeout):
            taking_in.stage(dora, None, io.BytesIO(whole[:length]), "x.zip")


def test_odd_rows_are_left_out_with_a_reason(out: Path, dora: Account, tmp_path: Path) -> None:
    def spoil(found: dict[str, bytes]) -> None:
        found["contacts.csv"] += b"77,nobody\n78,new@example.com,4111 1111 1111 1111\n"
        header = found["contacts.csv"].decode("utf-8-sig").partition("\r\n")[0].split(",")
        line = io.StringIO()
        csv.DictWriter(line, header).writerow(
            {"id": "79", "email": "vast@example.com", "field_visits": "1e999",
             "other_fields": '{"weight": 1e999, "height": 2}'}
        )  # fmt: skip
        found["contacts.csv"] += line.getvalue().encode()
        found["suppressions.csv"] += b"9,old@example.com,,,erfunden,,2099-01-01T00:00:00+00:00\n"
        found["consents.jsonl"] += b'{"kind":"invented","at":"2026-01-01"}\n'
        found["subscriptions.csv"] += b"99999999999999999999,,1,,active,,\n"

    takein = taken_in(dora, rezipped(out, tmp_path / "odd.zip", spoil, fix=True))

    assert takein.counts["contacts"] == {"added": 8, "left_out": 1}
    assert any("nobody" in one for one in takein.problems)
    assert any("Visits: a number is too large" in one for one in takein.problems)
    assert person(dora, "vast@example.com").fields == {"height": 2}
    new = person(dora, "new@example.com")
    assert "4111" not in new.first_name
    old = suppressions.find(dora.id, "old@example.com")
    assert old is not None
    assert old.reason == "import"
    assert old.created_at <= takein.created_at


# Pages


def test_the_owner_is_asked_first(
    out: Path, client: Client, alice: Person, charlie: Person
) -> None:
    client.sign_in(charlie)
    upload = {"file": (io.BytesIO(out.read_bytes()), "bakery.zip")}

    answer = client.post("/settings/take-in", data=upload, content_type="multipart/form-data")
    takein = db.session.scalars(sa.select(Takein)).one()
    assert answer.location == f"/settings/take-in/{takein.id}"
    assert "Nothing is changed yet" in client.get(answer.location).text
    while taking_in.run(takein.id):
        pass
    again(takein)

    page = client.get(answer.location).text
    assert "What will happen" in page
    assert "erased people" in page
    assert client.post(f"/settings/take-in/{takein.id}/start").status_code == 303
    while taking_in.run(takein.id):
        pass
    again(takein)
    assert "What has happened" in client.get(answer.location).text
    assert rows_of(charlie.account) == 6


def test_a_file_that_is_no_take_out_is_told(client: Client, charlie: Person) -> None:
    client.sign_in(charlie)
    upload = {"file": (io.BytesIO(b"a,b\n1,2\n"), "people.csv")}

    answer = client.post("/settings/take-in", data=upload, content_type="multipart/form-data")

    assert answer.status_code == 422
    assert "This is no ZIP file" in answer.text


def test_it_can_be_dropped(out: Path, client: Client, charlie: Person) -> None:
    client.sign_in(charlie)
    takein = looked_at(charlie.account, out)

    client.post(f"/settings/take-in/{takein.id}/drop")

    assert again(takein).state == "dropped"
    assert list(files.folder(files.IN).iterdir()) == []
    assert client.post(f"/settings/take-in/{takein.id}/start").status_code == 409
    assert writing_out.VERSION == 1


def test_one_file_at_a_time(out: Path, dora: Account) -> None:
    looked_at(dora, out)

    with pytest.raises(taking_in.UnderWay), out.open("rb") as file:
        taking_in.stage(dora, None, file, "second.zip")


def test_editors_and_strangers_see_none_of_it(
    out: Path, client: Client, bob: Person, charlie: Person
) -> None:
    takein = looked_at(bob.account, out)

    client.sign_in(bob)
    assert client.get("/settings/take-in").status_code == 403
    client.sign_in(charlie)
    for path in ("", "/start", "/drop"):
        url = f"/settings/take-in/{takein.id}{path}"
        assert client.open(url, method="POST" if path else "GET").status_code == 404
