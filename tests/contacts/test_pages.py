"""The pages about people, as a browser without scripts sees them."""

from __future__ import annotations

import io

import pytest
import sqlalchemy as sa

from app.contacts import (
    asking,
    consent,
    fields,
    importing,
    jobs,
    lists,
    suppressions,
    tags,
    writing,
)
from app.contacts.models import (
    BulkAction,
    Contact,
    ContactList,
    Import,
    Subscription,
    Suppression,
    Tag,
)
from app.core.db import db, transaction
from tests.conftest import Client, Person

HOSTILE = "<script>alert(1)</script>\"'{{7*7}}"


@pytest.fixture
def news(alice: Person) -> ContactList:
    with transaction():
        return lists.create(alice.account, "News")


@pytest.fixture
def ann(alice: Person) -> Contact:
    with transaction():
        return writing.create(alice.account, "ann@example.com", first_name="Ann", tags=["vip"])


@pytest.fixture
def her(client: Client, alice: Person) -> Client:
    client.sign_in(alice)
    return client


def test_an_empty_account_is_led_on(her: Client) -> None:
    for url in ("/contacts", "/lists", "/contacts/fields", "/suppressions", "/imports"):
        page = her.get(url)
        assert page.status_code == 200
    assert "/imports/new" in her.get("/contacts").text


def test_searching_answers_with_a_fragment(her: Client, ann: Contact) -> None:
    whole, part = her.get("/contacts?q=an"), her.htmx("GET", "/contacts?q=an")

    assert "<html" in whole.text
    assert part.text.lstrip().startswith("<section")
    assert "ann@example.com" in whole.text
    assert "ann@example.com" in part.text
    assert "Nobody fits" in her.get("/contacts?q=zz").text


def test_adding_and_editing(her: Client, alice: Person, news: ContactList) -> None:
    with transaction():
        fields.create(alice.account.id, "Born", type_="date")
    answer = her.post(
        "/contacts/new",
        data={"email": "ben@example.com", "first_name": "Ben", "tags": "a, b",
              "field-born": "1990-01-02", "lists": news.id, "kind": ""},
    )  # fmt: skip
    ben = db.session.scalars(sa.select(Contact)).one()
    assert answer.status_code == 303
    assert ben.fields == {"born": "1990-01-02"}
    assert db.session.get(Subscription, (ben.id, news.id))
    page = her.get(f"/contacts/{ben.id}/edit").text
    assert "1990-01-02" in page
    assert "a, b" in page

    her.post(
        f"/contacts/{ben.id}/edit",
        data={"email": "ben@example.com", "last_name": "Bee", "tags": "b", "field-born": "",
              "kind": "person"},
    )  # fmt: skip
    db.session.expire_all()
    assert (ben.last_name, ben.fields, [tag.name for tag in ben.tags]) == ("Bee", {}, ["b"])


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        ({"email": "no"}, 422, "The @ is missing"),
        ({"email": ""}, 422, "Enter a mail address"),
        ({"email": "ann@example.com"}, 409, "already"),
        ({"email": "x@example.com", "notes": "4111111111111111"}, 422, "card number"),
    ],
)
def test_what_does_not_fit_is_said_beside_the_form(
    her: Client, ann: Contact, data: dict[str, str], status: int, words: str
) -> None:
    answer = her.post("/contacts/new", data={"kind": "", **data})

    assert answer.status_code == status
    assert words in answer.text


def test_the_page_of_a_person(her: Client, ann: Contact, news: ContactList) -> None:
    her.post(f"/contacts/{ann.id}/subscribe", data={"list": news.id, "wording": "At the counter"})
    assert "At the counter" in her.get(f"/contacts/{ann.id}").text

    her.post(f"/contacts/{ann.id}/unsubscribe", data={"list": news.id})
    her.post(f"/contacts/{ann.id}/unsubscribe")
    page = her.get(f"/contacts/{ann.id}").text

    assert "Never mailed" in page
    assert "Only they can change that" in page
    refused = her.post(f"/contacts/{ann.id}/subscribe", data={"list": news.id})
    assert refused.status_code == 409


def test_bulk_actions_name_exact_numbers(her: Client, alice: Person, news: ContactList) -> None:
    with transaction():
        ids = [writing.create(alice.account, f"p{n}@example.com").id for n in range(3)]
    her.post("/contacts/bulk", data={"ids": ids, "action": "tag", "tag": "vip"})
    her.post("/contacts/bulk", data={"ids": ids[:2], "action": "list", "target": news.id})
    db.session.expire_all()
    assert db.session.scalars(sa.select(Tag.people)).all() == [3]
    assert news.active == 2

    asked = her.post("/contacts/bulk", data={"ids": ids, "action": "delete"}, follow_redirects=True)
    assert "Erase them: 3 people" in asked.text
    assert not db.session.scalars(sa.select(Suppression.id)).all()

    action = db.session.scalars(sa.select(BulkAction).order_by(BulkAction.id.desc())).first()
    assert action is not None
    told = her.post(f"/contacts/bulk/{action.id}/start", follow_redirects=True)
    assert "nobody of them is mailed, and you can take it back" in told.text
    assert len(db.session.scalars(sa.select(Contact.id)).all()) == 3
    assert len(db.session.scalars(sa.select(Suppression.id)).all()) == 3


def test_lists_are_made_renamed_and_archived(her: Client, alice: Person) -> None:
    her.post("/lists", data={"name": "News", "opt_in": "double"})
    news = db.session.scalars(sa.select(ContactList)).one()
    again = her.post("/lists", data={"name": "News", "opt_in": "single"})
    assert again.status_code == 422
    assert "already" in again.text

    her.post(f"/lists/{news.id}", data={"name": "Letters", "opt_in": "single"})
    her.post(f"/lists/{news.id}/archive")
    db.session.expire_all()
    assert (news.name, news.opt_in) == ("Letters", "single")
    assert news.archived_at
    her.post(f"/lists/{news.id}/archive", data={"undo": "yes"})
    db.session.expire_all()
    assert news.archived_at is None
    assert her.get(f"/lists/{news.id}").status_code == 200


def test_fields_are_made_renamed_and_removed(her: Client, alice: Person) -> None:
    her.post("/contacts/fields", data={"label": "Favourite cake", "type": "text"})
    field = fields.of(alice.account.id)["favourite_cake"]
    assert "contact.fields.favourite_cake" in her.get("/contacts/fields").text

    her.post(f"/contacts/fields/{field.id}", data={"label": "Cake", "action": "rename"})
    db.session.expire_all()
    assert fields.of(alice.account.id)["favourite_cake"].label == "Cake"
    her.post(f"/contacts/fields/{field.id}", data={"action": "delete"})
    assert not fields.of(alice.account.id)


def test_only_what_the_owner_added_is_lifted(her: Client, alice: Person, ann: Contact) -> None:
    her.post("/suppressions", data={"email": "Never@Example.com", "detail": "a rival"})
    with transaction():
        consent.withdraw(ann, source="link")
    mine, hers = (
        suppressions.find(alice.account.id, address)
        for address in ("never@example.com", "ann@example.com")
    )
    assert mine
    assert hers
    page = her.get("/suppressions").text
    assert "a rival" in page
    assert "never@example.com" in her.htmx("GET", "/suppressions?q=nev").text

    assert her.post(f"/suppressions/{mine.id}/lift").status_code == 303
    assert her.post(f"/suppressions/{hers.id}/lift").status_code == 403
    assert [row.address for row in db.session.scalars(sa.select(Suppression))] == [ann.address]


def test_importing_from_upload_to_summary(her: Client, alice: Person) -> None:
    raw = f"Mail,Vorname,Stadt\nann@example.com,{HOSTILE.replace(',', '')},Oslo\nbad,,\n".encode()
    answer = her.post("/imports/new", data={"file": (io.BytesIO(raw), "my people.csv")})
    import_ = db.session.scalars(sa.select(Import)).one()
    assert answer.headers["Location"].endswith(f"/imports/{import_.id}/columns")

    page = her.get(f"/imports/{import_.id}/columns").text
    assert "New field: Stadt" in page
    assert "The @ is missing" in page
    assert "<script>alert" not in page
    part = her.htmx("POST", f"/imports/{import_.id}/preview", data={"column-2": "skip"})
    assert "Oslo" not in part.text

    wordless = her.post(f"/imports/{import_.id}/columns", data={"list": "", "mode": "update"})
    assert wordless.status_code == 422
    done = her.post(
        f"/imports/{import_.id}/columns",
        data={"list": "new", "new_list": "Shop", "mode": "update", "basis": "They asked."},
    )
    assert done.status_code == 303
    again = her.post(f"/imports/{import_.id}/columns", data={"list": "new", "new_list": "Shop"})
    assert again.headers["Location"] == done.headers["Location"]
    assert "has been started already" in her.get(f"/imports/{import_.id}").text
    waiting = her.get(f"/imports/{import_.id}/progress").text
    assert "hx-get" in waiting
    importing.run(import_.id)
    summary = her.get(f"/imports/{import_.id}").text
    assert "hx-get" not in summary.partition("import-")[2].partition("</section>")[0]
    rejected = her.get(f"/imports/{import_.id}/rejected.csv").text
    assert "The @ is missing" in rejected
    assert "<script>alert" not in her.get("/contacts").text
    assert "ann@example.com" in her.get("/contacts/export.csv").text


def waiting_import(alice: Person, raw: bytes) -> Import:
    return importing.stage(alice.account, io.BytesIO(raw), "people.csv", confirmed=False)


def chosen(page: str, place: int) -> str:
    """What a column of the page becomes."""
    select = page.partition(f'id="column-{place}"')[2].partition("</select>")[0]
    return select.partition(" selected")[0].rpartition('value="')[2].rstrip('"')


def test_a_file_without_a_row_says_so_before_and_after(her: Client, alice: Person) -> None:
    her.post("/imports/new", data={"file": (io.BytesIO(b"email,first name\n"), "titles.csv")})
    import_ = db.session.scalars(sa.select(Import)).one()
    page = her.get(f"/imports/{import_.id}/columns").text
    assert importing.NO_ROWS in page
    assert "Say which column holds the mail address, then" not in page

    answer = {"list": "", "mode": "update", "basis": "At the counter"}
    her.post(f"/imports/{import_.id}/columns", data=answer)
    jobs.run_import(import_.id)
    page = her.get(f"/imports/{import_.id}").text
    assert importing.NO_ROWS in page
    assert "See the people" not in page
    assert "Undo this import" not in page


def test_a_forgotten_basis_loses_no_correction(her: Client, alice: Person) -> None:
    import_ = waiting_import(alice, b"Mail,Remark,Town\nann@example.com,Ann,Oslo\n")

    page = her.post(
        f"/imports/{import_.id}/columns",
        data={"column-1": "first_name", "column-2": "skip", "list": "", "mode": "update"},
    )

    assert page.status_code == 422
    assert (chosen(page.text, 1), chosen(page.text, 2)) == ("first_name", "skip")


def test_letters_can_be_corrected(her: Client, alice: Person) -> None:
    import_ = waiting_import(alice, "Mail,Имя,Город\nann@example.com,Анна,Осло\n".encode("cp1251"))
    url = f"/imports/{import_.id}/letters"
    assert "Анна" not in her.get(f"/imports/{import_.id}/columns").text

    part = her.htmx("POST", url, data={"encoding": "cp1251", "column-1": "first_name"}).text
    page = her.get(f"/imports/{import_.id}/columns").text

    assert "Анна" in part
    assert "Анна" in page
    assert (chosen(page, 1), chosen(page, 2)) == ("first_name", "new:Город")
    assert her.post(url, data={"encoding": "rot13"}).status_code == 422
    with transaction():
        columns = db.session.get_one(Import, import_.id).mapping["columns"]
        importing.start(import_, list_=None, columns=columns, mode="add", basis="At the till")
    assert her.post(url, data={"encoding": "cp1252"}).status_code == 409


def test_letters_are_corrected_without_scripts_too(her: Client, alice: Person) -> None:
    import_ = waiting_import(alice, "Mail,Name\nann@example.com,Анна\n".encode("koi8-u"))

    answer = her.post(
        f"/imports/{import_.id}/columns",
        data={"encoding": "koi8-u", "list": "", "mode": "add", "basis": "At the till"},
    )
    importing.run(import_.id)

    assert answer.status_code == 303
    assert "Анна" in her.get("/contacts").text


def test_people_are_not_put_on_a_sample_list_by_default(her: Client, alice: Person) -> None:
    with transaction():
        lists.create(alice.account, "Sample list").is_sample = True
    import_ = waiting_import(alice, b"ann@example.com\n")

    page = her.get(f"/imports/{import_.id}/columns").text

    options = page.partition('name="list"')[2].partition("</select>")[0]
    assert options.index("a new list") < options.index("Sample list")


@pytest.mark.parametrize("raw", [b"", b"PK\x03\x04", b"BEGIN:VCARD\r\n"])
def test_unreadable_files_are_refused_in_words(her: Client, raw: bytes) -> None:
    answer = her.post("/imports/new", data={"file": (io.BytesIO(raw), "x.bin")})

    assert answer.status_code == 422
    assert "Save" in answer.text or "empty" in answer.text or "vCard" in answer.text


def test_large_files_are_let_in(her: Client) -> None:
    rows = b"".join(b"p%d@example.com,%s\n" % (n, b"x" * 80) for n in range(30_000))

    head = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="big.csv"\r\n\r\n'
    body = head + b"email,x\n" + rows + b"\r\n--cut--\r\n"

    answer = her.post("/imports/new", data=body, content_type="multipart/form-data; boundary=cut")

    assert answer.status_code == 303
    assert her.post("/contacts/new", data={"notes": "x" * 2_000_000}).status_code == 413


def test_confirming_shows_first_and_acts_on_the_button(
    client: Client, alice: Person, ann: Contact
) -> None:
    with transaction():
        letters = lists.create(alice.account, "Letters", opt_in="double")
        consent.subscribe(ann, letters, source="form")
    url = asking.link(ann, [letters]).removeprefix("http://localhost")

    shown = client.get(url)
    assert shown.status_code == 200
    assert "Set-Cookie" not in shown.headers
    db.session.expire_all()
    assert db.session.get_one(Subscription, (ann.id, letters.id)).state == "pending"

    assert "You are on the list" in client.post(url).text
    db.session.expire_all()
    assert db.session.get_one(Subscription, (ann.id, letters.id)).state == "active"
    assert client.get(url[:-2]).status_code == 404


@pytest.mark.parametrize(
    "url",
    [
        "/contacts/{contact}", "/contacts/{contact}/edit", "/contacts/{contact}/delete",
        "/lists/{list}", "/imports/{import_}", "/imports/{import_}/progress",
        "/imports/{import_}/rejected.csv", "/contacts?list={list}", "/contacts?tag={tag}",
        "/contacts/export.csv?list={list}",
    ],
)  # fmt: skip
def test_strangers_find_nothing(
    client: Client, charlie: Person, alice: Person, ann: Contact, news: ContactList, url: str
) -> None:
    file = io.BytesIO(b"email\na@example.com\n")
    import_ = importing.stage(alice.account, file, "x.csv", basis="Mine")
    tag = tags.named(alice.account.id, "vip")
    client.sign_in(charlie)

    path = url.format(contact=ann.id, list=news.id, import_=import_.id, tag=tag.id)
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    "url",
    ["/contacts/{contact}/edit", "/contacts/{contact}/delete", "/contacts/{contact}/subscribe",
     "/contacts/{contact}/unsubscribe", "/lists/{list}", "/lists/{list}/archive"],
)  # fmt: skip
def test_strangers_change_nothing(
    client: Client, charlie: Person, ann: Contact, news: ContactList, url: str
) -> None:
    client.sign_in(charlie)
    path = url.format(contact=ann.id, list=news.id)

    answer = client.post(path, data={"email": "x@example.com", "kind": "", "name": "x", "opt_in":
                                     "single", "list": news.id})  # fmt: skip

    assert answer.status_code == 404


def test_strangers_do_not_reach_people_by_ticking(
    client: Client, charlie: Person, ann: Contact
) -> None:
    client.sign_in(charlie)

    assert client.post(
        "/contacts/bulk", data={"ids": [ann.id], "action": "delete", "sure": "1"}
    ).status_code == 404  # fmt: skip
    assert db.session.scalars(sa.select(Contact.id)).all() == [ann.id]


def test_viewers_look_and_change_nothing(client: Client, vera: Person, ann: Contact) -> None:
    client.sign_in(vera)

    assert client.get(f"/contacts/{ann.id}").status_code == 200
    assert client.get("/contacts/new").status_code == 403
    assert client.post(f"/contacts/{ann.id}/delete").status_code == 403


def test_what_people_typed_is_never_run(her: Client, alice: Person) -> None:
    with transaction():
        bad = writing.create(
            alice.account, "x@example.com", first_name=HOSTILE, company=HOSTILE, notes=HOSTILE,
            fields={"town": HOSTILE}, tags=[HOSTILE],
        )  # fmt: skip
        lists.create(alice.account, HOSTILE)

    for url in (f"/contacts/{bad.id}", f"/contacts/{bad.id}/edit", "/contacts", "/lists"):
        page = her.get(url).text
        assert "<script>alert" not in page
        assert "{{7*7}}" in page or "49" not in page
