"""Leaving: a human's click, one click of a mail program, and the way back."""

from __future__ import annotations

import re
import threading
import time
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from app.contacts import suppressions
from app.contacts.models import Consent, Contact, Subscription
from app.core.db import db, transaction
from app.core.tokens import Purpose, sign
from app.delivery.models import Event
from app.tracking import intake, pages
from app.tracking.texts import LANGUAGES
from tests.tracking.mails import READER, score, send
from tests.tracking.test_doors import database_away


def is_out(sent, person=0):
    db.session.rollback()
    contact = sent.contacts[person]
    return suppressions.find(sent.account.id, contact.address) is not None


def subscriptions(sent, person=0):
    db.session.rollback()
    return db.session.scalars(
        sa.select(Subscription.state).where(Subscription.contact_id == sent.contacts[person].id)
    ).all()


def texts_of(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


def buttons(answer):
    return re.findall(r"<form[^>]*action=\"([^\"]+)\"", answer.text)


def test_looking_never_takes_anybody_out(client, sent):
    for url in (sent.leave(), sent.preferences(), sent.back(), sent.click(), sent.open()):
        for method in ("GET", "HEAD", "OPTIONS"):
            client.open(url, method=method, headers=READER)

    assert not is_out(sent)
    assert subscriptions(sent) == ["active"]


def test_a_scanner_that_follows_every_link_takes_nobody_out(client, alice):
    sent = send(alice.account, people=40)
    for person in range(40):
        mail = [sent.open(person), sent.leave(person), sent.preferences(person)]
        mail += [sent.click(person, link) for link in range(4)]
        for url in mail:
            client.head(url, headers=READER)
            client.get(url, headers=READER)
    intake.take_hits()

    assert db.session.scalar(sa.select(sa.func.count()).select_from(suppressions.Suppression)) == 0
    assert score(sent, "click") == (0, 0)
    assert score(sent, "open") == (0, 0)
    assert score(sent, "click", "machine") == (320, 40)


def test_the_page_names_the_sender_and_no_address(client, sent):
    page = client.get(sent.leave())

    assert "Bakery" in texts_of(page)
    assert "example.com" not in page.text
    assert sent.contacts[0].email not in page.text
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in page.headers["X-Robots-Tag"]


def test_the_button_takes_out_of_everything_and_says_so(client, sent):
    page = client.post(sent.leave(), data={"from": "page"})

    assert page.status_code == 200
    assert "You are out" in texts_of(page)
    assert is_out(sent)
    assert not is_out(sent, 1)
    (event,) = db.session.scalars(sa.select(Event)).all()
    assert (event.kind, event.reason, event.contact_id) == (
        "unsubscribe",
        "link",
        sent.contacts[0].id,
    )
    assert score(sent, "unsubscribe", "") == (1, 1)
    consent = db.session.scalars(sa.select(Consent)).all()[-1]
    assert (consent.kind, consent.source) == ("withdrawn", "link")
    assert consent.evidence["campaign"] == sent.campaign.id


@pytest.mark.parametrize(
    "body",
    [{"data": {"List-Unsubscribe": "One-Click"}}, {}, {"data": b"junk \xff\x00"},
     {"data": {"List-Unsubscribe": "One-Click"}, "content_type": "multipart/form-data"},
     {"json": {"List-Unsubscribe": "One-Click"}}],
)  # fmt: skip
def test_one_click_from_a_bare_client_counts_at_once(client, sent, body):
    started = time.monotonic()
    answer = client.post(sent.leave(), **body)

    assert time.monotonic() - started < 1
    assert answer.status_code == 200
    assert "Location" not in answer.headers
    assert "Set-Cookie" not in answer.headers
    assert answer.mimetype == "text/plain"
    assert is_out(sent)


def test_leaving_twice_is_leaving_once(client, sent):
    for _ in range(3):
        assert client.post(sent.leave()).status_code == 200
        assert client.post(sent.leave(), data={"from": "page"}).status_code == 200

    assert score(sent, "unsubscribe", "") == (1, 1)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Event)) == 1


def test_who_left_sees_so_and_can_come_back(client, sent):
    client.post(sent.leave())

    page = client.get(sent.leave())

    assert "does not send you mail" in texts_of(page)
    assert client.post(buttons(page)[0]).status_code == 200
    assert not is_out(sent)


def test_undo_on_the_page_brings_everything_back(client, sent):
    page = client.post(sent.leave(), data={"from": "page"})

    undone = client.post(buttons(page)[0])

    assert "You are back" in texts_of(undone)
    assert not is_out(sent)
    assert subscriptions(sent) == ["active"]
    assert score(sent, "unsubscribe", "") == (1, 0)
    assert client.post(buttons(page)[0]).status_code == 200
    assert score(sent, "unsubscribe", "") == (1, 0)


def test_leaving_again_after_undo_counts_again(client, sent):
    for _ in range(2):
        client.post(sent.leave())
        client.post(sent.back())
    client.post(sent.leave())

    assert is_out(sent)
    assert score(sent, "unsubscribe", "") == (3, 1)


def test_only_this_list_leaves_the_others(client, sent):
    other = send(sent.account, name="Other")
    with transaction() as session:
        session.add(
            Subscription(
                contact_id=sent.contacts[0].id, list_id=other.list.id, account_id=sent.account.id
            )
        )

    page = client.post(sent.leave(), data={"from": "page", "list": sent.list.id})

    assert sent.list.name in texts_of(page)
    assert not is_out(sent)
    assert sorted(subscriptions(sent)) == ["active", "ended"]


def test_after_leaving_everything_one_may_leave_only_the_list(client, sent):
    page = client.post(sent.leave(), data={"from": "page"})

    client.post(buttons(page)[1], data={"leave": sent.list.id})

    assert not is_out(sent)
    assert subscriptions(sent) == ["ended"]


def test_nobody_leaves_a_list_of_another_account(client, sent, charlie):
    other = send(charlie.account, name="Other")

    client.post(sent.leave(), data={"from": "page", "list": other.list.id})
    client.post(sent.preferences(), data={"shown": other.list.id, "counted": "1"})

    assert subscriptions(other) == ["active"]
    assert subscriptions(sent) == ["active"]


def test_another_accounts_link_leaves_this_account_alone(client, sent, charlie):
    other = send(charlie.account)
    with transaction():
        assert other.contacts[0].address == sent.contacts[0].address

    client.post(other.leave())

    assert is_out(other)
    assert not is_out(sent)


def test_preferences_leave_lists_and_switch_counting_off(client, sent):
    page = client.get(sent.preferences())
    assert sent.list.name in texts_of(page)

    client.post(sent.preferences(), data={"shown": sent.list.id})

    db.session.rollback()
    assert subscriptions(sent) == ["ended"]
    assert db.session.get(Contact, sent.contacts[0].id, populate_existing=True).tracking_off
    assert not is_out(sent)


def test_preferences_kept_as_they_are_change_nothing(client, sent):
    client.post(
        sent.preferences(), data={"shown": sent.list.id, "keep": sent.list.id, "counted": "1"}
    )

    assert subscriptions(sent) == ["active"]
    assert not db.session.get(Contact, sent.contacts[0].id).tracking_off


@pytest.mark.parametrize("purpose", ["UNSUBSCRIBE", "PREFERENCES", "UNDO"])
def test_the_links_of_a_test_mail_work_and_change_nothing(client, sent, purpose):
    path = {"UNSUBSCRIBE": "u", "PREFERENCES": "p", "UNDO": "back"}[purpose]
    url = f"/{path}/{sign(Purpose[purpose], 0, sent.campaign.id)}"

    assert client.get(url).status_code == 200
    answer = client.post(url, data={"from": "page"})

    assert answer.status_code == 200
    assert "test" in texts_of(answer)
    assert client.post(url).status_code == 200
    assert not any(is_out(sent, person) for person in range(3))
    assert not db.session.scalars(sa.select(Event)).all()


def test_a_person_who_was_erased_finds_a_page(client, sent):
    with transaction() as session:
        session.execute(sa.delete(Contact).where(Contact.id == sent.contacts[0].id))
    db.session.expire_all()

    for url in (sent.leave(), sent.preferences(), sent.back()):
        assert client.get(url).status_code == 200
        assert client.post(url).status_code == 200


def test_a_mail_that_was_removed_is_404(client, sent):
    with transaction() as session:
        session.delete(session.merge(sent.campaign))

    assert client.get(sent.leave()).status_code == 404
    assert client.post(sent.leave()).status_code == 404


def test_the_pages_speak_the_readers_language(client, sent):
    page = client.get(sent.leave(), headers={"Accept-Language": "de-AT,de;q=0.9,en;q=0.1"})
    other = client.get(sent.leave(), headers={"Accept-Language": "xx"})

    assert '<html lang="de"' in page.text
    assert "Abmelden" in texts_of(page)
    assert '<html lang="en"' in other.text
    assert "Unsubscribe" in texts_of(other)


def test_every_language_says_everything():
    keys = {name: set(texts) for name, texts in LANGUAGES.items()}

    assert all(found == keys["en"] for found in keys.values())
    for texts in LANGUAGES.values():
        for text in texts.values():
            more = {"address": "a", "page": "p", "day": "1", "month": "May", "year": "2026"}
            more |= {"n": "30", "old": "o", "new": "n", "host": "h", "operator": "O"}
            assert text.format(sender="S", list="L", **more)


def test_a_name_with_markup_is_shown_as_it_is(client, sent):
    with transaction():
        sent.account.name = "<script>alert(1)</script> {list}"

    page = client.get(sent.leave())

    assert "<script>alert" not in page.text
    assert "{list}" in page.text


def test_without_a_database_nothing_is_pretended(client, sent, monkeypatch):
    with database_away(monkeypatch):
        answer = client.post(sent.leave())
        page = client.get(sent.leave())

    for found in (answer, page):
        assert found.status_code == 503
        assert "nothing has changed yet" in texts_of(found)
        assert "mailto:u+" in found.text
    assert not is_out(sent)


def test_a_database_that_stays_locked_is_told_and_one_that_opens_is_waited_for(
    whole_app, client, sent, monkeypatch
):
    if db.engine.dialect.name != "sqlite":
        pytest.skip("only SQLite locks the whole database")
    monkeypatch.setattr(pages, "PATIENCE_S", 0.5)
    locked, release = threading.Event(), threading.Event()

    def hold():
        with whole_app.app_context(), transaction():
            locked.set()
            release.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    locked.wait(5)
    refused = client.post(sent.leave())
    threading.Timer(0.2, release.set).start()
    monkeypatch.setattr(pages, "PATIENCE_S", 8.0)
    accepted = client.post(sent.leave())
    holder.join()

    assert refused.status_code == 503
    assert accepted.status_code == 200
    assert is_out(sent)


def test_the_moment_of_leaving_is_kept(client, sent):
    client.post(sent.leave())

    event = db.session.scalars(sa.select(Event)).one()

    assert abs((datetime.now(UTC) - event.at).total_seconds()) < 5
