"""Exports are safe for spreadsheets and read back as they were."""

from __future__ import annotations

import contextlib
import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.contacts import (
    changes,
    channels,
    consent,
    exporting,
    finding,
    importing,
    lists,
    writing,
)
from app.contacts.rows import FORMULA, guard, unguard
from app.core.db import transaction
from app.core.errors import Invalid
from tests.conftest import Person


def table(person: Person, **wanted: object) -> list[dict[str, str]]:
    text = "".join(exporting.people(person.account, finding.Wanted(**wanted)))  # type: ignore[arg-type]
    return list(csv.DictReader(io.StringIO(text.removeprefix(exporting.MARK))))


@given(st.text())
def test_every_cell_is_harmless_and_comes_back(cell: str) -> None:
    guarded = guard(cell)

    assert unguard(guarded) == cell
    assert not guarded or guarded[0] not in FORMULA


@pytest.mark.parametrize(
    "evil",
    ["=1+1", "+49 30 1", "-2", "@SUM(A1)", "＝1", "＋1", "－1", "＠x", "'=1", "''=1", "'x"],  # noqa: RUF001
)
def test_formulas_go_out_as_text_and_come_back(alice: Person, charlie: Person, evil: str) -> None:
    with transaction():
        ann = writing.create(
            alice.account, "ann@example.com", first_name=evil, external_id=f"{evil}7", tags=[evil],
            fields={"town": evil, "Seats": [{"row": evil}]},
        )  # fmt: skip
        channels.say(ann, "post", "yes", by=changes.NOBODY)
        channels.say(ann, "phone", "no", by=changes.NOBODY)

    row = table(alice)[0]
    assert all(cell[:1] not in FORMULA for cell in row.values() if cell)
    text = "".join(exporting.people(alice.account, finding.Wanted()))
    import_ = importing.stage(
        charlie.account, io.BytesIO(text.encode()), "x.csv", basis="Taken along"
    )
    importing.run(import_.id)

    found = finding.page(charlie.account.id, finding.Wanted()).items[0]
    assert (found.first_name, found.fields["town"]) == (evil, evil)
    again = table(charlie)[0]
    assert {k: v for k, v in again.items() if k != "Added"} == {
        k: v for k, v in row.items() if k != "Added"
    }


def test_a_list_or_a_search_alone(alice: Person) -> None:
    with transaction():
        news = lists.create(alice.account, "News")
        ann = writing.create(alice.account, "ann@example.com", first_name="Ann")
        ben = writing.create(alice.account, "ben@example.com", first_name="Ben")
        consent.subscribe(ben, news, source="hand")
        consent.withdraw(ann, source="link")

    assert [row["Email"] for row in table(alice, list_id=news.id)] == ["ben@example.com"]
    assert [row["Status"] for row in table(alice, text="ann")] == ["unsubscribed"]


def test_who_left_here_stays_out_there(alice: Person, charlie: Person) -> None:
    with transaction():
        ann = writing.create(alice.account, "ann@example.com")
        consent.withdraw(ann, source="link")
    text = "".join(exporting.people(alice.account, finding.Wanted()))

    import_ = importing.stage(charlie.account, io.BytesIO(text.encode()), "x.csv", basis="Moved")
    importing.run(import_.id)

    assert (import_.suppressed, import_.created) == (1, 0)


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(st.tuples(st.integers(0, 5), NAMES, NAMES), max_size=12), cut=st.integers(1, 5)
)
def test_any_table_is_accounted_for(
    alice: Person, monkeypatch: pytest.MonkeyPatch, rows: list[tuple[int, str, str]], cut: int
) -> None:
    monkeypatch.setattr(importing, "CHUNK", cut)
    out = io.StringIO()
    csv.writer(out).writerows(
        [["email", "first name", "town"], *([f"p{n}@example.com", a, b] for n, a, b in rows)]
    )

    import_ = importing.stage(
        alice.account, io.BytesIO(out.getvalue().encode()), "x.csv", basis="Anything"
    )
    while importing.run(import_.id):
        pass

    parts = ("created", "updated", "unchanged", "suppressed", "rejected")
    assert import_.state == "finished"
    assert import_.rows == len(rows) == sum(getattr(import_, part) for part in parts)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(raw=st.binary(max_size=400))
def test_any_bytes_get_a_clear_answer(alice: Person, raw: bytes) -> None:
    file = io.BytesIO(b"email,name\na@example.com,A\n" + raw)
    with contextlib.suppress(Invalid):
        import_ = importing.stage(alice.account, file, "x", basis="Noise")
        importing.run(import_.id)

        assert import_.state == "finished", import_.error
