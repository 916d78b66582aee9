"""A suspended account sends nothing from that moment, hears why, and can answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.accounts import rights, standing
from app.accounts.models import Account, AuditEntry, Notice
from app.campaigns import checks, scheduling
from app.campaigns.models import Campaign
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid, WrongState
from app.delivery import claiming, reading, starting, sweeping
from app.delivery.models import Delivery
from app.desk import tickets
from app.trust import suspending
from app.trust.models import Suspension
from tests.api.conftest import Program, make_token
from tests.conftest import Client, Person, add_member
from tests.delivery.conftest import work
from tests.faultserver import FaultServer
from tests.trust.conftest import look_into

Make = Callable[..., Campaign]
REASON = "Readers report mail that they never asked for."


def suspend(person: Person, by: Person, kind: str = "sending") -> Suspension:
    with transaction():
        return suspending.suspend(person.account, by.member, kind=kind, reason=REASON)


def fresh(campaign: Campaign) -> Campaign:
    db.session.rollback()
    return db.session.get_one(Campaign, campaign.id, populate_existing=True)


def test_nothing_is_claimed_from_that_moment_inside_a_running_campaign(
    alice: Person, olga: Person, campaign_to: Make, to_server: FaultServer
) -> None:
    campaign = campaign_to([f"v{n}@example.com" for n in range(30)])
    later = campaign_to(["w@example.com"], state="scheduled", due_at=now() + timedelta(days=1))
    starting.plan(campaign.id)
    (batch_id,) = sweeping.waiting_batches(campaign.id)
    with transaction():
        assert claiming.take_batch(batch_id, "run")
    from app.delivery import tallying

    aim = claiming.Aim.of(campaign)
    with transaction():
        taken = claiming.claim(tallying.Book(campaign.id), aim, batch_id, "run", limit=5)
    assert len(taken) == 5

    with transaction():
        # Only the account's row, as if the campaign had been started by somebody a moment later.
        db.session.execute(sa.update(Account).values(barred="sending"))
        assert claiming.claim(tallying.Book(campaign.id), aim, batch_id, "run", limit=5) == []
        ids = [number for number, _ in taken]
        assert claiming.left_out(aim, ids) == set(ids)
        db.session.execute(sa.update(Account).values(barred=""))

    suspend(alice, olga)
    assert fresh(campaign).state == "paused"
    assert REASON in fresh(campaign).pause_reason
    assert fresh(later).state == "draft"
    assert any(REASON in entry.text for entry in reading.diary(campaign))


@pytest.mark.flow
def test_it_neither_starts_nor_goes_on_nor_sends_a_test(
    alice: Person, olga: Person, campaign_to: Make, to_server: FaultServer
) -> None:
    paused = campaign_to(["v@example.com"], state="paused")
    draft = campaign_to(["w@example.com"], state="draft")
    suspend(alice, olga)
    due = campaign_to(["x@example.com"], state="scheduled", due_at=now())
    stray = campaign_to(["y@example.com"])

    assert starting.start_due() == []
    assert work(stray, rounds=3).sent == 0
    with pytest.raises(standing.Barred), transaction():
        scheduling.resume(paused)
    with pytest.raises(checks.NotReady, match="Sending is suspended"), transaction():
        scheduling.schedule(draft)
    with pytest.raises(checks.NotReady, match="Sending is suspended"):
        checks.demand_sender(draft)
    assert fresh(due).state == "scheduled"

    with transaction():
        suspending.lift(suspending.in_force(alice.account)[0], olga.member, words="Thank you.")
    with transaction():
        scheduling.resume(fresh(paused))
    assert work(paused, rounds=3).sent == 1


def test_others_go_on(
    alice: Person, charlie: Person, olga: Person, campaign_to: Make, to_server: FaultServer
) -> None:
    campaign = campaign_to(["v@example.com"])
    suspend(charlie, olga)

    assert work(campaign, rounds=3).sent == 1


def test_the_owner_reads_why_answers_and_is_answered(
    alice: Person, bob: Person, vera: Person, olga: Person, client: Client, campaign_to: Make
) -> None:
    campaign_to(["v@example.com"], state="sent")
    client.sign_in(olga)
    desk = f"/staff/abuse/accounts/{alice.account.id}"
    assert client.post(f"{desk}/suspend", data={"kind": "sending"}).status_code == 403, "no look"
    panel = look_into(client, alice)
    client.post(f"{desk}/suspend", data={"kind": "sending"})
    assert "as the owner will read it" in client.get(panel).text
    done = client.post(f"{desk}/suspend", data={"kind": "sending", "reason": REASON})
    assert done.status_code == 303
    again = client.post(f"{desk}/suspend", data={"kind": "sending", "reason": "?"})
    assert again.status_code == 409
    suspension = suspending.in_force(alice.account)[0]

    client.sign_in(alice)
    assert REASON in client.get("/contacts").text, "on every page"
    assert "Read why, and answer" in (home := client.get("/home").text)
    assert "Nothing that we know of" not in home
    at = f"/settings/standing/suspensions/{suspension.id}"
    assert client.post(at, data={"text": ""}).status_code == 422
    assert client.post(at, data={"text": "We have removed that list."}).status_code == 303
    assert client.post(at, data={"text": "Twice"}).status_code == 409
    client.sign_in(vera)
    assert client.post(at, data={"text": "I say so too."}).status_code == 409, "one waits"

    client.sign_in(olga)
    assert "We have removed that list." in client.get("/staff/abuse").text
    appeal = suspending.appeals_of(alice.account)[0]
    client.post(f"{desk}/appeals/{appeal.id}", data={"answer": "Good. Please ask them anew."})
    client.post(f"{desk}/suspensions/{suspension.id}/lift", data={"words": ""})
    again = client.post(f"{desk}/suspensions/{suspension.id}/lift", data={"words": ""})
    assert again.status_code == 409

    client.sign_in(alice)
    page = client.get("/settings/standing").text
    assert "Please ask them anew." in page
    assert "Sending was suspended" in page
    assert "Nothing that we know of" in client.get("/home").text
    assert "Suspended" not in client.get("/contacts").text
    db.session.rollback()
    titles = db.session.scalars(
        sa.select(Notice.subject).where(Notice.kind == "standing").order_by(Notice.id)
    ).all()
    assert titles == [
        "Sending is suspended: Bakery", f"An answer from account {alice.account.id}",
        "An answer about Bakery", "You can send again: Bakery",
    ]  # fmt: skip
    verbs = db.session.scalars(
        sa.select(AuditEntry.verb).where(AuditEntry.account_id == alice.account.id)
    ).all()
    assert {"account.suspend", "standing.appeal", "standing.answer", "account.reinstate"} <= {
        *verbs
    }


def test_a_suspended_access_leaves_what_is_theirs_and_the_answer(
    alice: Person, olga: Person, client: Client
) -> None:
    program = Program(client, make_token(alice.account))
    suspend(alice, olga, "access")
    client.sign_in(alice)

    assert client.get("/campaigns").location == "/settings/standing"
    assert client.post("/contacts/new", data={"email": "v@x.example"}).status_code == 303
    assert client.get("/contacts/export.csv").status_code == 200
    assert client.get("/settings/take-out").status_code == 200
    assert client.get("/settings/profile").status_code == 200
    assert REASON in client.get("/settings/standing").text
    assert program("GET", "/lists").status_code == 403


def test_sending_alone_leaves_everything_else(alice: Person, olga: Person, client: Client) -> None:
    suspend(alice, olga)
    client.sign_in(alice)

    assert client.get("/campaigns").status_code == 200
    assert client.get("/contacts/new").status_code == 200


def test_suspending_may_go_further_and_needs_words(alice: Person, olga: Person) -> None:
    first = suspend(alice, olga)
    suspend(alice, olga, "access")

    db.session.rollback()
    assert first.ended_at is not None
    assert [one.kind for one in suspending.in_force(alice.account)] == ["access"]
    with pytest.raises(WrongState), transaction():
        suspending.suspend(alice.account, olga.member, kind="sending", reason="?")
    with pytest.raises(Invalid), transaction():
        suspending.suspend(alice.account, olga.member, kind="none", reason="?")


def test_only_the_abuse_desk_may(alice: Person, charlie: Person, client: Client) -> None:
    with transaction():
        charlie.member.staff_roles = ["support", "billing"]
    client.sign_in(charlie)

    assert client.get("/staff/abuse").status_code == 404
    at = f"/staff/abuse/accounts/{alice.account.id}/suspend"
    assert client.post(at, data={"kind": "sending", "reason": "?"}).status_code == 404
    assert not suspending.in_force(alice.account)
    assert db.session.scalar(sa.select(sa.func.count(Delivery.id))) == 0


@pytest.mark.parametrize("role", list(rights.ROLES))
def test_each_role_may_answer_and_ask_the_operator(
    alice: Person, olga: Person, client: Client, role: str
) -> None:
    suspension = suspend(alice, olga)
    dora = add_member(alice.account, "dora@bakery.example", "Dora", role)
    client.sign_in(dora)
    at = f"/settings/standing/suspensions/{suspension.id}"
    with transaction():
        ticket = tickets.open_(
            email=dora.member.email, subject="Why?", text="Why?", member=dora.member,
            account=alice.account, origin="page",
        )  # fmt: skip

    assert f'action="{at}"' in client.get("/settings/standing").text
    assert client.post(at, data={"text": "We have removed that list."}).status_code == 303
    question = f"/questions/{ticket.id}"
    assert client.post(question, data={"text": "And now?"}).status_code == 303
    assert client.post(f"{question}/close").status_code == 303
    samples = client.post("/home/samples")
    assert samples.status_code == (303 if role in ("owner", "editor") else 403)
