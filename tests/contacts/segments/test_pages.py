"""Segments on pages: built by clicking without scripts, counted, looked at, removed."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa
from lxml import html
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from app.campaigns.models import Campaign, CampaignAudience
from app.contacts import fields, jobs, suppressions, tags
from app.contacts.models import Contact, ContactList, Headcount, Segment, SegmentCount
from app.contacts.segments import counting, keeping
from app.core import jobs as queueing
from app.core import queue_server
from app.core.db import db, transaction
from tests.campaigns.conftest import add_list, add_people
from tests.conftest import Client, Person

Tree = Any


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine would say "Counting…" first."""
    monkeypatch.setattr(counting, "AT_ONCE_S", 5.0)


@pytest.fixture
def newsletter(alice: Person) -> ContactList:
    """Anna, Bert and Cleo are on it; Anna has the tag vip, Cleo is never mailed, Paul waits."""
    made = add_list(alice.account)
    anna, _, cleo = add_people(alice.account, made, "Anna", "Bert", "Cleo")
    add_people(alice.account, made, "Paul", state="pending")
    with transaction():
        tags.add(tags.named(alice.account.id, "vip"), [anna.id])
        suppressions.add(alice.account.id, cleo.address, reason="complaint")
        db.session.add(Headcount(account_id=alice.account.id, people=4))
    return made


def page(client: Client, url: str, **options: Any) -> Tree:
    answer = client.get(url, **options)
    assert answer.status_code == 200
    return html.fromstring(answer.text)


def press(client: Client, tree: Tree, do: str, **typed: str) -> Tree:
    """Press a button of the builder, without scripts."""
    answer = client.post("/segments/build", data={**_filled(tree), **typed, "do": do})
    assert answer.status_code == 200
    return html.fromstring(answer.text)


def pick(tree: Tree, selector: str) -> list[Tree]:
    """Elements by names, #ids, .classes and [attributes] inside one another."""
    path = ""
    for step in selector.split():
        name = re.match(r"[a-z0-9]*", step)
        path += f"//{(name and name.group()) or '*'}"
        for kind, value in re.findall(r"([#.\[])([^#.\[\]]+)", step):
            path += {
                "#": f'[@id="{value}"]',
                ".": f'[contains(concat(" ", @class, " "), " {value} ")]',
                "[": f"[@{value}]",
            }[kind]
    return list(tree.xpath(path))


def _filled(tree: Tree) -> dict[str, str]:
    (form,) = pick(tree, "#segment-form")
    return {name: value or "" for name, value in form.form_values()}


def text(tree: Tree, selector: str) -> str:
    return " ".join(" ".join(found.text_content().split()) for found in pick(tree, selector))


def save(person: Person, name: str, rule: dict[str, Any]) -> Segment:
    with transaction():
        return keeping.create(person.account.id, name, rule)


VIP = {"field": "tag", "op": "has", "value": "vip"}


def test_a_segment_is_built_counted_and_saved_without_scripts(
    client: Client, alice: Person, newsletter: ContactList
) -> None:
    client.sign_in(alice)
    tree = press(client, page(client, "/segments/new"), "", **{"0.0:field": "list"})
    tree = press(client, tree, "add 0", **{"0.0:value": str(newsletter.id)})
    tree = press(client, tree, "", **{"0.1:field": "tag"})
    tree = press(client, tree, "count", **{"0.1:op": "has_not", "0.1:value": "vip"})

    assert "2 people" in text(tree, "#segment-numbers")
    assert "1 complained" in text(tree, "#segment-numbers")
    assert "1 of them gets your mail" in text(tree, "#segment-numbers")
    assert "Bert" in text(tree, ".segment-sample")

    answer = client.post("/segments", data=_filled(tree) | {"name": "Ordinary"})
    assert answer.status_code == 303
    segment = db.session.scalars(sa.select(Segment)).one()
    assert segment.rule == {
        "all": [
            {"field": "list", "op": "on", "value": newsletter.id, "state": "active"},
            {"field": "tag", "op": "has_not", "value": "vip"},
        ]
    }
    shown = page(client, answer.location)
    assert "People who are on Newsletter and who do not have the tag vip" in text(shown, ".rule")
    assert "Bert" in text(shown, "#people")
    assert "Anna" not in text(shown, "#people")


def test_groups_are_added_and_taken_away(client: Client, alice: Person) -> None:
    client.sign_in(alice)
    tree = press(client, page(client, "/segments/new"), "group 0")
    assert len(pick(tree, ".rule-group--inner .rule-row")) == 1

    tree = press(client, tree, "add 0.1")
    assert len(pick(tree, ".rule-group--inner .rule-row")) == 2

    tree = press(client, tree, "remove 0.1.0", **{"0.1.1:field": "kind"})
    (kept,) = pick(tree, ".rule-group--inner .rule-row")
    assert pick(kept, "option[selected][value='kind']")

    tree = press(client, tree, "remove 0.1")
    assert pick(tree, ".rule-group--inner") == []


def test_what_is_missing_is_said_beside_its_row_and_kept(client: Client, alice: Person) -> None:
    client.sign_in(alice)
    tree = press(client, page(client, "/segments/new"), "add 0", **{"0.0:field": "kind"})
    tree = press(client, tree, "", **{"0.1:field": "first_name", "0.0:value": "person"})

    answer = client.post("/segments", data=_filled(tree) | {"name": "Half done"})

    assert answer.status_code == 422
    again = html.fromstring(answer.text)
    assert text(again, ".rule-row--bad .field__error") == "Enter a text."
    assert pick(again, "#rule-0-0 option[selected][value='person']")
    assert pick(again, "input[name='name']")[0].get("value") == "Half done"


def test_a_name_is_needed_and_free(client: Client, alice: Person, newsletter: ContactList) -> None:
    save(alice, "VIPs", VIP)
    client.sign_in(alice)
    data = {"0:mode": "all", "0.0:field": "tag", "0.0:op": "has", "0.0:value": "vip"}

    assert client.post("/segments", data=data | {"name": ""}).status_code == 422
    answer = client.post("/segments", data=data | {"name": "VIPs"})
    assert answer.status_code == 422
    assert "There is a segment named VIPs already" in answer.text


def test_the_count_follows_what_is_typed(
    client: Client, alice: Person, newsletter: ContactList
) -> None:
    client.sign_in(alice)
    data = {"0:mode": "all", "0.0:field": "first_name", "0.0:op": "begins", "draft": "d1"}

    unfinished = client.htmx("POST", "/segments/count", data=data | {"0.0:value": ""})
    assert "Enter a text" in unfinished.text
    counted = client.htmx("POST", "/segments/count", data=data | {"0.0:value": "be"})
    assert "1 person" in counted.text
    assert "whose first name begins with" in counted.text
    assert "hx-trigger" not in counted.text


def test_many_people_are_counted_apart_and_the_page_looks_in_again(
    client: Client, alice: Person, newsletter: ContactList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "FEW_PEOPLE", 0)
    client.sign_in(alice)
    data = {"0:mode": "all", "0.0:field": "kind", "0.0:op": "is", "0.0:value": "person"}

    waiting = client.htmx("POST", "/segments/count", data=data | {"draft": "d1"})
    assert "Counting…" in waiting.text
    assert "Bert" in waiting.text  # some people are found without looking at everybody
    (again,) = re.findall(r'hx-get="(/segments/counts/\d+)"', waiting.text)
    assert "Counting…" in client.htmx("GET", again).text

    count_id = int(again.rpartition("/")[2])
    jobs.count_segment(count_id)
    jobs.count_segment(count_id)  # twice is as good as once

    counted = client.htmx("GET", again).text
    assert "4 people" in counted
    words = " ".join(re.sub(r"<[^>]*>", "", counted).split())
    assert "1 complained" in words
    assert "1 have not confirmed yet" in words
    assert "hx-get" not in counted
    # The same rule is remembered, with its time.
    assert "Counted" in client.htmx("POST", "/segments/count", data=data | {"draft": "d2"}).text


def test_a_worker_counts_what_a_page_asked_for(
    client: Client, alice: Person, newsletter: ContactList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "FEW_PEOPLE", 0)
    segment = save(alice, "Bs", {"field": "first_name", "op": "begins", "value": "b"})
    client.sign_in(alice)

    client.post(f"/segments/{segment.id}/count")
    worker = SimpleWorker(
        [queueing.queue("work")], connection=queue_server.client(), serializer=JSONSerializer
    )
    worker.work(burst=True, logging_level="ERROR")

    assert text(page(client, "/segments"), f"#segment-{segment.id}-count").startswith("1today")


def test_what_a_page_asked_before_is_not_counted_any_more(
    client: Client, alice: Person, newsletter: ContactList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "FEW_PEOPLE", 0)
    client.sign_in(alice)
    data = {"0:mode": "all", "0.0:field": "first_name", "0.0:op": "is", "draft": "d1"}
    other = data | {"draft": "d2", "0.0:value": "b"}

    client.htmx("POST", "/segments/count", data=other)
    for typed in ("a", "an", "anna"):
        client.htmx("POST", "/segments/count", data=data | {"0.0:value": typed})

    rows = db.session.scalars(sa.select(SegmentCount.rule)).all()
    assert sorted(row["all"][0]["value"] for row in rows) == ["anna", "b"]


def test_a_count_that_takes_too_long_says_so(
    client: Client, alice: Person, newsletter: ContactList, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment = save(alice, "VIPs", VIP)
    monkeypatch.setattr(counting, "FEW_PEOPLE", 0)
    monkeypatch.setattr(counting.work, "__kwdefaults__", {"seconds": -1.0})
    monkeypatch.setattr("app.core.budget.STEPS", 1)
    client.sign_in(alice)
    client.post(f"/segments/{segment.id}/count")
    row = db.session.scalars(sa.select(SegmentCount)).one()

    if db.engine.dialect.name == "sqlite":
        jobs.count_segment(row.id)
        db.session.expire_all()
        assert row.state == "failed"
        assert "takes too long" in client.get(f"/segments/{segment.id}").text


def test_the_list_of_segments_shows_their_sentences_and_remembered_counts(
    client: Client, alice: Person, newsletter: ContactList
) -> None:
    segment = save(alice, "Anna & co", {"field": "first_name", "op": "begins", "value": "a"})
    client.sign_in(alice)

    tree = page(client, "/segments")
    assert "whose first name begins with “a”" in text(tree, ".rule")
    assert pick(tree, f"[hx-post='/segments/{segment.id}/count']")

    client.htmx("POST", f"/segments/{segment.id}/count")
    tree = page(client, "/segments")
    assert text(tree, f"#segment-{segment.id}-count").startswith("1today")
    assert not pick(tree, "[hx-post]")


def test_one_list_or_tag_is_a_kept_counter(
    client: Client, alice: Person, newsletter: ContactList
) -> None:
    segment = save(alice, "VIPs", VIP)
    client.sign_in(alice)

    assert text(page(client, "/segments"), f"#segment-{segment.id}-count") == "1"


def test_viewers_look_and_change_nothing(
    client: Client, vera: Person, newsletter: ContactList
) -> None:
    segment = save(vera, "VIPs", VIP)
    client.sign_in(vera)

    for url in ("/segments", f"/segments/{segment.id}"):
        answer = client.get(url)
        assert answer.status_code == 200
        assert "hx-post" not in answer.text
    assert client.get(f"/segments/{segment.id}/edit").status_code == 403
    assert client.post(f"/segments/{segment.id}/copy").status_code == 403


def test_a_segment_is_changed_copied_and_deleted(
    client: Client, alice: Person, newsletter: ContactList
) -> None:
    segment = save(alice, "VIPs", {"any": [VIP, {"none": [VIP]}]})
    client.sign_in(alice)

    tree = page(client, f"/segments/{segment.id}/edit")
    answer = client.post(f"/segments/{segment.id}", data=_filled(tree) | {"name": "All"})
    assert answer.status_code == 303
    db.session.expire_all()
    assert (segment.name, segment.rule) == ("All", {"any": [VIP, {"none": [VIP]}]})

    for _ in range(2):
        client.post(f"/segments/{segment.id}/copy")
    names = db.session.scalars(sa.select(Segment.name).order_by(Segment.id)).all()
    assert names == ["All", "All (copy)", "All (copy 2)"]

    assert client.post(f"/segments/{segment.id}/delete").status_code == 303
    assert client.get(f"/segments/{segment.id}").status_code == 404


def test_a_segment_that_a_campaign_aims_at_stays(
    client: Client, alice: Person, newsletter: ContactList
) -> None:
    segment = save(alice, "VIPs", VIP)
    with transaction():
        campaign = Campaign(account_id=alice.account.id, name="Spring sale")
        campaign.audience = [CampaignAudience(segment_id=segment.id, excluded=True)]
        db.session.add(campaign)
    client.sign_in(alice)

    answer = client.post(f"/segments/{segment.id}/delete")
    assert answer.status_code == 409
    assert "Spring sale" in answer.text
    with transaction():
        campaign.state = "sent"
    assert client.post(f"/segments/{segment.id}/delete").status_code == 303


def test_a_field_that_a_segment_asks_for_stays(client: Client, alice: Person) -> None:
    with transaction():
        field = fields.create(alice.account.id, "Town")
    save(alice, "Near", {"field": "fields.town", "op": "is", "value": "Bonn"})
    client.sign_in(alice)

    answer = client.post(f"/contacts/fields/{field.id}", data={"action": "delete"})

    assert answer.status_code == 409
    assert "Near" in answer.text
    assert fields.of(alice.account.id)


@pytest.mark.parametrize("key", ["new", "engaged", "silent", "never", "organisations", "birthdays"])
def test_ready_made_ones_are_a_start(client: Client, alice: Person, key: str) -> None:
    with transaction():
        fields.create(alice.account.id, "Birthday", type_="date")
    client.sign_in(alice)
    assert f"like={key}" in client.get("/segments").text

    tree = page(client, f"/segments/new?like={key}")
    answer = client.post("/segments", data=_filled(tree))

    assert answer.status_code == 303
    assert client.get(answer.location).status_code == 200


def test_people_of_a_segment_are_found_listed_and_exported(
    client: Client, alice: Person, charlie: Person, newsletter: ContactList
) -> None:
    segment = save(alice, "No VIPs", {"field": "tag", "op": "has_not", "value": "vip"})
    foreign = save(charlie, "Theirs", VIP)
    client.sign_in(alice)

    assert "No VIPs" in text(page(client, "/contacts"), "#people-segment")
    found = text(page(client, f"/contacts?segment={segment.id}&list={newsletter.id}"), "#people")
    assert "Bert" in found
    assert "Anna" not in found
    csv = client.get(f"/contacts/export.csv?segment={segment.id}").text
    assert "bert@people.example" in csv
    assert "anna@people.example" not in csv
    assert client.get(f"/contacts?segment={foreign.id}").status_code == 404
    assert client.get(f"/segments/{foreign.id}").status_code == 404


def test_a_rule_that_cannot_be_worked_out_any_more_can_be_mended(
    client: Client, alice: Person
) -> None:
    with transaction():
        segment = Segment(
            account_id=alice.account.id, name="Old",
            rule={"all": [VIP, {"field": "fields.gone", "op": "is", "value": "x"}]},
        )  # fmt: skip
        db.session.add(segment)
    client.sign_in(alice)

    assert "something that was removed" in client.get("/segments").text
    assert client.get(f"/segments/{segment.id}").status_code == 200
    tree = page(client, f"/segments/{segment.id}/edit")
    assert "any more" in text(tree, "#rule-0-1 .field__error")
    tree = press(client, tree, "remove 0.1")
    assert client.post(f"/segments/{segment.id}", data=_filled(tree)).status_code == 303


def test_counts_that_no_worker_came_for_are_found_again(
    alice: Person, newsletter: ContactList
) -> None:
    rule = keeping.create
    with transaction():
        segment = rule(alice.account.id, "VIPs", VIP)
        row = counting.ask(alice.account.id, counting.reading.read(segment.rule, {}))

    assert counting.waiting() == [row.id]
    with transaction():
        assert counting.claim(row.id)
        assert counting.claim(row.id) is None
    assert counting.waiting() == []
    with transaction():
        row = db.session.get_one(SegmentCount, row.id)
        row.lease_until = row.asked_at
    assert counting.waiting() == [row.id]


def test_nobody_counted_is_a_contact_of_somebody_else(
    client: Client, alice: Person, charlie: Person, newsletter: ContactList
) -> None:
    add_people(charlie.account, add_list(charlie.account), "Carl")
    client.sign_in(alice)
    data = {"0:mode": "all", "0.0:field": "kind", "0.0:op": "is", "0.0:value": "person"}

    counted = client.htmx("POST", "/segments/count", data=data)

    assert "4 people" in counted.text
    everybody = sa.select(sa.func.count(Contact.id))
    assert db.session.scalar(everybody) == 5
