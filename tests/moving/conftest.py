"""Alice's bakery with something of everything, and the file that comes of it."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.accounts.models import Account, Relay, Sender
from app.campaigns.models import Campaign, CampaignAudience
from app.contacts import (
    consent,
    domain_rules,
    erasing,
    fields,
    lists,
    suppressions,
    writing,
)
from app.contacts.models import (
    ChannelConsent,
    Contact,
    ContactChange,
    ContactList,
    Import,
    ImportProblem,
    Segment,
    Subscription,
)
from app.contacts.rows import unguard
from app.core import sealing
from app.core.clock import now
from app.core.db import db, transaction
from app.delivery.models import Batch, Delivery, DiaryEntry, Event, Link, Tally
from app.moving import taking_in, taking_out
from app.moving.models import Takein, Takeout
from app.tracking.models import HourScore, Reader, Score
from tests.conftest import Person, make_person

RELAY_PASSWORD = "hunter2-of-the-relay"


@dataclass
class Zip:
    """A written take-out, read back with nothing but the standard library."""

    path: Path
    names: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        with zipfile.ZipFile(self.path) as file:
            self.names = file.namelist()

    def read(self, name: str) -> bytes:
        with zipfile.ZipFile(self.path) as file:
            return file.read(name)

    def json(self, name: str) -> Any:
        return json.loads(self.read(name))

    def lines(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.read(name).decode().splitlines()]

    def rows(self, name: str) -> list[dict[str, str]]:
        text = self.read(name).decode("utf-8-sig")
        found = csv.DictReader(io.StringIO(text, newline=""))
        return [{key: unguard(value) for key, value in row.items()} for row in found]

    def everything(self) -> bytes:
        return b"".join(self.read(name) for name in self.names)


def take_out(account: Account, person: Person | None = None) -> Takeout:
    """Asked for and written."""
    with transaction():
        takeout = taking_out.start(account, person.member if person else None)
    while taking_out.run(takeout.id):
        pass
    return db.session.get_one(Takeout, takeout.id, populate_existing=True)


def unpacked(takeout: Takeout) -> Zip:
    return Zip(taking_out.path(takeout))


def taken_in(account: Account, path: Path, *, budget_s: float = 20.0) -> Takein:
    """Uploaded, looked at, said yes to, stored."""
    takein = looked_at(account, path)
    assert takein.state == "ready", takein.error
    return stored(account, takein, budget_s=budget_s)


def looked_at(account: Account, path: Path) -> Takein:
    with path.open("rb") as file:
        takein = taking_in.stage(account, None, file, "bakery.zip")
    while taking_in.run(takein.id):
        pass
    return again(takein)


def stored(account: Account, takein: Takein, *, budget_s: float = 20.0) -> Takein:
    with transaction():
        taking_in.start(account, None, takein)
    while taking_in.run(takein.id, budget_s=budget_s):
        db.session.rollback()
    return again(takein)


def again(takein: Takein) -> Takein:
    db.session.rollback()
    return db.session.get_one(Takein, takein.id, populate_existing=True)


@pytest.fixture
def out(bakery: Account) -> Path:
    """Alice's bakery as a file."""
    return taking_out.path(take_out(bakery))


@pytest.fixture
def dora(app: object) -> Account:
    """A new, empty account, as of another installation."""
    return make_person("alice@moved.example", "Alice", "Bakery", "owner").account


def rezipped(
    path: Path, target: Path, edit: Callable[[dict[str, bytes]], None], *, fix: bool = False
) -> Path:
    """The same files with some of them changed; `fix`: with a manifest that fits."""
    with zipfile.ZipFile(path) as file:
        found = {name: file.read(name) for name in file.namelist()}
    edit(found)
    if fix:
        manifest = json.loads(found["manifest.json"])
        for one in manifest["files"]:
            data = found[one["name"]]
            one |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        found["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in found.items():
            file.writestr(name, data)
    return target


def person(account: Account, address: str) -> Contact:
    query = sa.select(Contact).where(Contact.account_id == account.id, Contact.address == address)
    return db.session.scalars(query).one()


def at(day: int, hour: int = 9) -> datetime:
    return datetime(2026, 5, day, hour, 30, 15, 123456, UTC)


@pytest.fixture
def bakery(alice: Person) -> Account:
    """Everything that an account can have, awkward values among it."""
    account = alice.account
    with transaction():
        _settings(account)
        news, shop = _lists(account)
        people = _people(account, news, shop)
        _left(account, people, news)
        _segments(account, news)
        import_ = _import(account, news)
        people[0].import_id = import_.id
        _draft(account, news, shop)
        _sent(account, news, people)
    return account


def _settings(account: Account) -> None:
    account.website = "https://bakery.example"
    db.session.add_all(
        [
            Sender(account_id=account.id, email="news@bakery.example", name="Bakery",
                   confirmed_at=now()),
            Relay(account_id=account.id, name="Ours", host="smtp.bakery.example", port=587,
                  username="bakery", sealed_password=sealing.seal(RELAY_PASSWORD)),
        ]
    )  # fmt: skip


def _lists(account: Account) -> tuple[ContactList, ContactList]:
    news = lists.create(account, "Newsletter", description="Every =month\nand more")
    shop = lists.create(account, "Shop, online", opt_in="double")
    old = lists.create(account, "Old one")
    lists.archive(old)
    fields.create(account.id, "Cake", key="cake")
    fields.create(account.id, "Visits", key="visits", type_="number")
    fields.create(account.id, "Member", key="member", type_="yes_no")
    fields.create(account.id, "Born", key="born", type_="date")
    fields.create(account.id, "Seats", key="seats", type_="json")
    domain_rules.add(account.id, "*.rival.example", lets_in=False)
    return news, shop


def _people(account: Account, news: ContactList, shop: ContactList) -> list[Contact]:
    full = {"cake": "=1+1", "visits": 2.5, "member": True, "born": "1980-02-29",
            "seats": [{"row": 1, "who": "Zoë"}, None]}  # fmt: skip
    people = [
        writing.create(account, "Ada@Example.com", first_name="Ada", last_name="O'Neil",
                       company="=cmd|' /C calc'!A0", fields=full, tags=["regular", "cake, big"],
                       notes='Two\nlines, "quoted"'),
        writing.create(account, "jörg@bücher.example", first_name="Jörg", fields={"visits": 7},
                       tags=["regular"]),
        writing.create(account, "info@firm.example", company="Firm", kind="organisation",
                       external_id="=C-4711"),
        writing.create(account, "gone@example.com", first_name="Gone"),
        writing.create(account, "left@example.com", first_name="Left"),
        writing.create(account, "erased@example.com", first_name="Erased"),
        writing.create(account, "عمر@example.com", first_name="عمر", fields={"member": False}),
    ]  # fmt: skip
    people[1].tracking_off = True
    db.session.add_all(
        [
            ChannelConsent(contact_id=people[0].id, channel="post", account_id=account.id,
                           is_allowed=True, wording="Wrote it on the card", at=at(2)),
            ContactChange(account_id=account.id, contact_id=people[0].id, at=at(4), source="hand",
                          what="changed", details={"last_name": ["", "O'Neil"]}),
        ]
    )  # fmt: skip
    for person in people:
        consent.subscribe(person, news, source="hand", wording="Asked at the counter",
                          evidence={"member": 1})  # fmt: skip
    consent.subscribe(people[0], shop, source="form", wording="Yes, write me")
    for row in db.session.scalars(sa.select(Subscription)):
        row.since = at(3)
    return people


def _left(account: Account, people: list[Contact], news: ContactList) -> None:
    consent.leave_list(people[3], news, source="link", evidence={"campaign": 1})
    consent.withdraw(people[4], source="one_click")
    erasing.erase(people.pop(5), by="person")
    suppressions.add(account.id, "never@example.com", reason="account", detail="A rival")
    suppressions.add(account.id, "bounced@example.com", reason="bounced")


def _segments(account: Account, news: ContactList) -> None:
    on_list = {"field": "list", "op": "on", "value": news.id, "state": "active"}
    rule = {"all": [{"field": "tag", "op": "has", "value": "regular"}, on_list]}
    db.session.add(Segment(account_id=account.id, name="Regulars", rule=rule))


def _import(account: Account, news: ContactList) -> Import:
    import_ = Import(
        account_id=account.id, list_id=news.id, filename="spring.csv", stored_as="gone.csv",
        state="finished", basis="A sheet at the door", rows=3, created=2, rejected=1,
        finished_at=at(2), mapping={"columns": [{"name": "Mail", "to": "email"}]},
    )  # fmt: skip
    db.session.add(import_)
    db.session.flush()
    db.session.add(
        ImportProblem(import_id=import_.id, row_number=2, row="nobody", reason="No address")
    )
    return import_


def _draft(account: Account, news: ContactList, shop: ContactList) -> None:
    segment = db.session.scalar(sa.select(Segment).where(Segment.account_id == account.id))
    assert segment
    draft = Campaign(
        account_id=account.id, name="June", subject="Rolls, {{ contact.first_name }}",
        body="# Hello\n\n[Shop](https://shop.example/)", from_email="news@bakery.example",
        from_name="Bakery", state="scheduled", due_at=at(30),
    )  # fmt: skip
    draft.audience = [
        CampaignAudience(list_id=news.id), CampaignAudience(segment_id=segment.id),
        CampaignAudience(list_id=shop.id, excluded=True),
    ]  # fmt: skip
    db.session.add(draft)


def _sent(account: Account, news: ContactList, people: list[Contact]) -> None:
    sent = Campaign(
        account_id=account.id, name="May", subject="Fresh bread", state="sent",
        body="Hello\n\n[Bread](https://shop.example/bread)", from_email="news@bakery.example",
        from_name="Bakery", started_at=at(5), planned_at=at(5), finished_at=at(5, 10),
    )  # fmt: skip
    sent.audience = [CampaignAudience(list_id=news.id)]
    db.session.add(sent)
    db.session.flush()
    batch = Batch(campaign_id=sent.id, number=1, size=5, state="done")
    link = Link(campaign_id=sent.id, position=0, url="https://shop.example/bread", label="Bread")
    db.session.add_all([batch, link])
    db.session.flush()
    states = ("sent", "sent", "failed", "uncertain", "skipped")
    deliveries = [
        Delivery(campaign_id=sent.id, contact_id=person.id, batch_id=batch.id, state=state,
                 reason={"failed": "mailbox", "skipped": "unsubscribed"}.get(state), tries=1,
                 sent_at=at(5) if state in ("sent", "failed") else None,
                 code=550 if state == "failed" else None,
                 status="5.1.1" if state == "failed" else None,
                 answer="No such user, =here" if state == "failed" else None,
                 tls=True if state == "sent" else None)
        for person, state in zip(people, states, strict=False)
    ]  # fmt: skip
    db.session.add_all(deliveries)
    db.session.flush()
    _heard(sent, link, deliveries)


def _heard(sent: Campaign, link: Link, deliveries: list[Delivery]) -> None:
    first, second = deliveries[:2]
    db.session.add_all(
        [
            Event(campaign_id=sent.id, delivery_id=first.id, contact_id=first.contact_id,
                  kind="open", at=at(5, 11), verdict="human"),
            Event(campaign_id=sent.id, delivery_id=first.id, contact_id=first.contact_id,
                  kind="click", at=at(5, 12), verdict="human", link_id=link.id, seq=77),
            Event(campaign_id=sent.id, delivery_id=second.id, contact_id=second.contact_id,
                  kind="bounce", at=at(6), verdict="soft", fault="mailbox", reason="Full"),
            Reader(campaign_id=sent.id, delivery_id=first.id, opened_at=at(5, 11),
                   clicked_at=at(5, 12)),
            Tally(campaign_id=sent.id, state="sent", reason="encrypted", n=2),
            Tally(campaign_id=sent.id, state="failed", reason="mailbox", n=1),
            Tally(campaign_id=sent.id, state="uncertain", n=1),
            Tally(campaign_id=sent.id, state="skipped", reason="unsubscribed", n=1),
            Score(campaign_id=sent.id, kind="open", verdict="human", hits=1, people=1),
            Score(campaign_id=sent.id, kind="click", verdict="human", hits=1, people=1),
            Score(campaign_id=sent.id, kind="click", verdict="human", link_id=link.id, hits=1,
                  people=1),
            HourScore(campaign_id=sent.id, hour=at(5, 11).replace(minute=0, second=0,
                      microsecond=0), kind="open", verdict="human", n=1),
            DiaryEntry(campaign_id=sent.id, at=at(5), text="Sending begins."),
        ]
    )  # fmt: skip


def later(days: int) -> datetime:
    return now() + timedelta(days=days)
