"""The link by mail for who types an address in: the same answer for everybody, in the same time."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.contacts import handles
from app.contacts.models import Contact, LinkRequest
from app.core.clock import now
from app.core.db import db, transaction
from app.extensions import limiter
from app.preferences import asking, guests, jobs
from app.trust import forgetting
from tests.preferences.conftest import fresh_link, notices, words_of
from tests.tracking.mails import READER


@pytest.fixture
def page(sent):
    return f"/choices/{handles.handle(sent.account)}"


@pytest.fixture
def limits(app):
    """Limits are on, and forgotten afterwards."""
    limiter.enabled = True
    limiter.reset()
    yield
    limiter.reset()
    limiter.enabled = False


def ask(client, page, email, **options):
    return client.post(page, data={"email": email}, **options)


def test_a_known_address_gets_a_link_that_works(client, sent, page):
    answer = ask(client, page, sent.contacts[0].email.upper())
    jobs.mail_links()

    assert answer.status_code == 200
    (mail,) = notices("preferences_link")
    assert mail.to_email == sent.contacts[0].email
    link = re.search(r"http://localhost(/p/\S+)", mail.text).group(1)
    assert link in mail.html
    shown = client.get(link)
    assert "List of May news" in words_of(shown)
    assert "Bakery" in mail.subject


def test_an_unknown_address_gets_the_same_answer_and_no_mail(client, sent, page, charlie):
    known = ask(client, page, sent.contacts[0].email)
    unknown = ask(client, page, "nobody@example.com")
    with transaction():
        theirs = Contact(
            account_id=charlie.account.id, email="c@example.com", address="c@example.com", fields={}
        )
        db.session.add(theirs)
    foreign = ask(client, page, "c@example.com")
    jobs.mail_links()

    assert known.data == unknown.data == foreign.data
    assert dict(known.headers) == dict(unknown.headers) == dict(foreign.headers)
    assert [one.to_email for one in notices("preferences_link")] == [sent.contacts[0].email]


def test_both_answers_cost_the_same_statements(client, sent, page):
    def statements(address):
        seen: list[str] = []

        def note(_connection, _cursor, statement, *_more):
            seen.append(statement)

        sa.event.listen(db.engine, "before_cursor_execute", note)
        try:
            ask(client, page, address)
        finally:
            sa.event.remove(db.engine, "before_cursor_execute", note)
        return seen

    statements("warm@example.com")
    known, unknown = statements(sent.contacts[0].email), statements("nobody@example.com")

    # Nothing asks who is known before the answer has gone.
    assert known == unknown
    assert not any("FROM contact" in statement for statement in known)
    assert any("link_request" in statement for statement in known)


def test_three_a_day_at_most_go_to_an_address(client, sent, page):
    for _ in range(6):
        assert ask(client, page, sent.contacts[0].email).status_code == 200
        jobs.mail_links()
    assert len(notices("preferences_link")) == 3

    with transaction():
        db.session.execute(sa.update(LinkRequest).values(since=now() - timedelta(days=1, hours=1)))
    ask(client, page, sent.contacts[0].email)
    jobs.mail_links()
    assert len(notices("preferences_link")) == 4


def test_asking_twice_at_once_and_mailing_twice_sends_one(client, sent, page):
    for _ in range(2):
        ask(client, page, sent.contacts[0].email)
    for _ in range(3):
        jobs.mail_links()

    assert len(notices("preferences_link")) == 1


def test_an_address_is_kept_no_longer_than_it_takes(client, sent, page):
    ask(client, page, "nobody@example.com")
    jobs.mail_links()

    db.session.rollback()
    assert db.session.scalars(sa.select(LinkRequest.address)).all() == [None]
    with transaction():
        db.session.execute(sa.update(LinkRequest).values(since=now() - timedelta(days=2)))
    forgetting.keep("link_requests")
    assert db.session.scalars(sa.select(LinkRequest)).all() == []


@pytest.mark.parametrize("email", ["", "x", "a@", "@b.example", "a b@example.com", "a" * 400,
                                   "a@example.com\r\nBcc: b@example.com"])  # fmt: skip
def test_what_is_no_address_is_told(client, sent, page, email):
    answer = ask(client, page, email)

    assert answer.status_code == 422
    assert "not a mail address" in words_of(answer)
    assert db.session.scalars(sa.select(LinkRequest)).all() == []


def test_a_network_may_ask_thirty_times_an_hour(client, sent, page, limits):
    answers = [ask(client, page, f"n{n}@example.com").status_code for n in range(31)]
    elsewhere = ask(client, page, "x@example.com", environ_base={"REMOTE_ADDR": "198.51.100.7"})

    assert answers == [200] * 30 + [429]
    assert elsewhere.status_code == 200


def test_looking_at_the_page_does_nothing(client, sent, page):
    for method in ("GET", "HEAD", "OPTIONS"):
        assert client.open(page, method=method, headers=READER).status_code == 200
    assert db.session.scalars(sa.select(LinkRequest)).all() == []
    assert "Set-Cookie" not in client.get(page).headers


def test_the_address_stays_when_the_business_is_renamed(client, sent, page):
    with transaction():
        db.session.merge(sent.account).name = "Rolls & Söhne"

    answer = client.get(page)
    assert answer.status_code == 200
    assert "Rolls &amp; Söhne" in answer.text
    assert handles.handle(sent.account).startswith("rolls-sohne-")
    assert handles.account_of(handles.handle(sent.account)).id == sent.account.id


def test_nobody_finds_a_business_by_guessing(client, sent, charlie, page):
    code = page.rpartition("-")[2]
    other = handles.handle(charlie.account).rpartition("-")[2]
    mixed = code[: len(code) // 2] + other[len(other) // 2 :]
    guesses = ["", "1", "bakery", "bakery-1", "bakery-aaaaaaaaaa", f"x-{code[:-1]}", f"x-{mixed}",
               f"x-{code}a", "x-ä", "x-%00", "-" * 50, "x-" + "a" * 900]  # fmt: skip

    assert code != other
    assert [client.get(f"/choices/{guess}").status_code for guess in guesses] == [404] * len(
        guesses
    )


def test_a_link_is_over_after_three_days_and_says_where_to_get_another(
    client, sent, page, monkeypatch
):
    link = fresh_link(sent)
    monkeypatch.setattr(guests, "now", lambda: now() + timedelta(days=3, minutes=1))

    for answer in (client.get(link), client.post(f"{link}/leave")):
        assert answer.status_code == 410
        assert page in answer.text


def test_an_altered_link_opens_nothing(client, sent):
    link = fresh_link(sent)
    for bad in (link[:-1], link[:-2] + "AA", link + "A", link.swapcase()):
        assert client.get(bad).status_code == 404
        assert client.post(f"{bad}/leave").status_code == 404


def test_the_mail_is_in_the_language_of_who_asked(client, sent, page):
    ask(client, page, sent.contacts[0].email, headers={"Accept-Language": "de"})
    jobs.mail_links()

    (mail,) = notices("preferences_link")
    assert mail.subject == "Ihr Link: was Sie von Bakery bekommen"
    assert "Der Link gilt 3 Tage" in " ".join(mail.text.split())


def test_an_old_mails_link_gets_a_fresh_one_by_mail(client, sent):
    answer = client.post(f"{sent.preferences()}/link")
    asking.mail_links()

    assert "Look into your mail" in words_of(answer)
    (mail,) = notices("preferences_link")
    assert mail.to_email == sent.contacts[0].email
