"""Owners build forms; what visitors see is a version, and what cannot work is said at once."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from app.accounts.models import Sender
from app.contacts import asking, consent, fields, jobs, writing
from app.contacts.models import AskingRound, ContactList, FormVersion, SignUpForm, Subscription
from app.contacts.signup import building, colours, redirecting
from app.contacts.signup.words import LANGUAGES
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid
from tests.conftest import Client, Person
from tests.contacts.signup.conftest import Visitor, form_on, link_in, mails


def built(form: SignUpForm, list_: ContactList, **changes: str) -> dict[str, str]:
    """The builder's page as a browser sends it."""
    given = {
        "name": "Website", "slug": "bakery-news", "tells": "", "language": "en", "title": "News",
        "button": "Join", "consent": "I agree.", f"list-{list_.id}": "yes",
        "ask-first_name": "required", "label-first_name": "Your name", "place-first_name": "2",
        "ask-company": "asked", "place-company": "1",
    }  # fmt: skip
    return {**given, **changes}


def versions(form: SignUpForm) -> int:
    db.session.rollback()
    count = sa.select(sa.func.count()).where(FormVersion.form_id == form.id)
    return db.session.scalar(count) or 0


def test_from_an_empty_page_to_an_open_form(
    client: Client, alice: Person, letters: ContactList
) -> None:
    client.sign_in(alice)
    assert "No form yet" in client.get("/forms").text
    made = client.post("/forms", data={"name": "Our news", "list": letters.id})
    form = db.session.scalars(sa.select(SignUpForm)).one()
    assert made.location == f"/forms/{form.id}"
    assert form.slug.startswith("our-news-")
    assert client.get(f"/f/{form.slug}").status_code == 410

    client.post(f"/forms/{form.id}", data=built(form, letters, then="open"))

    page = client.get("/f/bakery-news").text
    assert page.index("Company") < page.index("Your name")
    assert "Join" in page
    assert "I agree." in page


def test_each_change_of_what_visitors_see_is_a_version(
    client: Client, alice: Person, form: SignUpForm, letters: ContactList
) -> None:
    client.sign_in(alice)
    for _ in range(2):
        client.post(f"/forms/{form.id}", data=built(form, letters))
    before = versions(form)

    client.post(f"/forms/{form.id}", data=built(form, letters, tells="each", name="Other name"))
    assert versions(form) == before
    client.post(f"/forms/{form.id}", data=built(form, letters, consent="I agree to more."))

    assert versions(form) == before + 1
    page = client.get(f"/forms/{form.id}/versions").text
    assert "I agree." in page
    assert "I agree to more." in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"redirect": "http://bakery.example/"}, "beginning with https://"),
        ({"redirect": "https://evil.example/"}, "is not known to be yours"),
        ({"redirect": "https://bakery.example.evil.example/"}, "is not known to be yours"),
        ({"redirect": "https://bakery.example@evil.example/"}, "Leave out names"),
        ({"redirect": "https://{{ contact.company }}/"}, "beginning with https://"),
        ({"redirect": "javascript:alert(1)"}, "beginning with https://"),
        ({"redirect": "https://bakery.example:8443/"}, "Leave out names"),
        ({"redirect": "https://bakery.example\\@evil.example/"}, "beginning with https://"),
        ({"thanks": "Hello {{ contact.first_name"}, "Line 1"),
        ({"accent": "red"}, "six digits"),
        ({"text": "#888888", "background": "#777777"}, "hard to read"),
        ({"slug": "a b"}, "small letters"),
        ({"name": ""}, "Give the form a name"),
        ({"title": "x" * 201}, "below 200"),
    ],
)
def test_what_cannot_work_is_said(
    client: Client, alice: Person, form: SignUpForm, letters: ContactList,
    changes: dict[str, str], words: str,
) -> None:  # fmt: skip
    with transaction():
        db.session.add(
            Sender(account_id=alice.account.id, email="a@bakery.example", confirmed_at=now())
        )
    client.sign_in(alice)
    before = versions(form)

    answer = client.post(f"/forms/{form.id}", data=built(form, letters, **changes))

    assert answer.status_code == 422
    assert words in answer.text
    assert versions(form) == before


def test_a_form_without_a_list_cannot_open(client: Client, alice: Person, form: SignUpForm) -> None:
    client.sign_in(alice)
    answer = client.post(f"/forms/{form.id}", data={"name": "x", "slug": "bakery-news"})

    assert "at least one list" in answer.text


def test_an_address_is_given_once(
    client: Client, alice: Person, charlie: Person, form: SignUpForm
) -> None:
    with transaction():
        other = building.create(charlie.account, "Garage", None)
    with pytest.raises(Invalid, match="Another form"), transaction():
        building.change(
            other, name="Garage", slug="bakery-news", tells="", design=building.current(other)
        )


def test_freemail_proves_nothing(alice: Person) -> None:
    with transaction():
        for email in ("bakery@gmail.com", "alice@bakery.example"):
            db.session.add(Sender(account_id=alice.account.id, email=email, confirmed_at=now()))
        alice.account.website = "http://www.shop.example/start"

    assert redirecting.hosts(alice.account) == {"bakery.example", "shop.example"}


def test_the_preview_keeps_nothing(
    client: Client, alice: Person, form: SignUpForm, letters: ContactList
) -> None:
    client.sign_in(alice)
    before = versions(form)
    given = built(form, letters, title="Fresh <bread>", accent="#aa0000")

    answer = client.post(f"/forms/{form.id}/preview", data=given)

    assert "Fresh &lt;bread&gt;" in answer.text
    assert "#aa0000" in answer.text
    assert versions(form) == before


def test_copies_and_archived_forms_are_closed(
    client: Client, alice: Person, form: SignUpForm
) -> None:
    client.sign_in(alice)
    client.post(f"/forms/{form.id}/copy")
    client.post(f"/forms/{form.id}/archive")

    db.session.rollback()
    assert [one.is_open for one in db.session.scalars(sa.select(SignUpForm))] == [False, False]
    assert client.get("/f/bakery-news").status_code == 404
    client.post(f"/forms/{form.id}/archive", data={"undo": "yes"})
    assert client.get("/f/bakery-news").status_code == 410


def test_who_only_looks_changes_nothing(
    client: Client, vera: Person, form: SignUpForm, letters: ContactList
) -> None:
    client.sign_in(vera)

    assert client.get(f"/forms/{form.id}").status_code == 200
    assert client.post(f"/forms/{form.id}", data=built(form, letters)).status_code == 403


def test_every_colour_gets_words_that_can_be_read() -> None:
    steps = range(0, 256, 15)
    for red in steps:
        for green in steps:
            for blue in steps:
                colour = f"#{red:02x}{green:02x}{blue:02x}"
                words = colours.readable_on(colour)
                assert colours.contrast(words, colour) >= colours.LEAST, colour


def test_contrast_is_that_of_the_standard() -> None:
    assert colours.contrast("#ffffff", "#000000") == pytest.approx(21)
    assert colours.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_all_languages_say_the_same_things() -> None:
    import re

    def places(text: str) -> list[str]:
        return sorted(re.findall(r"\{(\w+)\}", text))

    english = LANGUAGES["en"]
    for code, texts in LANGUAGES.items():
        assert texts.keys() == english.keys(), code
        for key, text in texts.items():
            assert places(text) == places(english[key]), (code, key)
            assert code == "en" or len(text) < 3 or text != english[key], (code, key)


def test_looks_are_counted(client: Client, form: SignUpForm) -> None:
    for _ in range(3):
        client.get("/f/bakery-news")
    client.head("/f/bakery-news")
    client.get("/f/bakery-news/frame", headers={"Sec-Purpose": "prefetch;prerender"})
    jobs.tend_forms()
    jobs.tend_forms()

    db.session.rollback()
    db.session.refresh(form)
    assert form.shown == 3


@pytest.mark.parametrize("tells", ["each", "daily"])
def test_owners_hear_of_new_people(
    visitor: Visitor, client: Client, form: SignUpForm, bob: Person, tells: str
) -> None:
    with transaction():
        db.session.merge(form).tells = tells
    visitor.send(email="vera@example.com", first_name="Vera")
    jobs.tend_forms()
    assert mails("new_subscribers") == []

    client.post(link_in(mails()[0]))
    for _ in range(2):
        jobs.tend_forms()
    (mail,) = mails("new_subscribers")
    assert mail.to_email == "alice@bakery.example"
    assert "vera@example.com (Vera)" in mail.text

    visitor.send(email="ann@example.com")
    client.post(link_in(mails()[-1]))
    jobs.tend_forms()
    assert len(mails("new_subscribers")) == (2 if tells == "each" else 1)


def test_a_person_is_reminded_by_hand_once_a_day(
    client: Client, alice: Person, letters: ContactList, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    with transaction():
        vera = writing.create(alice.account, "vera@example.com")
        consent.subscribe(vera, letters, source="api")
    client.sign_in(alice)
    assert "Ask again by mail" in client.get(f"/contacts/{vera.id}").text
    client.post(f"/contacts/{vera.id}/remind")
    assert len(mails()) == 1

    later = now() + timedelta(days=1, minutes=1)
    monkeypatch.setattr(asking, "now", lambda: later)
    for _ in range(2):
        client.post(f"/contacts/{vera.id}/remind")
    assert len(mails()) == 2


def test_all_of_a_list_are_reminded_once_in_all(
    client: Client, alice: Person, letters: ContactList, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    with transaction():
        people = [writing.create(alice.account, f"v{i}@example.com") for i in range(120)]
        for one in people:
            consent.subscribe(one, letters, source="api")
        consent.withdraw(people[0], source="one_click")
        consent.confirm(asking.link(people[1], [letters]).rpartition("/")[2])
    client.sign_in(alice)

    def remind(days: float) -> tuple[int, int]:
        moment = now() + timedelta(days=days)
        monkeypatch.setattr(asking, "now", lambda: moment)
        before = len(mails())
        client.post(f"/lists/{letters.id}/remind")
        for _ in range(3):
            jobs.ask_again()
        row = db.session.scalars(sa.select(AskingRound).order_by(AskingRound.id.desc())).first()
        assert row
        assert row.state == "finished"
        return len(mails()) - before, row.left_out

    assert remind(0.5) == (0, 119)
    assert remind(1.5) == (118, 1)
    assert remind(3) == (0, 119)
    states = sa.select(sa.func.count()).where(Subscription.state == "pending")
    assert db.session.scalar(states) == 119


def test_a_round_goes_on_tomorrow_where_the_days_mails_are_used_up(
    alice: Person, letters: ContactList, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    from app.contacts.signup import rounds

    with transaction():
        for i in range(6):
            person = writing.create(alice.account, f"v{i}@example.com")
            consent.subscribe(person, letters, source="api")
    monkeypatch.setattr(asking, "PER_ACCOUNT", 4)
    for days in (2, 2.1, 3.5):
        moment = now() + timedelta(days=days)
        monkeypatch.setattr(asking, "now", lambda moment=moment: moment)
        if days == 2:
            with transaction():
                rounds.start(letters)
        jobs.ask_again()
        jobs.ask_again()

    assert len(mails()) == 12


def test_own_fields_that_are_gone_are_asked_no_more(
    client: Client, alice: Person, letters: ContactList
) -> None:
    from app.contacts.signup.design import Question

    with transaction():
        field = fields.create(alice.account.id, "Cake")
    form_on(alice, letters, questions=(Question("field-cake", "Favourite cake"),))
    assert "Favourite cake" in client.get("/f/bakery-news").text

    with transaction():
        fields.delete(db.session.merge(field))
    assert "Favourite cake" not in client.get("/f/bakery-news").text
