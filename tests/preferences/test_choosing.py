"""What people choose on their page: lists, frequency, a break, details, and leaving."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.contacts import consent, resting, suppressions
from app.contacts.models import (
    Consent,
    Contact,
    ContactChange,
    ContactList,
    Pause,
    PreferenceCentre,
    PublicList,
    Subscription,
)
from app.core.clock import now
from app.core.db import db, transaction
from app.core.tokens import Purpose, sign
from app.delivery.models import Event
from tests.architecture import everything
from tests.preferences.conftest import fresh_link, words_of
from tests.tracking.mails import READER, send


def state(contact, list_):
    db.session.rollback()
    query = sa.select(Subscription.state).where(
        Subscription.contact_id == contact.id, Subscription.list_id == list_.id
    )
    return db.session.scalar(query)


def said(contact):
    db.session.rollback()
    rows = db.session.scalars(
        sa.select(Consent).where(Consent.contact_id == contact.id).order_by(Consent.id)
    )
    return [(row.kind, row.source) for row in rows]


def contact_of(sent, person=0):
    db.session.rollback()
    return db.session.get(Contact, sent.contacts[person].id, populate_existing=True)


def form(sent, **more):
    """What the page sends where nothing is changed."""
    return {"shown": [sent.list.id], "keep": [sent.list.id], "counted": "1", "per": ""} | more


@pytest.fixture(params=["mail", "asked"])
def link(request, sent):
    """Both ways to the page."""
    return sent.preferences() if request.param == "mail" else fresh_link(sent)


def test_looking_changes_nothing(client, sent, link, offer):
    offer("Offers")
    before = everything.contents()
    for method in ("GET", "HEAD", "OPTIONS"):
        for page in ("", "/pause", "/details", "/address", "/leave", "/back", "/reason", "/link",
                     "/erase", "/data", "/data.json"):  # fmt: skip
            client.open(link + page, method=method, headers=READER).get_data()

    assert everything.difference(before, everything.contents()) == []


def test_a_public_list_is_offered_with_its_public_words(client, sent, link, offer):
    offer("intern-2 offers", name="Offers", description="One mail each Friday")
    with transaction():
        db.session.add(ContactList(account_id=sent.account.id, name="Hidden"))

    page = words_of(client.get(link))

    assert "Offers One mail each Friday" in page
    assert "intern-2" not in page
    assert "Hidden" not in page
    assert "List of May news" in page


def test_joining_a_double_opt_in_list_by_ones_own_link_needs_no_second_mail(
    client, sent, link, offer
):
    offers = offer("offers", opt_in="double", name="Offers", description="Each Friday")

    page = client.post(link, data=form(sent, shown=[offers.id], keep=[offers.id]))

    assert page.status_code == 200
    assert "Saved." in words_of(page)
    assert state(sent.contacts[0], offers) == "active"
    last = db.session.scalars(sa.select(Consent).order_by(Consent.id.desc())).first()
    assert (last.kind, last.source, last.list_id) == ("confirmed", "preferences", offers.id)
    assert last.wording == "Offers\nEach Friday"
    assert last.evidence["page"] == "preferences"
    assert db.session.get(ContactList, offers.id, populate_existing=True).active == 1


def test_leaving_a_list_and_joining_it_again(client, sent, link, offer):
    offers = offer("Offers")
    both = [sent.list.id, offers.id]
    client.post(link, data=form(sent, shown=both, keep=both))
    client.post(link, data=form(sent, shown=both, keep=[sent.list.id]))
    assert state(sent.contacts[0], offers) == "ended"
    client.post(link, data=form(sent, shown=both, keep=both))

    assert state(sent.contacts[0], offers) == "active"
    assert state(sent.contacts[0], sent.list) == "active"
    assert [kind for kind, _ in said(sent.contacts[0])] == ["confirmed", "withdrawn", "confirmed"]
    assert db.session.get(ContactList, offers.id, populate_existing=True).active == 1


def test_who_left_a_list_by_themselves_is_not_put_back_by_the_owner(client, sent, link, offer):
    offers = offer("Offers")
    client.post(link, data=form(sent, shown=[offers.id], keep=[offers.id]))
    client.post(link, data=form(sent, shown=[offers.id], keep=[]))

    with transaction():
        again = consent.subscribe(contact_of(sent), offers, source="hand")

    assert again.state == "pending"


def test_a_pending_subscription_is_confirmed_by_ticking_it(client, sent, link, offer):
    offers = offer("Offers", opt_in="double")
    with transaction():
        consent.subscribe(contact_of(sent), offers, source="form")
    assert state(sent.contacts[0], offers) == "pending"
    assert "not confirmed yet" in words_of(client.get(link))

    client.post(link, data=form(sent, shown=[offers.id], keep=[offers.id]))

    assert state(sent.contacts[0], offers) == "active"


def test_only_public_lists_of_the_account_can_be_joined(client, sent, link, charlie, offer):
    with transaction():
        hidden = ContactList(account_id=sent.account.id, name="Hidden")
        foreign = ContactList(account_id=charlie.account.id, name="Garage")
        old = ContactList(account_id=sent.account.id, name="Old", archived_at=now())
        db.session.add_all([hidden, foreign, old])
        db.session.flush()
        for list_ in (foreign, old):
            db.session.add(PublicList(list_id=list_.id, account_id=list_.account_id))
    ids = [hidden.id, foreign.id, old.id]

    client.post(link, data=form(sent, shown=ids, keep=ids))

    assert [state(sent.contacts[0], one) for one in (hidden, foreign, old)] == [None] * 3


def test_what_was_not_shown_stays_as_it_is(client, sent, link, offer):
    offers = offer("Offers")
    client.post(link, data={"counted": "1", "keep": [offers.id]})

    assert state(sent.contacts[0], sent.list) == "active"
    assert state(sent.contacts[0], offers) is None


def test_somebody_elses_choices_are_untouched(client, sent, link, offer):
    offers = offer("Offers")
    client.post(link, data=form(sent, shown=[offers.id], keep=[offers.id], per="week"))
    client.post(f"{link}/pause", data={"days": "30"})
    client.post(f"{link}/leave")

    other = contact_of(sent, 1)
    assert state(other, offers) is None
    assert resting.frequency(other) == ""
    assert resting.paused(other) is None
    assert suppressions.find(other.account_id, other.address) is None


def test_frequency_is_chosen_kept_and_changed(client, sent, link):
    assert 'value="" checked' in client.get(link).text

    client.post(link, data=form(sent, per="month"))
    assert resting.frequency(contact_of(sent)) == "month"
    assert 'value="month" checked' in client.get(link).text
    client.post(link, data=form(sent, per="day"))
    assert resting.frequency(contact_of(sent)) == "month"
    client.post(link, data=form(sent, per=""))

    assert resting.frequency(contact_of(sent)) == ""
    assert [kind for kind, _ in said(sent.contacts[0])] == ["frequency", "frequency"]


@pytest.mark.parametrize("days", [30, 60, 90])
def test_a_break_has_a_date_and_can_be_ended(client, sent, link, days):
    page = client.post(f"{link}/pause", data={"days": days})

    until = now() + timedelta(days=days)
    day = f"{until.day} {until:%B} {until.year}"
    assert day in words_of(page)
    assert day in words_of(client.get(link))
    assert abs(resting.paused(contact_of(sent)).until - until) < timedelta(minutes=1)
    over = client.post(f"{link}/pause", data={"end": "yes"})
    assert "mail comes again" in words_of(over)
    assert resting.paused(contact_of(sent)) is None
    assert said(sent.contacts[0]) == [("paused", "preferences"), ("resumed", "preferences")]


@pytest.mark.parametrize("days", ["0", "31", "-30", "99999999999999999999", "x", ""])
def test_no_other_break_can_be_taken(client, sent, link, days):
    answer = client.post(f"{link}/pause", data={"days": days})

    assert answer.status_code == 422
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Pause)) == 0


def test_a_second_break_replaces_the_first(client, sent, link):
    client.post(f"{link}/pause", data={"days": "90"})
    client.post(f"{link}/pause", data={"days": "30"})

    assert resting.paused(contact_of(sent)).until < now() + timedelta(days=31)


def test_a_break_is_offered_before_leaving(client, sent):
    page = client.get(sent.leave())
    action = re.search(r'action="(/p/[^"]+/pause)"', page.text).group(1)

    client.post(action, data={"days": "30"})

    assert resting.paused(contact_of(sent))
    assert suppressions.find(sent.account.id, sent.contacts[0].address) is None


def test_counting_by_name_is_switched_and_recorded_once(client, sent, link):
    for _ in range(2):
        client.post(link, data={"shown": [sent.list.id], "keep": [sent.list.id]})
    assert contact_of(sent).tracking_off
    client.post(link, data=form(sent))

    assert not contact_of(sent).tracking_off
    assert [kind for kind, _ in said(sent.contacts[0])] == ["changed", "changed"]


def test_names_and_open_fields_are_corrected(client, sent, link, open_field):
    open_field("Favourite cake")
    open_field("Guests", "number")
    open_field("Birthday", "date")
    open_field("Gluten free", "yes_no")
    given = {
        "first_name": " Zoë ", "last_name": "Ärmel", "company": "", "kind": "organisation",
        "field-favourite_cake": "Plum", "field-guests": "1,5", "field-birthday": "1990-05-04",
        "field-gluten_free": "yes",
    }  # fmt: skip

    page = client.post(f"{link}/details", data=given)

    assert page.status_code == 200
    contact = contact_of(sent)
    assert (contact.first_name, contact.last_name, contact.kind) == ("Zoë", "Ärmel", "organisation")
    assert contact.first_key == "zoe"
    assert contact.fields == {
        "favourite_cake": "Plum", "guests": 1.5, "birthday": "1990-05-04", "gluten_free": True,
    }  # fmt: skip
    (change,) = db.session.scalars(sa.select(ContactChange)).all()
    assert (change.what, change.source, change.member_id) == ("changed", "person", None)
    assert change.details["first_name"] == ["Reader 0", "Zoë"]
    assert change.details["fields.favourite_cake"] == [None, "Plum"]
    assert contact.kind_by == "person"

    client.post(f"{link}/details", data=given | {"field-favourite_cake": ""})
    assert "favourite_cake" not in contact_of(sent).fields


def test_a_kind_that_was_left_as_it_is_says_nothing(client, sent, link):
    client.post(f"{link}/details", data={"first_name": "Zoe", "kind": "person"})

    assert contact_of(sent).kind_by == ""


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [("first_name", "4111 1111 1111 1111", "card number"),
     ("field-favourite_cake", "4111111111111111", "card number"),
     ("field-guests", "many", "not a number"),
     ("field-birthday", "tomorrow", "not a date"),
     ("field-gluten_free", "perhaps", "neither yes nor no"),
     ("last_name", "x" * 201, "too long"),
     ("field-favourite_cake", "x\n" * 2600, "too long")],
)  # fmt: skip
def test_what_does_not_fit_is_refused_whole_and_told_at_its_place(
    client, sent, link, open_field, name, value, told
):
    open_field("Favourite cake")
    open_field("Guests", "number")
    open_field("Birthday", "date")
    open_field("Gluten free", "yes_no")
    given = {"first_name": "New", "field-favourite_cake": "Plum", name: value}

    page = client.post(f"{link}/details", data=given)

    assert page.status_code == 422
    assert told in words_of(page)
    assert page.text.count('aria-invalid="true"') == 1
    assert contact_of(sent).first_name == "Reader 0"
    assert contact_of(sent).fields == {}
    assert db.session.scalars(sa.select(ContactChange)).all() == []


def test_only_what_the_owner_opened_can_be_changed(client, sent, link, open_field):
    open_field("Favourite cake")
    open_field("Discount", is_open=False)
    with transaction():
        db.session.add(PreferenceCentre(account_id=sent.account.id, with_names=False))
        contact = db.session.merge(sent.contacts[0])
        contact.fields = {"discount": "5"}

    page = client.get(link)
    client.post(
        f"{link}/details",
        data={"first_name": "New", "field-discount": "90", "field-new": "x", "notes": "x",
              "email": "x@example.com", "field-favourite_cake": "Plum"},
    )  # fmt: skip

    assert "Discount" not in words_of(page)
    assert "First name" not in words_of(page)
    assert contact_of(sent).fields == {"discount": "5", "favourite_cake": "Plum"}
    assert contact_of(sent).first_name == "Reader 0"


def test_leaving_by_either_link_is_noted_and_can_be_undone(client, sent, link):
    page = client.post(f"{link}/leave")

    assert "You are out" in words_of(page)
    assert suppressions.find(sent.account.id, sent.contacts[0].address).reason == "unsubscribed"
    assert "nothing is sent to you" in words_of(client.get(link))
    undo = re.search(r'<form method="post" action="([^"]+)"', page.text).group(1)
    client.post(undo)
    assert suppressions.find(sent.account.id, sent.contacts[0].address) is None
    kinds = [kind for kind, _ in said(sent.contacts[0])]
    assert kinds == ["withdrawn", "restored"]


def test_coming_back_does_not_lift_what_the_owner_blocked(client, sent, link):
    with transaction():
        suppressions.add(sent.account.id, sent.contacts[0].address, reason="account")

    client.post(f"{link}/back")

    assert suppressions.find(sent.account.id, sent.contacts[0].address).reason == "account"


def test_links_of_test_mails_show_the_page_and_change_nothing(client, sent, offer):
    offer("Offers")
    url = f"/p/{sign(Purpose.PREFERENCES, 0, sent.campaign.id)}"
    before = everything.contents()

    assert "Offers" in words_of(client.get(url))
    for page, data in (("", {"per": "week"}), ("/pause", {"days": "30"}), ("/leave", {}),
                       ("/details", {"first_name": "x"}), ("/address", {"email": "x@example.com"}),
                       ("/erase", {}), ("/link", {}), ("/reason", {"reason": "often"}),
                       ("/back", {})):  # fmt: skip
        assert client.post(url + page, data=data).status_code == 200

    assert everything.difference(before, everything.contents()) == []


def test_an_erased_person_finds_a_page(client, sent, link):
    with transaction() as session:
        session.execute(sa.delete(Contact).where(Contact.id == sent.contacts[0].id))
    db.session.expire_all()

    assert "erased" in words_of(client.get(link))
    for page in ("", "/pause", "/details", "/leave", "/back", "/link", "/erase", "/reason"):
        assert client.post(link + page, data={"days": "30"}).status_code == 200


def test_erasing_needs_the_button_and_keeps_the_person_out(client, sent, link, alice):
    page = client.get(f"{link}/erase")
    assert "for good" in words_of(page)
    assert contact_of(sent)

    done = client.post(f"{link}/erase")

    assert "Your data is erased" in words_of(done)
    assert contact_of(sent) is None
    assert suppressions.find(sent.account.id, sent.contacts[0].address).reason == "erased"
    client.sign_in(alice)
    page = words_of(client.get("/settings/audit?kind=contact"))
    assert "erased a person for good by themselves, on their own page" in page
    assert sent.contacts[0].address not in page


@pytest.mark.parametrize("reason", ["often", "unexpected", "unasked", "useless", "other"])
def test_a_reason_is_asked_after_leaving_and_counted_on_the_report(client, sent, alice, reason):
    page = client.post(sent.leave(), data={"from": "page"})
    action = re.search(r'action="(/p/[^"]+/reason)"', page.text).group(1)

    thanks = client.post(action, data={"reason": reason, "words": "Card 4111 1111 1111 1111"})
    client.post(action, data={"reason": reason, "words": "Card 4111 1111 1111 1111"})

    assert "Thank you" in words_of(thanks)
    client.sign_in(alice)
    report = words_of(client.get(f"/campaigns/{sent.campaign.id}/report"))
    assert "Why people left" in report
    assert "4111" not in report
    assert report.count("Card ••••") == 1


def test_a_reason_is_taken_from_those_who_left_only(client, sent, alice, link):
    client.post(f"{link}/reason", data={"reason": "often"})
    client.post(f"{link}/leave")
    client.post(f"{link}/reason", data={"reason": "made up"})

    client.sign_in(alice)
    assert "Why people left" not in words_of(client.get(f"/campaigns/{sent.campaign.id}/report"))


def test_nobody_is_asked_where_the_owner_does_not_want_it(client, sent):
    with transaction():
        db.session.add(PreferenceCentre(account_id=sent.account.id, with_reasons=False, pauses=[]))

    assert "pause" not in client.get(sent.leave()).text
    page = client.post(sent.leave(), data={"from": "page"})

    assert "/reason" not in page.text
    assert "You are out" in words_of(page)


def test_the_page_reads_no_cookie_and_is_not_for_search_engines(client, sent, link):
    page = client.get(link)

    assert "Set-Cookie" not in page.headers
    assert "noindex" in page.headers["X-Robots-Tag"]
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert sent.contacts[0].email not in page.text
    assert "m…@example.com" in words_of(page)


def test_the_page_speaks_german_too(client, sent, link, offer, open_field):
    offer("Offers")
    open_field("Birthday", "date")
    page = client.get(link, headers={"Accept-Language": "de"})

    assert '<html lang="de"' in page.text
    for text in ("Eine Pause machen", "30 Tage", "Ihre Angaben", "Alles abbestellen"):
        assert text in words_of(page)


def test_the_owners_words_and_names_are_shown_as_they_are(client, sent, link):
    with transaction():
        db.session.add(
            PreferenceCentre(account_id=sent.account.id, words="<b>Hello</b> {sender}\nBye")
        )

    page = client.get(link)

    assert "&lt;b&gt;Hello&lt;/b&gt; {sender}" in page.text


def test_why_explains_choices_in_words(client, sent):
    client.post(f"{sent.preferences()}/pause", data={"days": "30"})
    client.post(f"{sent.preferences()}/pause", data={"end": "yes"})
    client.post(sent.preferences(), data={"shown": [sent.list.id], "keep": [sent.list.id],
                                          "per": "week"})  # fmt: skip

    page = words_of(client.get(f"{sent.preferences()}/why"))

    for text in ("You began a break", "You ended your break", "how often", "changed your details"):
        assert text in page


def test_leaving_through_the_page_counts_as_the_links_of_the_mail_do(client, sent):
    client.post(f"{sent.preferences()}/leave")

    (event,) = db.session.scalars(sa.select(Event)).all()
    assert (event.kind, event.reason) == ("unsubscribe", "link")


def test_another_account_sees_nothing_of_it(client, sent, charlie, offer):
    offer("Offers")
    theirs = send(charlie.account, name="Garage news")

    page = words_of(client.get(theirs.preferences()))

    assert "Garage" in page
    assert "Offers" not in page
