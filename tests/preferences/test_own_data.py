"""Taking one's data along, and another address."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.contacts import changes, consent, hygiene, suppressions, tags
from app.contacts.models import (
    AddressChange,
    BulkAction,
    Consent,
    Contact,
    Finding,
    FormEntry,
    Import,
    ImportChange,
    Merge,
    PreferenceCentre,
    SignUpForm,
    Subscription,
    bulk_change,
)
from app.core.clock import now
from app.core.db import Base, db, transaction
from app.delivery.models import Delivery, Event
from app.extensions import limiter
from app.preferences import addressing, jobs, takeaway
from app.tracking.texts import LANGUAGES
from tests.architecture import everything
from tests.preferences.conftest import fresh_link, notices, words_of
from tests.tracking.mails import send


def contact_of(sent, person=0):
    db.session.rollback()
    return db.session.get(Contact, sent.contacts[person].id, populate_existing=True)


@pytest.fixture
def known(sent, open_field):
    """A person of whom much is kept."""
    open_field("Favourite cake", is_open=False)
    with transaction():
        contact = db.session.merge(sent.contacts[0])
        contact.fields, contact.notes = {"favourite_cake": "<b>Plum</b>"}, "Likes to talk"
        tags.add(tags.named(sent.account.id, "regular"), [contact.id])
        consent.subscribe(contact, sent.list, source="form", wording="Yes, send me news")
        consent.withdraw(contact, source="link")
        consent.restore(contact, source="undo")
        for kind, link in (("open", None), ("click", sent.links[0].id)):
            db.session.add(
                Event(campaign_id=sent.campaign.id, delivery_id=sent.deliveries[0].id,
                      contact_id=contact.id, kind=kind, link_id=link, verdict="human")
            )  # fmt: skip
    return sent


def test_everything_kept_is_handed_out_as_json(client, known):
    answer = client.get(f"{fresh_link(known)}/data.json")

    assert answer.mimetype == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "attachment" in answer.headers["Content-Disposition"]
    found = json.loads(answer.data)
    assert found["sender"]["name"] == "Bakery"
    assert found["person"]["email"] == known.contacts[0].email
    assert found["person"]["fields"] == {"Favourite cake": "<b>Plum</b>"}
    assert found["person"]["tags"] == ["regular"]
    assert found["person"]["notes"] == "Likes to talk"
    assert [one["list"] for one in found["lists"]] == ["List of May news"]
    assert [one["what"] for one in found["consents"]] == ["withdrawn", "restored"]
    assert [one["subject"] for one in found["mails"]] == ["Fresh bread"]
    assert found["changes"] == []
    assert [(one["what"], one["link"]) for one in found["events"]] == [
        ("open", ""), ("click", "https://shop.example/bread"),
    ]  # fmt: skip


def test_everything_kept_is_a_page_to_read(client, known):
    with transaction():
        changes.note(contact_of(known), "added", by=changes.BY_API, details={})
    page = client.get(f"{fresh_link(known)}/data")
    text = words_of(page)

    for part in (known.contacts[0].email, "Favourite cake", "&lt;b&gt;Plum&lt;/b&gt;", "regular",
                 "Likes to talk", "List of May news", "Withdrawn", "Fresh bread",
                 "https://shop.example/bread", "delivered", "Bakery entered you"):  # fmt: skip
        assert part in text
    assert "<b>Plum" not in page.text
    assert page.headers["Cache-Control"] == "no-store"
    german = client.get(f"{fresh_link(known)}/data", headers={"Accept-Language": "de"})
    assert "Widerrufen" in words_of(german)


def test_that_and_why_they_get_no_mail_and_what_was_noticed_is_in_it_too(client, known):
    account, contact = known.account, known.contacts[0]
    with transaction():
        form = SignUpForm(account_id=account.id, name="On the till", slug="till", is_open=True)
        db.session.add(form)
        db.session.flush()
        db.session.add_all([
            FormEntry(account_id=account.id, form_id=form.id, contact_id=contact.id, version=1,
                      answers={"first_name": "Rita"}),
            Finding(account_id=account.id, contact_id=contact.id, kind="silent", n=90),
        ])  # fmt: skip
        suppressions.add(account.id, contact.address, reason="bounced", detail="550 no mailbox")

    link = fresh_link(known)
    found = json.loads(client.get(f"{link}/data.json").data)
    page = words_of(client.get(f"{link}/data"))

    barred = found["person"]["not_mailed_because"]
    assert (barred["reason"], barred["detail"]) == ("bounced", "550 no mailbox")
    assert found["person"]["noticed"] == ["silent"]
    (entry,) = found["forms"]
    assert (entry["form"], entry["waiting"]) == ("On the till", {"first_name": "Rita"})
    for words in ("mail to you came back", "no sign of reading", "On the till", "Rita"):
        assert words in page


def test_what_it_was_before_a_change_is_in_it_while_that_can_be_taken_back(client, known):
    account, contact = known.account, known.contacts[0]
    with transaction():
        import_ = Import(
            account_id=account.id, filename="a.csv", stored_as="a", state="finished"
        )  # fmt: skip
        action = BulkAction(
            account_id=account.id, verb="set_field", given={}, selection={}, state="done"
        )  # fmt: skip
        db.session.add_all([import_, action])
        db.session.flush()
        delta = {"values": {"first_name": ["Old name", "Reader 0"]}}
        db.session.add_all([
            ImportChange(import_id=import_.id, contact_id=contact.id, at=now(), delta=delta),
            Merge(account_id=account.id, kept_id=contact.id, other_id=99, kept_until=now(),
                  was={"email": "old@example.com"}),
        ])  # fmt: skip
        db.session.execute(
            bulk_change.insert().values(
                action_id=action.id, contact_id=contact.id, was_value={"cake": "Plum"}
            )
        )

    link = fresh_link(known)
    found = json.loads(client.get(f"{link}/data.json").data)["before"]
    page = words_of(client.get(f"{link}/data"))

    assert [one["by"] for one in found] == ["file", "set_field", "merge"]
    assert found[0]["was"] == delta
    assert found[1]["was"]["was_value"] == {"cake": "Plum"}
    assert found[2]["was"] == {"email": "old@example.com"}
    for words in ("A file of Bakery", "A change of many at once", "Two entries became one"):
        assert words in page


def test_every_table_that_holds_something_of_a_contact_is_handed_out_or_says_why_not():
    holding = {
        table.name
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if column.name == "contact_id"
        or any(key.column.table.name == "contact" for key in column.foreign_keys)
    }

    assert holding | {"contact", "import_journal"} == takeaway.HANDED_OUT | set(takeaway.LEFT_OUT)


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_words_for_every_reason(language):
    kinds = {one.partition("-")[0] for one in (*hygiene.FINDINGS, *hygiene.LIKENESSES)}
    named = {f"take_barred_{one}" for one in suppressions.WORDS}
    named |= {f"take_noticed_{one}" for one in kinds}

    assert named <= LANGUAGES[language].keys()


def test_subjects_are_as_the_person_got_them(client, known):
    with transaction():
        known.campaign.subject = "Bread for {{ contact.first_name }}"

    found = json.loads(client.get(f"{fresh_link(known)}/data.json").data)

    assert [one["subject"] for one in found["mails"]] == ["Bread for Reader 0"]


def test_nothing_of_other_people_or_accounts_is_in_it(client, known, charlie):
    theirs = send(charlie.account, name="Garage news")

    found = client.get(f"{fresh_link(known)}/data.json").text

    assert known.contacts[1].email not in found
    assert "Garage" not in found
    other = json.loads(client.get(f"{fresh_link(theirs)}/data.json").data)
    assert other["sender"]["name"] == "Garage"
    assert other["person"]["notes"] == ""


def test_a_mail_that_was_passed_on_opens_nobodys_data(client, known):
    for page in ("data", "data.json"):
        assert client.get(f"{known.preferences()}/{page}").status_code == 404
    page = client.get(known.preferences())
    assert "/data.json" not in page.text
    assert "we mail you a link" in words_of(page)
    assert "/data.json" in client.get(fresh_link(known)).text


def test_a_long_history_is_read_in_pieces_and_complete(client, known, monkeypatch):
    monkeypatch.setattr(takeaway, "CHUNK", 7)
    contact = known.contacts[0]
    with transaction():
        db.session.add_all(
            Event(campaign_id=known.campaign.id, delivery_id=known.deliveries[0].id,
                  contact_id=contact.id, kind="open", verdict="machine", reason=str(n))
            for n in range(40)
        )  # fmt: skip

    found = json.loads(client.get(f"{fresh_link(known)}/data.json").data)

    assert len(found["events"]) == 42
    assert client.get(f"{fresh_link(known)}/data").text.count("opened") == 41


def test_downloads_are_limited_by_link(client, known):
    limiter.enabled = True
    limiter.reset()
    try:
        mine, other = fresh_link(known), fresh_link(known, 1)
        answers = [client.get(f"{mine}/data.json").status_code for _ in range(11)]
        assert answers == [200] * 10 + [429]
        assert client.get(f"{other}/data.json").status_code == 200
        assert client.get(mine).status_code == 200
    finally:
        limiter.reset()
        limiter.enabled = False


def ask(client, sent, email, person=0):
    return client.post(f"{sent.preferences(person)}/address", data={"email": email})


def link_in(mail):
    return re.search(r"http://localhost(/p/address/\S+)", mail.text).group(1)


def test_an_address_changes_once_the_new_one_has_confirmed(client, sent):
    old = sent.contacts[0].email
    answer = ask(client, sent, "New.Name@Example.com")

    assert "a mail is on its way" in words_of(answer)
    assert contact_of(sent).email == old
    (mail,) = notices("address_question")
    assert mail.to_email == "New.Name@Example.com"
    link = link_in(mail)
    before = everything.contents()
    for method in ("GET", "HEAD"):
        assert client.open(link, method=method).status_code == 200
    assert everything.difference(before, everything.contents()) == []

    done = client.post(link)

    assert done.status_code == 200
    contact = contact_of(sent)
    assert (contact.email, contact.address) == ("New.Name@Example.com", "new.name@example.com")
    assert [one.to_email for one in notices("address_moved")] == [old]
    last = db.session.scalars(sa.select(Consent).order_by(Consent.id.desc())).first()
    assert (last.kind, last.evidence["changed"]) == ("changed", ["address"])
    states = db.session.scalars(
        sa.select(Subscription.state).where(Subscription.contact_id == contact.id)
    ).all()
    assert states == ["active"]
    assert client.post(link).status_code == 410
    assert "N…@Example.com" in words_of(client.get(sent.preferences()))


def test_only_the_last_link_works_and_not_for_ever(client, sent, monkeypatch):
    ask(client, sent, "one@example.com")
    ask(client, sent, "two@example.com")
    first, second = (link_in(mail) for mail in notices("address_question"))

    assert client.post(first).status_code == 410
    monkeypatch.setattr(addressing, "now", lambda: now() + timedelta(days=3, minutes=1))
    assert client.get(second).status_code == 410
    assert client.post(second).status_code == 410
    monkeypatch.undo()
    assert client.post(second).status_code == 200
    assert contact_of(sent).email == "two@example.com"


def test_an_address_of_somebody_else_gives_nothing_away(client, sent):
    free = ask(client, sent, "free@example.com")
    taken = ask(client, sent, sent.contacts[1].email)
    jobs.mail_links()

    assert words_of(free) == words_of(taken)
    assert [one.to_email for one in notices("address_question")] == ["free@example.com"]
    # Its owner gets the link to their own page.
    assert [one.to_email for one in notices("preferences_link")] == [sent.contacts[1].email]
    assert contact_of(sent, 1).email == sent.contacts[1].email


def test_who_left_is_not_brought_back_by_a_change_of_address(client, sent):
    with transaction():
        suppressions.add(sent.account.id, "gone@example.com", reason="unsubscribed")
    answer = ask(client, sent, "gone@example.com")

    assert answer.status_code == 200
    assert notices("address_question") == []

    # Nor where they leave between the question and the answer.
    ask(client, sent, "later@example.com")
    with transaction():
        suppressions.add(sent.account.id, "later@example.com", reason="unsubscribed")
    (mail,) = notices("address_question")
    assert client.post(link_in(mail)).status_code == 409
    assert contact_of(sent).email == sent.contacts[0].email


def test_an_address_taken_between_question_and_answer_is_told(client, sent):
    ask(client, sent, "soon@example.com")
    with transaction():
        db.session.add(
            Contact(account_id=sent.account.id, email="soon@example.com",
                    address="soon@example.com", fields={})
        )  # fmt: skip
    (mail,) = notices("address_question")

    assert client.post(link_in(mail)).status_code == 409
    assert contact_of(sent).email == sent.contacts[0].email


def test_three_questions_a_day_at_most(client, sent):
    answers = [ask(client, sent, f"n{n}@example.com").status_code for n in range(5)]

    assert answers == [200, 200, 200, 429, 429]
    assert len(notices("address_question")) == 3
    assert ask(client, sent, "other@example.com", person=1).status_code == 200
    with transaction():
        db.session.execute(sa.update(AddressChange).values(since=now() - timedelta(days=2)))
    assert ask(client, sent, "n9@example.com").status_code == 200


@pytest.mark.parametrize("email", ["", "x", "a@b@c", "a@example.com\nBcc: x@example.com"])
def test_what_is_no_address_is_told_at_its_place(client, sent, email):
    answer = ask(client, sent, email)

    assert answer.status_code == 422
    assert "not a mail address" in words_of(answer)
    assert notices("address_question") == []


def test_addresses_stay_where_the_owner_says_so(client, sent):
    with transaction():
        db.session.add(PreferenceCentre(account_id=sent.account.id, with_address=False))

    assert "Another address" not in words_of(client.get(sent.preferences()))
    assert ask(client, sent, "new@example.com").status_code == 404
    assert notices("address_question") == []


def test_deliveries_stay_with_the_person(client, sent):
    ask(client, sent, "new@example.com")
    (mail,) = notices("address_question")
    client.post(link_in(mail))

    query = sa.select(Delivery.id).where(Delivery.contact_id == sent.contacts[0].id)
    assert db.session.scalar(query) == sent.deliveries[0].id
