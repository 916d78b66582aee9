"""The fast way answers exactly as the routes do, and leaves to them whatever is not ordinary."""

from __future__ import annotations

import time

import pytest

from app.core import queue_server
from app.tracking import express, hits, intake
from tests.tracking.mails import BROWSER, READER, score


@pytest.fixture
def passed_on(monkeypatch):
    """What went on to the routes."""
    seen = []
    answer = express.Express._answer

    def watch(self, environ):
        found = answer(self, environ)
        if found is None:
            seen.append(environ["PATH_INFO"])
        return found

    monkeypatch.setattr(express.Express, "_answer", watch)
    return seen


def by_the_routes(client, url, monkeypatch, **options):
    with monkeypatch.context() as patch:
        patch.setattr(express.Express, "_answer", lambda self, environ: None)
        return client.get(url, **options)


@pytest.mark.parametrize("kind", ["open", "click"])
@pytest.mark.parametrize("secure", [False, True])
def test_it_answers_as_the_routes_do(client, sent, settings, monkeypatch, kind, secure):
    options = {"headers": READER, "base_url": "https://localhost" if secure else "http://localhost"}
    url = sent.open() if kind == "open" else sent.click()
    slow = by_the_routes(client, url, monkeypatch, **options)
    fast = client.get(url, **options)

    assert fast.status == slow.status
    assert fast.data == slow.data
    assert sorted(fast.headers) == sorted(slow.headers)


@pytest.mark.parametrize("agent", [BROWSER, "Mozilla/5.0", "curl/8", "GoogleImageProxy", ""])
def test_it_judges_as_the_routes_do(client, sent, monkeypatch, agent):
    options = {"headers": {"User-Agent": agent}, "environ_base": {"REMOTE_ADDR": "8.8.8.8"}}
    client.get(sent.click(), headers=READER)
    for url in (sent.open(), sent.click()):
        by_the_routes(client, url, monkeypatch, **options)
        client.get(url, **options)
    hits.flush()

    entries = queue_server.client().xrange(hits.STREAM)[1:]
    noted = [hits.parse(fields[b"h"]) for _, fields in entries]
    assert [hit._replace(seq=0, ms=0) for hit in noted[0::2]] == [
        hit._replace(seq=0, ms=0) for hit in noted[1::2]
    ]


def test_a_known_link_needs_no_route(client, sent, passed_on):
    client.get(sent.click(), headers=READER)
    assert passed_on == [sent.click()]

    client.get(sent.click(1), headers=READER)
    client.get(sent.open(), headers=READER)

    assert passed_on == [sent.click()]


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"Sec-Purpose": "prefetch"}},
        {"headers": {"X-Moz": "prefetch"}},
        {"base_url": "http://evil.example"},
        {"base_url": "http://localhost.evil.example"},
        {"base_url": "http://[::2]"},
    ],
)
def test_what_is_not_ordinary_goes_to_the_routes(client, sent, passed_on, options):
    client.get(sent.click(), headers=READER)
    before = len(passed_on)
    for url in (sent.open(), sent.click()):
        status = client.get(url, **options).status_code
        assert (status == 400) == ("base_url" in options)

    assert len(passed_on) == before + 2


def test_a_made_up_token_goes_to_the_routes(client, sent, passed_on):
    assert client.get("/c/AAAA").status_code == 404
    assert client.get("/o/AAAA.gif").status_code == 200
    assert client.get("/o/AAAA").status_code == 404

    assert len(passed_on) == 3


def test_hits_travel_by_themselves(client, sent):
    client.get(sent.open(), headers=READER)
    end = time.monotonic() + 5
    while not queue_server.client().xlen(hits.STREAM) and time.monotonic() < end:
        time.sleep(0.01)

    assert queue_server.client().xlen(hits.STREAM) == 1


def test_requests_help_to_carry_what_has_gathered(client, sent, monkeypatch):
    monkeypatch.setattr(hits, "GATHER_S", 0.5)
    monkeypatch.setattr(hits, "MOST_GATHERED", 10)
    for _ in range(25):
        client.get(sent.open(), headers=READER)

    assert queue_server.client().xlen(hits.STREAM) >= 20
    assert intake.take_hits() == 25
    assert score(sent, "open") == (25, 1)
