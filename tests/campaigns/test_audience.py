"""Whom a campaign reaches, and the sums."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from app.campaigns import audience, checks
from app.campaigns.models import Campaign, CampaignAudience
from app.contacts import suppressions
from app.contacts.models import Contact, ContactList, Segment, Subscription, Tag, contact_tag
from app.core.db import db, transaction
from tests.campaigns.conftest import add_list, add_people
from tests.conftest import Client, Person

Draft = Callable[..., Campaign]


def reached(campaign: Campaign) -> set[str]:
    ids = db.session.scalars(audience.recipients(campaign)).all()
    assert len(ids) == len(set(ids)) == audience.count(campaign)
    assert audience.anybody(campaign) == bool(ids)
    names = sa.select(Contact.first_name).where(Contact.id.in_(ids))
    return set(db.session.scalars(names))


def suppress(contact: Contact, reason: str) -> None:
    with transaction():
        suppressions.add(contact.account_id, contact.address, reason=reason)


def test_active_people_of_the_lists_get_it_once(
    draft: Draft, alice: Person, newsletter: ContactList
) -> None:
    offers = add_list(alice.account, "Offers")
    add_people(alice.account, offers, "Dora")
    with transaction():
        anna = db.session.scalar(sa.select(Contact).where(Contact.first_name == "Anna"))
        assert anna is not None
        db.session.add(
            Subscription(contact_id=anna.id, list_id=offers.id, account_id=alice.account.id)
        )
    campaign = draft(lists=[newsletter.id, offers.id])

    assert reached(campaign) == {"Anna", "Bert", "Cleo", "Dora"}
    assert audience.left_out(campaign) == {}


def test_each_person_left_out_is_counted_once_with_the_reason(
    draft: Draft, alice: Person, newsletter: ContactList
) -> None:
    add_people(alice.account, newsletter, "Paul", state="pending")
    add_people(alice.account, newsletter, "Emma", state="ended")
    (hans,) = add_people(alice.account, newsletter, "Hans")
    (ida,) = add_people(alice.account, newsletter, "Ida")
    (karl,) = add_people(alice.account, newsletter, "Karl", state="ended")
    staff = add_list(alice.account, "Staff")
    with transaction():
        for person in (hans, ida):
            db.session.add(
                Subscription(contact_id=person.id, list_id=staff.id, account_id=alice.account.id)
            )
    suppress(hans, "unsubscribed")
    suppress(karl, "bounced")
    campaign = draft(exclude=[staff.id])

    assert reached(campaign) == {"Anna", "Bert", "Cleo"}
    assert audience.left_out(campaign) == {
        "unsubscribed": 1, "excluded": 1, "pending": 1, "ended": 1,
    }  # fmt: skip


def test_another_accounts_suppression_changes_nothing(
    draft: Draft, charlie: Person, newsletter: ContactList
) -> None:
    (other,) = add_people(charlie.account, add_list(charlie.account), "Anna")
    suppress(other, "unsubscribed")

    assert reached(draft()) == {"Anna", "Bert", "Cleo"}


def test_a_list_that_is_left_out_as_well_reaches_nobody(
    draft: Draft, newsletter: ContactList
) -> None:
    campaign = draft(exclude=[newsletter.id])

    assert reached(campaign) == set()
    assert audience.left_out(campaign) == {"excluded": 3}


def test_no_list_means_nobody(draft: Draft) -> None:
    assert reached(draft(lists=[])) == set()


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        ({"field": "tag", "op": "has", "value": "vip"}, {"Anna"}),
        ({"field": "tag", "op": "has_not", "value": "vip"}, {"Bert", "Cleo"}),
        ({"all": [{"field": "kind", "op": "is", "value": "person"},
                  {"field": "tag", "op": "has", "value": "vip"}]}, {"Anna"}),
        ({"any": [{"field": "kind", "op": "is", "value": "organisation"},
                  {"field": "tag", "op": "has", "value": "vip"}]}, {"Anna"}),
    ],
)  # fmt: skip
def test_segments_reach_those_whom_their_rule_fits(
    draft: Draft, alice: Person, rule: dict[str, Any], names: set[str]
) -> None:
    with transaction():
        tag = Tag(account_id=alice.account.id, name="vip")
        segment = Segment(account_id=alice.account.id, name="S", rule=rule)
        db.session.add_all([tag, segment])
        db.session.flush()
        anna = db.session.scalar(sa.select(Contact.id).where(Contact.first_name == "Anna"))
        db.session.execute(sa.insert(contact_tag).values(contact_id=anna, tag_id=tag.id))
    campaign = draft(lists=[], segments=[segment.id])

    assert reached(campaign) == names


def test_a_segment_can_be_left_out(draft: Draft, alice: Person) -> None:
    with transaction():
        rule = {"field": "kind", "op": "is", "value": "person"}
        segment = Segment(account_id=alice.account.id, name="S", rule=rule)
        db.session.add(segment)
        db.session.flush()
        campaign = draft()
        campaign.audience.append(CampaignAudience(segment_id=segment.id, excluded=True))

    assert reached(campaign) == set()
    assert audience.left_out(campaign) == {"excluded": 3}


def test_segments_are_chosen_and_left_out_on_the_people_page(
    client: Client, draft: Draft, alice: Person, newsletter: ContactList
) -> None:
    with transaction():
        rules = [{"field": "first_name", "op": "begins", "value": one} for one in ("a", "b")]
        bees, everybody = (
            Segment(account_id=alice.account.id, name="Bees", rule=rules[1]),
            Segment(account_id=alice.account.id, name="All", rule={"any": [rules[0], rules[1]]}),
        )
        db.session.add_all([bees, everybody])
    campaign = draft(lists=[])
    client.sign_in(alice)
    data = {
        "version": campaign.version, "segments": everybody.id, "exclude_segments": bees.id,
    }  # fmt: skip

    assert client.post(f"/campaigns/{campaign.id}/people", data=data).status_code == 303

    db.session.expire_all()
    assert reached(campaign) == {"Anna"}
    page = client.get(f"/campaigns/{campaign.id}/people").text
    assert re.findall(r'<input checked[^>]*name="(\w+)"', page) == ["segments", "exclude_segments"]


def test_a_segment_that_cannot_be_worked_out_stops_the_campaign(
    draft: Draft, alice: Person
) -> None:
    with transaction():
        rule = {"field": "fields.gone", "op": "is", "value": "x"}
        segment = Segment(account_id=alice.account.id, name="Old", rule=rule)
        db.session.add(segment)
        db.session.flush()
        campaign = draft()
        campaign.audience.append(CampaignAudience(segment_id=segment.id, excluded=True))

    found = [one for one in checks.preflight(campaign) if one.code == "segments"]

    assert [one.level for one in found] == ["block"]
    assert "Old" in found[0].title
