"""Files that a new account brings are looked at before anybody of them is taken in."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
import time_machine

from app.accounts import ladder
from app.accounts.models import Notice
from app.contacts import (
    consent,
    importing,
    jobs,
    lists,
    suppressions,
    uploads,
    vetting,
    writing,
)
from app.contacts.models import Contact, Import, ImportReview, Suppression
from app.core.clock import now
from app.core.db import db, transaction
from app.mailer.lookup import Away
from app.moving import taking_out
from tests.api.conftest import Program, make_token
from tests.conftest import Client, Person, make_person
from tests.moving.conftest import looked_at, rezipped, stored, take_out
from tests.trust.conftest import look_into

pytestmark = pytest.mark.usefixtures("ladder_on")
GOOD = [f"person{n}@mail{n % 7}.example" for n in range(300)]


def nothing_known(name: str, kind: str) -> list[str]:
    raise Away


@pytest.fixture(autouse=True)
def silent_dns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vetting, "Resolver", lambda: nothing_known)


def bring(person: Person, addresses: Sequence[str], basis: str = "From our till") -> Import:
    text = "email\n" + "\n".join(addresses) + "\n"
    return importing.stage(
        person.account, io.BytesIO(text.encode()), "people.csv", basis=basis,
        member_id=person.member.id,
    )  # fmt: skip


def state(import_: Import) -> str:
    db.session.rollback()
    return db.session.get_one(Import, import_.id, populate_existing=True).state


def held(import_: Import) -> ImportReview:
    db.session.rollback()
    review = vetting.review_of(import_)
    assert review is not None
    return review


def codes(review: ImportReview) -> list[str]:
    return [finding["code"] for finding in review.findings]


def test_a_clean_file_is_taken_in_at_once(alice: Person) -> None:
    import_ = bring(alice, GOOD)

    jobs.run_import(import_.id)

    assert state(import_) == "finished"
    assert vetting.review_of(import_) is None


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ([f"info@shop{n}.example" for n in range(80)], "role"),
        ([f"x{n}@mailinator.com" for n in range(20)], "disposable"),
        ([f"spamtrap{n}@b.example" for n in range(9)], "traps"),
        ([f"p{n}@gmial.com" for n in range(60)], "typos"),
    ],
)
def test_a_file_that_speaks_against_itself_is_held(
    alice: Person, bad: list[str], code: str
) -> None:
    import_ = bring(alice, [*GOOD, *bad])

    jobs.run_import(import_.id)

    assert state(import_) == "held"
    assert code in codes(held(import_))
    assert db.session.scalar(sa.select(sa.func.count(Contact.id))) == 0
    assert db.session.scalars(sa.select(Notice.subject)).all() == [
        "Your file waits to be looked at"
    ]
    for sample in held(import_).samples:
        assert "•••" in sample
        assert sample not in bad


def test_domains_that_take_no_mail_are_counted_and_silence_is_not(alice: Person) -> None:
    import_ = bring(alice, [*GOOD, *(f"p{n}@no-such-place.org" for n in range(60))])

    def dns(name: str, kind: str) -> list[str]:
        assert name == "no-such-place.org"
        return []

    assert not vetting.look(import_.id, resolver=lambda: nothing_known)
    assert vetting.look(import_.id, resolver=lambda: dns)
    assert codes(held(import_)) == ["nowhere"]


def test_people_whom_others_must_not_mail_count_without_a_name(
    alice: Person, charlie: Person
) -> None:
    other = make_person("dora@florist.example", "Dora", "Florist", "owner")
    with transaction():
        for person in (charlie, other):
            for address in GOOD[:40]:
                suppressions.add(person.account.id, address, reason="bounced")
    import_ = bring(alice, GOOD)

    assert vetting.look(import_.id, resolver=lambda: nothing_known)

    (finding,) = held(import_).findings
    assert finding["words"].startswith("40 of 300 that were compared")
    assert "person" not in finding["words"]


def test_one_other_account_alone_tells_nothing(alice: Person, charlie: Person) -> None:
    with transaction():
        for address in GOOD:
            suppressions.add(charlie.account.id, address, reason="bounced")

    assert not vetting.look(bring(alice, GOOD).id, resolver=lambda: nothing_known)


def test_a_huge_file_of_a_new_account_is_held_by_its_size(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vetting, "ROWS", 400)
    monkeypatch.setattr(importing, "CHUNK", 200)
    import_ = bring(alice, [f"p{n:06}@example.com" for n in range(21_000)])

    assert vetting.look(import_.id, resolver=lambda: nothing_known)

    (finding,) = held(import_).findings
    assert finding["code"] == "size"
    assert "about 21,0" in finding["words"] or "about 20,9" in finding["words"]


def test_the_owner_answers_and_staff_lets_it_in(
    alice: Person, olga: Person, client: Client
) -> None:
    import_ = bring(alice, [*GOOD, *(f"info@shop{n}.example" for n in range(80))])
    jobs.run_import(import_.id)
    client.sign_in(alice)
    page = client.get("/settings/standing").text
    assert "are desks such as info@" in page
    at = f"/settings/standing/files/{import_.id}"
    assert client.post(at, data={"text": " "}).status_code == 422
    assert client.post(at, data={"text": "They are our wholesale customers."}).status_code == 303
    assert "waits to be looked at" in client.get(f"/imports/{import_.id}").text

    client.sign_in(olga)
    desk = client.get(look_into(client, alice)).text
    assert "They are our wholesale customers." in desk
    assert "@shop" not in desk
    review = held(import_)
    done = client.post(
        f"/staff/abuse/accounts/{alice.account.id}/files/{review.id}/release",
        data={"words": "Shops, then."},
    )
    assert done.status_code == 303
    jobs.run_import(import_.id)

    assert state(import_) == "finished"
    assert held(import_).samples == []
    assert db.session.scalar(sa.select(sa.func.count(Contact.id))) == 380


def test_a_refused_file_goes_and_nobody_of_it_came(
    alice: Person, olga: Person, client: Client
) -> None:
    import_ = bring(alice, [*GOOD, *(f"spamtrap{n}@b.example" for n in range(9))])
    jobs.run_import(import_.id)
    client.sign_in(olga)
    look_into(client, alice)
    at = f"/staff/abuse/accounts/{alice.account.id}/files/{held(import_).id}"

    client.post(f"{at}/refuse", data={"words": ""})
    assert state(import_) == "held"
    assert client.post(f"{at}/refuse", data={"words": "A bought list."}).status_code == 303

    assert state(import_) == "failed"
    assert not uploads.path_of(import_.stored_as).exists()
    assert db.session.scalar(sa.select(sa.func.count(Contact.id))) == 0
    assert client.post(f"{at}/release", data={}).status_code == 409
    assert client.post(f"{at}/none", data={}).status_code == 404


def test_whom_the_operator_vouches_for_is_not_looked_at(alice: Person) -> None:
    with transaction():
        alice.account.vouched = True
    import_ = bring(alice, [f"spamtrap{n}@b.example" for n in range(300)])

    jobs.run_import(import_.id)

    assert state(import_) == "finished"


def test_a_take_out_is_no_way_round_the_look(alice: Person, charlie: Person) -> None:
    with transaction():
        news = lists.create(alice.account, "News")
        for address in [*GOOD[:150], *(f"info@shop{n}.example" for n in range(60))]:
            consent.subscribe(writing.create(alice.account, address), news, source="hand")
        alice.account.vouched = True
    packed = taking_out.path(take_out(alice.account))

    takein = looked_at(charlie.account, packed)

    assert takein.state == "failed"
    assert "60 of 210 (29%) are desks" in takein.error
    assert "Contacts, Import" in takein.error
    owned = sa.select(sa.func.count()).where(Contact.account_id == charlie.account.id)
    assert db.session.scalar(owned) == 0

    with transaction():
        ladder.move(charlie.account.id, ladder.TOP, words="We know them.", evidence={})
    assert looked_at(charlie.account, packed).state == "ready"


@pytest.mark.parametrize(
    ("status", "bar", "words"),
    [
        ("x", "", "60 of 210 (29%) are desks"),
        ("bounced", "bounced", "60 of 210 (29%) are desks"),  # the account could lift it
        ("unsubscribed", "", ""),
        ("unsubscribed", "account", ""),
        ("unsubscribed", "unsubscribed", ""),
    ],
)
def test_nobody_is_past_the_look_by_what_a_take_out_says_of_them(
    alice: Person, charlie: Person, tmp_path: Path, status: str, bar: str, words: str
) -> None:
    desks = [f"info@shop{n}.example" for n in range(60)]
    with transaction():
        for address in [*GOOD[:150], *desks]:
            writing.create(alice.account, address)
        for address in desks if bar else ():
            suppressions.add(alice.account.id, address, reason=bar)

    def forge(found: dict[str, bytes]) -> None:
        lines = found["contacts.csv"].decode().replace(f",{bar},", ",,").split("\r\n")
        at = lines[0].split(",").index("status")
        cells = [line.split(",") for line in lines]
        for row in cells[1:]:
            if "info@" in ",".join(row):
                row[at] = status
        found["contacts.csv"] = "\r\n".join(map(",".join, cells)).encode()

    path = taking_out.path(take_out(alice.account))
    takein = looked_at(charlie.account, rezipped(path, tmp_path / "forged.zip", forge, fix=True))

    assert words in takein.error
    assert (takein.state == "failed") == bool(words)
    if takein.state == "ready":
        assert stored(charlie.account, takein).state == "finished"
    mailable = sa.select(sa.func.count()).where(
        Contact.account_id == charlie.account.id,
        Contact.address.in_(desks),
        Contact.address.not_in(
            sa.select(Suppression.address).where(
                Suppression.account_id == charlie.account.id,
                Suppression.reason.in_(suppressions.BY_PERSON),
            )
        ),
    )
    assert db.session.scalar(mailable) == 0


def test_a_program_brings_a_days_worth_of_people_whom_nobody_asks(
    client: Client, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ladder, "STEPS", (ladder.Step(2, 10), *ladder.STEPS[1:]))
    with transaction():
        single = lists.create(alice.account, "News").id
        asking = lists.create(alice.account, "Letters", opt_in="double").id
    program = Program(client, make_token(alice.account))

    def add(name: str, list_id: int) -> int:
        return program(
            "POST", "/contacts", {"email": f"{name}@home.example", "lists": [list_id]}
        ).status_code

    assert [add(f"p{n}", single) for n in range(3)] == [201, 201, 429]
    assert add("q", asking) == 201, "they are asked"
    known = db.session.scalar(sa.select(Contact.id).where(Contact.address == "q@home.example"))
    more = program("PATCH", f"/contacts/{known}", {"lists": [single]})
    assert (more.status_code, "double opt-in" in more.get_json()["detail"]) == (429, True)
    with time_machine.travel(now() + timedelta(days=1)):
        assert add("p3", single) == 201
