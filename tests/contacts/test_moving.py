"""Moving house: other formats and other services' exports taken in, tried first, remembered."""

from __future__ import annotations

import io
import json
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.contacts import (
    checking,
    fields,
    importing,
    jobs,
    lists,
    mapping,
    preparing,
    proofs,
    services,
    suppressions,
    typos,
    uploads,
    writing,
)  # fmt: skip
from app.contacts.fields import KEY, key_for
from app.contacts.formats import converting
from app.contacts.models import Consent, Contact, Import, ImportProblem, Suppression
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import DomainError, Invalid
from tests.conftest import Client, Person
from tests.contacts.workbooks import ods, packed, xlsx

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "contacts"
BASIS = "Moved from our old service."
PARTS = ("created", "updated", "unchanged", "suppressed", "rejected")
Bring = Callable[..., Import]


@pytest.fixture(autouse=True)
def empty_folder(app: object) -> None:
    for path in uploads.folder().iterdir():
        path.unlink()


@pytest.fixture
def bring(alice: Person) -> Bring:
    def bring(content: bytes | str, name: str = "people", **options: Any) -> Import:
        raw = content.encode() if isinstance(content, str) else content
        options.setdefault("basis", BASIS)
        import_ = importing.stage(alice.account, io.BytesIO(raw), name, **options)
        return worked(import_)

    return bring


def worked(import_: Import) -> Import:
    if import_.state == "reading":
        preparing.run(import_.id)
    while importing.run(import_.id):
        pass
    db.session.expire_all()
    assert import_.state == "finished", import_.error
    assert import_.rows == sum(getattr(import_, part) for part in PARTS)
    return import_


def contact(address: str) -> Contact:
    return db.session.scalars(sa.select(Contact).where(Contact.address == address)).one()


def waiting(alice: Person, content: bytes | str, name: str = "people.csv") -> Import:
    raw = content.encode() if isinstance(content, str) else content
    return importing.stage(alice.account, io.BytesIO(raw), name, confirmed=False)


def checked(import_: Import, *, repair: bool = False, columns: Any = None) -> dict[str, Any]:
    with transaction():
        importing.plan(import_, columns or import_.mapping["columns"], {}, repair=repair)
        checking.begin(import_)
    while checking.run(import_.id):
        pass
    db.session.expire_all()
    assert import_.state == "checked"
    counts = [import_.checked[part] for part in ("created", "known", "suppressed", "rejected")]
    assert import_.checked["rows"] == sum(counts)
    return dict(import_.checked)


@pytest.mark.parametrize(
    ("name", "rows", "people"),
    [
        ("workbook.xlsx", 20, 20), ("contacts_vcard3.vcf", 12, 12),
        ("contacts_vcard21_quoted_printable.vcf", 10, 10), ("vcard/rfc6350-example.vcf", 1, 1),
        ("vcard/rfc2426-example.vcf", 2, 2), ("vcard/John_Doe_MS_OUTLOOK.vcf", 1, 1),
        ("vcard/John_Doe_GMAIL.vcf", 1, 1), ("vcard/John_Doe_EVOLUTION.vcf", 1, 1),
        ("vcard/gmail-single.vcf", 1, 1),
    ],
)  # fmt: skip
def test_spreadsheets_and_cards_of_common_programs(
    bring: Bring, name: str, rows: int, people: int
) -> None:
    if not (DATA / name).exists():
        pytest.skip(f"no sample data in {DATA}")
    if "/" not in name:
        expected = json.loads((DATA / "expected.json").read_text())[name]
        assert (rows, people) == (expected["data_rows"], expected["unique_valid"])

    import_ = bring((DATA / name).read_bytes(), name)

    assert (import_.rows, import_.created, import_.rejected) == (rows, people, 0)


def test_a_further_address_of_a_card_is_noted(bring: Bring) -> None:
    bring("BEGIN:VCARD\nN:Example;Ann\nEMAIL:ann@example.com\nEMAIL:a@work.example\nEND:VCARD\n")

    assert contact("ann@example.com").notes == "Other addresses: a@work.example"


def test_an_address_may_stand_as_mail_programs_write_it(bring: Bring) -> None:
    import_ = bring(
        "Email,Company\nMailto:ann@example.com,Shop\n<ben@example.com>,\n"
        '"Doe, Cid <cid@example.com>",\n"d@example.com; e@example.com",\n<script>,\nmailto:,\n'
        "Fay 4111 1111 1111 1111 <fay@example.com>,\n"
    )

    assert (import_.created, import_.rejected) == (3, 4)
    assert contact("ann@example.com").company == "Shop"
    assert contact("ben@example.com").first_name == ""
    cid = contact("cid@example.com")
    assert (cid.first_name, cid.last_name) == ("Cid", "Doe")


def test_rejected_rows_have_the_number_of_the_spreadsheet(bring: Bring) -> None:
    grid = [["Customers of 2024"], [], ["Email", "Name"], ["ann@example.com", "Ann"], [], ["no"]]

    import_ = bring(xlsx({"S": grid}))

    numbers = sa.select(ImportProblem.row_number).where(ImportProblem.import_id == import_.id)
    assert db.session.scalars(numbers).all() == [6]
    assert contact("ann@example.com").first_name == "Ann"


def test_the_whole_export_of_mailchimp_in_one_zip(bring: Bring, alice: Person) -> None:
    names = sorted(DATA.glob("mailchimp_*.csv"))
    if not names:
        pytest.skip(f"no sample data in {DATA}")
    with transaction():
        news = lists.create(alice.account, "News")

    import_ = bring(packed({path.name: path.read_bytes() for path in names}), list_=news)

    expected = json.loads((DATA / "expected.json").read_text())
    every = [expected[path.name] for path in names]
    out = sum(one["unique_valid"] for one in every if one["status"] != "subscribed")
    assert import_.rows == sum(one["data_rows"] for one in every)
    assert import_.suppressed >= out
    assert set(db.session.scalars(sa.select(Suppression.reason))) == {"unsubscribed", "bounced"}
    proven = db.session.scalars(sa.select(Consent).where(Consent.kind == "confirmed")).all()
    assert len(proven) == import_.created
    first = proven[0]
    assert first.evidence["network"].endswith(".0/24")
    assert first.at.year == 2024
    assert first.evidence["confirmed"].startswith("2024")
    assert first.list_id == news.id


def test_consent_times_are_evidence_in_any_wording(bring: Bring) -> None:
    bring(
        "email,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME\n"
        "ann@example.com,2024-02-03 04:05:06,2001:db8:1:2::3,\n"
        "ben@example.com,03/04/2024,nonsense,4111 1111 1111 1111\n"
        "cid@example.com,,,\n"
    )

    said = {
        row.contact_id: row
        for row in db.session.scalars(sa.select(Consent))
        if row.kind != "stated"
    }
    ann, ben = said[contact("ann@example.com").id], said[contact("ben@example.com").id]
    assert (ann.kind, ann.at) == ("asked", datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC))
    assert ann.evidence["network"] == "2001:db8:1::/48"
    assert (ben.kind, ben.evidence["signed_up"]) == ("confirmed", "03/04/2024")
    assert "4111" not in json.dumps(ben.evidence)
    assert len(said) == 2


def test_times_that_are_to_come_prove_nothing() -> None:
    assert proofs.moment("31-12-2023 23:59") == datetime(2023, 12, 31, 23, 59, tzinfo=UTC)
    assert proofs.moment("2024-01-01T00:30:00+01:00") == datetime(2023, 12, 31, 23, 30, tzinfo=UTC)
    assert proofs.moment("02/03/2024") is None
    assert proofs.moment("soon") is None
    assert now() + timedelta(days=1) > now()


HEADERS = {
    "Mailchimp": "Email Address,First Name,MEMBER_RATING,OPTIN_TIME,LEID,EUID,NOTES,TAGS",
    "MailerLite": "Email,Name,Status,Subscribed,Sent,Opens,Clicks,Groups",
    "Brevo": "CONTACT ID,EMAIL,FIRSTNAME,SMS,EMAIL_BLACKLISTED,SMS_BLACKLISTED,ADDED_TIME",
    "HubSpot": "Record ID,First Name,Email,Contact owner,Unsubscribed from all email",
    "Constant Contact": (
        "Email address,First name,Email status,Email permission status,Email update source,"
        "Confirmed Opt-Out Date,Email Lists,Tags"
    ),
    "Google Contacts": "First Name,Organization Name,Labels,E-mail 1 - Label,E-mail 1 - Value",
    "Outlook": "First Name,Company,Categories,E-mail Address,E-mail Type,E-mail Display Name",
    "listmonk": "uuid,email,name,attributes,status,created_at,updated_at",
}  # fmt: skip


@pytest.mark.parametrize("name", HEADERS)
def test_exports_are_recognised_by_their_titles(name: str) -> None:
    titles = HEADERS[name].split(",")

    found = services.recognise(map(mapping.fold, titles))
    columns = {column["name"]: column["to"] for column in mapping.guess(titles, [], {})}

    assert found is not None
    assert found.name == name
    assert sum(to == "email" for to in columns.values()) == 1
    for title, to in columns.items():
        if title in ("Tags", "TAGS", "Labels", "Categories"):
            assert to == "tags"
        if title in ("Groups", "Email Lists"):
            assert to == "lists"
        if title in ("Unsubscribed from all email", "EMAIL_BLACKLISTED"):
            assert to == "blocked"


@pytest.mark.parametrize("name", sorted(path.name for path in DATA.glob("*_*.csv")) or ["none"])
def test_sample_exports_are_recognised(name: str) -> None:
    if name == "none":
        pytest.skip(f"no sample data in {DATA}")
    word = name.partition("_")[0]
    dialect = uploads.look_at(DATA / name)

    found = services.recognise(map(mapping.fold, dialect["columns"]))

    ours = {
        "mailchimp": "Mailchimp",
        "brevo": "Brevo",
        "google": "Google Contacts",
        "outlook": "Outlook",
    }
    assert (found.name if found else None) == ours.get(word)


def test_attributes_of_listmonk_become_fields(bring: Bring) -> None:
    head = HEADERS["listmonk"]
    bring(
        f"{head}\n"
        'u1,ann@example.com,Ann A,"{""city"": ""Oslo"", ""age"": 7, ""vip"": true}",enabled,x,y\n'
        'u2,ben@example.com,Ben,"{""tags"": [1, 2], ""none"": null}",blocklisted,x,y\n'
        "u3,cid@example.com,Cid,{},enabled,x,y\n"
        "u4,dan@example.com,Dan,nonsense,enabled,x,y\n"
    )

    assert contact("ann@example.com").fields == {"city": "Oslo", "age": "7", "vip": "yes"}
    assert db.session.scalars(sa.select(Suppression.address)).all() == ["ben@example.com"]
    assert "not a JSON object" in db.session.scalars(sa.select(ImportProblem.reason)).one()


def test_attributes_that_come_late_are_kept_as_notes(bring: Bring, monkeypatch: Any) -> None:
    monkeypatch.setattr(importing, "SAMPLE", 1)
    row = 'x,{}@example.com,N,"{{""{}"": ""1""}}",enabled,x,y\n'

    bring(f"{HEADERS['listmonk']}\n{row.format('a', 'city')}{row.format('b', 'late')}")

    assert contact("a@example.com").fields == {"city": "1"}
    assert contact("b@example.com").notes == "late: 1"


def test_a_column_of_yes_and_no_says_who_may_be_mailed(bring: Bring) -> None:
    import_ = bring("email,Newsletter\nann@example.com,yes\nben@example.com,no\ncid@example.com,\n")

    assert (import_.created, import_.suppressed) == (2, 1)
    assert bring("email,Newsletter\ndan@example.com,weekly\n").created == 1
    assert contact("dan@example.com").fields == {"newsletter": "weekly"}


def test_addresses_of_all_the_world_are_taken(bring: Bring) -> None:
    import_ = bring("email\njürgen@müller.example\nJÜRGEN@MÜLLER.example\n测试@例子.example\n")

    assert (import_.created, import_.unchanged, import_.rejected) == (2, 1, 0)
    assert contact("jürgen@xn--mller-kva.example").email == "jürgen@müller.example"


@pytest.mark.parametrize(
    "cell",
    [
        "4111 1111 1111 1111", "4111\u00a01111\u00a01111\u00a01111", "4111111111111111@example.com",
        "4111\u20111111\u20111111\u20111111",
        "".join(chr(0xFF10 + int(digit)) for digit in "4111111111111111"),
    ],
)  # fmt: skip
def test_card_numbers_leave_no_trace(bring: Bring, alice: Person, cell: str) -> None:
    with transaction():
        fields.create(alice.account.id, "Born", type_="date")
    header = "email,name,born,notes,tags,4111 1111 1111 1111"
    rows = [
        "a@example.com,{},,,,", "b@example.com,,{},,,", "c@example.com,,,{},,",
        "d@example.com,,,,{},", "e@example.com,,,,,{}", "{},,,,,", "f@example.com ::: {},,,,,",
    ]  # fmt: skip
    name = "list 4111 1111 1111 1111.csv"

    import_ = bring("\n".join([header, *rows]).replace("{}", cell), name)

    kept = [repr(row) for model in (Contact, ImportProblem, Consent, Suppression, Import)
            for row in db.session.execute(sa.select(model.__table__))]  # fmt: skip
    digits = cell.partition("@")[0]
    assert import_.created == 0
    assert import_.rejected == len(rows)
    assert not [row for row in kept if digits in row or "4111 1111" in row]
    with pytest.raises(Invalid, match="card number"):
        bring("email\na@example.com\n", basis="Paid with 4111 1111 1111 1111")


# Trying and repairing


TYPED = (
    "email,name\nann@gmial.com,Ann\nben@gmial.com,Ben\ninfo@example.com,\nx@mailinator.com,X\n"
    "ann@gmial.com,Ann\nnonsense,N\nout@example.com,Out\ngone@example.com,G\n"
)


def test_a_dry_run_counts_what_the_import_will_do(bring: Bring, alice: Person) -> None:
    with transaction():
        writing.create(alice.account, "ben@gmail.com")
        suppressions.add(alice.account.id, "out@example.com", reason="account")
    import_ = waiting(alice, TYPED)
    before = len(db.session.scalars(sa.select(Contact.id)).all())

    plain = checked(import_)
    repaired = checked(import_, repair=True)

    assert len(db.session.scalars(sa.select(Contact.id)).all()) == before
    assert [plain[part] for part in ("rows", "created", "known", "suppressed", "rejected")] == [
        8, 5, 1, 1, 1,
    ]  # fmt: skip
    assert plain["marks"] == {
        "role": 1, "disposable": 1, "repaired": 0, "typos": {"gmial.com": 3},
    }  # fmt: skip
    assert (repaired["created"], repaired["known"]) == (4, 2)
    assert (repaired["marks"]["repaired"], repaired["marks"]["typos"]) == (3, {})
    rejected = db.session.scalars(sa.select(ImportProblem.row_number)).all()
    assert rejected == [7]

    with transaction():
        importing.start(
            import_, list_=None, columns=import_.mapping["columns"], mode="update", basis=BASIS,
            repair=True,
        )  # fmt: skip
    worked(import_)
    assert import_.created == repaired["created"]
    assert import_.updated + import_.unchanged == repaired["known"]
    assert (import_.suppressed, import_.rejected) == (1, 1)
    assert import_.marks["repaired"] == 3
    assert contact("ann@gmail.com").first_name == "Ann"
    assert len(db.session.scalars(sa.select(ImportProblem.id)).all()) == 1


def test_a_dry_run_that_is_cut_off_goes_on_and_counts_the_same(
    alice: Person, monkeypatch: pytest.MonkeyPatch, at_commits: Any
) -> None:
    rows = [f"p{n % 90}@example.com,{'unsubscribed' if n % 50 == 3 else ''}" for n in range(260)]
    content = "email,status\n" + "\n".join(rows) + "\nbad,\n"
    whole = checked(waiting(alice, content))
    monkeypatch.setattr(importing, "CHUNK", 37)
    import_ = waiting(alice, content)
    with transaction():
        checking.begin(import_)
    real, failures = checking._hold, iter(range(100))

    def cut(*given: Any) -> None:
        if next(failures) % 2 == 0:  # after the addresses were noted, before the counts were kept
            raise KeyboardInterrupt
        real(*given)

    forget, states = checking._forget_seen, at_commits("SELECT max(state) FROM import")

    def cut_off(import_: Import) -> None:
        forget(import_)
        raise KeyboardInterrupt

    monkeypatch.setattr(checking, "_hold", cut)
    monkeypatch.setattr(checking, "_forget_seen", cut_off)
    tries = 0
    while db.session.get_one(Import, import_.id, populate_existing=True).state == "checking":
        try:
            checking.run(import_.id, budget_s=0)
        except KeyboardInterrupt:
            db.session.rollback()
            with transaction():
                db.session.execute(sa.update(Import).values(lease_until=now()))
            state = db.session.get_one(Import, import_.id, populate_existing=True).state
            found = [found for found, _ in checking.waiting()]
            assert found == ([import_.id] if state == "checking" else [])
        tries += 1
    parts = ("rows", "created", "known", "suppressed", "rejected", "marks")
    assert tries > 8
    assert {part: import_.checked[part] for part in parts} == {part: whole[part] for part in parts}
    problems = sa.select(sa.func.count()).where(ImportProblem.import_id == import_.id)
    assert db.session.scalar(problems) == 1
    assert not list(uploads.folder().glob("*.seen*"))
    assert ("checking", False) in states
    assert ("checked", False) not in states


def test_a_dry_run_can_be_left(alice: Person) -> None:
    import_ = waiting(alice, TYPED)
    with transaction():
        checking.begin(import_)
        assert checking.stop(import_)
        assert not checking.stop(import_)

    assert not checking.run(import_.id)
    db.session.expire_all()
    assert import_.state == "draft"


def test_domains_that_are_right_as_typed_are_let_alone() -> None:
    path = DATA.parent / "domains" / "domain_typos.csv"
    if not path.exists():
        pytest.skip(f"no sample data in {path}")
    for line in path.read_text().splitlines()[1:]:
        typed, _, right = line.partition(",")
        assert typos.MEANT.get(typed, "") == right, typed


# Memory


def test_what_was_corrected_once_stands_there_the_next_time(alice: Person) -> None:
    content = "Mail,Remark,Town\nann@example.com,Ann,Oslo\n"
    first = waiting(alice, content)
    columns = mapping.given(
        first.mapping["columns"],
        {"Remark": {"to": "first_name", "keep": True}, "Town": "new:City"},
    )
    with transaction():
        importing.start(first, list_=None, columns=columns, mode="update", basis=BASIS)
    worked(first)

    second, other = waiting(alice, content), waiting(alice, "Mail,Remark\nb@example.com,B\n")

    assert second.mapping["columns"] == [
        {"name": "Mail", "to": "email"}, {"name": "Remark", "to": "first_name", "keep": True},
        {"name": "Town", "to": "field:city"},
    ]  # fmt: skip
    assert second.choices == {"remembered": first.id}
    assert other.mapping["columns"][1]["to"] == "new:Remark"
    assert other.choices == {}


def test_new_fields_can_have_a_type(alice: Person) -> None:
    import_ = waiting(alice, "Mail,Born,Cakes\nann@example.com,29.2.2000,7\nb@example.com,x,1\n")
    columns = [
        {"name": "Mail", "to": "email"}, {"name": "Born", "to": "new:Born", "type": "date"},
        {"name": "Cakes", "to": "new:Cakes", "type": "number"},
    ]  # fmt: skip
    shown = importing.preview(import_, columns)
    with transaction():
        importing.start(import_, list_=None, columns=columns, mode="update", basis=BASIS)
    worked(import_)

    assert shown[1] == (3, "Born: x is not a date such as 2025-12-31.")
    assert contact("ann@example.com").fields == {"born": "2000-02-29", "cakes": 7}
    assert {f.key: f.type for f in fields.of(alice.account.id).values()} == {
        "born": "date", "cakes": "number",
    }  # fmt: skip


# Large files


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(converting, "QUICK_BYTES", 0)
    return


def test_a_large_workbook_is_read_in_the_background(
    alice: Person, slow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparing, "BEAT_S", 0.0)
    grid = [["Email", "Who"], *([f"p{n}@example.com", "A"] for n in range(3_000))]
    raw = xlsx({"S": grid})
    drafted = waiting(alice, raw)
    started = importing.stage(
        alice.account, io.BytesIO(raw), "x.xlsx", basis=BASIS, columns={"Who": "first_name"}
    )
    assert (drafted.state, started.state) == ("reading", "reading")
    assert jobs.sweep() == 2

    for import_ in (drafted, started):
        preparing.run(import_.id)
        preparing.run(import_.id)  # a second time does nothing
    db.session.expire_all()

    assert (drafted.state, started.state) == ("draft", "queued")
    assert drafted.mapping["columns"][0] == {"name": "Email", "to": "email"}
    assert worked(started).created == 3_000
    assert contact("p7@example.com").first_name == "A"
    assert len(list(uploads.folder().iterdir())) == 2  # what came is gone, its rows are kept


@pytest.mark.parametrize(
    ("raw", "columns", "words"),
    [
        (xlsx({"S": [["Total"], [5]]}), {}, "no mail address"),
        (packed({"a.csv": "x"})[:-9] + bytes(9), {}, "damaged"),
        (ods({"S": [["Email"], ["a@example.com"]]}), {"Nope": "email"}, "no column Nope"),
    ],
)
def test_a_large_file_that_cannot_be_read_says_why(
    alice: Person, slow: None, raw: bytes, columns: dict[str, str], words: str
) -> None:
    try:
        import_ = importing.stage(
            alice.account, io.BytesIO(raw), "x.xlsx", basis=BASIS, columns=columns
        )
    except Invalid as refused:
        assert words in str(refused)  # noqa: PT017  (refused at once is as good)
        return

    preparing.run(import_.id)

    db.session.expire_all()
    assert import_.state == "failed"
    assert words in import_.error


def test_a_reader_that_was_killed_is_replaced(alice: Person, slow: None) -> None:
    import_ = waiting(alice, ods({"S": [["Email"], ["a@example.com"]]}))
    with transaction():
        assert importing.take(import_.id, "reading")
        assert not importing.take(import_.id, "reading")
    assert preparing.waiting() == []
    with transaction():
        db.session.execute(sa.update(Import).values(lease_until=now()))

    assert preparing.waiting() == [import_.id]
    preparing.run(import_.id)

    db.session.expire_all()
    assert import_.state == "draft"


# Any bytes


class OutOfTime(Exception):
    pass


@pytest.fixture
def deadline() -> Iterator[Callable[[int], None]]:
    """Ends what takes too long; only in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("needs the main thread")

    def over(*_: object) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, over)
    yield signal.alarm
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


_WORDS = st.sampled_from(
    [b"email", b"E-Mail", b"name", b"tags", b"status", b"unsubscribed", b"ann@example.com",
     b"b@gmial.com", b"\xff\xfe", b"\xef\xbb\xbf", b"sep=;", b'"', b'""', b",", b";", b"\t", b"|",
     b"\r\n", b"\n", b"\r", b"\0", b"\xe9", "\u0141".encode(), b"=1+1", b":::", b"BEGIN:VCARD",
     b"END:VCARD", b"EMAIL:a@example.com", b"4111 1111 1111 1111", b"PK\x03\x04", b"x" * 500]
)  # fmt: skip
_BYTES = st.one_of(
    st.lists(_WORDS, max_size=60).map(b"".join),
    st.binary(max_size=400),
    st.lists(_WORDS, min_size=1, max_size=40).map(
        lambda words: b"email,name\na@example.com,A\n" + b"".join(words)
    ),
    st.text(max_size=200).map(lambda text: f"email\n{text}\nx@example.com".encode("utf-16")),
)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(_BYTES)
def test_any_bytes_have_a_clear_answer_and_no_row_is_lost(
    alice: Person, deadline: Callable[[int], None], raw: bytes
) -> None:
    deadline(20)
    try:
        import_ = waiting(alice, raw)
        found = checked(import_)
        with transaction():
            importing.start(
                import_, list_=None, columns=import_.mapping["columns"], mode="update", basis=BASIS
            )
    except DomainError as refused:
        assert len(str(refused)) > 10  # noqa: PT017
        db.session.rollback()
    else:
        worked(import_)
        assert import_.rows == found["rows"]
        assert import_.created == found["created"]
        assert import_.rejected == found["rejected"]
    finally:
        deadline(0)


@pytest.mark.parametrize(
    "title", ["x" * 255, "城市" * 60, "Город рождения " * 9, "7" * 80, "x" * 63]
)
def test_columns_of_one_long_title_become_fields_of_their_own(title: str) -> None:
    columns = mapping.guess(["email", *[title] * 12], [], {})
    keys = [key_for(column["to"].removeprefix("new:")) for column in columns[1:]]

    assert len(set(keys)) == 12
    assert all(KEY.fullmatch(key) for key in keys)
    assert all(len(column["to"]) <= 259 for column in columns)


# The pages


@pytest.fixture
def her(client: Client, alice: Person) -> Client:
    client.sign_in(alice)
    return client


def test_pasted_addresses_are_taken_like_a_file(her: Client) -> None:
    empty = her.post("/imports/new", data={"text": "  "})
    none = her.post("/imports/new", data={"text": "nobody"})
    answer = her.post("/imports/new", data={"text": "Ann Example <ann@example.com>; b@gmial.com"})

    assert (empty.status_code, none.status_code) == (422, 422)
    assert "paste" in empty.text
    assert "no mail address" in none.text
    assert answer.status_code == 303
    page = her.get(answer.headers["Location"]).text
    assert "ann@example.com" in page
    assert "Put mistyped domains right" in page


def test_the_page_says_whose_export_it_is(her: Client, alice: Person) -> None:
    header = HEADERS["Mailchimp"]
    import_ = waiting(alice, f"{header}\nann@example.com,Ann,2,2024-01-01 00:00:00,1,2,,vip\n")

    page = her.get(f"/imports/{import_.id}/columns").text

    assert "This looks like an export of Mailchimp" in page


def test_trying_it_first_then_importing(her: Client, alice: Person) -> None:
    import_ = waiting(alice, TYPED)
    url = f"/imports/{import_.id}"
    form = {"column-1": "first_name", "keep-1": "yes", "list": "new", "new_list": "News",
            "mode": "update", "basis": BASIS, "repair": "y"}  # fmt: skip

    assert her.post(f"{url}/check", data=form).status_code == 303
    assert "looked at" in her.get(url).text
    assert her.post(f"{url}/columns", data=form).status_code == 409
    jobs.check_import(import_.id)
    assert her.htmx("GET", f"{url}/progress").headers["HX-Redirect"] == f"{url}/columns"
    page = her.get(f"{url}/columns").text

    assert "What the import would do" in page
    assert "3 mistyped addresses put right" in page
    assert BASIS in page
    assert 'value="News"' in page
    assert "The @ is missing" in her.get(f"{url}/rejected.csv").text
    assert not db.session.scalars(sa.select(Contact.id)).all()
    assert her.post(f"{url}/columns", data=form).status_code == 303
    jobs.run_import(import_.id)
    db.session.expire_all()
    assert import_.mapping["columns"][1] == {"name": "name", "to": "first_name", "keep": True}
    assert import_.mapping["repair"] is True
    assert "3 mistyped addresses put right" in her.get(url).text


def test_a_dry_run_of_a_wrong_mapping_is_refused_in_words(her: Client, alice: Person) -> None:
    import_ = waiting(alice, "Mail,Other\nann@example.com,Ann\n")

    page = her.post(f"/imports/{import_.id}/check", data={"column-0": "skip", "list": ""})

    assert page.status_code == 422
    assert "exactly one" in page.text
