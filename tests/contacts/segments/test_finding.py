"""People of a segment, page by page, among many."""

from __future__ import annotations

import re
from typing import Any

import pytest

from app.contacts import counting, finding, tags
from app.contacts.segments import keeping
from app.core.db import transaction
from tests.campaigns.conftest import add_list, add_people
from tests.conftest import Client, Person


def segment_of(person: Person, rule: dict[str, Any]) -> int:
    with transaction():
        return keeping.create(person.account.id, "S", rule).id


@pytest.mark.parametrize(
    "rule",
    [
        {"field": "first_name", "op": "ends", "value": "7"},
        {"all": [{"field": "tag", "op": "has", "value": "vip"},
                 {"field": "first_name", "op": "ends", "value": "7"}]},
        {"all": [{"field": "list", "op": "on", "value": 1},
                 {"field": "first_name", "op": "ends", "value": "7"}]},
        {"any": [{"field": "tag", "op": "has", "value": "none"},
                 {"field": "first_name", "op": "ends", "value": "7"}]},
    ],
)  # fmt: skip
def test_pages_of_a_segment_hold_everybody_once(
    alice: Person, monkeypatch: pytest.MonkeyPatch, rule: dict[str, Any]
) -> None:
    monkeypatch.setattr(finding, "FIRST_BATCH", 2)
    monkeypatch.setattr(finding, "MOST_LOOKED_AT", 5)
    news = add_list(alice.account)
    people = add_people(alice.account, news, *(f"P{number}" for number in range(40)))
    with transaction():
        tags.add(tags.named(alice.account.id, "vip"), [one.id for one in people])
        counting.on_list(news.id, active=40)
    for part in rule.get("all", []):
        if part["field"] == "list":
            part["value"] = news.id
    wanted = finding.Wanted(segment_id=segment_of(alice, rule))

    found, cursor = [], None
    while True:
        page = finding.page(alice.account.id, wanted, cursor=cursor, limit=3)
        found += [one.first_name for one in page.items]
        cursor = page.older
        if cursor is None:
            break

    assert found == ["P37", "P27", "P17", "P7"]
    everyone = [one for some in finding.everyone(alice.account.id, wanted) for one in some]
    assert [one.first_name for one in everyone] == found


def test_people_far_apart_are_those_of_the_last_count(
    alice: Person, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "FIRST_BATCH", 2)
    monkeypatch.setattr(finding, "MOST_LOOKED_AT", 2)
    monkeypatch.setattr(finding, "PAGE_SIZE", 2)
    people = add_people(alice.account, add_list(alice.account), *(f"P{n}" for n in range(200)))
    with transaction():
        for one in people[:5]:
            one.company = "Old friends"
    rule = {"field": "company", "op": "is", "value": "old friends"}
    segment_id = segment_of(alice, rule)
    client.sign_in(alice)

    before = client.get(f"/segments/{segment_id}").text
    assert "There are more to look through" in before
    client.post(f"/segments/{segment_id}/count")
    with transaction():
        people[3].company = ""  # what was counted a while ago is looked at again
    first = client.get(f"/segments/{segment_id}").text
    assert listed(first) == ["P4", "P2"]
    (older,) = re.findall(r'rel="next" href="([^"]+)"', first)
    second = client.get(older.replace("&amp;", "&")).text
    assert listed(second) == ["P1", "P0"]
    assert 'rel="next"' not in second


def listed(page: str) -> list[str]:
    return re.findall(r">(P\d+)</a>", page.partition('id="people"')[2].partition("</form>")[0])
