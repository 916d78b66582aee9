"""Tokens: they end, they may be bound to networks, and they stand nowhere in clear (A61)."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
import sqlalchemy as sa
import time_machine

from app.accounts import api_tokens
from app.accounts.jobs import warn_of_tokens
from app.accounts.models import ApiToken, AuditEntry, Notice
from app.core.clock import now
from app.core.db import Base, db, transaction
from app.core.errors import Invalid
from tests.api.conftest import Program
from tests.conftest import Client, Person


def make(alice: Person, **more: object) -> tuple[ApiToken, str]:
    with transaction():
        return api_tokens.make(
            alice.account, alice.member, name="Till", scopes=["contacts:read"],
            **more,  # type: ignore[arg-type]
        )  # fmt: skip


def call(client: Client, secret: str, **environ: str) -> tuple[int, str]:
    answer = Program(client, secret)("GET", "/lists", environ_base=environ)
    return answer.status_code, str((answer.get_json() or {}).get("detail", ""))


def test_a_token_ends(client: Client, alice: Person) -> None:
    _, secret = make(alice, days=30)
    _, for_ever = make(alice)

    assert call(client, secret)[0] == 200
    with time_machine.travel(now() + timedelta(days=31)):
        assert call(client, secret) == (
            401, "The time of this token is over. Make a new one in the settings.",
        )  # fmt: skip
        assert call(client, for_ever)[0] == 200


def test_owners_are_told_a_week_before_and_once(client: Client, alice: Person) -> None:
    make(alice, days=30)
    make(alice)
    assert warn_of_tokens() == 0

    with time_machine.travel(now() + timedelta(days=24)):
        assert [warn_of_tokens(), warn_of_tokens()] == [1, 0]

    notice = db.session.scalars(sa.select(Notice)).one()
    assert (notice.kind, notice.to_email) == ("token_expires", "alice@bakery.example")
    assert "Till" in notice.subject


@pytest.mark.parametrize(
    ("networks", "address", "status"),
    [
        ("203.0.113.0/24", "203.0.113.77", 200),
        ("203.0.113.0/24", "203.0.114.1", 403),
        ("203.0.113.7, 2001:db8::/32", "2001:db8:1::5", 200),
        ("203.0.113.7", "::ffff:203.0.113.7", 200),
        ("203.0.113.7", "::1", 403),
        ("", "198.51.100.1", 200),
    ],
)
def test_a_token_works_from_its_networks_alone(
    client: Client, alice: Person, networks: str, address: str, status: int
) -> None:
    _, secret = make(alice, networks=networks)

    assert call(client, secret, REMOTE_ADDR=address)[0] == status


def test_what_is_no_network_is_refused_beside_the_field(client: Client, alice: Person) -> None:
    client.sign_in(alice)
    form = {"name": "Till", "scopes": "contacts:read", "lasts": "30", "networks": "my office"}

    answer = client.post("/settings/api-tokens", data=form)

    assert answer.status_code == 422
    assert "is no network" in answer.text
    with pytest.raises(Invalid):
        make(alice, networks=" ".join(f"10.0.0.{n}" for n in range(30)))


def test_the_page_says_when_it_ends_and_from_where_it_was_used(
    client: Client, alice: Person
) -> None:
    client.sign_in(alice)
    form = {"name": "Till", "scopes": "contacts:read", "lasts": "0", "networks": "203.0.113.0/24"}
    made = client.post("/settings/api-tokens", data=form).text
    secret = made.partition('id="new-token">')[2].partition("<")[0]
    assert call(client, secret, REMOTE_ADDR="203.0.113.77")[0] == 200

    page = client.get("/settings/api-tokens").text

    assert secret not in page
    assert '<span class="warn">never</span>' in page
    assert "only from 203.0.113.0/24" in page
    assert "from 203.0.113.0/24</span>" in page
    assert "203.0.113.77" not in page


def test_a_token_stands_in_no_log_address_or_table(
    client: Client, alice: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token, secret = make(alice)
    call(client, secret)
    for path in (f"/lists?token={secret}", f"/lists?access_token={secret}", f"/lists?key={secret}"):
        # In an address it is worth nothing.
        assert client.get(f"/api/v1{path}").status_code == 401
    answer = Program(client, secret)("GET", "/campaigns")
    assert answer.status_code == 403

    assert secret not in answer.text
    assert secret not in caplog.text
    for table in Base.metadata.sorted_tables:
        for row in db.session.execute(sa.select(table)):
            assert secret not in repr(tuple(row)), table.name
    assert db.session.scalars(sa.select(AuditEntry.about)).all() == [f"token {token.id}"]
