from __future__ import annotations

import json
import re
from dataclasses import replace as changed

import pytest
import sqlalchemy as sa

from app.auth import passkeys, second_factors
from app.auth.models import Passkey, RecoveryCode, SignedIn
from app.config import Config
from app.core import settings as process_settings
from app.core.db import db, transaction
from tests.auth.helpers import code_of, kinds, time_passes
from tests.auth.test_signing_in import ready, sign_in
from tests.conftest import Client, Person
from tests.softkey import PRESENT, SoftKey

__all__ = ["ready"]
OPTIONS, USE = "/sign-in/passkey/options", "/sign-in/passkey"
MINE = "/settings/sign-in/passkeys"


def is_in(client: Client) -> bool:
    return client.get("/settings/business").status_code == 200


def add(client: Client, key: SoftKey, name: str = "Phone"):
    credential = key.make(client.post(f"{MINE}/options").json)
    return client.post(MINE, data={"name": name, "credential": credential})


def use(client: Client, key: SoftKey, **form: str):
    credential = key.use(client.post(OPTIONS).json)
    return client.post(USE, data={"credential": credential, **form})


@pytest.fixture
def key(client: Client, ready: Person) -> SoftKey:
    """Alice's passkey; the client is signed out again."""
    client.sign_in(ready)
    key = SoftKey()
    add(client, key)
    client.post("/sign-out")
    return key


def test_it_is_added_with_recovery_codes_and_a_mail_and_signs_in_alone(
    client: Client, ready: Person
):
    client.sign_in(ready)
    key = SoftKey()

    page = add(client, key)

    assert len(re.findall(r"<li>[a-z0-9-]{14}</li>", page.text)) == 10
    assert kinds() == ["security_changed"]
    row = db.session.scalar(sa.select(Passkey))
    assert (row.name, row.transports, row.used_at) == ("Phone", ["internal"], None)
    client.post("/sign-out")
    assert use(client, key, next="/campaigns").location == "/campaigns"
    assert is_in(client)
    session = db.session.scalars(sa.select(SignedIn).order_by(SignedIn.id.desc())).first()
    assert (session.way, session.is_strong) == ("passkey", True)
    with transaction():
        second_factors.begin(ready.member)

    app = client.post("/settings/sign-in/app", data={"code": code_of(ready.member)})

    assert app.location == "/settings/sign-in"  # the recovery codes that she keeps go on working
    code = re.findall(r"<li>([a-z0-9-]{14})</li>", page.text)[0]
    fresh = client.application.test_client()
    sign_in(fresh)
    assert fresh.post("/sign-in/second", data={"code": code}).status_code == 303
    assert is_in(fresh)


def test_it_is_the_second_step_behind_a_password(client: Client, key: SoftKey):
    assert sign_in(client, next="/campaigns").location == "/sign-in/second"
    options = client.post(OPTIONS).json
    assert len(options["allowCredentials"]) == 1

    assert client.post(USE, data={"credential": key.use(options)}).status_code == 303

    assert is_in(client)


def test_a_password_alone_does_not_do_any_more(client: Client, key: SoftKey):
    sign_in(client)

    assert not is_in(client)


def test_it_cannot_be_played_again(client: Client, key: SoftKey):
    options = client.post(OPTIONS).json
    answer = {"credential": key.use(options)}
    with client.session_transaction() as cookie:
        kept = dict(cookie)
    assert client.post(USE, data=answer).location == "/home"

    thief = client.application.test_client()
    with thief.session_transaction() as cookie:
        cookie.update(kept)

    assert thief.post(USE, data=answer).location.startswith("/sign-in")
    assert not is_in(thief)


@pytest.mark.parametrize(
    "wrong",
    [{"origin": "https://evil.example"}, {"host": "evil.example"}, {"flags": PRESENT},
     {"flags": 0}, {"handle": b"somebody else"}, {"count": -1}, {"id": b"never seen"}],
)  # fmt: skip
def test_answers_that_are_not_right_let_nobody_in(
    client: Client, key: SoftKey, wrong: dict[str, object]
):
    use(client, key)
    client.post("/sign-out")
    other = changed(key, **{"count": key.count, **wrong})

    assert use(client, other).location == "/sign-in"
    assert not is_in(client)


def test_a_key_of_another_device_does_not_sign_for_it(client: Client, key: SoftKey):
    other = SoftKey(id=key.id, handle=key.handle)

    assert use(client, other).location == "/sign-in"
    assert use(client, key).location == "/home"


def test_somebody_elses_passkey_is_not_the_second_step(
    client: Client, key: SoftKey, charlie: Person
):
    other, stranger = SoftKey(), client.application.test_client()
    stranger.sign_in(charlie)
    add(stranger, other)
    stranger.post("/sign-out")
    sign_in(stranger)  # with Alice's password

    assert use(stranger, other).location == "/sign-in"
    assert not is_in(stranger)


@pytest.mark.parametrize("wrong", [{"origin": "https://evil.example"}, {"flags": PRESENT}])
def test_only_good_ones_are_added(client: Client, ready: Person, wrong: dict[str, object]):
    client.sign_in(ready)

    add(client, SoftKey(**wrong))

    assert not db.session.scalars(sa.select(Passkey)).all()
    assert not db.session.scalars(sa.select(RecoveryCode)).all()


EMPTY = {
    "id": "AA", "rawId": "AA", "type": "public-key",
    "response": dict.fromkeys(
        ("clientDataJSON", "attestationObject", "authenticatorData", "signature"), "AA"
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    "garbage",
    ["", "x", "[]", "{}", "null", '{"id": 7, "response": {}}', '{"response": 3}',
     json.dumps(EMPTY)],
)  # fmt: skip
def test_garbage_is_refused_in_peace(client: Client, key: SoftKey, ready: Person, garbage: str):
    client.post(OPTIONS)
    assert client.post(USE, data={"credential": garbage}).status_code == 303
    assert not is_in(client)
    client.sign_in(ready)
    client.post(f"{MINE}/options")

    assert client.post(MINE, data={"name": "X", "credential": garbage}).status_code == 303
    assert len(db.session.scalars(sa.select(Passkey)).all()) == 1


def test_the_same_one_is_not_added_twice(client: Client, key: SoftKey, charlie: Person):
    client.sign_in(charlie)

    add(client, key)

    assert len(db.session.scalars(sa.select(Passkey)).all()) == 1


def test_a_removed_one_opens_nothing(client: Client, key: SoftKey, ready: Person):
    client.sign_in(ready)
    row = db.session.scalar(sa.select(Passkey))
    client.post(f"{MINE}/{row.id}/remove")
    client.post("/sign-out")

    assert use(client, key).location == "/sign-in"
    assert sign_in(client).location == "/home", "and a password is enough again"
    assert not db.session.scalars(sa.select(RecoveryCode)).all()


def test_it_gets_another_name_but_only_from_its_owner(
    client: Client, key: SoftKey, ready: Person, charlie: Person
):
    client.sign_in(ready)
    row = db.session.scalar(sa.select(Passkey))

    assert client.post(f"{MINE}/{row.id}/rename", data={"name": " Key ring "}).status_code == 303
    assert "Key ring" in client.get("/settings/sign-in").text
    client.post(f"{MINE}/{row.id}/rename", data={"name": "x" * 101})
    client.sign_in(charlie)
    assert client.post(f"{MINE}/{row.id}/rename", data={"name": "Mine"}).status_code == 404

    db.session.rollback()
    assert db.session.scalar(sa.select(Passkey.name)) == "Key ring"


def test_it_confirms_who_one_is_but_only_its_owner(
    client: Client, key: SoftKey, ready: Person, charlie: Person
):
    client.sign_in(ready)
    options = client.post(OPTIONS).json
    confirmed = client.post("/confirm/passkey", data={"credential": key.use(options)})
    assert confirmed.location == "/home"

    stranger = client.application.test_client()
    stranger.sign_in(charlie)
    options = stranger.post(OPTIONS).json

    refused = stranger.post("/confirm/passkey", data={"credential": key.use(options)})
    assert refused.location == "/confirm"


def test_adding_one_needs_proof_from_just_now(client: Client, ready: Person):
    client.sign_in(ready)
    time_passes(ready.member)

    assert client.post(f"{MINE}/options").location.startswith("/confirm")
    assert client.post(MINE, data={"name": "X"}).location.startswith("/confirm")


@pytest.mark.parametrize(
    ("address", "possible"),
    [("https://news.example.com", True), ("http://localhost:8000", True),
     ("http://news.example.com", False), ("https://192.0.2.7", False),
     ("http://127.0.0.1:8000", False)],
)  # fmt: skip
def test_they_are_offered_where_browsers_know_them(
    app, settings: Config, address: str, possible: bool
):
    process_settings.configure(changed(settings, BASE_URL=address))

    assert passkeys.are_possible() is possible

    process_settings.configure(settings)
