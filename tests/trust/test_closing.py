"""An owner closes the account: undone for fourteen days, then nobody of it is anywhere."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
import time_machine

from app.accounts import notices
from app.accounts.models import Account, Member, Notice
from app.billing import contracts
from app.billing.provider import PaymentsAway
from app.billing.stripe import Stripe
from app.campaigns.models import Campaign
from app.contacts import chaining as ledger
from app.contacts import consent, importing, lists, suppressions, verifying, writing
from app.contacts.models import Consent, ConsentCheck, Contact
from app.contacts.suppressions import address_hash
from app.core.clock import now
from app.core.db import Base, db, transaction
from app.core.errors import WrongState
from app.desk import tickets
from app.moving import taking_out
from app.trust import closing, suspending
from app.trust.models import ClosedAccount, Closing, KeptOut
from tests.billing.conftest import look_again, payments, plans
from tests.conftest import Client, Person
from tests.delivery.conftest import work
from tests.faultserver import FaultServer
from tests.paymentserver import PaymentServer

__all__ = ["payments", "plans"]

Make = Callable[..., Campaign]
READERS = [f"reader{n}@garden.example" for n in range(12)]
LATER = timedelta(days=15)


def close(person: Person) -> None:
    with transaction():
        closing.begin(person.account, person.member, name=person.account.name)


def everywhere(home: Path) -> Iterator[str]:
    """Every text of the database, and of every file of the data folder."""
    db.session.rollback()
    for table in Base.metadata.sorted_tables:
        for row in db.session.execute(sa.select(table)):
            yield f"{table.name}: {' '.join(map(str, row))}"
    for path in home.rglob("*"):
        if path.is_file():
            yield f"{path.name}: {path.read_bytes().decode('latin-1')}"


def left_of(home: Path, *words: str) -> set[str]:
    return {text[:60] for text in everywhere(home) for word in words if word in text.lower()}


@pytest.fixture
def used(alice: Person, bob: Person, campaign_to: Make, to_server: FaultServer) -> Person:
    """Everything that leaves an address somewhere."""
    campaign = campaign_to([*READERS, "r5@refused.example"])
    work(campaign, rounds=3)
    text = "email\n" + "\n".join(READERS) + "\nnot an address at garden.example\n"
    import_ = importing.stage(
        alice.account, io.BytesIO(text.encode()), "garden.csv", basis="Till",
        member_id=alice.member.id,
    )  # fmt: skip
    while importing.run(import_.id):
        pass
    with transaction():
        suppressions.add(alice.account.id, READERS[0], reason="unsubscribed")
        takeout = taking_out.start(alice.account, alice.member)
        tickets.open_(
            email=alice.member.email, name="Alice", text="How?", account=alice.account,
            member=alice.member,
        )  # fmt: skip
    while taking_out.run(takeout.id):
        pass
    return alice


@pytest.mark.flow
def test_nobody_of_a_closed_account_is_anywhere(
    used: Person, charlie: Person, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "SLICE", 5)
    account_id, names = used.account.id, ("garden.example", "refused.example", "bakery")
    assert len(left_of(home, *names)) > 10
    close(used)

    assert closing.tend() == 0
    with time_machine.travel(now() + LATER, tick=True):
        assert closing.tend() == 1
        # The last mails leave, and are forgotten.
        with transaction():
            db.session.execute(sa.update(Notice).values(due_at=now()))
        mails = db.session.scalars(sa.select(Notice)).all()
        assert sorted(mail.to_email for mail in mails) == [
            "alice@bakery.example", "bob@bakery.example",
        ]  # fmt: skip
        from app.mailer.smtp import Outcome

        for mail in mails:
            with transaction():
                notices._record(mail, Outcome(mail.id, "accepted"))

    assert left_of(home, *names) == set()
    assert db.session.scalars(sa.select(Account.id)).all() == [charlie.account.id]
    assert db.session.scalars(sa.select(Member.email)).all() == ["charlie@garage.example"]
    kept = db.session.scalars(sa.select(KeptOut.address_hash)).all()
    assert address_hash(account_id, READERS[0]) in kept
    assert db.session.get_one(ClosedAccount, account_id).customer_ref == ""


def test_erasing_is_killed_between_slices_and_goes_on(
    alice: Person, charlie: Person, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left of the record meanwhile is shown to nobody, neither as valid nor as broken."""
    monkeypatch.setattr(closing, "SLICE", 5)
    for person in (alice, charlie):
        with transaction():
            news = lists.create(person.account, "News")
            for reader in READERS:
                one = writing.create(person.account, reader)
                consent.subscribe(one, news, source="hand", wording="At the till")
        ledger.seal(person.account.id)
        verifying.check(person.account.id)
    account_id, other = alice.account.id, charlie.account.id
    consents = sa.select(sa.func.count(Consent.id)).where(Consent.account_id == account_id)
    with transaction():
        takeout = taking_out.start(alice.account, alice.member)
    close(alice)
    with time_machine.travel(now() + LATER):
        assert closing.erase(account_id, until=0) is False
        assert taking_out.run(takeout.id) is False
        db.session.refresh(takeout)
        assert takeout.state == "failed"
        assert 0 < (db.session.scalar(consents) or 0) < len(READERS)

        assert verifying.accounts() == [other]
        verifying.check(account_id)
        assert account_id not in db.session.scalars(sa.select(ConsentCheck.account_id)).all()
        assert ledger.due() == []
        client.sign_in(alice)
        for path in ("/settings/take-out", "/settings/consents/record", "/contacts"):
            assert client.get(path).location == "/settings/close"
        page = client.get("/settings/close").text
        assert "It is being erased" in page
        assert "/settings/close/undo" not in page
        assert client.post("/settings/close/undo").status_code == 409
        with pytest.raises(sa.exc.DBAPIError, match="never changed"), transaction():
            db.session.execute(sa.update(Account).values(erased_since=None))
        with pytest.raises(sa.exc.DBAPIError, match="never changed"), transaction():
            db.session.execute(sa.update(Account).values(barred=""))

        assert closing.tend() == 1
    assert db.session.scalars(sa.select(Account.id)).all() == [other]
    assert db.session.scalar(consents) == 0
    assert verifying.verify(other).problem is None


def test_no_living_account_lets_go_of_its_record(alice: Person) -> None:
    with pytest.raises(sa.exc.DBAPIError, match="never changed"), transaction():
        db.session.execute(sa.update(Account).values(erased_since=now()))
    with transaction():
        one = writing.create(alice.account, READERS[0])
        consent.subscribe(one, lists.create(alice.account, "News"), source="hand", wording="Said")
    close(alice)
    # Closed, but still to be undone.
    with pytest.raises(sa.exc.DBAPIError, match="only added to"), transaction():
        db.session.execute(sa.delete(Consent))


def test_the_page_says_what_goes_and_undoes_it(used: Person, client: Client) -> None:
    client.sign_in(used)
    page = client.get("/settings/close").text
    assert "1 campaign</strong>, with 13 mails" in page
    assert "Take everything out" in page

    assert client.post("/settings/close", data={"name": "Something"}).status_code == 422
    assert client.post("/settings/close", data={"name": "bakery"}).status_code == 303
    assert client.get("/contacts").location == "/settings/close"
    assert client.get("/settings/take-out").status_code == 200
    assert "being closed" in client.get("/settings/keeping").text
    assert client.post("/settings/close/undo").status_code == 303

    assert client.get("/contacts").status_code == 200
    db.session.rollback()
    assert db.session.get(Closing, used.account.id) is None
    assert db.session.scalar(sa.select(sa.func.count(Contact.id))) == 13
    titles = db.session.scalars(
        sa.select(Notice.subject).where(Notice.kind == "standing").order_by(Notice.id)
    ).all()
    assert titles == ["Bakery is being closed", "Bakery stays"]


def test_owners_are_reminded_once_and_late_undo_is_refused(alice: Person) -> None:
    close(alice)
    with time_machine.travel(now() + timedelta(days=12), tick=True):
        closing.tend()
        closing.tend()
    mails = sa.select(Notice.subject).where(Notice.subject.contains("is erased in"))
    assert db.session.scalars(mails).all() == ["Bakery is erased in 3 days"]

    with time_machine.travel(now() + LATER), pytest.raises(WrongState), transaction():
        closing.undo(alice.account, alice.member)


def test_a_suspension_comes_back_with_the_undo(alice: Person, olga: Person) -> None:
    with transaction():
        suspending.suspend(alice.account, olga.member, kind="sending", reason="?")
    close(alice)
    with transaction():
        closing.undo(alice.account, alice.member)

    assert alice.account.barred == "sending"
    close(alice)
    with transaction():
        suspending.lift(suspending.in_force(alice.account)[0], olga.member)
        assert alice.account.barred == "closing"
    with transaction():
        closing.undo(alice.account, alice.member)
    assert alice.account.barred == ""


def test_closing_is_no_way_round_a_suspension(alice: Person, olga: Person) -> None:
    close(alice)
    with transaction():
        suspending.suspend(alice.account, olga.member, kind="sending", reason="?")
    with pytest.raises(WrongState), transaction():
        suspending.suspend(alice.account, olga.member, kind="sending", reason="again")
    with transaction():
        suspending.suspend(alice.account, olga.member, kind="access", reason="worse")
    assert alice.account.barred == "closing"
    assert [one.reason for one in suspending.in_force(alice.account)] == ["worse"]

    with transaction():
        closing.undo(alice.account, alice.member)

    assert alice.account.barred == "access"


def test_only_owners_close(bob: Person, client: Client) -> None:
    client.sign_in(bob)

    assert client.get("/settings/close").status_code == 403
    assert client.post("/settings/close", data={"name": "Bakery"}).status_code == 403


def test_people_with_another_account_keep_their_login(alice: Person, charlie: Person) -> None:
    from app.accounts.models import Membership

    with transaction():
        row = Membership(account_id=charlie.account.id, member_id=alice.member.id, role="viewer")
        db.session.add(row)
    close(alice)
    with time_machine.travel(now() + LATER):
        assert closing.tend() == 1

    assert db.session.scalars(sa.select(Member.email).order_by(Member.id)).all() == [
        "alice@bakery.example", "charlie@garage.example",
    ]  # fmt: skip


def test_nobody_goes_on_paying_for_an_account_that_is_erased(
    payments: PaymentServer, alice: Person
) -> None:
    """The page to pay on was open when they closed the account, and was paid afterwards."""
    account_id = alice.account.id
    step = contracts.begin_checkout(alice.account, alice.member, "small")
    close(alice)
    made = payments.pay(step.ref)
    look_again(alice.account)
    assert made["cancel_at_period_end"] is False

    with time_machine.travel(now() + LATER, tick=True):
        assert closing.tend() == 1

    assert made["cancel_at_period_end"] is True
    db.session.rollback()
    assert db.session.get(Account, account_id, populate_existing=True) is None


def test_an_account_whose_plan_cannot_be_ended_just_now_waits(
    payments: PaymentServer, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = contracts.begin_checkout(alice.account, alice.member, "small")
    close(alice)
    payments.pay(step.ref)
    look_again(alice.account)

    def away(*_args: object, **_options: object) -> None:
        raise PaymentsAway("Nobody answers.")

    monkeypatch.setattr(Stripe, "set_end", away)
    with time_machine.travel(now() + LATER, tick=True):
        assert closing.tend() == 0

    db.session.rollback()
    assert db.session.get(Account, alice.account.id, populate_existing=True) is not None
