"""An import can be undone: exactly, and without anybody's own word being lost."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.campaigns.models import Campaign
from app.contacts import (
    changes,
    channels,
    consent,
    domain_rules,
    erasing,
    fields,
    importing,
    journal,
    lists,
    suppressions,
    tags,
    undoing,
    uploads,
    writing,
)
from app.contacts.models import (
    ChannelConsent,
    Consent,
    Contact,
    ContactField,
    ContactList,
    Headcount,
    Import,
    ImportChange,
    ImportJournal,
    ImportProblem,
    Subscription,
    Suppression,
    Tag,
    contact_tag,
)
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import WrongState
from app.delivery.models import Batch, Delivery
from app.tracking import timeline
from app.trust import forgetting
from tests.conftest import Person

BASIS = "Signed up at our counter."


@pytest.fixture
def news(alice: Person) -> ContactList:
    with transaction():
        return lists.create(alice.account, "News")


def bring(alice: Person, content: str, list_: ContactList | None = None, **options: Any) -> Import:
    import_ = importing.stage(
        alice.account, io.BytesIO(content.encode()), "people.csv", list_=list_,
        basis=BASIS, **options,
    )  # fmt: skip
    while importing.run(import_.id):
        pass
    db.session.expire_all()
    assert import_.state == "finished", import_.error
    return import_


def undo(import_: Import) -> dict[str, int]:
    """Count, then undo; the numbers must agree."""
    with transaction():
        undoing.count(import_)
    while undoing.run(import_.id):
        pass
    db.session.expire_all()
    said = numbers(import_)
    with transaction():
        undoing.start(import_)
    while undoing.run(import_.id):
        pass
    db.session.expire_all()
    assert db.session.get_one(ImportJournal, import_.id).state == "undone"
    assert numbers(import_) == said
    return said


def numbers(import_: Import) -> dict[str, int]:
    found = db.session.get_one(ImportJournal, import_.id).numbers
    return {name: number for name, number in found.items() if number}


def content() -> dict[str, Any]:
    """All that an account has, by addresses and names; evidence is only ever added to."""
    db.session.rollback()
    people = {}
    for row in db.session.scalars(sa.select(Contact)):
        people[row.address] = (
            row.email, row.kind, row.first_name, row.last_name, row.company, row.first_key,
            row.last_key, row.company_key, dict(row.fields), row.notes, row.updated_at,
        )  # fmt: skip
    places = sa.select(
        ContactList.name, Contact.address, Subscription.state, Subscription.since
    ).select_from(Subscription).join(ContactList).join(Contact)  # fmt: skip
    tagged = sa.select(Tag.name, Contact.address).select_from(contact_tag).join(Tag).join(Contact)
    return {
        "people": people,
        "places": sorted(tuple(row) for row in db.session.execute(places)),
        "tagged": sorted(tuple(row) for row in db.session.execute(tagged)),
        "barred": sorted(
            (row.address or "", row.reason, row.detail, row.created_at)
            for row in db.session.scalars(sa.select(Suppression))
        ),
        "fields": sorted(db.session.scalars(sa.select(ContactField.key))),
        "tags": sorted((row.name, row.people) for row in db.session.scalars(sa.select(Tag))),
        "lists": sorted(
            (row.name, row.active, row.pending)
            for row in db.session.scalars(sa.select(ContactList))
        ),
        "headcount": db.session.scalar(sa.select(Headcount.people)) or 0,
    }


def contact(address: str) -> Contact:
    return db.session.scalars(sa.select(Contact).where(Contact.address == address)).one()


def addresses() -> list[str]:
    return sorted(db.session.scalars(sa.select(Contact.address)))


def test_everything_is_as_before(alice: Person, news: ContactList) -> None:
    bring(alice, "email,first name,tags,town\nann@example.com,Ann,vip,Oslo\nben@example.com,,,\n")
    before = content()

    import_ = bring(
        alice,
        "email,first name,last name,tags,town,cake,status\n"
        "ann@example.com,Anna,New,vip;gold,Bergen,plum,\n"
        "ben@example.com,Ben,,,,,\n"
        "cid@example.com,Cid,,gold,Rome,,\n"
        "dan@example.com,,,,,,unsubscribed\n"
        "ann@example.com,Annika,,,,,\n",
        news,
    )
    assert content() != before

    assert undo(import_) == {"removed": 1, "restored": 2, "lifted": 1}
    assert content() == before
    assert not db.session.scalars(sa.select(ImportChange.id)).all()


def test_evidence_stays_and_says_that_it_was_undone(alice: Person, news: ContactList) -> None:
    bring(alice, "email\nann@example.com\n")

    undo(bring(alice, "email\nann@example.com\n", news))

    said = db.session.scalars(
        sa.select(Consent).where(Consent.list_id == news.id).order_by(Consent.id)
    ).all()
    assert [(row.kind, row.source) for row in said] == [
        ("stated", "import"), ("withdrawn", "import"),
    ]  # fmt: skip
    assert "was undone" in said[1].wording
    assert said[1].address == "ann@example.com"


def test_later_changes_by_hand_stay(alice: Person) -> None:
    bring(alice, "email,first name,town\nann@example.com,Ann,Oslo\nben@example.com,Ben,\n")
    import_ = bring(
        alice, "email,first name,town\nann@example.com,Anna,Bergen\nben@example.com,Benno,\n"
    )
    with transaction():
        writing.update(contact("ann@example.com"), first_name="Annabel")
        writing.update(contact("ben@example.com"), first_name="Benedict")

    assert undo(import_) == {"restored": 1, "partly": 1, "left": 1}

    ann, ben = contact("ann@example.com"), contact("ben@example.com")
    assert (ann.first_name, ann.first_key, ann.fields) == ("Annabel", "annabel", {"town": "Oslo"})
    assert ben.first_name == "Benedict"


def test_who_has_a_life_of_their_own_stays(alice: Person, news: ContactList) -> None:
    names = ("mailed", "left", "changed", "tagged", "listed", "typed", "nothing")
    import_ = bring(
        alice, "email,first name\n" + "".join(f"{n}@example.com,X\n" for n in names), news
    )
    with transaction():
        other = lists.create(alice.account, "Other")
        _mail(alice, contact("mailed@example.com"))
        consent.withdraw(contact("left@example.com"), source="link")
        writing.update(contact("changed@example.com"), first_name="Y")
        tags.add(tags.named(alice.account.id, "vip"), [contact("tagged@example.com").id])
        consent.subscribe(contact("listed@example.com"), other, source="hand")
        writing.update(contact("typed@example.com"), fields={"cake": "plum"})

    assert undo(import_) == {"removed": 1, "stay_mailed": 1, "stay_acted": 1, "stay_changed": 4}

    assert addresses() == sorted(f"{name}@example.com" for name in names[:-1])
    assert suppressions.find(alice.account.id, "left@example.com")
    db.session.refresh(news)
    assert (news.active, db.session.scalar(sa.select(Headcount.people))) == (6, 6)


def _mail(alice: Person, person: Contact) -> None:
    campaign = Campaign(account_id=alice.account.id, name="May", subject="May", body="x")
    db.session.add(campaign)
    db.session.flush()
    batch = Batch(campaign_id=campaign.id, number=1, size=1)
    db.session.add(batch)
    db.session.flush()
    db.session.add(Delivery(campaign_id=campaign.id, contact_id=person.id, batch_id=batch.id))


def test_nobodys_own_word_is_lost(alice: Person) -> None:
    """The file says that they left; then they say so themselves, or the owner does, or another
    file."""
    bring(alice, "email\nann@example.com\nben@example.com\ncid@example.com\ndan@example.com\n")
    told = "email,status\n" + "".join(
        f"{name}@example.com,unsubscribed\n" for name in ("ann", "ben", "cid", "dan")
    )
    import_ = bring(alice, told)
    with transaction():
        assert consent.withdraw(contact("ann@example.com"), source="one_click")
        suppressions.add(alice.account.id, "ben@example.com", reason="account")
    bring(alice, "email,status\ncid@example.com,unsubscribed\n")

    assert undo(import_) == {"lifted": 1}

    kept = {name: suppressions.find(alice.account.id, f"{name}@example.com") for name in
            ("ann", "ben", "cid", "dan")}  # fmt: skip
    assert kept["ann"]
    assert kept["ann"].detail == "with the button of their mail program"
    assert kept["ben"]
    assert kept["ben"].reason == "unsubscribed"
    assert kept["cid"]
    assert kept["dan"] is None


def test_who_left_the_list_since_stays_away(alice: Person, news: ContactList) -> None:
    bring(alice, "email\nann@example.com\n")
    import_ = bring(alice, "email\nann@example.com\n", news)
    with transaction():
        consent.leave_list(contact("ann@example.com"), news, source="link")

    assert undo(import_) == {"left": 1}

    place = db.session.get_one(Subscription, (contact("ann@example.com").id, news.id))
    assert place.state == "ended"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_imports_of_the_same_people_undone_in_any_order(
    alice: Person, news: ContactList, order: tuple[int, int]
) -> None:
    bring(alice, "email,first name\nann@example.com,A\n")
    before = content()
    both = [
        bring(alice, "email,first name,tags\nann@example.com,B,x\nnew@example.com,N,x\n", news),
        bring(alice, "email,first name,town\nann@example.com,C,Rome\nnew@example.com,M,Rome\n"),
    ]

    first = undo(both[order[0]])
    assert content() != before
    undo(both[order[1]])

    assert first.get("stay_imported", 0) == (1 if order == (0, 1) else 0)
    assert content() == before


def test_a_person_who_was_erased_leaves_nothing_in_the_journal(alice: Person) -> None:
    bring(alice, "email,first name\nann@example.com,Ann\n")
    import_ = bring(alice, "email,first name\nann@example.com,Anna\n")
    assert db.session.scalars(sa.select(ImportChange.id)).all()
    with transaction():
        erasing.erase(contact("ann@example.com"), by="person")

    assert not db.session.scalars(sa.select(ImportChange.id)).all()
    assert undo(import_) == {}
    assert suppressions.find(alice.account.id, "ann@example.com")


def test_an_import_is_undone_once_and_only_when_it_has_ended(alice: Person) -> None:
    waiting = importing.stage(
        alice.account, io.BytesIO(b"email\na@example.com\n"), "x.csv", basis=BASIS
    )
    with pytest.raises(WrongState, match="not ended"), transaction():
        undoing.start(waiting)
    import_ = bring(alice, "email\nann@example.com\n")
    undo(import_)

    with pytest.raises(WrongState, match="already"), transaction():
        undoing.start(import_)
    assert not undoing.run(import_.id)
    assert undoing.waiting() == []
    assert undoing.undone([import_, waiting]) == {import_.id}


def test_after_thirty_days_the_journal_goes(alice: Person) -> None:
    bring(alice, "email,first name\nann@example.com,Ann\n")
    import_ = bring(alice, "email,first name\nann@example.com,Anna\nben@example.com,Ben\n")
    with transaction():
        old = now() - timedelta(seconds=1)
        db.session.get_one(ImportJournal, import_.id).kept_until = old
    with pytest.raises(WrongState, match="30 days"), transaction():
        undoing.start(import_)

    assert forgetting.keep("import_journals") == 1

    db.session.expire_all()
    assert undoing.journal_of(import_) is None
    assert not db.session.scalars(sa.select(ImportChange.id)).all()
    assert journal.drop_old() == 0
    assert contact("ann@example.com").first_name == "Anna"


def test_a_worker_that_dies_is_followed_by_another(
    alice: Person, news: ContactList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undoing, "AT_ONCE", 3)
    bring(alice, "email,first name\n" + "".join(f"p{n}@example.com,A\n" for n in range(10)))
    before = content()
    import_ = bring(
        alice, "email,first name\n" + "".join(f"p{n}@example.com,B\n" for n in range(25)), news
    )
    with transaction():
        undoing.start(import_)
    while undoing.run(import_.id, budget_s=0):
        with transaction():  # it dies right after it took the next step
            assert undoing._claim(import_.id) is not None
        assert not undoing.run(import_.id)
        with transaction():
            gone = db.session.get_one(ImportJournal, import_.id, populate_existing=True)
            gone.lease_until = now() - timedelta(seconds=1)
        assert [found for found, _ in undoing.waiting()] == [import_.id]

    assert content() == before
    assert numbers(import_) == {"removed": 15, "restored": 10}


def test_kept_columns_only_fill_gaps(alice: Person) -> None:
    bring(
        alice, "email,first name,last name,town\nann@example.com,Ann,,Oslo\nben@example.com,,B,\n"
    )

    import_ = importing.stage(
        alice.account,
        io.BytesIO(
            b"email,first name,last name,town\nann@example.com,Other,Berg,Rome\n"
            b"ben@example.com,Ben,Other,Rome\n"
        ),
        "people.csv",
        basis=BASIS,
    )
    with transaction():
        import_.mapping = {
            "columns": [
                {**column, "keep": column["name"] in ("first name", "town")}
                for column in import_.mapping["columns"]
            ]
        }
    importing.run(import_.id)
    db.session.expire_all()

    ann, ben = contact("ann@example.com"), contact("ben@example.com")
    assert (ann.first_name, ann.last_name, ann.fields) == ("Ann", "Berg", {"town": "Oslo"})
    assert (ben.first_name, ben.last_name, ben.fields) == ("Ben", "Other", {"town": "Rome"})


@pytest.fixture(autouse=True)
def empty_folder(app: object) -> None:
    for path in uploads.folder().iterdir():
        path.unlink()


def test_a_file_says_who_may_be_reached_by_post(alice: Person) -> None:
    """A no always counts and stays; a yes fills what is not known."""
    bring(alice, "email,Post allowed,Phone allowed\nann@example.com,yes,\nben@example.com,no,yes\n")
    assert said_by_post() == {"ann@example.com": True, "ben@example.com": False}

    import_ = bring(
        alice,
        "email,Post allowed\nann@example.com,No\nben@example.com,ja\ncid@example.com,perhaps\n",
        columns={"Post allowed": "post_allowed"},
    )

    assert (import_.updated, import_.unchanged, import_.rejected) == (1, 1, 1)
    (problem,) = db.session.scalars(sa.select(ImportProblem))
    assert "neither yes nor no" in problem.reason
    assert said_by_post() == {"ann@example.com": False, "ben@example.com": False}
    line = timeline.page(contact("ann@example.com"), only="changes").items[0]
    assert line.details == {"post": ["yes", "no"]}
    assert undo(import_) == {"restored": 1}
    assert said_by_post() == {"ann@example.com": True, "ben@example.com": False}


def said_by_post() -> dict[str, bool]:
    db.session.rollback()
    rows = db.session.execute(
        sa.select(Contact.address, ChannelConsent.is_allowed)
        .join(Contact, Contact.id == ChannelConsent.contact_id)
        .where(ChannelConsent.channel == "post")
    )
    return {row.address: row.is_allowed for row in rows}


@pytest.mark.parametrize("mode", ["add", "update", "block"])
def test_a_no_to_the_post_counts_in_every_mode(alice: Person, mode: str) -> None:
    """Also of who gets no mail already, of whom nothing was known, and of whom the file bars."""
    bring(alice, "email,Post allowed\nann@example.com,yes\nben@example.com,\ncid@example.com,yes\n")
    with transaction():
        consent.withdraw(contact("ann@example.com"), source="link")
    before = said_by_post()

    import_ = bring(
        alice,
        "email,Post allowed,Status\nann@example.com,no,\nben@example.com,no,\n"
        "cid@example.com,no,unsubscribed\ndan@example.com,no,unsubscribed\n",
        mode=mode,
    )
    bring(alice, "email,Post allowed\nann@example.com,yes\nben@example.com,yes\n", mode="update")

    assert said_by_post() == dict.fromkeys(addresses(), False)
    assert addresses() == [f"{name}@example.com" for name in ("ann", "ben", "cid")]
    assert undo(import_)["restored"] == 3
    assert said_by_post() == before


def test_what_the_owner_noted_of_somebodys_post_keeps_them(alice: Person) -> None:
    import_ = bring(alice, "email,Post allowed\nann@example.com,yes\nben@example.com,yes\n")
    with transaction():
        channels.say(contact("ann@example.com"), "phone", "no", by=changes.NOBODY)

    undo(import_)

    assert addresses() == ["ann@example.com"]


def test_a_block_list_lets_nobody_in(alice: Person, news: ContactList) -> None:
    bring(alice, "email\nann@example.com\n", news)
    before = content()
    with transaction():
        domain_rules.add(alice.account.id, "bad.example", lets_in=False)

    import_ = bring(
        alice, "email,status\nann@example.com,subscribed\nben@bad.example,\n", news, mode="block"
    )

    assert (import_.suppressed, import_.rows) == (2, 2)
    assert addresses() == ["ann@example.com"]
    assert [(one[0], one[1]) for one in content()["barred"]] == [
        ("ann@example.com", "import"), ("ben@bad.example", "import"),
    ]  # fmt: skip
    assert undo(import_) == {"lifted": 2}
    assert content() == before


def test_a_block_list_needs_nothing_but_addresses(alice: Person, news: ContactList) -> None:
    """A cell that would keep somebody from coming in does not keep them in reach."""
    cells = (
        "ann@example.com,perhaps,,,", "ben@example.com,,some day,,", "cem@example.com,,,One|Two,",
        "dan@example.com,,,,4111 1111 1111 1111", "eve@example.com,,,,x,y", "fay@example.com",
        "gus@example.com ::: 4111111111111111@example.com,,,,",
    )  # fmt: skip
    with transaction():
        fields.create(alice.account.id, "Born", type_="date")
        many = [{"account_id": alice.account.id, "name": f"tag {n}"} for n in range(tags.MOST)]
        db.session.execute(sa.insert(Tag), many)
    rows = "email,Post allowed,Born,tags,notes\n" + "\n".join(cells) + "\n"

    import_ = bring(alice, rows, news, mode="block", columns={"Post allowed": "post_allowed"})

    assert (import_.suppressed, import_.rejected) == (7, 0)
    assert [one[0] for one in content()["barred"]] == [
        f"{name}@example.com" for name in ("ann", "ben", "cem", "dan", "eve", "fay", "gus")
    ]
