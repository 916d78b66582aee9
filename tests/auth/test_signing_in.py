from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from statistics import median
from time import process_time

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask, Response
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.accounts.models import Member, Membership
from app.auth import passwords, sessions, throttling
from app.auth.models import SignedIn
from app.core import queue_server, tokens, watch
from app.core.clock import now
from app.core.db import db, transaction
from app.extensions import limiter
from tests.api.conftest import Program, make_token
from tests.auth.helpers import PASSWORD, kinds, link
from tests.conftest import Client, Person, make_person
from tests.servers import QueueServer


@pytest.fixture
def ready(alice: Person) -> Person:
    """Alice, with a password."""
    with transaction():
        alice.member.password_hash = passwords.hashed(PASSWORD)
    return alice


@pytest.fixture
def throttled(app) -> Iterator[None]:
    """Limits are on, and nothing is counted yet."""
    limiter.enabled = True
    limiter.reset()
    yield
    limiter.reset()
    limiter.enabled = False


def sign_in(client: Client, email: str = "alice@bakery.example", password: str = PASSWORD, **more):
    return client.post("/sign-in", data={"email": email, "password": password, **more})


def visible(answer: TestResponse) -> str:
    """The page without the tokens against forgery."""
    return re.sub(r"(csrf.token\" (?:content|value)=)\"[^\"]*\"", r"\1", answer.text)


def test_signing_in_starts_a_session_with_a_new_id(client: Client, ready: Person):
    with client.session_transaction() as cookie:
        cookie["planted"] = "by somebody else"

    answer = sign_in(client, email=" ALICE@bakery.example ")

    assert (answer.status_code, answer.location) == (303, "/home")
    row = db.session.scalar(sa.select(SignedIn))
    with client.session_transaction() as cookie:
        assert tokens.hashed(cookie["_user_id"]) == row.token_hash
        assert "planted" not in cookie
    assert client.get("/settings/business").status_code == 200


def test_wrong_password_and_unknown_address_look_the_same(client: Client, ready: Person):
    wrong = sign_in(client, password="not the password")
    unknown = sign_in(client, email="nobody@bakery.example")
    no_address = sign_in(client, email="nobody")

    assert wrong.status_code == unknown.status_code == no_address.status_code == 422
    assert visible(wrong) == visible(unknown).replace("nobody@", "alice@")
    assert b"do not belong together" in wrong.data


def test_somebody_without_a_password_cannot_sign_in(client: Client, alice: Person):
    assert sign_in(client, password="").status_code == 422
    assert sign_in(client).status_code == 422


def test_unknown_addresses_take_as_long(client: Client, ready: Person):
    def took(email: str) -> float:
        begun = process_time()
        sign_in(client, email=email, password="not the password")
        return process_time() - begun

    known = [took("alice@bakery.example") for _ in range(7)]
    unknown = [took("nobody@bakery.example") for _ in range(7)]
    assert 0.6 * median(known) < median(unknown) < 1.6 * median(known)


@pytest.mark.parametrize(
    ("target", "goes"),
    [("/campaigns?x=1", "/campaigns?x=1"), ("//evil.example", "/home"),
     ("/\\evil.example", "/home"),
     ("https://evil.example", "/home"), ("/\t/evil.example", "/home"), ("", "/home")],
)  # fmt: skip
def test_next_leads_only_to_own_pages(client: Client, ready: Person, target: str, goes: str):
    assert sign_in(client, next=target).location == goes


def test_signing_out_ends_the_session_on_the_server(client: Client, ready: Person):
    sign_in(client)
    with client.session_transaction() as cookie:
        secret = cookie["_user_id"]

    client.post("/sign-out")

    assert sessions.find(secret) is None
    assert client.get("/settings/business").status_code == 303


def test_signing_in_refreshes_an_old_hash(client: Client, alice: Person):
    from werkzeug.security import generate_password_hash

    with transaction():
        alice.member.password_hash = generate_password_hash(PASSWORD, "scrypt:16384:8:1")

    assert sign_in(client).status_code == 303

    db.session.refresh(alice.member)
    assert alice.member.password_hash.startswith(passwords.METHOD)


def test_a_reset_ends_other_sessions_and_is_announced(client: Client, ready: Person):
    sign_in(client)
    other = client.application.test_client()
    other.post("/password/forgot", data={"email": "alice@bakery.example"})
    path = link("password_link")

    assert other.post(path, data={"password": "another long passphrase"}).status_code == 303

    assert client.get("/settings/business").status_code == 303
    assert other.get("/settings/business").status_code == 200
    assert kinds() == ["password_link", "password_changed"]


@pytest.mark.parametrize("what", ["new", "spent"])
def test_a_password_that_ends_while_it_is_looked_at_opens_nothing(
    client: Client, ready: Person, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Comparing takes a while, and meanwhile a new one is set, or it is said to be known."""
    matches, new, member_id = passwords.matches, "another long passphrase", ready.member.id

    def end_meanwhile(member: Member | None, password: str) -> bool:
        right = matches(member, password)
        monkeypatch.undo()
        elsewhere = threading.Thread(target=end)
        elsewhere.start()
        elsewhere.join(30)
        return right

    def end() -> None:
        with client.application.app_context(), transaction():
            member = db.session.get_one(Member, member_id)
            if what == "new":
                passwords.redeem(passwords.issue(member), new)
            else:
                passwords.spend(member)

    monkeypatch.setattr(passwords, "matches", end_meanwhile)
    assert sign_in(client).status_code == 422

    assert db.session.scalars(sa.select(SignedIn)).all() == []
    assert sign_in(client).status_code == 422, "it is not brought back either"
    assert sign_in(client, password=new).status_code == (303 if what == "new" else 422)


def test_a_used_link_offers_a_new_one(client: Client, ready: Person):
    client.post("/password/forgot", data={"email": "alice@bakery.example"})
    path = link("password_link")
    client.post(path, data={"password": "another long passphrase"})

    for answer in (client.get(path), client.post(path, data={"password": "third long phrase"})):
        assert answer.status_code == 410
        assert b"Mail me a new link" in answer.data
    assert sign_in(client, password="another long passphrase").status_code == 303


def test_an_expired_link_is_dead(client: Client, ready: Person):
    client.post("/password/forgot", data={"email": "alice@bakery.example"})

    with time_machine.travel(now() + timedelta(minutes=61)):
        assert client.get(link("password_link")).status_code == 410


def test_a_weak_password_leaves_the_link_alive(client: Client, ready: Person):
    client.post("/password/forgot", data={"email": "alice@bakery.example"})
    path = link("password_link")

    weak = client.post(path, data={"password": "password123"})

    assert weak.status_code == 422
    assert b"tries first" in weak.data
    assert b"password123" not in weak.data
    assert client.post(path, data={"password": "sunflower river 12"}).status_code == 303


def test_forgetting_answers_the_same_for_unknown_addresses(client: Client, ready: Person):
    known = client.post("/password/forgot", data={"email": "alice@bakery.example"})
    unknown = client.post("/password/forgot", data={"email": "nobody@bakery.example"})

    assert (known.status_code, known.location, known.data) == (
        unknown.status_code, unknown.location, unknown.data,
    )  # fmt: skip
    assert kinds() == ["password_link", "no_account"]


def test_many_wrong_passwords_are_slowed_down_and_announced_once(
    client: Client, ready: Person, throttled: None
):
    answers = [sign_in(client, password="wrong").status_code for _ in range(8)]

    assert answers == [422] * 5 + [429] * 3
    assert sign_in(client).status_code == 429
    assert kinds() == ["sign_in_attempts"]


def test_right_passwords_do_not_count(client: Client, ready: Person, throttled: None):
    assert {sign_in(client).status_code for _ in range(8)} == {303}


def test_many_wrong_passwords_at_once_are_slowed_down_as_well(
    whole_app: Flask, throttled: None, ready: Person
):
    gate, answers = threading.Barrier(30), []

    def guess(number: int) -> None:
        form = {"email": ready_email, "password": f"guess number {number}"}
        gate.wait(30)
        stranger = FlaskClient(whole_app, Response)
        answers.append(stranger.post("/sign-in", data=form).status_code)
        with whole_app.app_context():
            db.session.remove()

    ready_email = ready.member.email
    threads = [threading.Thread(target=guess, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(answers) == 30
    assert set(answers) == {422, 429}
    assert answers.count(422) <= 5 + 2 * throttling.AT_ONCE


def test_one_password_on_many_accounts_is_slowed_down(
    client: Client, throttled: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(passwords, "_NOBODY", "pbkdf2:sha256:1$salt$0")
    answers = [sign_in(client, email=f"n{n}@x.example").status_code for n in range(62)]

    assert answers[:60] == [422] * 60
    assert answers[61] == 429


def test_a_stranger_elsewhere_does_not_lock_the_owner_out(
    client: Client, ready: Person, throttled: None
):
    for _ in range(8):
        client.post(
            "/sign-in",
            data={"email": "alice@bakery.example", "password": "wrong"},
            environ_base={"REMOTE_ADDR": "203.0.113.7"},
        )

    assert sign_in(client).status_code == 303


def test_wrong_passwords_are_counted_while_the_queue_server_is_away(
    client: Client, ready: Person, throttled: None, queue: QueueServer
):
    queue.stop()
    try:
        answers = [sign_in(client, password="wrong").status_code for _ in range(9)]
    finally:
        queue.start()

    assert answers[0] == 422
    assert answers[-1] == 429


def test_forgotten_passwords_are_limited_per_address(
    client: Client, ready: Person, throttled: None
):
    answers = [
        client.post("/password/forgot", data={"email": "alice@bakery.example"}).status_code
        for _ in range(4)
    ]

    assert answers == [303, 303, 303, 429]
    assert client.post("/password/forgot", data={"email": "x@x.example"}).status_code == 303


def test_pages_with_secrets_are_not_kept_and_send_no_referrer(client: Client, ready: Person):
    page = client.get("/password/nonsense")

    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"


def test_sessions_end_by_themselves(client: Client, ready: Person):
    sign_in(client)

    with time_machine.travel(now() + timedelta(days=31)):
        assert client.get("/settings/business").status_code == 303


def test_a_session_that_is_used_every_day_ends_all_the_same(client: Client, ready: Person):
    sign_in(client)
    begun, statuses = now(), []
    for days in (25, 50, 75, 89, 91):
        with time_machine.travel(begun + timedelta(days=days)):
            statuses.append(client.get("/settings/business").status_code)

    assert statuses == [200, 200, 200, 200, 303]
    with time_machine.travel(begun + timedelta(days=91)):
        assert not sessions.living(ready.member)


def test_what_comes_in_and_what_is_refused_stands_in_the_security_log(
    client: Client, ready: Person, bob: Person, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    # Other tests run programs that set up logging for themselves and switch others off.
    monkeypatch.setattr(watch.log, "disabled", False)
    caplog.set_level(logging.INFO, logger="leadersend.security")
    secret = make_token(ready.account, "contacts:read")
    sign_in(client, password="not the password")
    sign_in(client, email="nobody@bakery.example")
    sign_in(client)
    client.get("/campaigns/4242")
    client.get("/contacts/4242")
    client.get("/staff")
    Program(client, secret)("POST", "/lists", {"name": "x"})
    Program(client, "made up")("GET", "/lists")
    client.get("/nothing/here")
    client.post("/sign-out")
    with transaction():
        db.session.execute(
            sa.update(Membership).where(Membership.member_id == bob.member.id).values(role="viewer")
        )
    client.sign_in(bob)
    client.post("/settings/people/invite", data={"email": "eve@x.example", "role": "owner"})

    lines = [re.sub(r"token=\d+", "token=N", one.getMessage()) for one in caplog.records]
    me, here, bobs = ready.member.id, ready.account.id, bob.member.id
    network = "network=127.0.0.0/24"
    known = f"member={me} account={here} {network}"
    invites = "refused status=403 method=POST view=accounts.invite"
    assert lines == [
        f"sign_in.failed way=password member={me} {network}",
        f"sign_in.failed way=password {network}",
        f"sign_in way=password strong=False member={me} {network}",
        f"refused status=404 method=GET view=campaigns.show {known}",
        f"refused status=404 method=GET view=contacts.show {known}",
        f"refused status=404 method=GET view=staff.console {known}",
        f"refused status=403 method=POST view=api.create_list token=N {network}",
        f"refused status=401 method=GET view=api.get_lists {network}",
        f"sign_out member={me} {network}",
        f"{invites} member={bobs} account={here} {network}",
    ]


def test_links_come_from_the_base_url_not_from_the_request(client: Client, ready: Person):
    client.post(
        "/password/forgot",
        data={"email": "alice@bakery.example"},
        headers={"X-Forwarded-Host": "evil.example", "Host": "127.0.0.1"},
    )

    assert link("password_link").startswith("/password/")


def test_charlie_keeps_his_session_when_alice_resets(client: Client, ready: Person):
    charlie = make_person("charlie@garage.example", "Charlie", "Garage", "owner")
    client.sign_in(charlie)
    with transaction():
        passwords.redeem(passwords.issue(ready.member), "another long passphrase")

    assert client.get("/settings/business").status_code == 200


@pytest.fixture(autouse=True)
def _memory_is_fresh(app) -> Iterator[None]:
    yield
    limiter._storage_dead = False
    queue_server.client().flushall()
