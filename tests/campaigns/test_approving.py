"""Approval: nobody sends alone where an account says so, and a yes is about one version."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from app.accounts import api_tokens
from app.accounts.models import AuditEntry, Membership, Notice
from app.campaigns import approval, approving, checks, composing, scheduling
from app.campaigns.models import Campaign, CampaignApproval
from app.core.db import db, transaction
from app.core.errors import Forbidden, Invalid, WrongState
from tests.api.conftest import Program, make_token
from tests.conftest import Client, Person, add_member

Draft = Callable[..., Campaign]


@pytest.fixture
def wanda(alice: Person) -> Person:
    """Writes in the bakery, and sends nothing."""
    return add_member(alice.account, "wanda@bakery.example", "Wanda Writer", "writer")


@pytest.fixture
def campaign(alice: Person, wanda: Person, draft: Draft) -> Campaign:
    """By Wanda, in an account in which nobody sends alone."""
    made = draft()
    with transaction():
        approving.demand(alice.account, alice.member, wanted=True)
        composing.revise(made, composing.Draft(subject="Rolls"), by=wanda.member.id)
    return made


def mails() -> list[tuple[str, str]]:
    rows = db.session.execute(sa.select(Notice.kind, Notice.to_email).order_by(Notice.id))
    return [(kind, to) for kind, to in rows]


def codes(campaign: Campaign) -> list[str]:
    return [one.code for one in checks.preflight(campaign) if one.level == "block"]


def test_without_approval_it_cannot_go_out(alice: Person, campaign: Campaign) -> None:
    assert codes(campaign) == ["approval"]
    with pytest.raises(checks.NotReady, match="Nobody has approved it"), transaction():
        scheduling.schedule(campaign, hold_s=60)

    with transaction():
        approving.give(campaign, alice.member, campaign.version)
        scheduling.schedule(campaign, hold_s=60)

    assert campaign.state == "held"


def test_a_change_makes_it_void_and_the_same_again_does_too(
    alice: Person, wanda: Person, campaign: Campaign
) -> None:
    with transaction():
        approving.give(campaign, alice.member, campaign.version)
    for subject in ("Cake", "Rolls"):
        with transaction():
            composing.revise(campaign, composing.Draft(subject=subject), by=wanda.member.id)
        assert approval.of(campaign).state == "changed"
        assert codes(campaign) == ["approval"]


def test_nobody_approves_what_they_wrote_last(
    alice: Person, wanda: Person, campaign: Campaign
) -> None:
    with transaction():
        composing.revise(campaign, composing.Draft(subject="Cake"), by=alice.member.id)
    with pytest.raises(Forbidden, match="wrote this version yourself"), transaction():
        approving.give(campaign, alice.member, campaign.version)
    with pytest.raises(approving.NobodyElse), transaction():
        approving.ask(campaign, wanda.member)

    # Not even where the row says so.
    with transaction():
        db.session.add(
            CampaignApproval(
                campaign_id=campaign.id, account_id=campaign.account_id, said="yes",
                said_version=campaign.version, said_by_id=alice.member.id,
            )
        )  # fmt: skip
    assert codes(campaign) == ["approval"]


def test_who_is_asked_gets_a_mail_and_the_answer_comes_back(
    alice: Person, bob: Person, wanda: Person, campaign: Campaign
) -> None:
    ann = add_member(alice.account, "ann@bakery.example", "Ann", "approver")
    with transaction():
        assert approving.ask(campaign, wanda.member, "The prices, please") == 2
    assert approval.of(campaign).state == "asked"
    assert mails() == [
        ("approval_asked", "alice@bakery.example"), ("approval_asked", "ann@bakery.example"),
    ]  # fmt: skip
    asked = db.session.scalars(sa.select(Notice.text)).first()
    assert asked is not None
    assert "The prices, please" in asked
    assert [one.id for one in approving.waiting(alice.account, ann.member)] == [campaign.id]
    assert approving.waiting(alice.account, wanda.member) == []

    with pytest.raises(Invalid), transaction():
        approving.decline(campaign, ann.member, campaign.version, "  ")
    with transaction():
        approving.decline(campaign, ann.member, campaign.version, "Bread is 3.20 now")

    assert approval.of(campaign).state == "declined"
    assert "Ann sent it back." in [one.title for one in checks.preflight(campaign)]
    assert mails()[-1] == ("approval_declined", "wanda@bakery.example")
    assert approving.waiting(alice.account, alice.member) == []
    verbs = set(db.session.scalars(sa.select(AuditEntry.verb)))
    assert verbs >= {"account.approval", "campaign.ask_approval", "campaign.decline"}


def test_a_yes_to_an_older_version_is_refused(
    alice: Person, wanda: Person, campaign: Campaign
) -> None:
    seen = campaign.version
    with transaction():
        composing.revise(campaign, composing.Draft(subject="Cake"), by=wanda.member.id)

    with pytest.raises(approving.Moved), transaction():
        approving.give(campaign, alice.member, seen)
    assert approval.of(campaign).state == "open"


def test_what_was_read_is_sent_or_nothing(
    alice: Person, wanda: Person, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the approval and the move, somebody saves."""
    with transaction():
        approving.give(campaign, alice.member, campaign.version)

    def save_meanwhile(*_given: object) -> None:
        db.session.execute(
            sa.update(Campaign)
            .where(Campaign.id == campaign.id)
            .values(version=Campaign.version + 1, body="Something else")
            .execution_options(synchronize_session=False)
        )

    monkeypatch.setattr(checks, "demand_ready", save_meanwhile)
    with pytest.raises(scheduling.CannotMove), transaction():
        scheduling.schedule(campaign, hold_s=60)


def test_it_takes_two_people(alice: Person) -> None:
    with pytest.raises(approving.NobodyElse), transaction():
        approving.demand(alice.account, alice.member, wanted=True)


def test_what_was_sent_is_not_approved_any_more(alice: Person, campaign: Campaign) -> None:
    with transaction():
        approving.give(campaign, alice.member, campaign.version)
        scheduling.schedule(campaign, hold_s=60)
    with pytest.raises(WrongState), transaction():
        approving.give(campaign, alice.member, campaign.version)

    with transaction():
        scheduling.take_back(campaign)
    assert approval.of(campaign).state == "given"


def test_the_api_answers_422_with_the_finding(
    client: Client, alice: Person, campaign: Campaign
) -> None:
    program = Program(client, make_token(alice.account))

    answer = program("POST", f"/campaigns/{campaign.id}/send", {})

    assert answer.status_code == 422
    assert "Nobody has approved it." in answer.get_json()["errors"]["approval"][0]
    with transaction():
        approving.give(campaign, alice.member, campaign.version)
    assert program("POST", f"/campaigns/{campaign.id}/send", {}).status_code == 202


def test_who_writes_by_a_program_of_theirs_is_the_writer(
    client: Client, alice: Person, campaign: Campaign
) -> None:
    with transaction():
        _, secret = api_tokens.make(
            alice.account, alice.member, name="Mine", scopes=["campaigns:write"]
        )
    made = Program(client, secret)("POST", "/campaigns", {"name": "Cake"}).get_json()["id"]
    Program(client, secret)("PATCH", f"/campaigns/{campaign.id}", {"subject": "Cake"})
    db.session.expire_all()

    for one in (db.session.get_one(Campaign, made), campaign):
        assert one.written_by_id == alice.member.id
        with pytest.raises(Forbidden, match="wrote this version yourself"), transaction():
            approving.give(one, alice.member, one.version)


def test_a_membership_may_have_rights_of_its_own(
    client: Client, alice: Person, bob: Person, wanda: Person, campaign: Campaign
) -> None:
    place = db.session.scalars(
        sa.select(Membership).where(Membership.member_id == wanda.member.id)
    ).one()
    client.sign_in(alice)
    answer = client.post(
        f"/settings/people/{place.id}/role",
        data={"role": "writer", "custom": "y", "rights": ["campaigns.write", "people"]},
    )
    assert answer.status_code == 303
    db.session.refresh(place)
    assert place.rights == ["campaigns.write", "reports.read", "people"]

    client.sign_in(wanda)
    assert client.get("/contacts").status_code == 403
    assert client.get("/settings/people").status_code == 200
    # Nobody makes others mightier than they are, themselves among them.
    for role in ("owner", "editor", "sender"):
        answer = client.post(f"/settings/people/{place.id}/role", data={"role": role})
        assert answer.status_code == 403
    invited = {"email": "eve@bakery.example", "role": "owner"}
    assert client.post("/settings/people/invite", data=invited).status_code == 403
    owner = db.session.scalars(
        sa.select(Membership.id).where(Membership.member_id == alice.member.id)
    ).one()
    with transaction():
        db.session.execute(
            sa.update(Membership).where(Membership.member_id == bob.member.id).values(role="owner")
        )
    assert client.post(f"/settings/people/{owner}/remove").status_code == 403
