"""What owners let people choose, and where they see what people chose."""

from __future__ import annotations

import sqlalchemy as sa

from app.accounts.models import AuditEntry
from app.contacts import fields, handles, lists, suppressions
from app.contacts.models import OpenField, PreferenceCentre, PublicList, Suppression
from app.core.db import db, transaction
from app.preferences import centre, reasons
from tests.preferences.conftest import fresh_link, notices, words_of

URL = "/settings/preferences"
ALL = dict.fromkeys(centre.SWITCHES, "y")


def test_an_owner_chooses_lists_fields_and_words(client, sent, alice):
    with transaction():
        cake = fields.create(alice.account.id, "Cake")
        town = fields.create(alice.account.id, "Town")
        offers = lists.create(alice.account, "offers-7")
    client.sign_in(alice)
    given = {
        "list": [offers.id], f"name-{offers.id}": "Offers", f"description-{offers.id}": "Fridays",
        f"name-{sent.list.id}": "not ticked", "field": [cake.id], "pauses": ["30", "90"],
        "words": "Nice to have you.", **ALL,
    }  # fmt: skip

    assert client.post(URL, data=given).status_code == 303

    page = client.get(URL)
    assert 'value="Offers"' in page.text
    shown = words_of(client.get(fresh_link(sent)))
    for text in ("Nice to have you.", "Offers", "Fridays", "Cake", "30 days", "90 days"):
        assert text in shown
    for text in ("offers-7", "Town", "60 days", "not ticked"):
        assert text not in shown
    verbs = db.session.scalars(sa.select(AuditEntry.verb)).all()
    assert "preferences.change" in verbs

    client.post(URL, data={"words": ""})
    bare = words_of(client.get(fresh_link(sent)))
    for text in ("Offers", "Cake", "Take a break", "First name", "How often", "Another address"):
        assert text not in bare
    assert town.label not in bare


def test_lists_and_fields_of_others_cannot_be_offered(client, sent, alice, charlie):
    with transaction():
        list_ = lists.create(charlie.account, "Garage")
        field = fields.create(charlie.account.id, "Car")
    client.sign_in(alice)

    client.post(URL, data={"list": [list_.id], "field": [field.id], **ALL})

    assert db.session.scalars(sa.select(PublicList)).all() == []
    assert db.session.scalars(sa.select(OpenField)).all() == []


def test_another_account_has_settings_of_its_own(client, sent, alice, charlie, offer):
    offer("Offers")
    client.sign_in(charlie)
    client.post(URL, data={"words": "Garage words", **ALL})

    assert "Garage words" not in words_of(client.get(fresh_link(sent)))
    assert "Offers" in words_of(client.get(fresh_link(sent)))
    assert db.session.get(PreferenceCentre, alice.account.id) is None


def test_no_other_pause_can_be_offered(client, alice):
    client.sign_in(alice)

    answer = client.post(URL, data={"pauses": ["7"]})

    assert answer.status_code == 422
    assert db.session.get(PreferenceCentre, alice.account.id) is None


def test_viewers_look_and_editors_change(client, vera, bob):
    client.sign_in(vera)
    assert client.get(URL).status_code == 200
    assert client.post(URL, data=ALL).status_code == 403
    assert client.get(f"{URL}/preview").status_code == 200
    client.sign_in(bob)
    assert client.post(URL, data=ALL).status_code == 303


def test_the_preview_shows_the_page_and_its_buttons_do_nothing(client, alice, offer):
    offer("Offers")
    client.sign_in(alice)

    page = client.get(f"{URL}/preview")

    assert "Offers" in words_of(page)
    assert "First name" in words_of(page)
    assert " inert" in page.text


def test_the_public_address_stands_on_the_settings(client, alice):
    client.sign_in(alice)

    assert handles.address(alice.account) in client.get(URL).text


def test_the_page_of_a_contact_tells_what_they_chose(client, sent, alice):
    link = fresh_link(sent)
    client.post(f"{link}/pause", data={"days": "60"})
    client.post(link, data={"per": "week", "shown": [sent.list.id], "keep": [sent.list.id]})
    client.post(f"{link}/details", data={"first_name": "Zoe"})
    client.sign_in(alice)

    page = words_of(client.get(f"/contacts/{sent.contacts[0].id}"))

    for text in ("On a break", "at most one mail a week", "Counted by name no", "Began a break",
                 "Chose how often", "at most one a week", "first name: Reader 0 → Zoe",
                 "by themselves", "on their preference page"):  # fmt: skip
        assert text in page


def test_reasons_are_summed_up_on_the_settings(client, sent, alice):
    for person, reason in enumerate(("often", "often", "other")):
        link = fresh_link(sent, person)
        client.post(f"{link}/leave")
        client.post(f"{link}/reason", data={"reason": reason})
    client.sign_in(alice)

    page = words_of(client.get(URL))

    assert f"{reasons.WORDS['often']} 2 {reasons.WORDS['other']} 1" in page


def test_a_last_mail_goes_once_to_who_pressed_a_button(client, sent, alice):
    def press(person=0):
        client.post(sent.leave(person), data={"from": "page"})

    press()
    client.post(sent.back())
    assert notices("goodbye") == []
    client.sign_in(alice)
    client.post(URL, data={"goodbye": "It was nice to have you.\n<b>Vera", **ALL})

    client.post(sent.leave(2))  # one click in a mail program
    assert notices("goodbye") == []
    for _ in range(2):
        press(1)

    (mail,) = notices("goodbye")
    assert mail.to_email == sent.contacts[1].email
    assert "It was nice to have you." in mail.text
    assert "&lt;b&gt;Vera" in mail.html
    assert sent.back(1) in mail.text
    for _ in range(3):  # whoever got the mail passed on
        client.post(sent.back(1))
        press(1)
        client.post(sent.back(1))
        client.post(f"{fresh_link(sent, 1)}/leave")
    assert len(notices("goodbye")) == 1


def test_a_last_mail_goes_to_nobody_who_is_out_and_from_nobody_who_must_not_send(
    client, sent, alice
):
    with transaction():
        words = {"words": "", "goodbye": "It was nice to have you."}
        centre.change(alice.account, alice.member, pauses=[], switches=[], **words)
        for person, reason in enumerate(("bounced", "account")):
            suppressions.add(alice.account.id, sent.contacts[person].address, reason=reason)

    client.post(sent.leave(0), data={"from": "page"})
    client.post(f"{fresh_link(sent, 1)}/leave")
    with transaction():
        alice.account.barred = "sending"
    client.post(sent.leave(2), data={"from": "page"})

    assert notices("goodbye") == []
    out = sa.select(Suppression.reason).where(Suppression.account_id == alice.account.id)
    assert db.session.scalars(out).all() == ["unsubscribed"] * 3
