from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
import time_machine
from werkzeug.security import generate_password_hash

from app.accounts import api_tokens
from app.accounts.models import ApiToken, Notice
from app.auth import passwords, second_factors
from app.auth.models import KnownBrowser, Passkey
from app.core.clock import now
from app.core.db import db, transaction
from tests.api.conftest import Program
from tests.auth.helpers import PASSWORD, kinds, link, set_up_app, time_passes
from tests.auth.test_signing_in import ready, sign_in, throttled
from tests.conftest import Client, Person

__all__ = ["ready", "throttled"]
ELSEWHERE = {"REMOTE_ADDR": "203.0.113.7"}
EMAIL = "alice@bakery.example"


def enter(client: Client, agent: str = "", **environ: str):
    return client.post(
        "/sign-in",
        data={"email": EMAIL, "password": PASSWORD},
        environ_base=environ or {"REMOTE_ADDR": "127.0.0.1"},
        headers={"User-Agent": agent} if agent else {},
    )


def make_a_token(person: Person, *, ago: timedelta) -> tuple[int, str]:
    token, secret = api_tokens.make(
        person.account, person.member, name="Till", scopes=("contacts:read",)
    )
    token.created_at = now() - ago
    return token.id, secret


def test_the_first_sign_in_ever_is_no_news(client: Client, ready: Person):
    enter(client)

    assert kinds() == []


def test_a_new_browser_elsewhere_is_told_by_mail(client: Client, ready: Person):
    enter(client)

    enter(client.application.test_client(), "Mozilla/5.0 (Linux) Firefox/150.0", **ELSEWHERE)

    assert kinds() == ["sign_in_new"]
    mail = db.session.scalar(sa.select(Notice.text))
    assert "Firefox on Linux, network 203.0.113.0/24" in mail


def test_a_known_browser_that_travels_is_no_news(client: Client, ready: Person):
    enter(client)
    client.post("/sign-out")

    enter(client, **ELSEWHERE)

    assert kinds() == []


def test_not_me_shuts_the_thief_out_and_undoes_what_they_added(client: Client, ready: Person):
    enter(client)
    thief = client.application.test_client()
    enter(thief, "Mozilla/5.0 (Windows) Chrome/150.0", **ELSEWHERE)
    with transaction():
        db.session.add(
            Passkey(member_id=ready.member.id, name="x", credential_id="x", public_key="x")
        )
    with transaction():
        before, _ = make_a_token(ready, ago=timedelta(days=9))
        since, secret = make_a_token(ready, ago=timedelta(0))
    set_up_app(ready.member)
    invited = {"email": "friend@evil.example", "role": "owner"}
    thief.post("/settings/people/invite", data=invited)
    door = link("invitation")
    assert client.get(door).status_code == 200
    path = link("sign_in_new")
    reader = client.application.test_client()
    assert reader.get(path).status_code == 200
    assert thief.get("/settings/business").status_code == 200, "looking changes nothing"

    assert reader.post(path).location == "/sent"

    assert thief.get("/settings/business").status_code == 303
    assert client.get("/settings/business").status_code == 303
    assert enter(thief, **ELSEWHERE).status_code == 422, "the password is dead"
    assert not second_factors.has_any(ready.member)
    assert client.get(door).status_code == 410
    assert Program(client, secret)("GET", "/lists").status_code == 401
    living = sa.select(ApiToken.id).where(ApiToken.revoked_at.is_(None))
    assert db.session.scalars(living).all() == [before] != [since]
    assert kinds()[-1] == "password_link"
    assert len(db.session.scalars(sa.select(KnownBrowser)).all()) == 1
    new = "another long passphrase"
    assert reader.post(link("password_link"), data={"password": new}).location == "/home"
    assert reader.post(path).status_code == 410


def test_what_the_owner_had_before_stays(client: Client, ready: Person):
    enter(client)
    with transaction():
        db.session.add(
            Passkey(
                member_id=ready.member.id, name="mine", credential_id="x", public_key="x",
                created_at=now() - timedelta(days=9),
            )
        )  # fmt: skip
    with time_machine.travel(now() + timedelta(minutes=1)), transaction():
        from app.auth import alarms

        alarms.tell_of_sign_in(ready.member, network="", browser="Chrome")
        alarms.sound(link("sign_in_new").removeprefix("/not-me/"))

    assert [row.name for row in db.session.scalars(sa.select(Passkey))] == ["mine"]


def test_not_me_brings_the_address_back_that_a_thief_has_changed(client: Client, ready: Person):
    enter(client)
    thief = client.application.test_client()
    enter(thief, **ELSEWHERE)
    for address in ("one@evil.example", "two@evil.example"):
        thief.post("/settings/profile/email", data={"email": address})
        thief.post(link("email_change"))

    client.post(link("sign_in_new"))

    db.session.refresh(ready.member)
    assert ready.member.email == EMAIL
    newest = db.session.scalar(sa.select(Notice).order_by(Notice.id.desc()))
    assert (newest.kind, newest.to_email) == ("password_link", EMAIL)
    assert client.post(link("email_changed")).status_code == 410


def test_people_who_share_a_browser_are_known_apart(client: Client, ready: Person, charlie: Person):
    with transaction():
        charlie.member.password_hash = passwords.hashed(PASSWORD)
    planted = sign_in(client, email="charlie@garage.example").headers.getlist("Set-Cookie")
    client.post("/sign-out")
    enter(client)
    client.post("/sign-out")
    thief = client.application.test_client()
    secret = next(c for c in planted if "known" in c).partition("=")[2].partition(";")[0]
    thief.set_cookie("leadersend-known", secret)

    enter(thief, "Firefox", **ELSEWHERE)
    assert kinds() == ["sign_in_new"], "Charlie's cookie does not make Alice known"

    sign_in(client, email="charlie@garage.example")
    client.post("/sign-out")
    enter(client, "Safari", **ELSEWHERE)
    assert kinds() == ["sign_in_new"], "both are known in the browser that they share"


def test_the_link_of_the_mail_dies_after_two_weeks(client: Client, ready: Person):
    enter(client)
    enter(client.application.test_client(), **ELSEWHERE)

    with time_machine.travel(now() + timedelta(days=15)):
        assert client.get(link("sign_in_new")).status_code == 410


def test_the_old_address_takes_a_change_back(client: Client, ready: Person):
    client.sign_in(ready)
    client.post("/settings/profile/email", data={"email": "thief@evil.example"})
    client.post(link("email_change"))
    path = link("email_changed")
    assert path.startswith("/email/back/")
    assert client.get(path).status_code == 200
    db.session.refresh(ready.member)
    assert ready.member.email == "thief@evil.example"

    assert client.post(path).location == "/sent"

    db.session.refresh(ready.member)
    assert ready.member.email == EMAIL
    assert client.get("/settings/business").status_code == 303
    assert sign_in(client).status_code == 422
    newest = db.session.scalar(sa.select(Notice).order_by(Notice.id.desc()))
    assert (newest.kind, newest.to_email) == ("password_link", EMAIL)
    assert client.post(path).status_code == 410


def test_a_change_stands_after_seven_days(client: Client, ready: Person):
    client.sign_in(ready)
    client.post("/settings/profile/email", data={"email": "alice@new.example"})
    client.post(link("email_change"))

    with time_machine.travel(now() + timedelta(days=8)):
        assert client.post(link("email_changed")).status_code == 410


def test_changing_the_address_asks_once_more_who_one_is(client: Client, ready: Person):
    client.sign_in(ready)
    time_passes(ready.member)

    answer = client.post("/settings/profile/email", data={"email": "alice@new.example"})

    assert answer.location == "/confirm?next=/settings/profile"
    assert kinds() == []


def test_strangers_everywhere_do_not_keep_the_owner_out_of_her_browser(
    client: Client, ready: Person, throttled: None
):
    enter(client)
    client.post("/sign-out")
    stranger = client.application.test_client()
    for n in range(7):  # on her own network, where the limits are tight
        wrong = {"email": EMAIL, "password": f"wrong {n}"}
        answer = stranger.post("/sign-in", data=wrong)
    assert answer.status_code == 429

    assert enter(client).status_code == 303
    assert enter(stranger).status_code == 429


def test_a_thousand_passwords_from_everywhere_end_early_and_not_for_the_owner(
    client: Client, ready: Person, throttled: None
):
    enter(client)
    client.post("/sign-out")
    with transaction():  # a hash that costs nothing, for the sake of the test's time
        ready.member.password_hash = generate_password_hash(PASSWORD, "pbkdf2:sha256:1")
    stranger = client.application.test_client()

    answers = [
        stranger.post(
            "/sign-in",
            data={"email": EMAIL, "password": f"wrong {n}"},
            environ_base={"REMOTE_ADDR": f"203.0.{n % 250}.7"},
        ).status_code
        for n in range(130)
    ]

    assert answers == [422] * 100 + [429] * 30
    assert kinds() == ["sign_in_attempts"]
    assert enter(client).status_code == 303


def test_passwords_that_are_spent_are_none(ready: Person):
    with transaction():
        passwords.spend(ready.member)

    assert not passwords.has_password(ready.member)
    assert not passwords.matches(ready.member, PASSWORD)
    assert not passwords.matches(ready.member, passwords.SPENT)
