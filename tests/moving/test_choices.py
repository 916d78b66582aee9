"""What people chose for themselves travels, and no wish gets weaker; forms come in closed."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.accounts.models import Account
from app.campaigns import greeting
from app.campaigns.models import Campaign, Greeting
from app.contacts import consent, fields, pausing, resting
from app.contacts.models import (
    Consent,
    ContactList,
    Frequency,
    LeavingReason,
    Pause,
    SignUpForm,
)
from app.contacts.signup import building, design
from app.contacts.signup.design import Choice, Design, Question
from app.core.clock import now
from app.core.db import db, transaction
from app.moving import steps
from app.preferences import centre
from tests.conftest import Client, Person
from tests.moving.conftest import again, person, rezipped, take_out, taken_in, unpacked


def list_named(account: Account, name: str) -> ContactList:
    query = sa.select(ContactList).where(
        ContactList.account_id == account.id, ContactList.name == name
    )
    return db.session.scalars(query).one()


def file_of(account: Account) -> Path:
    return Path(unpacked(take_out(account)).path)


@pytest.fixture
def wished(bakery: Account) -> Account:
    """Ada wants a break and little mail, Jörg little mail."""
    with transaction():
        ada, jorg = person(bakery, "ada@example.com"), person(bakery, "jörg@xn--bcher-kva.example")
        pausing.pause(ada, 60)
        pausing.choose(ada, "month")
        pausing.choose(jorg, "week")
    return bakery


def test_pauses_and_frequencies_travel(wished: Account, dora: Account) -> None:
    found = unpacked(take_out(wished)).rows("wishes.csv")
    until = resting.paused(person(wished, "ada@example.com"))
    assert until
    assert [(row["email"], row["paused_until"], row["frequency"]) for row in found] == [
        ("Ada@Example.com", until.until.isoformat(), "month"),
        ("jörg@bücher.example", "", "week"),
    ]

    takein = taken_in(dora, file_of(wished))

    assert takein.counts["wishes"] == {"added": 2}
    ada = person(dora, "ada@example.com")
    there = resting.paused(ada)
    assert there
    assert there.until == until.until
    assert resting.frequency(ada) == "month"
    assert resting.frequency(person(dora, "jörg@xn--bcher-kva.example")) == "week"
    kinds = {row.kind for row in db.session.scalars(sa.select(Consent).where(
        Consent.contact_id == ada.id))}  # fmt: skip
    assert {"paused", "frequency"} <= kinds


@pytest.mark.parametrize(("here", "holds"), [(30, 60), (90, 90)])
def test_of_two_pauses_the_longer_holds(
    wished: Account, out: Path, dora: Account, here: int, holds: int
) -> None:
    taken_in(dora, out)  # before there was any pause
    with transaction():
        pausing.pause(person(dora, "ada@example.com"), here)

    taken_in(dora, file_of(wished))

    there = resting.paused(person(dora, "ada@example.com"))
    assert there
    assert abs(there.until - now() - timedelta(days=holds)) < timedelta(minutes=5)


@pytest.mark.parametrize(("here", "holds"), [("week", "month"), ("month", "month")])
def test_of_two_frequencies_the_lower_holds(
    wished: Account, out: Path, dora: Account, here: str, holds: str
) -> None:
    taken_in(dora, out)
    with transaction():
        for address in ("ada@example.com", "jörg@xn--bcher-kva.example"):
            pausing.choose(person(dora, address), here)

    taken_in(dora, file_of(wished))

    assert resting.frequency(person(dora, "ada@example.com")) == holds
    assert resting.frequency(person(dora, "jörg@xn--bcher-kva.example")) == here


def test_what_somebody_chose_here_later_is_their_last_word(wished: Account, dora: Account) -> None:
    file = file_of(wished)
    taken_in(dora, file)
    with transaction():
        ada = person(dora, "ada@example.com")
        pausing.go_on(ada)
        pausing.choose(ada, "week")

    second = taken_in(dora, file)

    assert second.counts["wishes"] == {"known": 2}
    ada = person(dora, "ada@example.com")
    assert (resting.paused(ada), resting.frequency(ada)) == (None, "week")


def test_odd_wishes_do_no_harm(wished: Account, dora: Account, tmp_path: Path) -> None:
    ada = person(wished, "ada@example.com").id
    jorg = person(wished, "jörg@xn--bcher-kva.example").id

    def spoil(found: dict[str, bytes]) -> None:
        found["wishes.csv"] = (
            "contact_id,email,paused_until,frequency\n"
            f"{ada},x,9999-12-31T23:59:59+00:00,hourly\n{jorg},x,soon,week\n999999,x,,week\n"
        ).encode()

    takein = taken_in(dora, rezipped(file_of(wished), tmp_path / "o.zip", spoil, fix=True))

    assert takein.counts["wishes"] == {"added": 2, "left_out": 1}
    (pause,) = db.session.scalars(sa.select(Pause).where(Pause.account_id == dora.id))
    assert pause.until <= now() + timedelta(days=91)
    (kept,) = db.session.scalars(sa.select(Frequency).where(Frequency.account_id == dora.id))
    assert kept.per == "week"


def test_why_people_left_is_in_the_file(bakery: Account) -> None:
    with transaction():
        left = person(bakery, "left@example.com").id
        db.session.add(
            LeavingReason(account_id=bakery.id, contact_id=left, reason="often", words="Daily!")
        )

    (line,) = unpacked(take_out(bakery)).lines("leaving_reasons.jsonl")

    assert (line["contact_id"], line["reason"], line["words"]) == (left, "often", "Daily!")


# What people may choose


@pytest.fixture
def offered(bakery: Account, alice: Person) -> Account:
    with transaction():
        centre.change(
            bakery, alice.member, words="Less is fine.", pauses=[30], switches={"with_names"},
            goodbye="Farewell.",
        )  # fmt: skip
        news = list_named(bakery, "Newsletter").id
        centre.show_lists(bakery, {news: ("The letter", "Each month")})
        centre.open_these(bakery, {fields.of(bakery.id)["cake"].id})
    return bakery


def test_the_preference_centre_travels(offered: Account, dora: Account) -> None:
    taken_in(dora, file_of(offered))

    made = centre.of(dora)
    assert (made.words, made.goodbye, made.pauses) == ("Less is fine.", "Farewell.", [30])
    assert (made.with_names, made.with_address, made.with_reasons) == (True, False, False)
    (public,) = centre.public_lists(dora).values()
    assert public.list_id == list_named(dora, "Newsletter").id
    assert (public.name, public.description) == ("The letter", "Each month")
    assert [field.key for field in centre.open_fields(dora)] == ["cake"]
    told = unpacked(take_out(dora)).json("preferences.json")
    assert told["centre"] == unpacked(take_out(offered)).json("preferences.json")["centre"]


def test_who_has_chosen_what_to_offer_keeps_that(
    offered: Account, dora: Account, charlie: Person
) -> None:
    with transaction():
        centre.change(dora, charlie.member, words="Ours", pauses=[90], switches=())

    takein = taken_in(dora, file_of(offered))

    assert takein.counts["preferences"] == {"known": 1}
    assert centre.of(dora).words == "Ours"
    assert centre.public_lists(dora) == {}
    assert centre.open_fields(dora) == []


def test_without_any_choice_the_defaults_hold(out: Path, dora: Account) -> None:
    takein = taken_in(dora, out)

    assert "preferences" not in takein.counts
    assert centre.of(dora).pauses == list(resting.PAUSES)


# Sign-up forms

FIRST = "I want news."
SECOND = "I want the bakery's news, by mail."


@pytest.fixture
def form(bakery: Account) -> SignUpForm:
    """Two versions, somebody who came by the first, and a welcome mail."""
    with transaction():
        news = list_named(bakery, "Newsletter")
        made = building.create(bakery, "Website", news)
        say(made, FIRST, news)
        consent.subscribe(
            person(bakery, "info@firm.example"), list_named(bakery, "Shop, online"), source="form",
            wording=FIRST, evidence={"form": made.id, "version": made.version},
        )  # fmt: skip
        say(made, SECOND, news)
        building.set_open(made, is_open=True)
        made.shown, made.sent_in, made.confirmed = 9, 3, 2
        greeting.write(made, from_email="news@bakery.example", subject="Welcome", body="Hello.",
                       is_on=True, by=None)  # fmt: skip
    return made


def say(form: SignUpForm, words: str, list_: ContactList, **more: Any) -> None:
    given = Design(
        language="en", consent=words, accent="#1c6b50",
        questions=(Question("first_name", "First name"), Question("field-cake", "Cake", True)),
        lists=(Choice(list_.id, "Our letter", list_.opt_in),), **more,
    )  # fmt: skip
    building.change(form, name="Website", slug="bakery-news", tells="daily", design=given)


def only_form(account: Account) -> SignUpForm:
    query = sa.select(SignUpForm).where(SignUpForm.account_id == account.id)
    return db.session.scalars(query).one()


def test_forms_come_in_closed_and_say_the_same(
    form: SignUpForm, bakery: Account, dora: Account
) -> None:
    takein = taken_in(dora, file_of(bakery))

    assert takein.counts["signup_forms"] == {"added": 1}
    made = only_form(dora)
    assert (made.name, made.version, made.tells) == ("Website", 3, "daily")
    assert (made.is_open, made.greets) == (False, False)
    assert (made.shown, made.sent_in, made.confirmed) == (9, 3, 2)
    said = building.current(made)
    assert (said.consent, said.accent) == (SECOND, "#1c6b50")
    assert said.questions == building.current(only_form(bakery)).questions
    news = list_named(dora, "Newsletter")
    assert said.lists == (Choice(news.id, "Our letter", news.opt_in),)
    # The address is taken by the bakery's own form, in this installation.
    assert made.slug != "bakery-news"
    with transaction():
        building.set_open(only_form(dora), is_open=True)


def test_where_nobody_has_it_the_address_stays(
    form: SignUpForm, bakery: Account, dora: Account
) -> None:
    file = file_of(bakery)
    with transaction():
        db.session.delete(db.session.get_one(Greeting, form.id))
        db.session.flush()
        db.session.delete(db.session.get_one(SignUpForm, form.id))

    taken_in(dora, file)

    assert only_form(dora).slug == "bakery-news"


def test_the_ledger_names_the_version_that_came_along(
    form: SignUpForm, bakery: Account, dora: Account
) -> None:
    taken_in(dora, file_of(bakery))

    said = db.session.scalars(
        sa.select(Consent).where(Consent.account_id == dora.id, Consent.wording == FIRST)
    ).one()
    number = (said.evidence["form"], said.evidence["version"])
    assert number == (only_form(dora).id, 2)
    kept = db.session.execute(
        sa.text("SELECT design FROM signup_form_version WHERE form_id = :f AND number = :n"),
        {"f": number[0], "n": number[1]},
    ).scalar_one()
    assert FIRST in str(kept)
    assert said.evidence["as_given"]["form"] == form.id


def test_a_form_comes_once(form: SignUpForm, bakery: Account, dora: Account) -> None:
    file = file_of(bakery)
    taken_in(dora, file)
    with transaction():
        only_form(dora).name = "Renamed"

    assert taken_in(dora, file).counts["signup_forms"] == {"known": 1}
    assert taken_in(bakery, file).counts["signup_forms"] == {"known": 1}

    assert only_form(dora).name == "Renamed"
    assert only_form(bakery).is_open


def test_the_welcome_mail_is_there_and_off(
    form: SignUpForm, bakery: Account, dora: Account
) -> None:
    taken_in(dora, file_of(bakery))

    mail = greeting.of(only_form(dora))
    assert (mail.subject, mail.body, mail.from_email) == ("Welcome", "Hello.",
                                                          "news@bakery.example")  # fmt: skip
    assert (mail.is_on, mail.campaign_id) == (False, None)
    query = sa.select(Campaign).where(
        Campaign.account_id == dora.id, Campaign.name == "Welcome: Website"
    )
    archive = db.session.scalars(query).one()
    assert (archive.is_archive, archive.state) == (True, "sent")


def test_a_form_that_says_nonsense_can_still_be_shown(
    form: SignUpForm, bakery: Account, dora: Account, client: Client, tmp_path: Path
) -> None:
    def spoil(found: dict[str, bytes]) -> None:
        (row,) = map(json.loads, found["signup_forms.jsonl"].splitlines())
        row["slug"], row["tells"] = "../x y", "hourly"
        row["design"] |= {
            "accent": "red;}", "title": ["x"], "redirect": "https://elsewhere.example/",
            "lists": [{"id": "x"}, 7, {"id": 424242}], "questions": [{"key": "field-none"}, None],
            "consent": "A" * 9_000, "unknown": 1, "language": "xx",
        }  # fmt: skip
        found["signup_forms.jsonl"] = json.dumps(row).encode() + b"\n" + b'{"id": 8}\n'

    takein = taken_in(dora, rezipped(file_of(bakery), tmp_path / "odd.zip", spoil, fix=True))

    assert takein.counts["signup_forms"] == {"added": 1, "left_out": 1}
    made = only_form(dora)
    said = building.current(made)
    assert building.SLUG.fullmatch(made.slug)
    assert (said.lists, said.questions, said.redirect, said.accent) == ((), (), "", "")
    assert len(said.consent) == design.TEXT
    assert "This form is closed" in client.get(f"/f/{made.slug}").text


def test_beyond_what_an_account_can_have_forms_are_put_away(
    form: SignUpForm, bakery: Account, dora: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "MOST", 1)
    with transaction():
        building.create(dora, "Ours", None)

    taken_in(dora, file_of(bakery))

    query = sa.select(SignUpForm.archived_at).where(
        SignUpForm.account_id == dora.id, SignUpForm.name == "Website"
    )
    assert isinstance(db.session.scalars(query).one(), datetime)


def test_many_small_chunks_are_the_same(
    form: SignUpForm, wished: Account, dora: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "CHUNK", 1)

    takein = again(taken_in(dora, file_of(wished), budget_s=0.0))

    assert takein.counts["signup_forms"] == {"added": 1}
    assert takein.counts["wishes"] == {"added": 2}
