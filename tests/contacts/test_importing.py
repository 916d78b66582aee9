"""Files of contacts: every row is accounted for, and nobody who left comes back."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.contacts import consent, erasing, importing, lists, suppressions, uploads, writing
from app.contacts.models import (
    Consent,
    Contact,
    ContactField,
    ContactList,
    Import,
    ImportProblem,
    Subscription,
    Suppression,
    Tag,
)
from app.core.db import db, transaction
from app.core.errors import Invalid
from tests.conftest import Person

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "contacts"
BASIS = "Signed up at our counter."
Bring = Callable[..., Import]


@pytest.fixture
def news(alice: Person) -> ContactList:
    with transaction():
        return lists.create(alice.account, "News")


@pytest.fixture(autouse=True)
def empty_folder(app: object) -> None:
    for path in uploads.folder().iterdir():
        path.unlink()


@pytest.fixture
def bring(alice: Person, news: ContactList) -> Bring:
    def bring(content: bytes | str, name: str = "people.csv", **options: object) -> Import:
        raw = content.encode() if isinstance(content, str) else content
        options.setdefault("list_", news)
        options.setdefault("basis", BASIS)
        import_ = importing.stage(alice.account, io.BytesIO(raw), name, **options)  # type: ignore[arg-type]
        while importing.run(import_.id):
            pass
        db.session.expire_all()
        adds_up(import_)
        return import_

    return bring


def adds_up(import_: Import) -> None:
    assert import_.state == "finished", import_.error
    parts = ("created", "updated", "unchanged", "suppressed", "rejected")
    assert import_.rows == sum(getattr(import_, part) for part in parts)
    people = sa.select(sa.func.count()).where(Contact.import_id == import_.id)
    assert db.session.scalar(people) == import_.created
    problems = sa.select(sa.func.count()).where(ImportProblem.import_id == import_.id)
    assert db.session.scalar(problems) == import_.rejected
    for list_ in db.session.scalars(sa.select(ContactList)):
        active = sa.select(sa.func.count()).where(
            Subscription.list_id == list_.id, Subscription.state == "active"
        )
        assert db.session.scalar(active) == list_.active


def counts(import_: Import) -> tuple[int, ...]:
    return (
        import_.rows, import_.created, import_.updated, import_.unchanged,
        import_.suppressed, import_.rejected,
    )  # fmt: skip


def contact(address: str) -> Contact:
    return db.session.scalars(sa.select(Contact).where(Contact.address == address)).one()


def reasons(import_: Import) -> list[tuple[int, str]]:
    rows = db.session.scalars(
        sa.select(ImportProblem)
        .where(ImportProblem.import_id == import_.id)
        .order_by(ImportProblem.id)
    )
    return [(row.row_number, row.reason) for row in rows]


@pytest.fixture(scope="session")
def samples() -> dict[str, dict[str, object]]:
    if not DATA.exists():
        pytest.skip(f"no sample data in {DATA}")
    found: dict[str, dict[str, object]] = json.loads((DATA / "expected.json").read_text())
    return found


TABLES = (
    "brevo_export.csv", "crm_tab_separated.tsv", "generic_french_latin1.csv",
    "google_contacts.csv", "mailchimp_cleaned_audience.csv", "mailchimp_subscribed_audience.csv",
    "mailchimp_unsubscribed_audience.csv", "one_address_per_line.txt", "outlook_windows1252.csv",
)  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_exports_of_common_services_are_read_right(
    samples: dict[str, dict[str, object]], bring: Bring, name: str
) -> None:
    expected = samples[name]

    import_ = bring((DATA / name).read_bytes(), name)

    invalid = int(expected["invalid"]) + int(expected.get("blank_email", 0))  # type: ignore[call-overload]
    assert import_.rows == expected["data_rows"]
    assert import_.rejected == invalid, reasons(import_)
    if name in ("mailchimp_cleaned_audience.csv", "mailchimp_unsubscribed_audience.csv"):
        assert import_.suppressed == expected["data_rows"]
        assert len(db.session.scalars(sa.select(Suppression)).all()) == expected["unique_valid"]
    elif "blacklisted_rows" in expected:
        assert import_.suppressed >= 1
        addresses = set(db.session.scalars(sa.select(Contact.address)))
        addresses |= set(db.session.scalars(sa.select(Suppression.address)))
        assert len(addresses) == expected["unique_valid"]
    else:
        assert import_.created == expected["unique_valid"]
        assert import_.updated + import_.unchanged == expected["duplicates"]


def test_the_same_file_again_changes_nothing(
    samples: dict[str, dict[str, object]], bring: Bring
) -> None:
    raw = (DATA / "mailchimp_subscribed_audience.csv").read_bytes()
    first = bring(raw)
    before = len(db.session.scalars(sa.select(Consent.id)).all())

    again = bring(raw)

    assert again.created == 0
    assert again.rejected == first.rejected
    assert len(db.session.scalars(sa.select(Consent.id)).all()) == before


def test_values_arrive_where_they_belong(bring: Bring) -> None:
    bring(
        "E-Mail;Vorname;Name;Firma;Ort;Tags;Notizen\n"
        'Ann@Example.com;Ann;Müller;Bäckerei;Köln;"vip; vegan";"two\nlines"\n'
        "info@example.com;;;Shop GmbH;;;\n"
    )

    ann, shop = contact("ann@example.com"), contact("info@example.com")
    assert (ann.email, ann.first_name, ann.last_name) == ("Ann@Example.com", "Ann", "Müller")
    assert (ann.company, ann.fields, ann.notes) == ("Bäckerei", {"ort": "Köln"}, "two\nlines")
    assert (ann.kind, shop.kind) == ("person", "organisation")
    assert (ann.last_key, shop.company_key) == ("muller", "shop gmbh")
    assert sorted((tag.name, tag.people) for tag in ann.tags) == [("vegan", 1), ("vip", 1)]
    assert db.session.scalars(sa.select(ContactField.label)).all() == ["Ort"]


def test_each_person_carries_the_owners_statement(bring: Bring, news: ContactList) -> None:
    import_ = bring("email\nann@example.com\nben@example.com\n")

    rows = db.session.scalars(sa.select(Consent)).all()
    assert {row.contact_id for row in rows} == {
        contact("ann@example.com").id, contact("ben@example.com").id,
    }  # fmt: skip
    assert {(row.kind, row.source, row.wording, row.list_id) for row in rows} == {
        ("stated", "import", BASIS, news.id)
    }
    assert rows[0].evidence["import"] == import_.id


def test_updating_fills_and_overwrites_but_empty_cells_do_not(bring: Bring) -> None:
    bring("email,first name,last name,town\nann@example.com,Ann,Old,Oslo\n")

    import_ = bring(
        "email,first name,last name,town\nann@example.com,,New,\nann@example.com,,New,\n"
    )

    ann = contact("ann@example.com")
    assert counts(import_) == (2, 0, 1, 1, 0, 0)
    assert (ann.first_name, ann.last_name, ann.fields) == ("Ann", "New", {"town": "Oslo"})


def test_adding_leaves_known_people_as_they_are(bring: Bring, alice: Person) -> None:
    bring("email,first name\nann@example.com,Ann\n")

    import_ = bring(
        "email,first name\nann@example.com,Other\nben@example.com,Ben\nben@example.com,B\n",
        mode="add",
    )

    assert counts(import_) == (3, 1, 0, 2, 0, 0)
    assert contact("ann@example.com").first_name == "Ann"


def test_who_left_is_counted_and_left_alone(bring: Bring, alice: Person, news: ContactList) -> None:
    bring("email,name\nann@example.com,Ann A\nben@example.com,Ben B\n")
    with transaction():
        consent.withdraw(contact("ann@example.com"), source="link")
        consent.leave_list(contact("ben@example.com"), news, source="link")

    import_ = bring("email,name\nANN@example.com,Changed\nben@example.com,Ben B\n")

    assert counts(import_) == (2, 0, 0, 1, 1, 0)
    assert contact("ann@example.com").first_name == "Ann"
    ended = db.session.get_one(Subscription, (contact("ben@example.com").id, news.id))
    assert ended.state == "ended"
    assert suppressions.find(alice.account.id, "ann@example.com")


def test_the_erased_stay_out(bring: Bring, alice: Person) -> None:
    bring("email\nann@example.com\n")
    with transaction():
        erasing.erase(contact("ann@example.com"), by="person")

    import_ = bring("email\nann@example.com\nben@example.com\n")

    assert counts(import_) == (2, 1, 0, 0, 1, 0)


def test_a_status_in_the_file_is_honoured(bring: Bring, alice: Person) -> None:
    import_ = bring(
        "email,status\na@example.com,subscribed\nb@example.com,Unsubscribed\n"
        "c@example.com,cleaned\nd@example.com,Non-Subscribed\nb@example.com,subscribed\n"
        "a@example.com,unsubscribed\n"
    )

    assert counts(import_) == (6, 1, 0, 0, 5, 0)
    kept = db.session.execute(
        sa.select(Suppression.address, Suppression.reason).order_by(Suppression.address)
    ).all()
    assert [tuple(row) for row in kept] == [
        ("a@example.com", "unsubscribed"), ("b@example.com", "unsubscribed"),
        ("c@example.com", "bounced"), ("d@example.com", "import"),
    ]  # fmt: skip


def test_awkward_rows_have_reasons(bring: Bring) -> None:
    import_ = bring(
        "email,first name,paid with\n"
        "not an address,X,\n"
        ",Y,\n"
        "ann@example.com,Ann,4111 1111 1111 1111\n"
        "ben@example.com,Ben,cash,surplus\n"
        "cid@example.com\n"
        "\n"
        "dan@example.com,Dan,\n"
    )

    assert counts(import_) == (6, 2, 0, 0, 0, 4)
    assert [number for number, _ in reasons(import_)] == [2, 3, 4, 5]
    rows = db.session.scalars(sa.select(ImportProblem.row)).all()
    assert not any("4111" in row for row in rows)
    assert "card number" in reasons(import_)[2][1]


@pytest.mark.parametrize(
    "content",
    [
        "email;first name\nann@example.com;Zoë\n".encode("utf-8-sig"),
        "email\tfirst name\r\nann@example.com\tZoë\r\n".encode("utf-16"),
        "email|first name\nann@example.com|Zoë\n".encode("utf-16-le"),
        "email,first name\nann@example.com,Zoë\n".encode("cp1252"),
        "email,first name\rann@example.com,Zoë\r".encode(),
        b'sep=;\r\n"email";"first name"\r\n"ann@example.com";"Zo\xc3\xab"\r\n',
    ],
)
def test_encodings_and_dialects(bring: Bring, content: bytes) -> None:
    import_ = bring(content)

    assert counts(import_) == (1, 1, 0, 0, 0, 0)
    assert contact("ann@example.com").first_name == "Zoë"


@pytest.mark.parametrize(
    ("header", "keys"),
    [
        ("Город,Улица", ("gorod", "ulitsa")),
        ("Πόλη,Οδός", ("poli", "odos")),
        ("城市,街道", ("f_57ce_5e02", "f_8857_9053")),
        ("都市名,ツイ", ("f_90fd_5e02_540d", "tui")),
        ("Phone-1,Phone 1", ("phone_1", "phone_1_2")),
        ("!!!,???", ("field", "f_2")),
    ],
)
def test_each_column_becomes_a_field_of_its_own(
    bring: Bring, header: str, keys: tuple[str, str]
) -> None:
    bring(f"email,{header}\nann@example.com,one,two\n")
    bring(f"email,{header}\nben@example.com,three,four\n")

    assert contact("ann@example.com").fields == dict(zip(keys, ("one", "two"), strict=True))
    assert contact("ben@example.com").fields == dict(zip(keys, ("three", "four"), strict=True))


def test_a_later_column_in_another_script_is_not_taken_for_an_earlier_one(bring: Bring) -> None:
    bring("email,Город\nann@example.com,Москва\n")
    bring("email,Улица\nann@example.com,Тверская\n")

    assert contact("ann@example.com").fields == {"gorod": "Москва", "ulitsa": "Тверская"}


def test_two_columns_cannot_become_one_field(bring: Bring) -> None:
    with pytest.raises(Invalid, match="the same field"):
        bring("email,A,B\nann@example.com,1,2\n", columns={"A": "new:Town", "B": "new:town"})


@pytest.mark.parametrize("name", ["Łukasz", "Wałęsa", "Kaźmierska", "Mąż"])
def test_central_european_letters_are_recognised(bring: Bring, name: str) -> None:
    bring(f"email;first name\nann@example.com;{name}\n".encode("cp1250"))

    assert contact("ann@example.com").first_name == name


def test_western_signs_are_not_taken_for_letters(bring: Bring) -> None:
    bring("email;company\nann@example.com;Café £5 · 3 m² ½ ¥\n".encode("cp1252"))

    assert contact("ann@example.com").company == "Café £5 · 3 m² ½ ¥"


def test_hostile_files_cost_rows_not_the_import(bring: Bring) -> None:
    huge = "x" * 300_000
    longest = "y" * 3_000_000
    import_ = bring(
        "email,first name\n"
        f"a@example.com,{huge}\n"
        'b@example.com,"open\n'
        "c@example.com,C\n"
        f"d@example.com,{longest}\n"
        "e@example.com,\x00E\x00\n"
        'f@example.com,"again open\n'
        "g@example.com,G\n"
    )

    assert counts(import_) == (7, 3, 0, 0, 0, 4)
    assert contact("e@example.com").first_name == "E"
    assert sorted(db.session.scalars(sa.select(Contact.address))) == [
        "c@example.com", "e@example.com", "g@example.com",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"), (b"PK\x03\x04rest", "spreadsheet"), (b"BEGIN:VCARD\n", "vCard"),
        (b"\x01\x02\x03" * 50, "not a text"), (b"just words\nand more\n", "no mail address"),
    ],
)  # fmt: skip
def test_what_is_no_file_of_contacts_is_refused_at_once(
    alice: Person, content: bytes, words: str
) -> None:
    with pytest.raises(Invalid, match=words):
        importing.stage(alice.account, io.BytesIO(content), "x.csv", basis=BASIS)

    assert not db.session.scalars(sa.select(Import)).all()
    assert not list(uploads.folder().glob("*.csv"))


def test_the_statement_is_compulsory(alice: Person) -> None:
    with pytest.raises(Invalid, match="where these people come from"):
        importing.stage(alice.account, io.BytesIO(b"email\na@example.com\n"), "x.csv", basis=" ")


def test_a_given_mapping_corrects_the_guess(bring: Bring) -> None:
    bring(
        "who,mail,x,y\nAnn,ann@example.com,1,2\n",
        columns={"who": "first_name", "x": None, "y": "fields.points"},
    )

    ann = contact("ann@example.com")
    assert (ann.first_name, ann.fields) == ("Ann", {"points": "2"})


def test_accounts_do_not_see_each_others_people(
    bring: Bring, alice: Person, charlie: Person
) -> None:
    with transaction():
        writing.create(charlie.account, "ann@example.com", first_name="Garage")
        suppressions.add(charlie.account.id, "ben@example.com", reason="account")

    import_ = bring("email,first name\nann@example.com,Ann\nben@example.com,Ben\n")

    assert import_.created == 2
    garage = sa.select(Contact.first_name).where(Contact.account_id == charlie.account.id)
    assert db.session.scalars(garage).all() == ["Garage"]


def test_only_one_worker_has_an_import(alice: Person) -> None:
    import_ = importing.stage(
        alice.account, io.BytesIO(b"email\na@example.com\n"), "x.csv", basis=BASIS
    )
    with transaction():
        assert importing.claim(import_.id)

    assert not importing.run(import_.id)
    assert importing.waiting() == []


def test_what_is_finished_is_on_the_disk_before_its_file_may_go(
    bring: Bring, monkeypatch: pytest.MonkeyPatch, at_commits: Any
) -> None:
    monkeypatch.setattr(importing, "CHUNK", 2)
    states = at_commits("SELECT max(state) FROM import")
    bring("email\na@example.com\nb@example.com\nc@example.com\n")

    assert ("running", False) in states
    assert ("finished", True) in states
    assert ("finished", False) not in states


def test_chunks_make_no_difference(
    bring: Bring, monkeypatch: pytest.MonkeyPatch, alice: Person
) -> None:
    people = [f"p{number % 40}@example.com,N{number % 7}" for number in range(130)]
    content = "email,first name\n" + "\n".join(people) + "\nbad\n"
    whole = counts(bring(content))
    with transaction():
        erasing.erase_many(
            alice.account.id, list(db.session.scalars(sa.select(Contact.id))), by="owner"
        )
    monkeypatch.setattr(importing, "CHUNK", 7)

    assert counts(bring(content)) == whole


def test_tags_of_known_people_grow(bring: Bring) -> None:
    bring("email,tags\nann@example.com,vip\n")

    import_ = bring('email,tags\nann@example.com,"vip,new"\nben@example.com,new\n')

    assert counts(import_) == (2, 1, 1, 0, 0, 0)
    names = db.session.execute(sa.select(Tag.name, Tag.people).order_by(Tag.name)).all()
    assert [tuple(row) for row in names] == [("new", 2), ("vip", 1)]
