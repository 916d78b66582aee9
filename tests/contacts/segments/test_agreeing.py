"""The condition in SQL and the plain evaluation name the same people, whatever the rule."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.contacts import segments
from app.contacts.models import Contact
from app.contacts.segments import evaluating, facts, reading, rule, surroundings
from app.core.db import db, transaction
from tests.conftest import Person
from tests.contacts.segments import world

ZONES = ("UTC", "Pacific/Auckland", "America/Los_Angeles", "Asia/Kathmandu", "Asia/Beirut")
SHIFTS = [timedelta(hours=hours) for hours in (0, 1, 12, 25, 24 * 365, -24 * 365, 24 * 40)]
ASKED = settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_both_ways_name_the_same_people(alice: Person, charlie: Person, seed: int) -> None:
    world.build(alice, seed)
    world.build(charlie, seed + 100, people=5)
    account = alice.account
    rows = db.session.scalars(sa.select(Contact).where(Contact.account_id == account.id)).all()
    known = [facts.of(row) for row in rows]
    campaigns = facts.campaigns(account.id)
    sizes: set[int] = set()

    @ASKED
    @given(world.rules, st.sampled_from(ZONES), st.sampled_from(SHIFTS))
    def agree(stored: dict[str, Any], zone: str, shift: timedelta) -> None:
        if account.zone_name != zone:
            with transaction():
                account.zone_name = zone
        at = world.NOW + shift
        around = surroundings.of(account.id, at=at)
        read = reading.read(stored, around.types)

        by_hand = {one.contact.id for one in known if evaluating.fits(read, one, around, campaigns)}
        condition = segments.condition(account.id, stored, at=at)
        query = sa.select(Contact.id).where(Contact.account_id == account.id, condition)

        assert set(db.session.scalars(query)) == by_hand
        assert reading.read(rule.as_json(read), around.types) == read
        negated = query.with_only_columns(sa.func.count()).where(sa.not_(condition))
        assert db.session.scalar(negated) == 0
        sizes.add(len(by_hand))

    agree()

    # Rules that fit nobody or everybody would prove nothing.
    assert len(sizes) > 10


@settings(max_examples=300, deadline=None)
@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.dictionaries(
                st.sampled_from(("all", "any", "none", "field", "op", "value", "when", "campaign")),
                inner,
                max_size=4,
            ),
        ),
        max_leaves=15,
    )
)
def test_anything_else_is_refused_in_words(given_rule: Any) -> None:
    refused, read = "", None
    try:
        read = reading.read(given_rule, world.TYPES)
    except segments.BadRule as error:
        refused = str(error)

    if read is None:
        assert refused
    else:
        assert reading.read(rule.as_json(read), world.TYPES) == read
