"""The picture and the links: they answer at once, and lead nowhere but to what was stored."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from app.core import queue_server
from app.core.db import db, transaction
from app.core.tokens import Purpose, sign
from app.delivery.models import Event, Link
from app.tracking import hits, intake, links
from tests.tracking.mails import READER, score, send


@contextmanager
def queue_away(monkeypatch, settings):
    """The queue server at an address where nobody listens."""
    queue_server.configure("redis://127.0.0.1:1/0")
    try:
        yield
        hits.flush()
    finally:
        queue_server.configure(settings.REDIS_URL)


@contextmanager
def database_away(monkeypatch):
    """Every use of the database fails as it does when the server is gone."""

    def fail(*_args, **_options):
        raise sa.exc.OperationalError("SELECT 1", {}, Exception("connection refused"))

    with monkeypatch.context() as patch:
        for name in ("get", "scalar", "scalars", "execute", "connection"):
            patch.setattr(sa.orm.Session, name, fail)
        yield


def test_the_picture_is_the_same_for_every_token(client, sent):
    known = client.get(sent.open(), headers=READER)
    unknown = client.get("/o/made-up.gif", headers=READER)

    assert known.status_code == unknown.status_code == 200
    assert known.data == unknown.data
    assert len(known.data) == 43
    assert dict(known.headers) == dict(unknown.headers)
    assert known.mimetype == "image/gif"
    assert "no-store" in known.headers["Cache-Control"]


def test_the_picture_needs_no_database(client, sent, monkeypatch):
    with database_away(monkeypatch):
        assert client.get(sent.open(), headers=READER).status_code == 200

    hits.flush()
    assert queue_server.client().xlen(hits.STREAM) == 1


def test_a_click_leads_to_the_stored_address(client, sent):
    answer = client.get(sent.click(), headers=READER)

    assert answer.status_code == 302
    assert answer.headers["Location"] == "https://shop.example/bread"


def test_a_click_needs_no_database_once_the_link_was_read(client, sent, monkeypatch):
    client.get(sent.click(person=0))
    monkeypatch.setattr(links, "TRUST_S", -1.0)

    with database_away(monkeypatch):
        answer = client.get(sent.click(person=1), headers=READER)

    assert answer.headers["Location"] == "https://shop.example/bread"


def test_of_many_clicks_on_an_old_link_one_reads_it_anew(client, sent, monkeypatch):
    client.get(sent.click(), headers=READER)
    ((link_id, (_, known)),) = links._cache.items()
    links._cache[link_id] = (0.0, known)
    read, reads = links._read, []

    def slowly(link_id):
        reads.append(link_id)
        # Meanwhile others click.
        assert links.target(link_id) is known
        assert links.known_location(link_id) == known.location
        return read(link_id)

    monkeypatch.setattr(links, "_read", slowly)
    client.get(sent.click(person=1), headers=READER)

    assert reads == [link_id]


def test_a_database_that_is_away_is_not_asked_for_each_click(client, sent, monkeypatch):
    client.get(sent.click(), headers=READER)
    for link_id, (_, known) in links._cache.items():
        links._cache[link_id] = (0.0, known)
    tries = []

    def fail(*_args, **_options):
        tries.append(1)
        raise sa.exc.OperationalError("SELECT 1", {}, Exception("connection refused"))

    monkeypatch.setattr(links, "_read", fail)
    answers = [client.get(sent.click(person), headers=READER) for person in (0, 1, 2)]

    assert {answer.headers["Location"] for answer in answers} == {"https://shop.example/bread"}
    assert len(tries) == 1


def test_a_click_without_any_database_says_so(client, sent, monkeypatch):
    with database_away(monkeypatch):
        answer = client.get(sent.click(), headers=READER)

    assert answer.status_code == 503
    assert "Location" not in answer.headers


def test_no_cookie_is_set_or_needed(client, sent):
    for url in (sent.open(), sent.click(), sent.leave(), sent.preferences()):
        answer = client.get(url)
        assert "Set-Cookie" not in answer.headers, url


@pytest.mark.parametrize("token", ["", "x", "%00", "a" * 4000, "....", "AAAA", "ä"])
def test_a_made_up_token_is_404(client, app, token):
    assert client.get(f"/c/{token}x").status_code == 404
    assert client.get(f"/u/{token}x").status_code == 404
    assert client.post(f"/u/{token}x").status_code == 404


def test_an_altered_token_is_404(client, sent):
    url = sent.click()
    for index in range(3, len(url), 5):
        other = "B" if url[index] == "A" else "A"
        altered = url[:index] + other + url[index + 1 :]
        assert client.get(altered).status_code == 404, altered


def test_a_token_of_one_purpose_is_nothing_for_another(client, sent):
    number = sent.deliveries[0].id
    link = sent.links[0].id
    for purpose in Purpose:
        if purpose != Purpose.CLICK:
            assert client.get(f"/c/{sign(purpose, number, link)}").status_code == 404
        if purpose != Purpose.UNSUBSCRIBE:
            assert client.get(f"/u/{sign(purpose, number)}").status_code == 404
            assert client.post(f"/u/{sign(purpose, number)}").status_code == 404
        if purpose != Purpose.PREFERENCES:
            assert client.post(f"/p/{sign(purpose, number)}").status_code == 404
        if purpose != Purpose.UNDO:
            assert client.post(f"/back/{sign(purpose, number)}").status_code == 404
        if purpose != Purpose.OPEN:
            client.get(f"/o/{sign(purpose, number)}.gif")
    assert intake.take_hits() == 0


@pytest.mark.parametrize("extra", ["?url=//evil.example", "?next=https:evil", "/../evil"])
def test_nothing_in_the_request_changes_where_a_click_leads(client, sent, extra):
    location = client.get(sent.click() + extra).headers.get("Location", "")

    assert "evil" not in location


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:text/html,x", "//evil.example", "\\\\evil.example", "https:evil",
     "http:///path", "ftp://shop.example", "https://shop.example\\@evil.example", "", "mailto:a@b",
     "https://shop.example/\r\nSet-Cookie: x=1"],
)  # fmt: skip
def test_what_is_no_web_address_is_never_led_to(client, alice, url):
    sent = send(alice.account, urls=(url,))

    answer = client.get(sent.click())

    assert answer.status_code == 404
    assert "Location" not in answer.headers


def test_an_address_with_letters_of_other_scripts_is_encoded(client, alice):
    sent = send(alice.account, urls=("https://bäcker.example/brötchen?a=1&b=%20#ö",))

    location = client.get(sent.click()).headers["Location"]

    assert location.isascii()
    assert location.endswith("/br%C3%B6tchen?a=1&b=%20#%C3%B6")


def test_merge_tags_behind_the_host_are_filled_in_for_the_reader(client, alice):
    sent = send(
        alice.account, people=2, urls=("https://shop.example/?who={{ contact.first_name }}",)
    )
    with transaction():
        sent.contacts[1].first_name = "A&B/\r\nX: y#"

    assert client.get(sent.click(0)).headers["Location"] == "https://shop.example/?who=Reader%200"
    location = client.get(sent.click(1)).headers["Location"]
    assert location.startswith("https://shop.example/?who=A%26B")
    assert "\n" not in location


def test_a_persons_data_never_changes_the_host(client, alice):
    sent = send(alice.account, urls=("https://{{ contact.first_name }}/",))
    with transaction():
        sent.contacts[0].first_name = "evil.example"

    assert client.get(sent.click()).status_code == 404


def test_a_link_of_another_account_with_this_delivery_is_not_counted(client, sent, charlie):
    other = send(charlie.account, name="Other news")
    url = f"/c/{sign(Purpose.CLICK, sent.deliveries[0].id, other.links[0].id)}"

    client.get(url, headers=READER)
    intake.take_hits()

    assert score(sent, "click") == score(other, "click") == (0, 0)


def test_a_removed_link_is_404(client, sent):
    with transaction() as session:
        session.execute(sa.delete(Link).where(Link.id == sent.links[3].id))

    assert client.get(sent.click(link=3)).status_code == 404


def test_hits_wait_on_disk_while_the_queue_is_away(client, sent, settings, monkeypatch):
    with queue_away(monkeypatch, settings):
        started = time.monotonic()
        for person in range(3):
            assert client.get(sent.open(person), headers=READER).status_code == 200
            assert client.get(sent.click(person), headers=READER).status_code == 302
        assert time.monotonic() - started < 1
    monkeypatch.setattr(hits, "RIPE_S", -2)

    assert intake.take_hits() == 6
    assert intake.take_hits() == 0
    assert score(sent, "click") == (3, 3)
    assert score(sent, "open") == (3, 3)
    assert not list(hits.spool_folder().glob("*"))


def test_the_spool_is_bounded(client, sent, settings, monkeypatch):
    monkeypatch.setattr(hits, "LARGEST_SPOOL_BYTES", 1)
    with queue_away(monkeypatch, settings):
        client.get(sent.open(), headers=READER)
        hits.flush()
        monkeypatch.setattr(hits, "_measured", [0.0, 0.0])
        for _ in range(50):
            client.get(sent.open(), headers=READER)

    assert sum(path.read_bytes().count(b"\n") for path in hits.spool_folder().glob("*")) == 1


def test_a_spool_file_that_was_taken_and_not_removed_is_counted_once(
    client, sent, settings, monkeypatch
):
    with queue_away(monkeypatch, settings):
        client.get(sent.open(), headers=READER)
    monkeypatch.setattr(hits, "RIPE_S", -2)
    monkeypatch.setattr("pathlib.Path.unlink", _refuse)
    with pytest.raises(OSError, match="cut off"):
        intake.take_hits()
    monkeypatch.undo()
    monkeypatch.setattr(hits, "RIPE_S", -2)

    assert intake.take_hits() == 0
    assert score(sent, "open") == (1, 1)


def _refuse(*_args, **_options):
    raise OSError("cut off")


def test_nothing_of_the_reader_is_kept_but_the_verdict(client, sent):
    client.get(sent.open(), headers=READER, environ_base={"REMOTE_ADDR": "8.8.8.8"})
    hits.flush()
    kept = repr(queue_server.client().xrange(hits.STREAM))
    intake.take_hits()
    rows = repr(db.session.execute(sa.select(Event.__table__)).all())

    for trace in ("8.8.8", "Firefox", "example.com"):
        assert trace not in kept
        assert trace not in rows


def test_hits_of_many_threads_all_arrive(whole_app, sent):
    urls = [sent.open(person) for person in range(3)]

    def ask():
        browser = whole_app.test_client()
        with whole_app.app_context():
            for url in urls * 20:
                assert browser.get(url, headers=READER).status_code == 200

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert intake.take_hits() == 480
    assert score(sent, "open") == (480, 3)
