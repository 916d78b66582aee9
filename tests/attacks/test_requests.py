"""Requests that no browser of an honest person makes."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Member
from app.contacts.models import Contact
from app.core import pagination
from app.core.db import db, transaction
from app.mailer import address
from tests.api.conftest import Program, make_token
from tests.architecture import everything
from tests.conftest import Client, Person
from tests.tracking.mails import send

#: A8: ends of strings, wildcards, comments, a second statement, a byte that ends text in C.
SQL = "' OR 1=1 --", '"; DROP TABLE contact; --', "%", "_", "\\", "1) UNION SELECT email", "a\0b"


@pytest.fixture
def somebody(alice: Person) -> Contact:
    with transaction():
        contact = Contact(
            account_id=alice.account.id, email="vera@b.example", address="vera@b.example",
            first_name="Vera", last_name="100%", fields={"cake": "plum"},
        )  # fmt: skip
        db.session.add(contact)
    return contact


def test_texts_of_a_query_are_texts(
    app: Flask, client: Client, alice: Person, bob: Person, somebody: Contact
) -> None:
    """A7, A8: every page with every parameter that pages take."""
    ids = everything.make(alice, bob)
    client.sign_in(alice)
    names = ("query", "q", "cursor", "state", "sort", "order", "list", "tag", "kind", "account_id")
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.endpoint == "health.readyz":
            continue
        url = everything.url_of(rule, ids)
        for text in SQL[:2]:
            answer = client.get(url, query_string=dict.fromkeys(names, text))
            answer.get_data()
            assert answer.status_code < 500, (rule.rule, text)

    assert db.session.scalar(sa.select(sa.func.count(Member.id))) == 2


def test_cursors_that_somebody_made_up_are_refused(client: Client, alice: Person) -> None:
    """A8: each list, with keys of other shapes than its own."""
    campaign = f"/campaigns/{send(alice.account).campaign.id}"
    client.sign_in(alice)
    lists = (
        "/campaigns", "/contacts/bulk", "/imports", "/questions", "/reports", "/suppressions",
        "/suppressions?address=a", "/settings/audit", "/settings/staff-access",
        f"{campaign}/recipients", f"{campaign}/report/people/opened",
    )  # fmt: skip
    for key in (["x", "\0"], [10**30, {}], [None]):
        for path in lists:
            mark = "&" if "?" in path else "?"
            answer = client.get(f"{path}{mark}cursor={pagination.encode(key)}")
            assert answer.status_code == 422 or (path.endswith("=a") and key[0] == "x"), path


@pytest.mark.parametrize("text", SQL)
def test_searching_for_signs_of_the_database_finds_nobody(
    app: Flask, alice: Person, somebody: Contact, text: str
) -> None:
    program = Program(app.test_client(), make_token(alice.account))

    answer = program("GET", f"/contacts?{_encoded(query=text)}")

    assert answer.status_code in (200, 422)
    assert not (answer.get_json() or {}).get("items")


def test_a_rule_of_a_segment_names_no_column(app: Flask, alice: Person, somebody: Contact) -> None:
    """A7: what is not on the list of fields is no field."""
    program = Program(app.test_client(), make_token(alice.account))
    for field in ("account_id", "password_hash", "address) OR (1=1", "fields->>'x'", "id"):
        rule = {"field": field, "op": "is", "value": "1"}
        answer = program("POST", "/segments", {"name": "S", "rule": rule})
        assert answer.status_code == 422, field


def _encoded(**values: str) -> str:
    from urllib.parse import urlencode

    return urlencode(values)


def test_a_hundred_thousand_fields_are_not_read(client: Client) -> None:
    """A64."""
    body = "&".join(f"f{number}=1" for number in range(100_000))
    answer = client.post("/sign-in", data=body, content_type="application/x-www-form-urlencoded")

    assert answer.status_code in (400, 413)


@pytest.mark.parametrize(
    "deep", [lambda: "[" * 100_000, lambda: '{"a":' * 100_000 + "1" + "}" * 100_000]
)
def test_deep_json_is_refused(app: Flask, alice: Person, deep: Callable[[], str]) -> None:
    """A64."""
    token = make_token(alice.account)
    answer = app.test_client().post(
        "/api/v1/contacts", data=deep(), content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )  # fmt: skip

    assert answer.status_code in (400, 413, 422)
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    [
        "/console", "/.git/config", "/.env", "/leadersend.env", "/static/../app/config.py",
        "/static/%2e%2e/app/config.py", "/static/..%2fapp%2fconfig.py", "/static/%2fetc/passwd",
        "/static/css", "/static/", "/?__debugger__=yes&cmd=resource&f=debugger.js",
        "/var/secret_key", "/wsgi.py",
    ],
)  # fmt: skip
def test_nothing_of_the_program_is_given_out(app: Flask, client: Client, path: str) -> None:
    """A73: no console, no sources, no folders, no settings."""
    answer = client.get(path, follow_redirects=not path.startswith("/?"))

    page = answer.get_data(as_text=True)
    assert answer.status_code in (400, 404) or path.startswith("/?")
    assert "SECRET" not in page
    assert "<title>werkzeug" not in page.lower()
    assert "import " not in page


def test_an_error_shows_nothing_of_itself(app: Flask, client: Client) -> None:
    """A67, A73: whoever sees an error sees no line of code."""
    app.config["PROPAGATE_EXCEPTIONS"] = False
    views = app.view_functions
    right = views["site.help_page"]

    def broken(**_values: Any) -> str:
        raise RuntimeError("the secret of vera@b.example")

    broken.__dict__.update(right.__dict__)
    views["site.help_page"] = broken
    try:
        answer = client.get("/help")
    finally:
        views["site.help_page"] = right
        app.config["PROPAGATE_EXCEPTIONS"] = None

    assert answer.status_code == 500
    page = answer.get_data(as_text=True)
    assert "vera" not in page
    assert "RuntimeError" not in page
    assert "Traceback" not in page


@pytest.mark.parametrize(
    "text",
    [
        "a@" + "a." * 50_000, "a" * 100_000 + "@b.example", "@" * 100_000, "a@b." + "-" * 100_000,
        '"' + "\\" * 100_000 + '"@b.example', "(" * 100_000 + "a@b.example",
    ],
    ids=["labels", "local", "at", "hyphens", "quoted", "comments"],
)  # fmt: skip
def test_an_address_of_any_length_is_judged_at_once(text: str) -> None:
    """A65: a hundred times as long takes no thousand times as long."""

    def judged(what: str) -> float:
        began = time.process_time()
        with pytest.raises(address.BadAddress):
            address.quick(what)
        return time.process_time() - began

    short = text[:500] + text[-500:]
    # The floor is what a clock of this kind can tell at all.
    assert judged(text) < 1000 * max(judged(short), 1e-4)


def test_a_number_that_no_database_takes_is_not_found(
    app: Flask, client: Client, alice: Person, bob: Person
) -> None:
    """A1, A64: in every address that holds one."""
    everything.make(alice, bob)
    with transaction():
        alice.member.staff_roles = ["support", "service", "marketing", "billing", "abuse"]
    client.sign_in(alice)
    program = Program(app.test_client(), make_token(alice.account))
    rules = [rule for rule in app.url_map.iter_rules() if "<int:" in rule.rule]

    for rule in rules:
        url = re.sub(r"<\w+>", "x", re.sub(r"<int:\w+>", "9" * 30, rule.rule))
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            if rule.endpoint.startswith("api."):
                body = None if method == "GET" else {}
                answer = program(method, url.removeprefix("/api/v1"), body)
            else:
                answer = client.open(url, method=method)
            # 405 where the word beside the number fits a route that takes words.
            assert answer.status_code in (404, 405), (method, rule.rule)

    assert len(rules) > 100
