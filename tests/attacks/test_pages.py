"""Every page of the application, with an attack in every text, and what its headers say."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app.core.db import transaction
from app.core.headers import REDIRECTS
from tests.architecture import everything
from tests.attacks import hostile
from tests.conftest import Client, Person

#: Pages that others show in a frame, on purpose.
FRAMED = {"signup.frame"}


@pytest.fixture
def pages(app: Flask, alice: Person, bob: Person, client: Client) -> list[tuple[Rule, str]]:
    """What Alice's browser can be led to, as (rule, address)."""
    ids = everything.make(alice, bob)
    with transaction():
        alice.member.staff_roles = ["support", "service", "marketing", "billing", "abuse"]
    client.sign_in(alice)
    return [
        (rule, everything.url_of(rule, ids))
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.endpoint.startswith("api.")
    ]


def looked_at(client: Client, pages: list[tuple[Rule, str]]) -> Iterator[tuple[Rule, TestResponse]]:
    for rule, url in pages:
        for ask in (client.get, functools.partial(client.htmx, "GET")):
            answer = ask(url)
            answer.get_data()  # one at a time: a streamed answer keeps its request
            yield rule, answer


def test_no_text_becomes_markup_and_no_page_breaks(
    client: Client, pages: list[tuple[Rule, str]]
) -> None:
    """A14, A15, A19: whatever people, files and foreign servers say is shown as text."""
    assert hostile.fill() > 25
    shown = 0

    for rule, answer in looked_at(client, pages):
        assert answer.status_code < 500 or rule.endpoint == "health.readyz", rule.rule
        policy = answer.headers["Content-Security-Policy"]
        # What a business wrote as HTML is shown as such: alone, without scripts, without an origin.
        if answer.mimetype != "text/html" or policy.startswith("sandbox;"):
            continue
        page = answer.get_data(as_text=True)
        assert not [mark for mark in hostile.RAW if mark in page], rule.rule
        assert ">49" not in page, rule.rule
        shown += "&lt;img src=x" in page

    assert shown > 20


def test_every_answer_says_what_browsers_may_do(
    client: Client, pages: list[tuple[Rule, str]]
) -> None:
    """A16, A20, A21, A43, A71: scripts, frames, sniffing, referrers and copies."""
    for rule, answer in looked_at(client, pages):
        headers, where = answer.headers, rule.rule
        policy = dict(
            part.strip().partition(" ")[::2]
            for part in headers["Content-Security-Policy"].split(";")
        )
        scripts = policy.get("script-src", policy["default-src"])
        assert "unsafe" not in scripts, where
        assert "*" not in scripts.split(), where
        if "sandbox" not in policy:
            assert policy["object-src"] == "'none'", where
            assert policy["base-uri"] == "'none'", where
        is_file = headers.get("Content-Disposition", "").startswith("attachment")
        if rule.endpoint not in FRAMED and not is_file:
            assert policy.get("frame-ancestors") in ("'none'", "'self'"), where
            if answer.mimetype == "text/html" and answer.status_code not in REDIRECTS:
                assert headers["X-Frame-Options"] in ("DENY", "SAMEORIGIN"), where
        assert headers["X-Content-Type-Options"] == "nosniff", where
        assert headers["Referrer-Policy"] in ("no-referrer", "same-origin", "origin"), where
        assert "Server" not in headers or "Werkzeug" not in headers["Server"], where
        if not getattr(client.application.view_functions[rule.endpoint], "is_public", False):
            assert rule.endpoint == "static" or headers["Cache-Control"] == "no-store", where
