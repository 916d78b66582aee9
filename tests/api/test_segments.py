"""Segments over the API: made, counted, used, changed, refused, removed."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from app.contacts import jobs
from app.contacts.models import SegmentCount
from app.core.db import db
from tests.api.conftest import Program
from tests.api.test_contacts import make_contact, make_list

VIP = {"field": "tag", "op": "has", "value": "vip"}


def make_segment(program: Program, rule: Any = VIP, name: str = "VIPs") -> dict[str, Any]:
    answer = program("POST", "/segments", {"name": name, "rule": rule})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.get_json()
    return made


def test_a_segment_is_made_counted_and_read(program: Program) -> None:
    news = make_list(program)
    make_contact(program, "vera@example.com", tags=["vip"], lists=[news])
    make_contact(program, "bob@example.com", tags=["vip"])
    make_contact(program, "charlie@example.com", lists=[news])

    made = make_segment(program)
    assert (made["people"], made["counted_at"]) == (None, None)
    assert made["sentence"] == "people who have the tag vip"
    for count_id in db.session.scalars(sa.select(SegmentCount.id)).all():
        jobs.count_segment(count_id)

    seen = program("GET", f"/segments/{made['id']}").get_json()
    assert (seen["people"], seen["mailable"]) == (2, 1)
    assert seen["left_out"] == {"no_list": 1}
    assert seen["counted_at"]
    assert program("GET", "/segments").get_json() == {"items": [seen], "cursor": None}
    assert program("GET", "/segments?name=None").get_json()["items"] == []

    found = program("GET", f"/contacts?segment={made['id']}").get_json()["items"]
    assert [one["email"] for one in found] == ["bob@example.com", "vera@example.com"]
    found = program("GET", f"/contacts?segment={made['id']}&list={news}").get_json()["items"]
    assert [one["email"] for one in found] == ["vera@example.com"]


def test_a_segment_is_changed_and_deleted(program: Program) -> None:
    made = make_segment(program)

    changed = program("PATCH", f"/segments/{made['id']}", {"rule": {"none": [VIP]}}).get_json()
    assert (changed["name"], changed["rule"]) == ("VIPs", {"none": [VIP]})
    assert program("PATCH", f"/segments/{made['id']}", {"name": "Others"}).status_code == 200
    assert program("DELETE", f"/segments/{made['id']}").status_code == 204
    assert program("GET", f"/segments/{made['id']}").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "S"}, "rule"),
        ({"name": "S", "rule": []}, "rule"),
        ({"name": "S", "rule": {"field": "password", "op": "is", "value": "x"}}, "rule"),
        ({"name": " ", "rule": VIP}, "name"),
        ({"name": "VIPs", "rule": VIP}, "name"),
        ({"name": "S", "rule": VIP, "more": 1}, "more"),
    ],
)
def test_what_is_wrong_is_named(program: Program, body: dict[str, Any], field: str) -> None:
    make_segment(program)

    answer = program("POST", "/segments", body)

    assert answer.status_code == 422
    assert field in answer.get_json()["errors"]


def test_campaigns_go_to_segments_and_leave_them_out(program: Program) -> None:
    vips, others = make_segment(program), make_segment(program, {"none": [VIP]}, "Others")
    body = {"name": "May", "segments": [vips["id"]], "exclude_segments": [others["id"]]}

    campaign = program("POST", "/campaigns", body).get_json()
    assert campaign["segments"] == [vips["id"]]
    assert campaign["exclude_segments"] == [others["id"]]
    path = f"/campaigns/{campaign['id']}"
    changed = program("PATCH", path, {"exclude": []}).get_json()
    assert changed["exclude_segments"] == [others["id"]]
    changed = program("PATCH", path, {"exclude_segments": []}).get_json()
    assert (changed["segments"], changed["exclude_segments"]) == ([vips["id"]], [])

    refused = program("DELETE", f"/segments/{vips['id']}")
    assert refused.status_code == 409
    assert "May" in refused.get_json()["detail"]
    assert program("PATCH", path, {"exclude_segments": [99]}).status_code == 422


def test_a_stranger_reaches_no_segment(program: Program, strange_program: Program) -> None:
    made = make_segment(program)

    assert strange_program("GET", f"/segments/{made['id']}").status_code == 404
    assert strange_program("PATCH", f"/segments/{made['id']}", {"name": "x"}).status_code == 404
    assert strange_program("DELETE", f"/segments/{made['id']}").status_code == 404
    assert strange_program("GET", "/segments").get_json()["items"] == []
    assert strange_program("GET", f"/contacts?segment={made['id']}").status_code in (404, 422)
    body = {"name": "May", "exclude_segments": [made["id"]]}
    assert strange_program("POST", "/campaigns", body).status_code == 422
