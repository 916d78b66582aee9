"""The registers: processors, disclosures with two people and a document, incidents with mails."""

from __future__ import annotations

import dataclasses
import threading
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path

import html5lib
import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts import mailboxes
from app.accounts.models import Account, AuditEntry, Notice
from app.config import Config
from app.core.clock import now
from app.core.db import db, transaction
from app.privacy import disclosing, documents, incidents, jobs, processors
from app.privacy.models import Disclosure, Incident, IncidentAccount
from tests.conftest import Client, Person, add_member
from tests.privacy.conftest import staff_member

ORDER = b"%PDF-1.7 order of the court, case 12/34"
GIVEN = {
    "account": "Bakery", "recipient": "Court of Town", "which": "Names of members.",
    "purpose": "A case.", "ground": "court_order",
}  # fmt: skip
INCIDENT = {
    "title": "A disk was lost", "began_on": "2024-11-01", "found_on": "2024-11-02",
    "what": "A disk was lost on the way.", "which": "Addresses of members.",
    "measures": "It was encrypted.", "advice": "Nothing.",
}  # fmt: skip


def enter(client: Client, **changes: str) -> int:
    data = {**GIVEN, **changes, "document": (BytesIO(ORDER), "order.pdf")}
    answer = client.post("/staff/disclosures/new", data=data)
    assert answer.status_code == 303, answer.text
    return int(answer.location.rpartition("/")[2])


def told(kind: str) -> list[str]:
    return list(
        db.session.scalars(sa.select(Notice.to_email).where(Notice.kind == kind).order_by("id"))
    )


def whole(page: str) -> str:
    html5lib.HTMLParser(strict=True).parse(page)
    return page


def test_a_disclosure_needs_a_document_and_another_person(
    client: Client, alice: Person, sam: Person, sue: Person, home: Path
):
    client.sign_in(sam)
    number = enter(client)
    assert "You entered this" in whole(client.get(f"/staff/disclosures/{number}").text)
    assert client.post(f"/staff/disclosures/{number}/approve").status_code == 403
    assert "Court of Town" not in client.get("/privacy/registers").text
    assert jobs.tell() == 0

    client.sign_in(sue)
    assert "Approve" in whole(client.get(f"/staff/disclosures/{number}").text)
    assert client.post(f"/staff/disclosures/{number}/approve").status_code == 303
    assert client.post(f"/staff/disclosures/{number}/refuse", data={"why": "x"}).status_code == 409
    assert jobs.tell() == 1
    assert jobs.tell() == 0

    assert told("disclosure") == ["alice@bakery.example"]
    register = whole(client.get("/privacy/registers").text)
    assert "Court of Town" in register
    assert "Bakery" not in register
    client.sign_in(alice)
    page = whole(client.get("/settings/data").text)
    assert "Court of Town" in page
    assert "Never shared" not in page


def test_the_document_is_sealed_and_whoever_reads_it_is_noted(
    service: Client, sam: Person, home: Path
):
    number = enter(service)
    row = disclosing.one(number)
    lying = (home / "documents" / row.stored_as).read_bytes()
    assert b"court" not in lying

    answer = service.post(f"/staff/disclosures/{number}/document")

    assert answer.data == ORDER
    assert "order.pdf" in answer.headers["Content-Disposition"]
    verbs = db.session.scalars(sa.select(AuditEntry.verb).order_by(AuditEntry.id)).all()
    assert verbs[-2:] == ["disclosure.enter", "disclosure.read"]
    # In the operator's own list: the account's would tell of it before a court allows.
    assert not db.session.scalar(
        sa.select(sa.func.count()).where(
            AuditEntry.verb.startswith("disclosure"), AuditEntry.account_id.is_not(None)
        )
    )
    (home / "documents" / row.stored_as).write_bytes(lying[:-9] + b"altered==")
    assert service.post(f"/staff/disclosures/{number}/document").status_code == 409


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"account": "Nobody"}, "No account is found"),
        ({"document": (BytesIO(b""), "")}, "Attach the document."),
        ({"recipient": ""}, "Say who gets them."),
        ({"ground": "gossip"}, "Choose one of those"),
        ({"bar_reason": "Secret."}, "A bar needs its reason and the day"),
        ({"bar_reason": "Secret.", "barred_until": "2020-01-01"}, "a day to come"),
        ({"bar_reason": "S.", "barred_until": "2027-01-01", "ground": "consent"}, "only a court"),
    ],
)
def test_what_is_missing_is_said_and_no_file_is_left(
    service: Client, home: Path, changes: dict[str, object], words: str
):
    before = set(home.glob("documents/*"))
    data = {**GIVEN, "document": (BytesIO(ORDER), "order.pdf"), **changes}

    answer = service.post("/staff/disclosures/new", data=data)

    assert answer.status_code == 422
    assert words in answer.text
    assert db.session.scalar(sa.select(Disclosure)) is None
    assert set(home.glob("documents/*")) == before


def test_a_bar_keeps_it_from_the_customer_until_it_ends(
    client: Client, alice: Person, sam: Person, sue: Person, monkeypatch: pytest.MonkeyPatch
):
    until = now().date() + timedelta(days=30)
    client.sign_in(sam)
    number = enter(client, bar_reason="Ongoing search.", barred_until=until.isoformat())
    client.sign_in(sue)
    client.post(f"/staff/disclosures/{number}/approve")
    assert jobs.tell() == 0

    client.sign_in(alice)
    page = client.get("/settings/data").text
    assert "Court of Town" not in page
    assert "Never shared" not in page  # nobody is told what is not so
    register = client.get("/privacy/registers").text
    assert "Court of Town" not in register
    assert "1 entry cannot be shown yet" in register

    later = now() + timedelta(days=31)
    monkeypatch.setattr(disclosing, "now", lambda: later)
    assert jobs.tell() == 1
    assert told("disclosure") == ["alice@bakery.example"]
    assert "Ongoing search." in db.session.scalar(sa.select(Notice.text))
    page = client.get("/settings/data").text
    assert "Court of Town" in page
    assert f"barred from telling you until {until.isoformat()}" in page


def test_a_court_can_lift_the_bar_before_it_ends(client: Client, sam: Person, sue: Person):
    client.sign_in(sam)
    until = now().date() + timedelta(days=30)
    number = enter(client, bar_reason="Ongoing search.", barred_until=until.isoformat())
    client.sign_in(sue)
    client.post(f"/staff/disclosures/{number}/approve")
    half = client.post(f"/staff/disclosures/{number}/bar", data={"bar_reason": "Only this."})
    assert half.status_code == 422

    client.post(f"/staff/disclosures/{number}/bar", data={})

    assert jobs.tell() == 1
    assert client.post(f"/staff/disclosures/{number}/bar", data={}).status_code == 409


def test_never_shared_is_said_where_it_is_so(client: Client, alice: Person, sam: Person):
    client.sign_in(alice)
    assert "Never shared" in whole(client.get("/settings/data").text)
    client.sign_in(sam)
    enter(client)  # not approved: nothing was given away

    client.sign_in(alice)
    assert "Never shared" in client.get("/settings/data").text
    assert "No data were ever sold" in whole(client.get("/privacy/registers").text)


def test_who_may_do_what(client: Client, alice: Person):
    helper = staff_member(alice, "hal@operator.example", "Hal Helper", "support")
    seller = staff_member(alice, "mel@operator.example", "Mel Marketing", "marketing", "billing")
    client.sign_in(helper)
    number = enter(client)
    assert client.get("/staff/disclosures").status_code == 200
    assert client.post(f"/staff/disclosures/{number}/approve").status_code == 404
    client.sign_in(seller)
    for path in ("/staff/disclosures", f"/staff/disclosures/{number}", "/staff/incidents",
                 "/staff/processors"):  # fmt: skip
        assert client.get(path).status_code == 404, path


def test_the_register_is_only_added_to(service: Client, sam: Person, sue: Person):
    number = enter(service)
    with transaction():
        disclosing.refuse(number, sue.member, "It names somebody else.")

    for change in (
        sa.update(Disclosure).values(recipient="Nobody"),
        sa.update(Disclosure).values(state="approved"),
        sa.delete(Disclosure),
    ):
        with pytest.raises(sa.exc.DBAPIError, match="only added to"), transaction():
            db.session.execute(change)
    with pytest.raises(sa.exc.IntegrityError), transaction():
        db.session.execute(
            sa.insert(Disclosure).values(
                recipient="x", data="x", purpose="x", ground="consent", document_name="x",
                stored_as="x", document_hash="x", entered_by_id=1, decided_by_id=1, decision="",
                bar_reason="", entered_at=now(), state="approved",
            )
        )  # fmt: skip


def test_the_register_outlives_the_account(service: Client, charlie: Person, sue: Person):
    number = enter(service, account="charlie@garage.example")
    with transaction():
        disclosing.approve(number, sue.member)
    with transaction():
        db.session.execute(sa.delete(Account).where(Account.id == charlie.account.id))

    assert jobs.tell() == 0
    assert "Court of Town" in service.get("/privacy/registers").text
    assert "gone" in service.get(f"/staff/disclosures/{number}").text


def test_files_without_an_entry_go_after_a_day(app: Flask, monkeypatch: pytest.MonkeyPatch):
    stray = documents.keep(BytesIO(ORDER), "../../x/order.pdf")
    assert stray.name == "order.pdf"
    assert jobs.clean_up() == 0

    monkeypatch.setattr(documents, "now", lambda: now() + timedelta(days=2))
    assert jobs.clean_up() >= 1
    with pytest.raises(documents.NotFound):
        documents.read(stray.stored_as, stray.hash)


def test_processors_of_settings_and_of_staff(service: Client, sam: Person, settings: Config):
    config = dataclasses.replace(
        settings, SMTP_URL="smtp://smtp.provider.example:587",
        BACKUP_TO="s3://safe/x?endpoint=https://s3.example.com",
    )  # fmt: skip
    assert [one.name for one in processors.of_settings(config)] == [
        "smtp.provider.example", "s3.example.com",
    ]  # fmt: skip
    assert processors.of_settings(settings) == []
    added = {"name": "Hosting House", "purpose": "Keeps the machine.", "which": "All, encrypted.",
             "place": "Norway", "since": "2026-01-01"}  # fmt: skip
    assert service.post("/staff/processors", data={**added, "since": ""}).status_code == 422
    service.post("/staff/processors", data=added)
    box = {"kind": "imap", "tls": "implicit", "username": "u", "password": "p"}
    with transaction():
        for host in ("imap.provider.example", "imap.provider.example", "localhost"):
            mailboxes.add(None, sam.member, host=host, **box)
    page = whole(service.get("/privacy/registers").text)
    assert "Hosting House" in page
    assert page.count("imap.provider.example") == 1
    assert "imap.provider.example" in service.get("/staff/processors").text

    (one,) = processors.added()
    service.post(f"/staff/processors/{one.number}/end")
    assert service.post(f"/staff/processors/{one.number}/end").status_code == 404
    today = f'<time datetime="{now().date().isoformat()}">'
    assert f"until {today}" in service.get("/privacy/registers").text
    assert whole(service.get("/staff/processors").text)


def test_an_incident_is_published_and_its_accounts_are_told_once(
    whole_app: Flask, service: Client, alice: Person, charlie: Person
):
    add_member(alice.account, "olga@bakery.example", "Olga Owner", "owner")
    answer = service.post("/staff/incidents/new", data={**INCIDENT, "accounts": "bakery"})
    number = int(answer.location.rpartition("/")[2])
    assert service.get(f"/privacy/incidents/{number}").status_code == 404
    assert jobs.tell() == 0
    assert "It concerns 1 account" in whole(service.get(f"/staff/incidents/{number}").text)
    assert str(alice.account.id) in whole(service.get(f"/staff/incidents/{number}/write").text)

    service.post(f"/staff/incidents/{number}/publish")
    assert service.post(f"/staff/incidents/{number}/publish").status_code == 409
    begin = threading.Barrier(3)

    def tick() -> None:
        with whole_app.app_context():
            begin.wait()
            jobs.tell()
            db.session.remove()

    threads = [threading.Thread(target=tick) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db.session.rollback()

    assert told("incident") == ["alice@bakery.example", "olga@bakery.example"]
    service.post(f"/staff/incidents/{number}/notes", data={"text": "The disk was found."})
    page = whole(service.get(f"/privacy/incidents/{number}").text)
    assert "The disk was found." in page
    assert "Bakery" not in page
    assert "A disk was lost" in service.get("/privacy/registers").text
    for person, is_there in ((alice, True), (charlie, False)):
        service.sign_in(person)
        assert ("A disk was lost" in service.get("/settings/data").text) is is_there


def test_an_incident_of_everybody_tells_every_account(
    service: Client, alice: Person, charlie: Person
):
    service.post("/staff/incidents/new", data={**INCIDENT, "concerns_all": "y"})
    row = db.session.scalar(sa.select(Incident))
    service.post(f"/staff/incidents/{row.id}/publish")

    jobs.tell()

    assert told("incident") == ["alice@bakery.example", "charlie@garage.example"]
    answer = service.post(f"/staff/incidents/{row.id}/write", data={**INCIDENT, "title": "Nothing"})
    assert answer.status_code == 409


def test_an_incident_names_accounts_that_there_are(service: Client):
    unknown = service.post("/staff/incidents/new", data={**INCIDENT, "accounts": "bakery, 999999"})
    assert unknown.status_code == 422
    assert "No account is found for “999999”" in unknown.text
    early = service.post("/staff/incidents/new", data={**INCIDENT, "found_on": "2024-10-01"})
    assert "before it began" in early.text
    ahead = {**INCIDENT, "found_on": (now() + timedelta(days=40)).date().isoformat()}
    assert "has not come yet" in service.post("/staff/incidents/new", data=ahead).text
    assert db.session.scalar(sa.select(IncidentAccount)) is None
    with transaction():
        db.session.add(Account(name="Bakery"))
    twice = service.post("/staff/incidents/new", data={**INCIDENT, "accounts": "Bakery"})
    assert "Several accounts fit" in twice.text
    words = {**INCIDENT, "data": "x", "began_on": date(2024, 11, 1), "found_on": date(2024, 11, 2)}
    with transaction():
        incidents.write(None, {**words, "concerns_all": False}, [])
