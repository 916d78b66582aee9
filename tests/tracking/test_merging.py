"""Two contacts become one: nothing is lost, and the stricter word wins."""

from __future__ import annotations

import io
from typing import Any

import pytest
import sqlalchemy as sa

from app.contacts import (
    asking,
    bulk_actions,
    changes,
    channels,
    consent,
    erasing,
    fields,
    importing,
    lists,
    merging,
    pausing,
    resting,
    suppressions,
    writing,
)
from app.contacts.models import (
    Consent,
    Contact,
    ContactChange,
    ContactList,
    Headcount,
    LeavingReason,
    Merge,
    Subscription,
    Tag,
)
from app.contacts.selecting import Selection
from app.core.clock import now
from app.core.db import Base, db, transaction
from app.core.errors import Invalid, NotFound
from app.delivery import bounces
from app.delivery.models import Delivery, Event, MergedMail
from app.mailer.dsn import Finding
from app.tracking import intake
from app.tracking import merging as histories
from app.trust import forgetting
from tests.conftest import Client, Person
from tests.tracking.mails import READER, Sent, send

BY = changes.by_hand(1)


@pytest.fixture
def two(alice: Person) -> tuple[Contact, Contact]:
    """Anna, twice."""
    with transaction():
        fields.create(alice.account.id, "Town")
        keep = writing.create(
            alice.account, "anna@b.example", first_name="Anna", fields={"town": "Ulm"},
            tags=["vip"], notes="One",
        )  # fmt: skip
        other = writing.create(
            alice.account, "a.bee@b.example", first_name="Ann", last_name="Bee",
            fields={"town": "Bonn"}, tags=["vip", "new"], notes="Two",
        )  # fmt: skip
    return keep, other


def merge(alice: Person, keep: Contact, other: Contact, **take: str) -> Contact:
    with transaction():
        histories.merge(alice.account, keep.id, other.id, take, by=BY)
    db.session.rollback()
    return db.session.get_one(Contact, keep.id)


def test_values_are_chosen_and_gaps_filled(alice: Person, two: tuple[Contact, Contact]) -> None:
    found = merging.preview(*two)
    assert {one.name for one in found.choices} == {"first_name", "fields.town"}
    assert found.filled == [("Last name", "Bee")]
    assert found.tags == ["new"]

    one = merge(alice, *two, **{"fields.town": "other"})

    assert (one.first_name, one.last_name, one.fields) == ("Anna", "Bee", {"town": "Bonn"})
    assert one.notes == "One\nTwo"
    assert {tag.name for tag in one.tags} == {"vip", "new"}
    assert [db.session.scalar(sa.select(sa.func.count(Contact.id)))] == db.session.scalars(
        sa.select(Headcount.people)
    ).all()
    people = {tag.name: tag.people for tag in db.session.scalars(sa.select(Tag))}
    assert people == {"vip": 1, "new": 1}
    note = db.session.scalars(sa.select(ContactChange).where(ContactChange.what == "merged")).one()
    assert note.details["email"] == "a.bee@b.example"


@pytest.mark.parametrize(
    ("mine", "theirs", "comes"),
    [
        ("active", "", "active"), ("", "active", "active"), ("ended", "active", "active"),
        ("active", "left", "ended"), ("left", "active", "ended"), ("pending", "active", "active"),
        ("", "left", "ended"), ("pending", "", "pending"), ("active", "pending", "active"),
    ],
)  # fmt: skip
def test_lists_are_joined(
    alice: Person, two: tuple[Contact, Contact], mine: str, theirs: str, comes: str
) -> None:
    with transaction():
        double = "pending" in (mine, theirs)
        news = lists.create(alice.account, "News", opt_in="double" if double else "single")
    for contact, state in zip(two, (mine, theirs), strict=True):
        with transaction():
            person = db.session.get_one(Contact, contact.id)
            if state:
                place = consent.subscribe(person, news, source="hand")
            if state == "active" and place.state == "pending":
                consent.confirm(asking.link(person, [news]).rpartition("/")[2])
            if state in ("ended", "left"):
                source = "hand" if state == "ended" else "link"
                consent.leave_list(person, news, source=source)
    said = db.session.scalar(sa.select(sa.func.count(Consent.id)))

    one = merge(alice, *two)

    place = db.session.scalars(sa.select(Subscription)).one()
    assert (place.contact_id, place.state) == (one.id, comes)
    kept = db.session.scalars(sa.select(ContactList)).one()
    assert (kept.active, kept.pending) == (comes == "active", comes == "pending")
    owners = db.session.scalars(sa.select(Consent.contact_id)).all()
    assert owners == [one.id] * (said or 0)


@pytest.mark.parametrize(
    ("mine", "theirs", "comes"),
    [
        ("", "unsubscribed", "unsubscribed"), ("account", "complaint", "complaint"),
        ("unsubscribed", "account", "unsubscribed"), ("", "bounced", ""), ("", "import", "import"),
    ],
)  # fmt: skip
def test_the_stricter_word_wins(
    alice: Person, two: tuple[Contact, Contact], mine: str, theirs: str, comes: str
) -> None:
    with transaction():
        for contact, reason in zip(two, (mine, theirs), strict=True):
            if reason:
                suppressions.add(alice.account.id, contact.address, reason=reason)

    one = merge(alice, *two)

    found = suppressions.find(alice.account.id, one.address)
    assert (found.reason if found else "") == comes
    # The other address stays as it was: a later file must not bring it back in.
    old = suppressions.find(alice.account.id, "a.bee@b.example")
    assert (old.reason if old else "") == theirs


def test_a_no_of_either_is_a_no(alice: Person, two: tuple[Contact, Contact]) -> None:
    with transaction():
        channels.say(two[0], "post", "yes", by=BY)
        channels.say(two[1], "post", "no", by=BY)
        channels.say(two[1], "phone", "yes", by=BY)

    said = channels.of(merge(alice, *two))

    assert {name: row.is_allowed for name, row in said.items()} == {"post": False, "phone": True}


def test_mails_and_openings_come_along(client: Client, alice: Person, sent: Sent) -> None:
    """Two got the same campaign: one mail of them stays counted and belongs to nobody."""
    keep, other = sent.contacts[0], sent.contacts[1]
    client.get(sent.click(1, 0), headers=READER)
    intake.take_hits()
    assert histories.both_got(keep, other) == 1

    one = merge(alice, keep, other)

    whose = db.session.scalars(sa.select(Delivery.contact_id).order_by(Delivery.id)).all()
    assert whose == [one.id, None, sent.contacts[2].id]
    assert set(db.session.scalars(sa.select(Event.contact_id))) == {one.id}


def test_the_links_of_both_mails_take_out_who_is_left(
    client: Client, alice: Person, sent: Sent
) -> None:
    keep, other, third = sent.contacts
    merge(alice, keep, other)
    merge(alice, third, keep)

    answer = client.post(sent.leave(1), data={"from": "page"})

    assert answer.status_code == 200
    assert suppressions.find(alice.account.id, third.address) is not None
    (event,) = db.session.scalars(sa.select(Event).where(Event.kind == "unsubscribe"))
    assert event.contact_id == third.id


def test_taken_back_each_has_their_own_mails_again(
    client: Client, alice: Person, sent: Sent
) -> None:
    keep, other = sent.contacts[0], sent.contacts[1]
    merge(alice, keep, other)
    part(alice, keep.id)

    client.post(sent.leave(1), data={"from": "page"})

    assert suppressions.find(alice.account.id, keep.address) is None
    assert suppressions.find(alice.account.id, other.address) is not None
    assert db.session.scalars(sa.select(MergedMail.delivery_id)).all() == []


def test_the_pages(client: Client, alice: Person, two: tuple[Contact, Contact]) -> None:
    client.sign_in(alice)
    keep, other = two
    page = client.get(f"/contacts/{keep.id}/merge/{other.id}")
    assert "Bonn" in page.text
    assert client.get(f"/contacts/{keep.id}/merge/{keep.id}").status_code == 422

    client.post(f"/contacts/{keep.id}/merge/{other.id}", data={"first_name": "other"})

    assert client.get(f"/contacts/{other.id}").status_code == 404
    shown = client.get(f"/contacts/{keep.id}").text
    assert "a.bee@b.example" in shown
    assert "Ann Bee" in shown


def test_strangers_stay_apart(alice: Person, charlie: Person, two: tuple[Contact, Contact]) -> None:
    with transaction():
        theirs = writing.create(charlie.account, "c@garage.example")

    with transaction(), pytest.raises(NotFound):
        histories.merge(alice.account, two[0].id, theirs.id, {}, by=BY)
    with pytest.raises(Invalid):
        merging.preview(two[0], two[0])


@pytest.mark.parametrize("longer", ["keep", "other"])
def test_the_longer_break_and_the_lower_frequency_hold(
    alice: Person, two: tuple[Contact, Contact], longer: str
) -> None:
    keep, other = two
    with transaction():
        pausing.pause(keep, 90 if longer == "keep" else 30)
        pausing.pause(other, 30 if longer == "keep" else 90)
        pausing.choose(keep, "month" if longer == "keep" else "week")
        pausing.choose(other, "week" if longer == "keep" else "month")

    one = merge(alice, keep, other)

    pause = resting.paused(one)
    assert pause is not None
    assert (pause.until - pause.since).days == 90
    assert resting.frequency(one) == "month"


def test_a_break_of_the_other_comes_along(alice: Person, two: tuple[Contact, Contact]) -> None:
    keep, other = two
    with transaction():
        pausing.pause(other, 60)
        pausing.choose(other, "week")

    one = merge(alice, keep, other)

    assert resting.paused(one) is not None
    assert resting.frequency(one) == "week"


def everything() -> dict[str, list[tuple[Any, ...]]]:
    """All rows that are about contacts, but for what is only ever added and the growth by day."""
    db.session.rollback()
    found: dict[str, list[tuple[Any, ...]]] = {}
    for name, table in Base.metadata.tables.items():
        if "contact_id" in table.c or name in (
            "contact",
            "list",
            "tag",
            "headcount",
            "suppression",
        ):
            rows = db.session.execute(sa.select(table).order_by(*table.primary_key)).all()
            found[name] = [tuple(map(str, row)) for row in rows]
    return found


def lived_in(alice: Person, keep: Contact, other: Contact) -> None:
    """Both have all that contacts can have."""
    with transaction():
        news, shop = lists.create(alice.account, "News"), lists.create(alice.account, "Shop")
        for person, place in ((keep, news), (other, news), (other, shop)):
            consent.subscribe(person, place, source="hand", wording="At the counter")
        consent.leave_list(other, news, source="link")
        channels.say(keep, "post", "yes", by=BY)
        channels.say(other, "post", "no", by=BY)
        channels.say(other, "phone", "yes", by=BY)
        pausing.pause(keep, 30)
        pausing.pause(other, 90)
        pausing.choose(other, "week")
        suppressions.add(alice.account.id, other.address, reason="complaint")
        writing.update(other, external_id="4711", fields={"Seats": [{"row": 1}, 2]})
        db.session.add(
            LeavingReason(account_id=alice.account.id, contact_id=other.id, reason="often")
        )
    rows = "email,town\na.bee@b.example,Rome\n"
    import_ = importing.stage(alice.account, io.BytesIO(rows.encode()), "a.csv", basis="Counter")
    importing.run(import_.id)
    for selection in (Selection(ids=(keep.id, other.id)), Selection(ids=(other.id,))):
        with transaction():
            action = bulk_actions.ask(alice.account, "tag", {"tag": "Many"}, selection)
        while bulk_actions.run(action.id):
            pass
        with transaction():
            bulk_actions.start(action)
        while bulk_actions.run(action.id):
            pass


def part(alice: Person, keep_id: int) -> None:
    (merge_id,) = db.session.scalars(sa.select(Merge.id)).all()
    with transaction():
        histories.part(alice.account, keep_id, merge_id, by=BY)


def test_taken_back_both_are_what_they_were(
    client: Client, alice: Person, sent: Sent, two: tuple[Contact, Contact]
) -> None:
    keep, other = two
    lived_in(alice, keep, other)
    alone = send(alice.account, name="June news")
    with transaction():
        for delivery, owner in (
            (sent.deliveries[0], keep), (sent.deliveries[1], other), (alone.deliveries[0], other)
        ):  # fmt: skip
            db.session.get_one(Delivery, delivery.id).contact_id = owner.id
    for url in (sent.click(0), sent.click(1), alone.click(0)):
        client.get(url, headers=READER)
    intake.take_hits()
    assert db.session.scalar(sa.select(sa.func.count(Event.id))) == 3
    before = everything()

    merge(alice, keep, other, first_name="other", **{"fields.town": "other"})
    assert everything() != before
    part(alice, keep.id)

    after = everything()
    notes = {row[0] for row in before["contact_change"]}
    after["contact_change"] = [row for row in after["contact_change"] if row[0] in notes]
    assert after == before
    assert db.session.scalar(sa.select(sa.func.count(Merge.id))) == 0
    said = db.session.scalars(
        sa.select(ContactChange).where(ContactChange.what.in_(("merged", "parted")))
    )
    assert [(row.what, row.details) for row in said] == [
        ("merged", {}), ("parted", {}), ("parted", {}),
    ]  # fmt: skip


def test_what_came_later_stays_and_a_no_counts_for_both(
    alice: Person, two: tuple[Contact, Contact]
) -> None:
    keep, other = two
    with transaction():
        news = lists.create(alice.account, "News")
        consent.subscribe(other, news, source="hand")
    merge(alice, keep, other)
    with transaction():
        one = db.session.get_one(Contact, keep.id)
        writing.update(one, first_name="Annabel", notes="Three")
        consent.withdraw(one, source="link")

    part(alice, keep.id)

    db.session.expire_all()
    assert (keep.first_name, keep.last_name, keep.notes) == ("Annabel", "", "Three")
    places = db.session.scalars(sa.select(Subscription)).all()
    assert {(row.contact_id, row.state) for row in places} == {(other.id, "ended")} | {
        (row.contact_id, "ended") for row in places
    }
    for address in (keep.address, other.address):
        found = suppressions.find(alice.account.id, address)
        assert found is not None
        assert found.reason == "unsubscribed"
    assert db.session.scalars(sa.select(ContactList.active)).all() == [0]


def out(alice: Person, *people: Contact) -> list[str]:
    """Why each of them is not mailed."""
    found = [suppressions.find(alice.account.id, one.address) for one in people]
    return [one.reason if one else "" for one in found]


@pytest.mark.parametrize("first", ["keep", "other"])
@pytest.mark.parametrize("then", ["leaves", "leaves and comes back", "complains"])
def test_a_no_of_who_was_out_already_is_kept(
    client: Client, alice: Person, sent: Sent, first: str, then: str
) -> None:
    """One of the two had left before they were merged; nobody knows who presses the button now."""
    keep, other = sent.contacts[0], sent.contacts[1]
    with transaction():
        consent.withdraw(keep if first == "keep" else other, source="link")
    merge(alice, keep, other)
    if then == "complains":
        with transaction():
            mine = db.session.get_one(Delivery, sent.deliveries[0].id)
            bounces.record(mine, [Finding("", "complaint", "", "spam")])
    else:
        for _ in range(2):
            client.post(sent.leave(), data={"from": "page"})
    if then == "leaves and comes back":
        client.post(sent.back())

    part(alice, keep.id)

    db.session.expire_all()
    said = db.session.scalars(sa.select(Consent).where(Consent.kind == "withdrawn")).all()
    assert len(said) == (1 if then == "complains" else 2)
    if then == "leaves and comes back":
        assert out(alice, keep, other) == ["", "unsubscribed" if first == "other" else ""]
    else:
        assert "" not in out(alice, keep, other)


def test_a_list_that_ended_by_the_merge_and_was_left_since(
    client: Client, alice: Person, sent: Sent
) -> None:
    keep, other = sent.contacts[0], sent.contacts[1]
    with transaction():
        news = db.session.scalars(sa.select(ContactList)).one()
        consent.leave_list(other, news, source="link")
    merge(alice, keep, other)
    client.post(sent.leave(), data={"from": "page", "list": news.id})

    part(alice, keep.id)

    states = db.session.scalars(
        sa.select(Subscription.state).where(Subscription.contact_id.in_((keep.id, other.id)))
    ).all()
    assert states == ["ended", "ended"]


def test_a_no_to_the_post_since_counts_for_both(
    alice: Person, two: tuple[Contact, Contact]
) -> None:
    keep, other = two
    with transaction():
        for channel in ("post", "phone"):
            channels.say(other, channel, "yes", by=BY)
    one = merge(alice, keep, other)
    with transaction():
        channels.say(one, "post", "no", wording="No more letters", by=BY)

    part(alice, keep.id)

    for person, answers in ((keep, {"post": False}), (other, {"post": False, "phone": True})):
        said = channels.of(db.session.get_one(Contact, person.id))
        assert {name: row.is_allowed for name, row in said.items()} == answers
        assert said["post"].wording == "No more letters"


def test_what_stands_in_the_way_is_said(
    client: Client, alice: Person, bob: Person, charlie: Person, two: tuple[Contact, Contact]
) -> None:
    keep, other = two
    address, other_id = other.address, other.id
    merge(alice, keep, other)
    (merge_id,) = db.session.scalars(sa.select(Merge.id)).all()
    path = f"/contacts/{keep.id}/merges/{merge_id}/part"
    client.sign_in(charlie)
    assert client.post(path).status_code == 404
    client.sign_in(alice)
    assert "you can take it back" in client.get(f"/contacts/{keep.id}").text
    with transaction():
        again = writing.create(alice.account, address)
    assert "again" in client.post(path).text
    with transaction():
        writing.update(db.session.get_one(Contact, again.id), email="again@b.example")

    answer = client.post(path)

    assert answer.headers["Location"].endswith(f"/contacts/{other_id}")
    assert "Taken apart" in client.get(f"/contacts/{keep.id}").text
    assert client.post(path).status_code == 404


def test_who_is_erased_is_in_no_merge(alice: Person, two: tuple[Contact, Contact]) -> None:
    merge(alice, *two)
    with transaction():
        again = writing.create(alice.account, "a.bee@b.example")
    with transaction():
        erasing.erase(again, by="person")

    erasing.sweep()

    assert db.session.scalar(sa.select(sa.func.count(Merge.id))) == 0


def test_merges_are_kept_for_thirty_days(alice: Person, two: tuple[Contact, Contact]) -> None:
    merge(alice, *two)
    assert forgetting.keep("merges") == 0
    with transaction():
        db.session.execute(sa.update(Merge).values(kept_until=now()))

    assert forgetting.keep("merges") == 1
    assert db.session.scalar(sa.select(sa.func.count(Merge.id))) == 0
