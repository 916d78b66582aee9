from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from app.auth import code_tries, passwords, second_factors, sessions, steps
from app.auth.models import Authenticator, RecoveryCode, SignedIn, SignInStep
from app.config import Config, load
from app.core import settings as process_settings
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import DomainError, Invalid, TooMany
from tests.auth.helpers import PASSWORD, code_of, kinds, link, set_up_app, time_passes
from tests.auth.test_signing_in import sign_in
from tests.conftest import Client, Person

SECOND = "/sign-in/second"


@pytest.fixture
def codes(alice: Person) -> list[str]:
    """Alice has a password and an app; these are her recovery codes."""
    with transaction():
        alice.member.password_hash = passwords.hashed(PASSWORD)
    return set_up_app(alice.member)


@pytest.fixture(autouse=True)
def _half_a_second_into_a_step() -> Iterator[None]:
    """Codes do not change in the middle of a test."""
    with time_machine.travel(now().replace(second=10, microsecond=0), tick=False):
        yield


def is_in(client: Client) -> bool:
    return client.get("/settings/business").status_code == 200


def test_an_app_is_set_up_and_asked_for_from_then_on(client: Client, alice: Person):
    with transaction():
        alice.member.password_hash = passwords.hashed(PASSWORD)
    other = client.application.test_client()
    other.sign_in(alice)
    client.sign_in(alice)
    assert client.post("/settings/sign-in/app/begin").location == "/settings/sign-in/app"
    page = client.get("/settings/sign-in/app").text
    assert 'src="data:image/svg+xml' in page
    assert client.post("/settings/sign-in/app", data={"code": "000000"}).status_code == 422

    shown = client.post("/settings/sign-in/app", data={"code": code_of(alice.member)}).text

    codes = re.findall(r"<li>([a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{4})</li>", shown)
    assert len(set(codes)) == 10
    assert codes[0] not in client.get("/settings/sign-in").text
    assert not is_in(other)
    assert kinds() == ["security_changed"]
    fresh = client.application.test_client()
    assert sign_in(fresh).location == SECOND
    assert not is_in(fresh)
    code = code_of(alice.member, later_s=30)
    assert fresh.post(SECOND, data={"code": f"{code[:3]} {code[3:]}"}).location == "/home"
    assert is_in(fresh)


def test_the_secret_is_sealed_and_codes_are_hashed(codes: list[str], alice: Person):
    app = db.session.scalar(sa.select(Authenticator))
    plain = second_factors.secret_of(app).replace(" ", "")

    assert plain not in app.sealed_secret
    rows = db.session.scalars(sa.select(RecoveryCode.code_hash)).all()
    assert len(rows) == 10
    assert not {code.replace("-", "") for code in codes} & set(rows)


def test_next_is_kept_over_the_second_step(client: Client, codes: list[str], alice: Person):
    sign_in(client, next="/campaigns?x=1")

    assert client.post(SECOND, data={"code": code_of(alice.member)}).location == "/campaigns?x=1"


def test_a_code_works_once(client: Client, codes: list[str], alice: Person):
    code = code_of(alice.member)
    sign_in(client)
    client.post(SECOND, data={"code": code})
    thief = client.application.test_client()
    sign_in(thief)

    assert thief.post(SECOND, data={"code": code}).status_code == 422
    assert not is_in(thief)


def test_codes_of_other_minutes_are_wrong(client: Client, codes: list[str], alice: Person):
    sign_in(client)

    for seconds in (-90, 90):
        wrong = code_of(alice.member, later_s=seconds)
        assert client.post(SECOND, data={"code": wrong}).status_code == 422
    assert client.post(SECOND, data={"code": code_of(alice.member, later_s=30)}).status_code == 303


def test_a_recovery_code_lets_in_once(client: Client, codes: list[str]):
    sign_in(client)
    answer = client.post(SECOND, data={"code": f" {codes[3].upper()} "})
    again = client.application.test_client()
    sign_in(again)

    assert answer.location == "/settings/sign-in"
    assert "9 are left" in client.get("/settings/sign-in").text
    assert again.post(SECOND, data={"code": codes[3]}).status_code == 422


def test_new_recovery_codes_replace_the_old_ones(client: Client, codes: list[str], alice: Person):
    client.sign_in(alice)

    page = client.post("/settings/sign-in/recovery-codes").text

    assert codes[0] not in page
    with pytest.raises(second_factors.WrongCode), transaction():
        second_factors.check(alice.member, codes[0])


def test_the_fifth_wrong_code_ends_the_try_and_is_announced(client: Client, codes: list[str]):
    sign_in(client)

    answers = [client.post(SECOND, data={"code": "000000"}).status_code for _ in range(6)]

    assert answers == [422] * 5 + [303]
    assert client.get(SECOND).location == "/sign-in"
    assert kinds() == ["code_attempts"]


def test_a_thief_of_the_password_does_not_lock_the_owner_out(
    client: Client, codes: list[str], alice: Person
):
    sign_in(client)
    client.post(SECOND, data={"code": code_of(alice.member)})
    thief = client.application.test_client()
    for _ in range(code_tries.FOR_A_PERSON // steps.TRIES):
        sign_in(thief)
        for _ in range(steps.TRIES):
            thief.post(SECOND, data={"code": "000000"})
    sign_in(thief)
    assert thief.post(SECOND, data={"code": "000000"}).status_code == 429

    client.post("/sign-out")
    sign_in(client)

    assert client.post(SECOND, data={"code": code_of(alice.member, later_s=30)}).status_code == 303
    assert kinds().count("code_attempts") == 1


def test_many_sign_ins_at_once_get_no_more_than_twenty_codes(
    whole_app: Flask, codes: list[str], alice: Person
):
    member_id = alice.member.id
    with transaction():
        secrets = [steps.begin("code", alice.member) for _ in range(40)]
    gate, outcomes = threading.Barrier(40), []

    def guess(secret: str) -> None:
        with whole_app.app_context():
            gate.wait(30)
            try:
                code_tries.check(steps.find("code", secret), "000000", lambda _member: None)
            except DomainError as error:
                outcomes.append(type(error))
            finally:
                db.session.remove()

    threads = [threading.Thread(target=guess, args=(secret,)) for secret in secrets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    looked_at = outcomes.count(second_factors.WrongCode)
    assert (looked_at, outcomes.count(TooMany)) == (code_tries.FOR_A_PERSON, 20)
    tries = sa.select(sa.func.sum(SignInStep.tries)).where(SignInStep.member_id == member_id)
    assert db.session.scalar(tries) == code_tries.FOR_A_PERSON


def test_the_second_step_is_over_after_ten_minutes(client: Client, codes: list[str], alice: Person):
    sign_in(client)

    with time_machine.travel(now() + timedelta(minutes=11)):
        late = client.post(SECOND, data={"code": code_of(alice.member)})
        assert late.location == "/sign-in"
    assert db.session.scalar(sa.select(sa.func.count(SignInStep.id))) == 1


def test_a_new_password_ends_the_second_step_behind_the_old_one(
    client: Client, codes: list[str], alice: Person
):
    client.post("/sign-in", data={"email": alice.member.email, "password": PASSWORD})
    with transaction():
        passwords.redeem(passwords.issue(alice.member), "another long passphrase")

    answer = client.post("/sign-in/second", data={"code": codes[0]})

    assert answer.location == "/sign-in"
    assert client.get("/settings/business").status_code == 303


def test_a_code_is_used_up_by_what_lets_in(
    client: Client, codes: list[str], alice: Person, monkeypatch: pytest.MonkeyPatch
):
    """One transaction: a new password set at that moment ends the step, or the session after it."""
    sign_in(client)
    with monkeypatch.context() as patch:
        patch.setattr(sessions, "start", lambda *_args, **_more: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            client.post("/sign-in/second", data={"code": codes[0]})
    db.session.rollback()
    assert second_factors.unused_recovery_codes(alice.member) == len(codes)

    assert client.post("/sign-in/second", data={"code": codes[0]}).status_code == 303
    assert second_factors.unused_recovery_codes(alice.member) == len(codes) - 1


def test_a_new_password_by_mail_does_not_pass_by_the_second_factor(
    client: Client, codes: list[str], alice: Person
):
    client.post("/password/forgot", data={"email": alice.member.email})

    answer = client.post(link("password_link"), data={"password": "another long passphrase"})

    assert answer.location == SECOND
    assert not is_in(client)
    assert client.post(SECOND, data={"code": code_of(alice.member)}).location == "/home"


def test_turning_it_off_asks_no_more_and_forgets_the_codes(
    client: Client, codes: list[str], alice: Person
):
    client.sign_in(alice)

    client.post("/settings/sign-in/app/remove")

    assert not db.session.scalars(sa.select(RecoveryCode)).all()
    assert not any(
        db.session.scalars(sa.select(SignedIn.is_strong).where(SignedIn.way == "password"))
    )
    assert sign_in(client.application.test_client()).location == "/home"


# Asked of everybody


def test_an_owner_demands_it_of_everybody_with_some_days(
    client: Client, alice: Person, bob: Person
):
    client.sign_in(alice)
    assert "Bob Helper" in client.get("/settings/sign-in").text
    client.post("/settings/sign-in/everybody", data={"days": "3"})
    helper = client.application.test_client()
    with transaction():
        secret = sessions.start(bob.member)
    with helper.session_transaction() as cookie:
        cookie["_user_id"] = secret

    assert "opens only with a second factor" in helper.get("/contacts").text
    with time_machine.travel(now() + timedelta(days=4)):
        for path in ("/contacts", "/home"):
            assert helper.get(path).location == "/settings/sign-in"
        assert helper.post("/lists", data={"name": "New"}).location == "/settings/sign-in"
        assert helper.get("/settings/sign-in").status_code == 200
        assert helper.get("/settings/profile").status_code == 200
        assert helper.post("/settings/sign-in/app/begin").location.startswith("/confirm")
        with transaction():
            db.session.execute(sa.update(SignedIn).values(confirmed_at=now()))
        db.session.expire_all()
        helper.post("/settings/sign-in/app/begin")
        helper.post("/settings/sign-in/app", data={"code": code_of(bob.member)})
        assert helper.get("/contacts").status_code == 200


def test_who_has_none_does_not_demand_it_of_others(client: Client, alice: Person):
    with transaction():
        secret = sessions.start(alice.member)
    with client.session_transaction() as cookie:
        cookie["_user_id"] = secret

    client.post("/settings/sign-in/everybody", data={"days": "0"})

    assert client.get("/contacts").status_code == 200


def test_only_owners_demand_it(client: Client, bob: Person):
    client.sign_in(bob)

    assert client.post("/settings/sign-in/everybody", data={"days": "0"}).status_code == 403


def test_the_console_opens_to_staff_with_a_second_factor(
    client: Client, alice: Person, settings: Config
):
    process_settings.configure(replace(settings, STAFF_SECOND_FACTOR=True))
    with transaction():
        alice.member.staff_roles = ["service"]
        secret = sessions.start(alice.member)
    with client.session_transaction() as cookie:
        cookie["_user_id"] = secret

    for path in ("/staff", "/staff/backups"):
        assert client.get(path).location == "/settings/sign-in"
    assert "Set up a second factor first" in client.get("/settings/sign-in").text
    client.post("/settings/sign-in/app/begin")
    client.post("/settings/sign-in/app", data={"code": code_of(alice.member)})

    assert client.get("/staff/backups").status_code == 200
    with time_machine.travel(now() + timedelta(hours=13)):
        assert client.get("/staff/backups").location == "/confirm?next=/staff/backups"
    process_settings.configure(settings)


@pytest.mark.parametrize(
    ("address", "demands"), [("https://news.example.com", True), ("http://localhost:8000", False)]
)
def test_staff_need_one_unless_the_address_is_this_machine(tmp_path, address: str, demands: bool):
    given = {"LEADERSEND_HOME": str(tmp_path), "BASE_URL": address}

    assert load(given).STAFF_SECOND_FACTOR is demands
    assert load({**given, "STAFF_SECOND_FACTOR": "on"}).STAFF_SECOND_FACTOR


# Proving once more who one is


def test_what_matters_asks_once_more_after_a_while(client: Client, codes: list[str], alice: Person):
    client.sign_in(alice)
    time_passes(alice.member)

    asked = client.post("/settings/sign-in/app/remove")
    assert asked.location == "/confirm?next=/settings/sign-in"
    wrong = client.post("/confirm", data={"password": "not it", "next": "/settings/sign-in"})
    assert wrong.status_code == 422
    right = client.post("/confirm", data={"password": PASSWORD, "next": "/settings/sign-in"})
    assert right.location == "/settings/sign-in"
    assert second_factors.has_app(alice.member)

    assert client.post("/settings/sign-in/app/remove").location == "/settings/sign-in"
    assert not second_factors.has_app(alice.member)


def test_what_was_stolen_before_does_not_share_in_the_proof(
    client: Client, codes: list[str], alice: Person
):
    client.sign_in(alice)
    thief = client.application.test_client()
    with client.session_transaction() as cookie:
        secret = cookie["_user_id"]
    with thief.session_transaction() as cookie:
        cookie["_user_id"] = secret
    assert is_in(thief)

    client.post("/confirm", data={"password": PASSWORD})

    assert is_in(client)
    assert not is_in(thief)


def test_a_code_confirms_as_well_but_not_twice(client: Client, codes: list[str], alice: Person):
    client.sign_in(alice)
    code = code_of(alice.member)

    assert client.post("/confirm", data={"code": code}).location == "/home"
    assert client.post("/confirm", data={"code": code}).status_code == 422


@pytest.mark.parametrize(
    ("path", "back"),
    [("/settings/people/invite", "/settings/people"), ("/settings/people/{}/role",
     "/settings/people"), ("/settings/api-tokens", "/settings/api-tokens")],
)  # fmt: skip
def test_who_may_come_in_is_decided_by_who_has_just_shown_who_they_are(
    client: Client, alice: Person, path: str, back: str
):
    client.sign_in(alice)
    time_passes(alice.member)
    (place,) = alice.member.memberships

    answer = client.post(path.format(place.id), data={"email": "new@x.example", "role": "owner"})

    assert answer.location == f"/confirm?next={back}"
    assert kinds() == []


def test_htmx_is_led_to_confirming_too(client: Client, alice: Person):
    client.sign_in(alice)
    time_passes(alice.member)

    answer = client.htmx("POST", "/settings/sign-in/app/begin")

    assert answer.headers["HX-Redirect"] == "/confirm?next=/settings/sign-in"


def test_an_app_cannot_be_replaced_unnoticed(client: Client, codes: list[str], alice: Person):
    client.sign_in(alice)
    before = db.session.scalar(sa.select(Authenticator.sealed_secret))

    assert client.post("/settings/sign-in/app/begin").status_code == 409
    assert db.session.scalar(sa.select(Authenticator.sealed_secret)) == before


def test_the_operator_helps_who_lost_everything(codes: list[str], alice: Person):
    with transaction():
        second_factors.reset(alice.member)

    assert not second_factors.has_any(alice.member)
    with pytest.raises(Invalid), transaction():
        second_factors.check(alice.member, codes[0])
