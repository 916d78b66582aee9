"""Many people at once: exact numbers, exact ways back, and nothing twice."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.accounts.models import AuditEntry
from app.contacts import (
    bulk_actions,
    consent,
    fields,
    finding,
    lists,
    selecting,
    suppressions,
    tags,
    writing,
)
from app.contacts.models import (
    BulkAction,
    Consent,
    Contact,
    ContactList,
    Headcount,
    ListDay,
    Subscription,
    Suppression,
    Tag,
    bulk_change,
    contact_tag,
)
from app.contacts.selecting import Selection
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid, NotFound, WrongState
from tests.conftest import Person, make_person

number = itertools.count()


class Crowd:
    """Ten people of one account in all the states that people can be in."""

    def __init__(self) -> None:
        who = make_person(f"owner{next(number)}@bakery.example", "Alice", "Bakery", "owner")
        self.account = who.account
        with transaction():
            self.news = lists.create(self.account, "News")
            self.asked = lists.create(self.account, "Asked", opt_in="double")
            fields.create(self.account.id, "Town")
            fields.create(self.account.id, "Visits", type_="number")
            fields.create(self.account.id, "Member", type_="yes_no")
            self.people = [self._person(n) for n in range(10)]
            consent.leave_list(self.people[2], self.news, source="link")
            consent.leave_list(self.people[3], self.news, source="hand")
            consent.withdraw(self.people[4], source="one_click")
            suppressions.add(self.account.id, self.people[5].address, reason="bounced")

    def _person(self, n: int) -> Contact:
        person = writing.create(
            self.account, f"p{n}@{'gmial.com' if n == 9 else 'b.example'}",
            first_name=f"Ann{n}", kind="organisation" if n == 7 else "",
            tags=["vip"] if n % 3 == 0 else [],
            fields={"town": "Ulm"} if n % 2 else {"visits": n, "member": n % 4 == 0},
        )  # fmt: skip
        if n < 6:
            consent.subscribe(person, self.news, source="hand")
        if n in (6, 7):
            consent.subscribe(person, self.asked, source="hand")
        return person

    def ask(self, verb: str, selection: Selection | None = None, **given: Any) -> BulkAction:
        with transaction():
            action = bulk_actions.ask(self.account, verb, given, selection or Selection())
        work(action)
        return action

    def do(self, verb: str, selection: Selection | None = None, **given: Any) -> BulkAction:
        action = self.ask(verb, selection, **given)
        with transaction():
            bulk_actions.start(fresh(action))
        work(action)
        return fresh(action)

    def state(self) -> dict[str, Any]:
        """Everything that bulk actions change, and the counters that are kept of it."""
        db.session.rollback()
        mine = Contact.account_id == self.account.id
        people = sa.select(Contact).where(mine).order_by(Contact.id)
        places = sa.select(Subscription).where(Subscription.account_id == self.account.id)
        labels = sa.select(contact_tag).join(Contact, Contact.id == contact_tag.c.contact_id)
        barred = sa.select(Suppression).where(Suppression.account_id == self.account.id)
        return {
            "people": [(one.email, one.address, one.kind, one.kind_by, dict(one.fields))
                       for one in db.session.scalars(people)],
            "places": sorted((one.contact_id, one.list_id, one.state, one.since, one.ended_at)
                             for one in db.session.scalars(places)),
            "tags": sorted(tuple(row) for row in db.session.execute(labels.where(mine))),
            "barred": sorted((one.address, one.reason) for one in db.session.scalars(barred)),
            "counters": self.counters(),
        }  # fmt: skip

    def counters(self) -> list[Any]:
        """Kept ones that are not zero."""
        kept = [
            *db.session.execute(
                sa.select(ContactList.name, ContactList.active, ContactList.pending)
                .where(ContactList.account_id == self.account.id)
                .order_by(ContactList.name)
            ),
            *db.session.execute(
                sa.select(Tag.name, Tag.people)
                .where(Tag.account_id == self.account.id, Tag.people > 0)
                .order_by(Tag.name)
            ),
        ]
        return [tuple(row) for row in kept]

    def counted(self) -> list[Any]:
        """The same, counted."""
        places = Counter(
            (one.list_id, one.state)
            for one in db.session.scalars(
                sa.select(Subscription).where(Subscription.account_id == self.account.id)
            )
        )
        rows: list[Any] = [
            (one.name, places[one.id, "active"], places[one.id, "pending"])
            for one in (self.asked, self.news)
        ]
        return rows + sorted(Counter(row[0] for row in self._tags()).items())

    def _tags(self) -> list[Any]:
        return list(
            db.session.execute(
                sa.select(Tag.name, contact_tag.c.contact_id)
                .join(contact_tag, contact_tag.c.tag_id == Tag.id)
                .where(Tag.account_id == self.account.id)
            )
        )


def work(action: BulkAction) -> None:
    while bulk_actions.run(action.id, budget_s=0):
        pass


def fresh(action: BulkAction) -> BulkAction:
    db.session.rollback()
    return db.session.get_one(BulkAction, action.id, populate_existing=True)


def undo(action: BulkAction) -> BulkAction:
    with transaction():
        bulk_actions.undo(fresh(action))
    work(action)
    return fresh(action)


@pytest.fixture
def crowd(app: object) -> Crowd:
    return Crowd()


DEEDS: list[tuple[str, dict[str, Any]]] = [
    ("tag", {"tag": "vip"}),
    ("tag", {"tag": "new"}),
    ("untag", {"tag": "vip"}),
    ("list", {"list": "news", "wording": "At the counter"}),
    ("list", {"list": "asked"}),
    ("unlist", {"list": "news"}),
    ("unlist", {"list": "asked"}),
    ("field", {"field": "town", "value": "Ulm"}),
    ("field", {"field": "town", "value": '"O\'Neill" \\ Ünö'}),
    ("field", {"field": "town", "value": ""}),
    ("field", {"field": "visits", "value": "4"}),
    ("field", {"field": "visits", "value": "2.5"}),
    ("field", {"field": "member", "value": "yes"}),
    ("field", {"field": "member", "value": "no"}),
    ("kind", {"kind": "person"}),
    ("kind", {"kind": "organisation"}),
    ("suppress", {}),
    ("delete", {}),
    ("mend", {}),
]
WHOM = [
    {},
    {"kind": "person"},
    {"text": "ann"},
    {"list": True},
    {"list": True, "state": "ended"},
    {"state": "suppressed"},
    {"tag": True},
    {"ticked": (1, 3, 5, 8)},
]


def given_of(crowd: Crowd, given: dict[str, Any]) -> dict[str, Any]:
    return {**given, **({"list": getattr(crowd, given["list"]).id} if "list" in given else {})}


def whom(crowd: Crowd, chosen: dict[str, Any]) -> Selection:
    if "ticked" in chosen:
        return selecting.ticked([crowd.people[n].id for n in chosen["ticked"]])
    with transaction():
        vip = tags.named(crowd.account.id, "vip").id
    return Selection(
        finding.Wanted(
            chosen.get("text", ""), crowd.news.id if "list" in chosen else None,
            vip if "tag" in chosen else None, chosen.get("state", ""), kind=chosen.get("kind", ""),
        )
    )  # fmt: skip


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    deeds=st.lists(st.tuples(st.sampled_from(DEEDS), st.sampled_from(WHOM)), max_size=5),
    chunk=st.integers(1, 12),
)
def test_taking_back_gives_exactly_what_was(
    app: object, deeds: list[Any], chunk: int
) -> None:  # fmt: skip
    crowd = Crowd()
    with pytest.MonkeyPatch.context() as patch:
        for verb in bulk_actions.VERBS.values():
            patch.setattr(type(verb), "chunk", chunk)
        states, done = [crowd.state()], []
        for (verb, given), chosen in deeds:
            action = crowd.do(verb, whom(crowd, chosen), **given_of(crowd, given))
            assert action.state == ("waiting" if verb == "delete" and action.changed else "done")
            assert action.matched == action.changed + sum(action.left_out.values())
            assert crowd.counters() == crowd.counted()
            done.append(action)
            states.append(crowd.state())

        for action in reversed(done):
            after = states.pop()
            assert crowd.state() == after
            if action.changed:
                assert undo(action).undone == action.changed
            assert crowd.state() == states[-1]
            assert crowd.counters() == crowd.counted()


def test_a_tag_that_was_made_goes_with_what_made_it(crowd: Crowd) -> None:
    def names() -> set[str]:
        db.session.rollback()
        return set(db.session.scalars(sa.select(Tag.name)))

    before, chosen = names(), whom(crowd, {})
    action = crowd.ask("tag", chosen, tag="spring")
    with transaction():
        bulk_actions.cancel(fresh(action))
    assert names() == before

    undo(crowd.do("tag", chosen, tag="spring"))
    assert names() == before

    action = crowd.do("tag", chosen, tag="spring")
    with transaction():
        writing.create(crowd.account, "late@b.example", tags=["spring"])
    undo(action)
    assert tags.known(crowd.account.id, "spring").people == 1

    with pytest.raises(Invalid, match="Nobody has a tag “sprnig”"):
        crowd.ask("untag", chosen, tag="sprnig")
    assert "sprnig" not in names()


def test_the_numbers_before_are_those_after(crowd: Crowd) -> None:
    for verb, needed in DEEDS:
        action = crowd.ask(verb, **given_of(crowd, needed))
        before = (fresh(action).matched, action.changed, dict(action.left_out))
        with transaction():
            bulk_actions.start(fresh(action))
        work(action)

        action = fresh(action)
        assert (action.matched, action.changed, dict(action.left_out)) == before, verb


def test_who_must_not_or_did_not_want_is_left_out_of_a_list(crowd: Crowd) -> None:
    action = crowd.do("list", list=crowd.news.id, wording="At the counter")

    assert dict(action.left_out) == {"already": 2, "left": 1, "suppressed": 2}
    assert action.changed == 5
    assert fresh(action).matched == 10
    said = sa.select(Consent).where(Consent.wording == "At the counter")
    found = db.session.scalars(said).all()
    assert len(found) == 5
    assert {one.evidence["bulk"] for one in found} == {action.id}


def test_what_a_person_did_since_wins_over_taking_back(crowd: Crowd) -> None:
    action = crowd.do("list", list=crowd.news.id)
    joined, mended = crowd.people[6], crowd.people[8]
    with transaction():
        consent.leave_list(db.session.get_one(Contact, joined.id), crowd.news, source="link")
    town = crowd.do("field", field="town", value="Bonn")
    with transaction():
        writing.update(db.session.get_one(Contact, mended.id), fields={"town": "Kiel"})

    undo(town)
    undo(action)

    place = db.session.get_one(Subscription, (joined.id, crowd.news.id), populate_existing=True)
    assert place.state == "ended"
    assert db.session.get_one(Contact, mended.id).fields["town"] == "Kiel"
    assert fresh(action).undone == action.changed - 1
    assert crowd.counters() == crowd.counted()


def test_people_who_come_later_are_not_meant(crowd: Crowd) -> None:
    action = crowd.ask("tag", tag="spring")
    with transaction():
        late = writing.create(crowd.account, "late@b.example")
    with transaction():
        bulk_actions.start(fresh(action))
    work(action)

    assert fresh(action).changed == 10
    assert not db.session.get_one(Contact, late.id).tags


def test_another_account_is_never_touched(crowd: Crowd, charlie: Person) -> None:
    with transaction():
        other = writing.create(charlie.account, "c@garage.example", first_name="Ann")
        theirs = lists.create(charlie.account, "Theirs")
    crowd.do("tag", tag="spring")
    crowd.do("suppress")
    with pytest.raises(NotFound):
        crowd.ask("suppress", selecting.ticked([other.id, crowd.people[0].id]))

    assert not db.session.get_one(Contact, other.id, populate_existing=True).tags
    assert suppressions.find(charlie.account.id, other.address) is None
    with pytest.raises(NotFound):
        crowd.ask("list", list=theirs.id)


def test_erasing_waits_a_day_and_lets_nobody_be_mailed_meanwhile(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, left = (crowd.people[3].id, crowd.people[3].address), crowd.people[4].address
    action = crowd.do("delete", selecting.ticked([one.id for one in crowd.people[3:6]]))

    assert (action.state, action.changed) == ("waiting", 3)
    assert all(suppressions.find(crowd.account.id, one.address) for one in crowd.people[3:6])
    assert action.id not in [found for found, _ in bulk_actions.due()]

    later = now() + timedelta(hours=25)
    monkeypatch.setattr(bulk_actions, "now", lambda: later)
    assert action.id in [found for found, _ in bulk_actions.due()]
    work(action)

    action = fresh(action)
    assert action.state == "done"
    assert db.session.get(Contact, here[0]) is None
    kept = db.session.scalar(sa.select(Headcount.people).filter_by(account_id=crowd.account.id))
    assert kept == 7
    # Who was here by the owner's will alone may come again, who had left may not.
    assert suppressions.find(crowd.account.id, here[1]) is None
    kept_out = suppressions.find(crowd.account.id, left)
    assert kept_out is not None
    assert kept_out.address is None
    assert crowd.counters() == crowd.counted()
    with pytest.raises(WrongState):
        undo(action)
    noted = db.session.scalars(
        sa.select(AuditEntry).where(AuditEntry.verb == "contact.erase_many")
    ).one()
    assert noted.about == f"3, by action {action.id}"


def test_working_twice_and_after_a_lost_worker_changes_nothing(crowd: Crowd) -> None:
    action = crowd.ask("tag", tag="spring")
    with transaction():
        bulk_actions.start(fresh(action))
    with transaction():  # a worker took it and died
        row = fresh(action)
        row.lease, row.lease_until = "gone", now() + timedelta(seconds=30)
    assert not bulk_actions.run(action.id)
    assert fresh(action).state == "doing"
    assert action.id not in [found for found, _ in bulk_actions.due()]

    with transaction():
        fresh(action).lease_until = now() - timedelta(seconds=1)
    assert action.id in [found for found, _ in bulk_actions.due()]
    work(action)
    work(action)

    assert fresh(action).changed == 10
    assert crowd.counters() == crowd.counted()


def test_what_was_is_forgotten_when_it_cannot_be_put_back(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    action = crowd.do("field", field="town", value="Bonn")
    assert bulk_actions.undo_until(action)
    monkeypatch.setattr(bulk_actions, "now", lambda: now() + timedelta(days=32))

    assert bulk_actions.forget_old() == 5
    assert bulk_actions.undo_until(fresh(action)) is None
    rows = db.session.execute(sa.select(bulk_change.c.was_value)).scalars().all()
    assert set(rows) == {None}
    assert len(rows) == 10


def test_at_most_some_thousands_are_asked_by_mail(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.contacts.bulk_permission.MOST_ASKED", 3)
    action = crowd.ask("list", list=crowd.asked.id)

    with transaction(), pytest.raises(Invalid, match="At most 3"):
        bulk_actions.start(fresh(action))


def test_growth_counts_each_day(crowd: Crowd) -> None:
    before = db.session.get_one(ListDay, (crowd.news.id, now().date()))
    was = (before.joined, before.gone)
    action = crowd.do("list", list=crowd.news.id)
    undo(action)

    day = db.session.get_one(ListDay, (crowd.news.id, now().date()), populate_existing=True)
    assert (day.joined - was[0], day.gone - was[1]) == (5, 5)
