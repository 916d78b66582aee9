"""From a visitor's form to a confirmed subscriber, with evidence, and without telling anything."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from app.accounts.models import Sender
from app.contacts import asking, consent, erasing, fields, suppressions, writing
from app.contacts.models import (
    Consent,
    Contact,
    ContactList,
    FormEntry,
    SignUpForm,
    Subscription,
)
from app.contacts.signup.design import Question
from app.core.clock import now
from app.core.db import db, transaction
from tests.conftest import Client, Person
from tests.contacts.signup.conftest import CONSENT, Visitor, form_on, link_in, mails, without_dot


def contact(email: str = "vera@example.com") -> Contact | None:
    db.session.rollback()
    return db.session.scalar(sa.select(Contact).where(Contact.address == email))


def state(list_: ContactList, email: str = "vera@example.com") -> str:
    found = contact(email)
    place = db.session.get(Subscription, (found.id, list_.id)) if found else None
    return place.state if place else ""


def counts(form: SignUpForm) -> tuple[int, int]:
    db.session.rollback()
    db.session.refresh(form)
    return form.sent_in, form.confirmed


def test_a_visitor_signs_up_and_confirms(
    visitor: Visitor, client: Client, form: SignUpForm, letters: ContactList
) -> None:
    answer = visitor.send(
        email="Vera@Example.com", first_name="Vera", page="https://shop.example/bread?who=vera"
    )

    assert "Look into your mail" in answer.text
    assert state(letters) == "pending"
    (mail,) = mails()
    assert mail.to_email == "Vera@Example.com"
    for _ in range(2):  # a scanner looks, and looks again
        page = client.get(link_in(mail)).text
        assert "Confirm" in page
        assert 'href="/privacy/of/' in page
    assert state(letters) == "pending"

    done = client.post(link_in(mail))

    assert "You are on the list" in done.text
    assert state(letters) == "active"
    assert counts(form) == (1, 1)
    asked, confirmed = db.session.scalars(sa.select(Consent).order_by(Consent.id))
    assert (asked.kind, asked.source, asked.wording) == ("asked", "form", CONSENT)
    assert asked.evidence == {
        "list": "Letters", "form": form.id, "version": form.version, "page": "shop.example/bread",
        "network": "203.0.113.0/24",
    }  # fmt: skip
    assert confirmed.kind == "confirmed"
    assert confirmed.evidence["network"] == "127.0.0.0/24"


def test_nothing_that_a_visitor_typed_stands_in_the_mail(
    visitor: Visitor, form: SignUpForm
) -> None:
    visitor.send(email="vera@example.com", first_name="Buy at http://evil.example")

    (mail,) = mails()
    whole = mail.subject + mail.text + mail.html
    assert "evil" not in whole
    assert "vera" not in whole.lower().replace("vera@example.com", "")


def test_on_a_single_list_people_are_at_once(
    visitor: Visitor, alice: Person, news: ContactList
) -> None:
    form = form_on(alice, news, thanks="Hello {{ contact.first_name | default: 'friend' }}.")

    answer = visitor.send(email="vera@example.com", first_name="<Vera>")

    assert "Hello &lt;Vera&gt;." in answer.text
    assert state(news) == "active"
    assert mails() == []
    assert counts(form) == (1, 1)


def test_the_answer_is_the_same_whoever_is_known(
    visitor: Visitor, alice: Person, letters: ContactList, form: SignUpForm
) -> None:
    with transaction():
        known = writing.create(alice.account, "known@example.com")
        consent.subscribe(known, letters, source="import")
        _confirm_all(known, letters)
        left = writing.create(alice.account, "left@example.com")
        consent.withdraw(left, source="one_click")
        barred = writing.create(alice.account, "barred@example.com")
        suppressions.add(alice.account.id, barred.address, reason="account")

    emails = ("new", "known", "left", "barred", "new")
    answers = [without_dot(visitor.send(email=f"{name}@example.com")) for name in emails]

    assert len(set(answers)) == 1
    asked = [mail.to_email for mail in mails()[1:]]
    assert asked == ["new@example.com", "left@example.com"]


def _confirm_all(person: Contact, list_: ContactList) -> None:
    consent.confirm(asking.link(person, [list_]).rpartition("/")[2])


def test_who_left_comes_back_only_by_confirming(
    visitor: Visitor, client: Client, alice: Person, news: ContactList
) -> None:
    form_on(alice, news)
    with transaction():
        left = writing.create(alice.account, "vera@example.com")
        consent.withdraw(left, source="one_click")

    visitor.send(email="vera@example.com")
    assert state(news) == "pending"
    assert suppressions.find(alice.account.id, "vera@example.com")

    client.post(link_in(mails()[0]))
    assert state(news) == "active"
    assert suppressions.find(alice.account.id, "vera@example.com") is None


def test_who_was_erased_comes_back_only_by_confirming(
    visitor: Visitor, client: Client, alice: Person, letters: ContactList, form: SignUpForm
) -> None:
    with transaction():
        gone = writing.create(alice.account, "vera@example.com")
        erasing.erase(gone, by="person")

    visitor.send(email="vera@example.com")
    assert suppressions.find(alice.account.id, "vera@example.com")

    client.post(link_in(mails()[0]))
    assert state(letters) == "active"


def test_what_a_stranger_types_about_somebody_known_waits_for_them(
    visitor: Visitor, client: Client, alice: Person, form: SignUpForm
) -> None:
    with transaction():
        writing.create(alice.account, "vera@example.com", first_name="Vera")

    visitor.send(email="vera@example.com", first_name="Veronica")
    found = contact()
    assert found
    assert found.first_name == "Vera"

    client.post(link_in(mails()[0]))
    found = contact()
    assert found
    assert found.first_name == "Veronica"
    assert db.session.scalars(sa.select(FormEntry)).one().answers == {}


def test_one_mail_confirms_all_lists_of_a_form(
    visitor: Visitor, client: Client, alice: Person, letters: ContactList
) -> None:
    with transaction():
        other = _double(alice, "Offers")
    form = form_on(alice, letters, other, visitor_chooses=True)

    visitor.send(email="vera@example.com", lists=[letters.id, other.id])
    (mail,) = mails()
    assert "Letters" in mail.text
    assert "Offers" in mail.text
    client.post(link_in(mail), data={"several": "yes", "lists": [other.id]})

    assert (state(letters), state(other)) == ("pending", "active")
    client.post(link_in(mail), data={"several": "yes", "lists": [letters.id, other.id]})
    assert state(letters) == "active"
    assert counts(form) == (1, 1)


def test_a_second_form_of_the_day_is_confirmed_by_the_first_mail(
    visitor: Visitor, client: Client, alice: Person, letters: ContactList, form: SignUpForm
) -> None:
    visitor.send(email="vera@example.com")
    with transaction():
        other = _double(alice, "Offers")
        consent.subscribe(_there(), other, source="form")
    (mail,) = mails()

    page = client.get(link_in(mail)).text
    assert "Offers" in page
    client.post(link_in(mail), data={"several": "yes", "lists": [letters.id]})
    assert (state(letters), state(other)) == ("active", "pending")


def _there() -> Contact:
    return db.session.scalars(sa.select(Contact)).one()


def _double(person: Person, name: str) -> ContactList:
    from app.contacts import lists

    return lists.create(person.account, name, opt_in="double")


def test_lists_of_others_cannot_be_chosen(
    visitor: Visitor, alice: Person, charlie: Person, letters: ContactList, news: ContactList
) -> None:
    form_on(alice, letters, news, visitor_chooses=True)
    with transaction():
        foreign = _double(charlie, "Garage")

    answer = visitor.send(email="vera@example.com", lists=[foreign.id])

    assert answer.status_code == 422
    assert contact() is None


def test_fields_are_checked_in_the_visitors_language(
    visitor: Visitor, alice: Person, news: ContactList
) -> None:
    with transaction():
        fields.create(alice.account.id, "Born", type_="date")
    asked = (Question("first_name", "", required=True), Question("field-born", "Born", type="date"))
    form_on(alice, news, language="", questions=asked, consent_box=True)
    german = {"Accept-Language": "de-AT,de;q=0.9"}

    answer = visitor.send(email="nobody", **{"field-born": "soon"}, headers=german)

    assert answer.status_code == 422
    for words in ("keine ganze Mail-Adresse", "Bitte füllen Sie das aus", "ein Datum ein",
                  "kreuzen Sie das an"):  # fmt: skip
        assert words in answer.text
    assert 'value="nobody"' in answer.text
    good = {"first_name": "Vera", "field-born": "1990-05-17", "consent": "yes"}
    visitor.send(email="vera@example.com", **good, headers=german)
    found = contact()
    assert found
    assert found.fields == {"born": "1990-05-17"}


def test_a_card_number_is_not_kept(visitor: Visitor, form: SignUpForm) -> None:
    answer = visitor.send(email="vera@example.com", first_name="4111 1111 1111 1111")

    assert answer.status_code == 422
    assert contact() is None


def test_a_mistyped_address_is_asked_about_once(visitor: Visitor, form: SignUpForm) -> None:
    answer = visitor.send(email="vera@gmial.com")
    assert "Did you mean vera@gmail.com?" in answer.text

    visitor.send(email="vera@gmial.com", sure="vera@gmial.com")
    assert contact("vera@gmial.com")


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "Please confirm"), ("de", "Bitte bestätigen"), ("fr", "Merci de confirmer"),
     ("es", "Por favor, confirme"), ("it", "Confermi, per favore"), ("nl", "Bevestig")],
)  # fmt: skip
def test_page_mail_and_confirmation_speak_the_visitors_language(
    visitor: Visitor, client: Client, alice: Person, letters: ContactList, language: str, words: str
) -> None:
    form_on(alice, letters, language="", consent="")
    headers = {"Accept-Language": language}

    assert f'<html lang="{language}"' in client.get("/f/bakery-news", headers=headers).text
    visitor.send(email="vera@example.com", headers=headers)
    (mail,) = mails()

    assert mail.subject.startswith(words)
    assert f'<html lang="{language}"' in mail.html
    # The mail is opened on another device, whose browser is set to something else.
    page = client.get(link_in(mail), headers={"Accept-Language": "pl"}).text
    assert f'<html lang="{language}"' in page


def test_what_is_known_can_stand_in_the_link(client: Client, form: SignUpForm) -> None:
    page = client.get('/f/bakery-news?first_name=Vera"><b>&stamp=x&company=No').text

    assert "Vera&#34;&gt;&lt;b&gt;" in page
    assert "<b>" not in page
    assert "No" not in [part for part in page.split('"') if part == "No"]


def test_people_are_sent_only_to_pages_of_the_owner(
    visitor: Visitor, alice: Person, news: ContactList
) -> None:
    with transaction():
        db.session.add(
            Sender(account_id=alice.account.id, email="a@bakery.example", confirmed_at=now())
        )
    form_on(alice, news, redirect="https://www.bakery.example/thanks?name={{ contact.first_name }}"
            "&mail={{ contact.email }}")  # fmt: skip

    answer = visitor.send(email="vera@example.com", first_name="Vera & Co")

    assert answer.status_code == 303
    assert answer.location == "https://www.bakery.example/thanks?name=Vera%20%26%20Co&mail="
    with transaction():
        db.session.execute(sa.delete(Sender))
    # What is the owner's no longer is gone to no longer.
    assert visitor.send(email="bob@example.com").status_code == 200


def test_only_the_frame_may_be_framed(visitor: Visitor, client: Client, form: SignUpForm) -> None:
    def policy(path: str) -> str:
        return client.get(path).headers["Content-Security-Policy"]

    assert "frame-ancestors 'none'" in policy("/f/bakery-news")
    assert "frame-ancestors *" in policy("/f/bakery-news/frame")
    answer = visitor.send("/f/bakery-news/frame", email="vera@example.com")
    assert "frame-ancestors *" in answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy("/sign-in")


def test_no_page_for_visitors_sets_a_cookie(
    visitor: Visitor, client: Client, form: SignUpForm, alice: Person
) -> None:
    client.sign_in(alice)
    visitor.send(email="vera@example.com")
    (mail,) = mails()
    for path in ("/f/bakery-news", "/f/bakery-news/frame", "/f/pop-up.js", link_in(mail)):
        answer = client.get(path)
        assert "Set-Cookie" not in answer.headers, path
        assert "Alice" not in answer.text


def test_a_closed_form_takes_nothing(visitor: Visitor, client: Client, form: SignUpForm) -> None:
    with transaction():
        db.session.merge(form).is_open = False

    answer = client.get("/f/bakery-news")

    assert answer.status_code == 410
    assert "This form is closed" in answer.text
    assert visitor.post(email="vera@example.com").status_code == 410
    assert contact() is None


def test_a_list_that_is_archived_is_left_out(
    client: Client, alice: Person, form: SignUpForm, letters: ContactList
) -> None:
    client.sign_in(alice)
    assert "Takes nobody" not in client.get("/forms").text + client.get(f"/forms/{form.id}").text
    with transaction():
        db.session.merge(letters).archived_at = now()

    assert client.get("/f/bakery-news").status_code == 410
    assert "Takes nobody" in client.get("/forms").text
    for page in ("", "/share", "/mails", "/versions"):
        assert (
            "Visitors are told that this form is closed"
            in client.get(f"/forms/{form.id}{page}").text
        )
