"""Rules as sentences."""

from __future__ import annotations

from typing import Any

import pytest

from app.contacts.segments import reading, words
from app.contacts.segments.names import Names

NAMES = Names(
    {"town": "Town", "birthday": "Birthday", "score": "Score"},
    {1: "Newsletter"}, {7: "May"}, {3: "fair.csv"},
)  # fmt: skip
TYPES = {"town": "text", "birthday": "date", "score": "number"}
ON = {"field": "list", "op": "on", "value": 1}
LATELY = {"op": "in_last", "value": 30}


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ({"all": [ON, {"field": "opened", "op": "did", "when": LATELY}]},
         "people who are on Newsletter and who opened a mail in the last 30 days"),
        (ON | {"op": "not_on"}, "people who are not on Newsletter"),
        (ON | {"state": "ended", "when": LATELY}, "people who left Newsletter in the last 30 days"),
        (ON | {"when": {"op": "before", "value": "2025-05-01"}},
         "people who are on Newsletter, having joined before 1 May 2025"),
        ({"field": "mailbox", "op": "is_not", "value": "role"},
         "people whose address is not a desk such as info@"),
        ({"field": "opened", "op": "did_not"}, "people who did not open any mail"),
        ({"field": "opened", "op": "did_not", "campaign": 7}, "people who did not open May"),
        ({"field": "opened", "op": "did", "campaign": 8},
         "people who opened (something that was removed)"),
        ({"field": "clicked", "op": "did", "times": 2, "campaign": {"last": 5}},
         "people who clicked in at least 2 of the last 5 campaigns"),
        ({"field": "opened", "op": "did", "by": "machine"},
         "people who opened a mail by a machine"),
        ({"field": "received", "op": "did", "times": 3, "campaign": "tracked"},
         "people who received at least 3 mails whose opens are counted"),
        ({"field": "fields.town", "op": "is_not", "value": "Bonn"},
         "people whose Town is not “Bonn”"),
        ({"field": "fields.score", "op": "between", "value": [1, 2000]},
         "people whose Score is between 1 and 2,000"),
        ({"field": "fields.birthday", "op": "anniversary_in", "value": 7},
         "people whose Birthday is in 7 days (each year)"),
        ({"field": "fields.birthday", "op": "empty"}, "people whose Birthday is empty"),
        ({"field": "added", "op": "before_last", "value": 1},
         "people who were added more than 1 day ago"),
        ({"none": [ON, {"field": "tag", "op": "has", "value": "vip"}]},
         "people other than those (who are on Newsletter or who have the tag vip)"),
        ({"all": [ON, {"any": [ON, {"field": "kind", "op": "is_not", "value": "person"}]}]},
         "people who are on Newsletter and (who are on Newsletter or who are organisations)"),
        ({"field": "source", "op": "is", "value": {"import": 3}},
         "people who came with the file fair.csv"),
        ({"field": "consent", "op": "has", "value": "confirmed", "when": LATELY},
         "people who confirmed by mail in the last 30 days"),
        ({"field": "tracking", "op": "is", "value": False},
         "people who do not let you count opens and clicks"),
    ],
)  # fmt: skip
def test_a_rule_reads_as_a_person_would_say_it(rule: dict[str, Any], sentence: str) -> None:
    assert words.plain(words.sentence(reading.read(rule, TYPES), NAMES)) == sentence
