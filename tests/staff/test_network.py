"""What was refused is seen by the operator, who bars networks; readers of mails lose nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
import time_machine

from app.accounts.models import AuditEntry, Notice
from app.auth import barring
from app.auth.models import BarredNetwork
from app.contacts import writing
from app.core import watch
from app.core.clock import now
from app.core.db import db, transaction
from app.core.tokens import Purpose, sign
from app.privacy import following
from app.privacy.models import PolicyFollower
from app.sharing import telling
from app.staff import asked
from app.trust import forgetting
from app.trust.models import PersonRequest
from tests.conftest import Client, Person

PAGE = "/staff/network"
ATTACKER = {"REMOTE_ADDR": "203.0.113.66"}
FORM = {"network": "203.0.113.0/24", "reason": "guesses passwords", "days": "7"}


@pytest.fixture
def service(client: Client, sam: Person) -> Iterator[Client]:
    """Sam looks after the machines."""
    with transaction():
        db.session.merge(sam.member).staff_roles = ["service"]
    client.sign_in(sam)
    barring.forget()
    yield client
    barring.forget()


def attack(client: Client, path: str = "/sign-in") -> int:
    stranger = client.application.test_client()
    form = {"email": "alice@bakery.example", "password": "guess"}
    return stranger.post(path, data=form, environ_base=ATTACKER).status_code


def test_what_was_refused_is_counted_by_kind_day_and_network(service: Client) -> None:
    for _ in range(3):
        attack(service)
    service.get("/contacts/4242")

    page = service.get(PAGE).text

    assert watch.KINDS["sign_in.failed"] in page
    assert watch.refused().kinds == {"sign_in.failed": 3, "refused 404": 1}
    assert watch.refused().networks == {"203.0.113.0/24": 3, "127.0.0.0/24": 1}
    assert "203.0.113.66" not in page, "networks, not people"
    assert 'href="/staff/network?network=203.0.113.0/24#bar"' in page
    assert 'value="203.0.113.0/24"' in service.get(f"{PAGE}?network=203.0.113.0/24").text


def test_a_barred_network_gets_nothing_but_what_readers_need(
    service: Client, alice: Person
) -> None:
    assert attack(service) == 422
    assert service.post(PAGE, data=FORM).status_code == 303

    assert attack(service) == 403
    assert attack(service, "/api/v1/contacts") == 403
    stranger = service.application.test_client()
    for path in ("/", "/register", "/settings/preferences"):
        assert stranger.get(path, environ_base=ATTACKER).status_code == 403
    leaving = f"/u/{sign(Purpose.UNSUBSCRIBE, 1)}"
    assert stranger.get(leaving, environ_base=ATTACKER).status_code != 403
    assert service.get(PAGE).status_code == 200, "others come in as ever"
    assert "from a network that is barred" in service.get(PAGE).text

    with time_machine.travel(now().replace(year=now().year + 1)):
        barring.forget()
        assert attack(service) != 403, "it ends by itself"
    barring.forget()
    row = barring.living()[0]
    assert service.post(f"{PAGE}/{row.id}/lift").status_code == 303
    assert attack(service) == 422
    verbs = sa.select(AuditEntry.verb).where(AuditEntry.verb.startswith("network"))
    assert db.session.scalars(verbs.order_by(AuditEntry.id)).all() == [
        "network.bar",
        "network.lift",
    ]


def test_mails_of_the_operator_are_answered_from_everywhere(
    service: Client, sam: Person, alice: Person
) -> None:
    assert service.post(PAGE, data=FORM).status_code == 303
    with transaction():
        following.ask("reader@home.example")
        writing.create(alice.account, "reader@home.example")
        for email, kind in (("reader@home.example", "erase"), ("other@home.example", "stop")):
            row = asked.open_(sam.member, "erasing", email=email, kind=kind, reference="letter")
            asked.ask(row, sam.member)
    texts = db.session.scalars(sa.select(Notice.text).order_by(Notice.id)).all()
    mails = re.findall(r"/(?:privacy/follow|your-request)/\S+", " ".join(texts))
    follow, request, declined = mails
    follower = db.session.scalars(sa.select(PolicyFollower)).one().id
    leave = following.links(follower).leave.removeprefix("http://localhost")
    never = telling.never_link("reader@home.example").removeprefix("http://localhost")
    stranger = service.application.test_client()

    def send(path: str, **form: object) -> int:
        shown = stranger.get(path.removesuffix("/not-me"), environ_base=ATTACKER)
        assert shown.status_code == 200
        return stranger.post(path, data=form, environ_base=ATTACKER).status_code

    assert send(follow) == 200
    assert following.is_following(leave.rpartition("/")[2])
    assert send(leave) == send(never) == 200
    assert send(request, account=alice.account.id) == send(f"{declined}/not-me") == 200

    assert not following.is_following(leave.rpartition("/")[2])
    assert telling.is_never(never.rpartition("/")[2])
    states = sa.select(PersonRequest.state).order_by(PersonRequest.id)
    assert db.session.scalars(states).all() == ["confirmed", "declined"]
    assert stranger.get("/privacy/follow", environ_base=ATTACKER).status_code == 403


def test_a_network_is_forgotten_once_it_is_not_barred_any_more(service: Client) -> None:
    service.post(PAGE, data=FORM)
    service.post(PAGE, data={**FORM, "network": "198.51.100.0/24", "days": "30"})
    networks = sa.select(BarredNetwork.network).order_by(BarredNetwork.id)

    forgetting.keep("barred_networks")
    assert db.session.scalars(networks).all() == ["203.0.113.0/24", "198.51.100.0/24"]

    with time_machine.travel(now() + timedelta(days=8)):
        forgetting.keep("barred_networks")
    assert db.session.scalars(networks).all() == ["198.51.100.0/24"]


@pytest.mark.parametrize(
    ("network", "words"),
    [
        ("127.0.0.0/24", "You are in that network yourself."),
        ("0.0.0.0/0", "too much at once"),
        ("10.0.0.0/7", "too much at once"),
        ("somewhere", "Write 203.0.113.7"),
    ],
)
def test_nobody_bars_themselves_or_everybody(service: Client, network: str, words: str) -> None:
    answer = service.post(PAGE, data={**FORM, "network": network})

    assert answer.status_code == 422
    assert words in answer.text
    assert not barring.living()


@pytest.mark.parametrize("roles", [[], ["support"], ["marketing"]])
def test_the_page_is_not_there_for_others(client: Client, sam: Person, roles: list[str]) -> None:
    with transaction():
        db.session.merge(sam.member).staff_roles = roles
    client.sign_in(sam)

    assert client.get(PAGE).status_code == 404
    assert client.post(PAGE, data=FORM).status_code == 404
