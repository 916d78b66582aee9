"""Writing drafts: versions, walls, and what no header may hold."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.campaigns import composing, scheduling
from app.campaigns.composing import Draft
from app.campaigns.models import Campaign
from app.core.db import transaction
from app.core.errors import Invalid, NotFound, WrongState
from tests.campaigns.conftest import add_list
from tests.conftest import Person

Make = Callable[..., Campaign]


def test_a_revision_raises_the_version(draft: Make) -> None:
    campaign = draft()

    with transaction():
        composing.revise(campaign, Draft(subject="Rolls"), 1)

    assert (campaign.version, campaign.subject, campaign.body[:7]) == (2, "Rolls", "# Hello")


def test_an_old_version_is_a_conflict(draft: Make) -> None:
    campaign = draft()
    with transaction():
        composing.revise(campaign, Draft(subject="Rolls"), 1)

    with pytest.raises(composing.Conflict), transaction():
        composing.revise(campaign, Draft(subject="Cake"), 1)

    assert campaign.subject == "Rolls"


def test_only_drafts_can_be_written_and_deleted(draft: Make) -> None:
    campaign = draft()
    with transaction():
        scheduling.schedule(campaign, hold_s=60)

    with pytest.raises(composing.NoDraft), transaction():
        composing.revise(campaign, Draft(subject="Cake"))
    with pytest.raises(WrongState), transaction():
        composing.delete(campaign)
    with transaction():
        composing.rename(campaign, "Easter")
    assert campaign.name == "Easter"


@pytest.mark.parametrize("field", list(composing.HEADERS))
@pytest.mark.parametrize("trick", ["\r\nBcc: v@x.example", "\x00", "\x85", "\u2028", "\x0b", "\x7f",
                                   "=?utf-8?q?a=0D=0ABcc:_v@x.example?="])  # fmt: skip
def test_no_header_can_be_smuggled_in(draft: Make, field: str, trick: str) -> None:
    campaign = draft()

    with pytest.raises(Invalid) as caught, transaction():
        composing.revise(campaign, Draft(**{field: f"a{trick}b"}))

    assert list(caught.value.errors) == [field]


@given(text=st.text(max_size=60))
@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_taken_as_a_subject_is_one_line(draft: Make, text: str) -> None:
    try:
        with transaction():
            campaign = draft(subject=text)
    except Invalid:
        return

    assert len(campaign.subject.splitlines()) <= 1
    assert not ("=?" in campaign.subject and "?=" in campaign.subject)


@pytest.mark.parametrize("field", ["lists", "exclude"])
def test_lists_of_others_are_not_there(draft: Make, charlie: Person, field: str) -> None:
    theirs = add_list(charlie.account, "Theirs")
    campaign = draft()

    with pytest.raises(NotFound), transaction():
        composing.revise(campaign, Draft(**{field: [theirs.id]}))


def test_parts_of_the_audience_change_by_themselves(draft: Make, alice: Person) -> None:
    staff = add_list(alice.account, "Staff")
    campaign = draft()

    with transaction():
        composing.revise(campaign, Draft(exclude=[staff.id]))
    assert [(row.list_id == staff.id, row.excluded) for row in campaign.audience] == [
        (False, False), (True, True),
    ]  # fmt: skip
    with transaction():
        composing.revise(campaign, Draft(lists=[]))
    assert [(row.list_id, row.excluded) for row in campaign.audience] == [(staff.id, True)]


@pytest.mark.parametrize(
    "draft_of", [Draft(format="word"), Draft(tracking="all"), Draft(body="x" * 600_000),
                 Draft(from_email="no address"), Draft(name="x" * 300)],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(draft: Make, draft_of: Draft) -> None:
    with pytest.raises(Invalid), transaction():
        composing.revise(draft(), draft_of)


def test_a_copy_is_a_draft_of_its_own(draft: Make) -> None:
    campaign = draft()
    with transaction():
        scheduling.schedule(campaign, hold_s=60)

    with transaction():
        copy = composing.duplicate(campaign)

    assert (copy.state, copy.version, copy.due_at) == ("draft", 1, None)
    assert (copy.subject, copy.body) == (campaign.subject, campaign.body)
    assert [row.list_id for row in copy.audience] == [row.list_id for row in campaign.audience]
