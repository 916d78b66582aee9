"""The operator writes to its customers from an account of its own, and reaches nobody else."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Account, Member, Membership
from app.campaigns import checks, composing
from app.campaigns.models import Campaign
from app.contacts import consent, houses, importing, segments, suppressions, writing
from app.contacts.models import Contact, ContactList, HouseContact, Segment, Subscription
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import WrongState
from app.moving import taking_in
from app.privacy import consenting
from app.site import sampling
from app.staff import following, house, jobs
from app.staff.knowing import bucket
from tests.architecture import everything
from tests.conftest import Client, Person, make_person


@pytest.fixture
def own(app: Flask) -> Account:
    """The operator's own account."""
    with transaction():
        return house.make(name="LeaderSend", address="1 Low Street, Town", sender="us@send.example")


def customer(person: Person, *kinds: str) -> None:
    """A registered customer who agreed to these."""
    with transaction():
        member = db.session.get_one(Member, person.member.id)
        member.password_set_at = now()
        for kind in kinds:
            consenting.record(member, person.account, kind, granted=True)
    jobs.follow_customers()


def say(client: Client, person: Person, kind: str, granted: str) -> None:
    client.sign_in(person)
    answer = client.post(f"/settings/consents/{kind}", data={"granted": granted})
    assert answer.status_code == 303


def contact_of(person: Person) -> Contact:
    db.session.rollback()
    return db.session.scalars(
        sa.select(Contact)
        .join(HouseContact)
        .where(HouseContact.member_id == person.member.id)
        .execution_options(populate_existing=True)
    ).one()


def gets(person: Person) -> set[str]:
    """The lists whose mail would reach them."""
    contact = contact_of(person)
    if suppressions.find(contact.account_id, contact.address):
        return set()
    rows = db.session.scalars(
        sa.select(ContactList.name)
        .join(Subscription, Subscription.list_id == ContactList.id)
        .where(Subscription.contact_id == contact.id, Subscription.state == "active")
    )
    return set(rows)


def standing(person: Person, kind: str) -> bool | None:
    db.session.rollback()
    row = consenting.standing(person.member).get(kind)
    return row.granted if row else None


BOTH = {"Newsletter", "Promotions"}


def test_who_agreed_is_in_it_and_nobody_else(own: Account, alice: Person, charlie: Person) -> None:
    customer(alice, "marketing_email")
    customer(charlie)

    people = db.session.scalars(
        sa.select(Contact.email).where(Contact.account_id == own.id)
    ).all()  # fmt: skip
    assert people == [alice.member.email]
    assert contact_of(alice).company == "Bakery"
    assert gets(alice) == BOTH


def test_customers_choose_channels_and_topics(client: Client, own: Account, alice: Person) -> None:
    customer(alice, "marketing_email")

    say(client, alice, "topic_promotions", "no")
    assert gets(alice) == {"Newsletter"}
    say(client, alice, "marketing_email", "no")
    assert gets(alice) == set()
    say(client, alice, "marketing_email", "yes")
    assert gets(alice) == {"Newsletter"}
    say(client, alice, "topic_promotions", "yes")
    assert gets(alice) == BOTH
    assert "you get it" in client.get("/settings/data").text


def test_leaving_through_a_mail_turns_the_consent_off_and_back(
    client: Client, own: Account, alice: Person
) -> None:
    customer(alice, "marketing_email")

    with transaction():
        consent.withdraw(contact_of(alice), source="link")
    jobs.follow_customers()
    assert standing(alice, "marketing_email") is False
    with transaction():
        consent.restore(contact_of(alice), source="undo")
    jobs.follow_customers()
    assert standing(alice, "marketing_email") is True
    assert gets(alice) == BOTH

    with transaction():
        consent.withdraw(contact_of(alice), source="one_click")
    jobs.follow_customers()
    say(client, alice, "marketing_email", "yes")
    assert gets(alice) == BOTH


def test_leaving_one_topic_through_a_mail_is_noted(own: Account, alice: Person) -> None:
    customer(alice, "marketing_email")
    promotions = db.session.scalars(
        sa.select(ContactList).where(ContactList.name == "Promotions")
    ).one()

    with transaction():
        consent.leave_list(contact_of(alice), promotions, source="preferences")
    jobs.follow_customers()
    assert standing(alice, "topic_promotions") is False
    assert standing(alice, "marketing_email") is True
    with transaction():
        consent.rejoin_list(contact_of(alice), promotions, source="preferences")
    jobs.follow_customers()
    assert standing(alice, "topic_promotions") is True
    assert gets(alice) == BOTH


def test_who_agreed_to_post_alone_gets_no_mail(own: Account, alice: Person) -> None:
    customer(alice, "marketing_post")

    assert gets(alice) == set()


def test_following_again_changes_nothing(own: Account, alice: Person, charlie: Person) -> None:
    customer(alice, "marketing_email", "marketing_phone")
    customer(charlie, "marketing_post")
    jobs.walk_customers()
    before = everything.contents()
    with transaction():
        following.follow([alice.member.id, charlie.member.id])

    assert everything.difference(before, everything.contents()) == []


def test_who_is_no_customer_any_more_is_erased(own: Account, alice: Person, bob: Person) -> None:
    customer(alice, "marketing_email")
    customer(bob, "marketing_email")
    with transaction():
        db.session.execute(sa.delete(Membership).where(Membership.member_id == bob.member.id))
    jobs.walk_customers()
    with transaction():
        db.session.execute(sa.delete(Member).where(Member.id == alice.member.id))
        db.session.execute(sa.update(houses.House).values(walked_at=None))
    for _ in range(3):
        with transaction():
            following.walk()

    count = sa.select(sa.func.count(Contact.id)).where(Contact.account_id == own.id)
    assert db.session.scalar(count) == 0


@pytest.mark.parametrize("barred", ["access", "closing"])
def test_whose_account_is_shut_gets_no_news_until_it_is_open_again(
    own: Account, alice: Person, barred: str
) -> None:
    customer(alice, "marketing_email")
    for barred_now, there in ((barred, 0), ("", 1)):
        with transaction():
            db.session.get_one(Account, alice.account.id).barred = barred_now
            following.follow([alice.member.id])
        count = sa.select(sa.func.count(Contact.id)).where(Contact.account_id == own.id)
        assert db.session.scalar(count) == there
    assert gets(alice) == BOTH


def test_what_they_do_is_known_roughly(own: Account, alice: Person) -> None:
    with transaction():
        for n in range(3):
            address = f"{n}@example.com"
            writing.create(db.session.merge(alice.account), address)
        db.session.add(
            Campaign(
                account_id=alice.account.id,
                name="May",
                state="sent",
                started_at=now() - timedelta(days=70),
            )
        )
    customer(alice, "marketing_email")
    known = contact_of(alice).fields

    assert known["contacts"] == "1 to 100"
    assert known["plan"] == "free"
    assert known["last_campaign_on"] == (now() - timedelta(days=70)).date().isoformat()
    segment = db.session.scalars(
        sa.select(Segment).where(Segment.name == "Newsletter: no campaign for 60 days")
    ).one()
    fits = segments.condition(own.id, segment.rule)
    found = db.session.scalars(
        sa.select(Contact.email).where(Contact.account_id == own.id, fits)
    ).all()
    assert found == [alice.member.email]
    assert [bucket(n) for n in (0, 1, 1_001, 10_001)] == [
        "none", "1 to 100", "1,001 to 10,000", "more than 10,000",
    ]  # fmt: skip


def test_no_other_way_leads_into_it(own: Account, alice: Person) -> None:
    own = db.session.merge(own)
    with pytest.raises(WrongState), transaction():
        writing.create(own, "stranger@example.com")
    with pytest.raises(WrongState):
        importing.stage(own, BytesIO(b"email\nx@example.com\n"), "a.csv")
    with pytest.raises(WrongState):
        taking_in.stage(own, None, BytesIO(b""), "a.zip")
    with pytest.raises(WrongState), transaction():
        sampling.add(own)
    customer(alice, "marketing_email")
    with pytest.raises(WrongState), transaction():
        writing.update(contact_of(alice), email="stranger@example.com")

    assert contact_of(alice).email == alice.member.email


def test_contacts_of_customers_are_out_of_reach(
    app: Flask, client: Client, own: Account, alice: Person, bob: Person
) -> None:
    """Somebody who works in the house walks every route with the ids of a customer's rows, then
    sends every form there is: nobody of the customer's comes in."""
    ids = everything.make(alice, bob)
    customer(alice, "marketing_email")
    mara = make_person("mara@operator.example", "Mara", "Mara's own", "owner")
    with transaction():
        member = db.session.get_one(Member, mara.member.id)
        member.staff_roles = ["marketing"]
        db.session.execute(sa.delete(Membership).where(Membership.member_id == member.id))
        house.enter(member)
    client.sign_in(mara)

    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/") or rule.endpoint in ("auth.sign_out", "auth.look"):
            continue
        if everything.is_somebodys(rule) and not rule.rule.startswith(("/staff", "/f/")):
            for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                url = everything.url_of(rule, ids)
                answer = client.open(url, method=method, data=everything.FORM)
                assert answer.status_code >= 300, (method, rule.rule)
    form = {"email": "v@b.example", "first_name": "V"}
    assert client.post("/contacts/new", data=form).status_code in (409, 422)

    members = set(db.session.scalars(sa.select(Member.email)))
    inside = set(
        db.session.scalars(sa.select(Contact.address).where(Contact.account_id == own.id))
    )  # fmt: skip
    assert inside == {alice.member.email}
    assert inside <= members


def test_lists_for_post_and_phone_honour_what_was_said(
    client: Client, own: Account, alice: Person, charlie: Person, sam: Person
) -> None:
    customer(alice, "marketing_post", "marketing_phone")
    customer(charlie, "marketing_post")
    with transaction():
        db.session.get_one(Member, alice.member.id).phone = "+44 20 7946 0000"
        db.session.get_one(Member, sam.member.id).staff_roles = ["marketing"]
    say(client, charlie, "marketing_post", "no")
    client.sign_in(sam)

    post = client.post("/staff/mailings/post.csv").text
    phone = client.post("/staff/mailings/phone.csv").text
    assert "Bakery, 1 High Street" in post
    assert "Garage" not in post
    assert "7946 0000" in phone
    assert client.post("/staff/mailings/fax.csv").status_code == 404
    assert client.get("/staff/mailings/post.csv").status_code == 405


def test_it_is_for_marketing_alone(client: Client, sam: Person) -> None:
    client.sign_in(sam)
    assert client.get("/staff/mailings").status_code == 404
    assert client.post("/staff/mailings/post.csv").status_code == 404
    with transaction():
        db.session.get_one(Member, sam.member.id).staff_roles = ["marketing"]

    made = client.post("/staff/mailings", data={"name": "LeaderSend", "address": "1 Low St"})
    assert made.status_code == 303
    assert client.post("/staff/mailings/enter").status_code == 303
    assert "LeaderSend" in client.get("/campaigns").text
    assert "By post" in client.get("/staff/mailings").text
    again = client.post("/staff/mailings", data={"name": "Second", "address": "1 Low St"})
    assert again.status_code == 409
    with transaction():
        db.session.get_one(Member, sam.member.id).staff_roles = []
    with transaction():
        house.send_home()
    left = sa.select(sa.func.count(Membership.id)).join(Account).where(Account.is_house)
    assert db.session.scalar(left) == 0


def test_a_mailing_says_its_topic(own: Account, alice: Person) -> None:
    customer(alice, "marketing_email")
    own = db.session.merge(own)
    newsletter = db.session.scalars(
        sa.select(ContactList).where(ContactList.name == "Newsletter")
    ).one()
    with transaction():
        loose = Segment(
            account_id=own.id, name="Loose",
            rule={"field": "fields.plan", "op": "is", "value": "free"},
        )  # fmt: skip
        db.session.add(loose)
    good = db.session.scalars(
        sa.select(Segment).where(Segment.name == "Newsletter: nothing sent yet")
    ).one()

    def codes(lists: tuple[int, ...], segments_: tuple[int, ...]) -> set[str]:
        with transaction():
            draft = composing.Draft(lists=lists, segments=segments_)
            campaign = composing.create(own, draft)
        return {one.code for one in checks.preflight(campaign) if one.level == "block"}

    assert "topic" not in codes((newsletter.id,), ())
    assert "topic" not in codes((), (good.id,))
    assert "topic" in codes((), (loose.id,))
    assert "topic" in codes((newsletter.id,), (loose.id,))
