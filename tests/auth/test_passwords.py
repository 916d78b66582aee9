from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
import time_machine

from app.accounts import opening, relays
from app.accounts.models import Notice, Sender
from app.auth import common, links, passwords, sessions
from app.auth.models import PasswordLink, SignedIn
from app.core import tokens
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid
from tests.conftest import Client, Person


def test_an_account_made_by_the_operator_is_active_and_its_sender_confirmed(app):
    with transaction():
        account, member = opening.open_account(
            business="Bakery", email="Alice@Bakery.example", vouched=True, sender="news@x.example"
        )

    sender = db.session.scalar(sa.select(Sender))
    assert (account.state, account.vouched, member.email) == (
        "active",
        True,
        "alice@bakery.example",
    )
    assert sender.email == "news@x.example"
    assert sender.confirmed_at is not None
    assert relays.for_sender(account.id, "news@x.example").host == "127.0.0.1"


def test_a_registered_account_opens_when_its_owner_sets_a_password(app):
    with transaction():
        account, member = opening.open_account(business="Bakery", email="alice@bakery.example")
        secret = passwords.issue(member)
    assert account.state == "pending"

    with transaction():
        passwords.redeem(secret, "a good long passphrase")

    db.session.refresh(account)
    assert account.state == "active"
    assert passwords.matches(member, "a good long passphrase")


def test_a_link_works_once(app, alice: Person):
    with transaction():
        secret = passwords.issue(alice.member)
        passwords.redeem(secret, "a good long passphrase")

    with pytest.raises(links.DeadLink), transaction():
        passwords.redeem(secret, "another long passphrase")


def test_a_link_expires_after_an_hour(app, alice: Person):
    with transaction():
        passwords.redeem(passwords.issue(alice.member), "a good long passphrase")
        secret = passwords.issue(alice.member)

    with time_machine.travel(now() + timedelta(minutes=61)), pytest.raises(links.DeadLink):
        passwords.find(secret)


def test_setting_a_password_ends_other_links_and_all_sessions_and_says_so(app, alice: Person):
    with transaction():
        passwords.redeem(passwords.issue(alice.member), "a good long passphrase")
        sessions.start(alice.member)
        first, second = passwords.issue(alice.member), passwords.issue(alice.member)

    with transaction():
        passwords.redeem(first, "another long passphrase")

    with pytest.raises(links.DeadLink):
        passwords.find(second)
    assert db.session.scalars(sa.select(SignedIn).where(SignedIn.ended_at.is_(None))).all() == []
    assert db.session.scalars(sa.select(Notice.kind)).all() == ["password_changed"]


def test_only_hashes_are_stored(app, alice: Person):
    with transaction():
        secret = passwords.issue(alice.member)
        passwords.redeem(secret, "a good long passphrase")

    link = db.session.scalar(sa.select(PasswordLink))
    assert link.token_hash == tokens.hashed(secret)
    assert alice.member.password_hash.startswith("scrypt:32768:8:1$")


@pytest.mark.parametrize(
    "password",
    ["short", "aaaaaaaaaa", "1234567890", "qwertyuiop", "Password2024!", "p@ssw0rd123",
     "123456789a", "iloveyou123", "alice@bakery.example", "abcabcabcabc", "          "],
)  # fmt: skip
def test_easy_passwords_are_refused(app, alice: Person, password: str):
    with pytest.raises(Invalid):
        passwords.check_strength(password, email=alice.member.email)


@pytest.mark.parametrize(
    "password", ["sunflower river 12", " leading blank here", "x9-" * 66 + "Zw"]
)
def test_long_and_odd_passwords_are_fine(app, alice: Person, password: str):
    passwords.check_strength(password, email=alice.member.email)


def test_the_three_thousand_commonest_and_all_longer_ones_of_leaks_are_refused(alice: Person):
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    commonest = FREQUENCY_LISTS["passwords"][:3000]
    leaked = common.LEAKED.read_text("utf-8").splitlines()
    assert len(leaked) > 2400

    for password in (*commonest, *leaked, *(word.upper() for word in leaked[:100])):
        assert passwords.judge(password, email="x@y.example").level == 0, password


@pytest.mark.parametrize(
    ("password", "why"),
    [("Alice Baker 1", "are tried first"), ("bakery.alice", "are tried first"),
     ("14031987paris", "Dates"), ("Tr0ub4dour&3", "One word"), ("abcdefgh1234567", "Rows")],
)  # fmt: skip
def test_what_others_can_guess_is_refused_with_advice(alice: Person, password: str, why: str):
    known = passwords.known_about(alice.member)

    with pytest.raises(Invalid, match=why):
        passwords.check_strength(password, email=alice.member.email, known=known)


def test_two_hundred_characters_are_taken_and_blanks_in_front_count(app, alice: Person):
    long = "  " + "kartoffel Brücke 7 " * 11
    assert len(long) > 200
    with transaction():
        passwords.redeem(passwords.issue(alice.member), long)

    assert passwords.matches(alice.member, long)
    assert not passwords.matches(alice.member, long.strip())


def test_advice_comes_while_one_types_and_keeps_nothing(client: Client, alice: Person):
    with transaction():
        path = f"/password/{passwords.issue(alice.member)}"
    assert f'hx-post="{path}/strength"' in client.get(path).text

    def advice(password: str) -> str:
        return client.htmx("POST", f"{path}/strength", data={"password": password}).text

    assert "Use 10 characters or more" in advice("short")
    assert "Too weak" in advice("manchester1")
    assert "Strong" in advice("sunflower river 12")
    assert "sunflower" not in advice("sunflower river 12")
    assert client.post(path, data={"password": "sunflower river 12"}).status_code == 303


def test_a_password_is_the_same_however_its_letters_are_put_together(app, alice: Person):
    with transaction():
        passwords.redeem(passwords.issue(alice.member), "caf\u00e9 am see im winter")

    assert passwords.matches(alice.member, "cafe\u0301 am see im winter")


def test_an_old_hash_is_refreshed(app, alice: Person):
    with transaction():
        alice.member.password_hash = "scrypt:16384:8:1$abc$def"
        passwords.refresh(alice.member, "a good long passphrase")

    assert alice.member.password_hash.startswith("scrypt:32768:8:1$")
