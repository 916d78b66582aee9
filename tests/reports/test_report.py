"""What owners read about a campaign that went out."""

from __future__ import annotations

import csv
import io
import re
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from app.core.clock import now
from app.core.db import db, transaction
from app.delivery.models import Event, Tally
from app.reports import charts, queries
from app.reports.queries import Hour
from app.tracking import intake, returns, timeline
from tests.tracking.mails import READER, send


@pytest.fixture
def read(client, sent):
    """One opened, one followed two links, a machine looked at everything, one left."""
    client.get(sent.open(0), headers=READER)
    client.get(sent.click(1, 0), headers=READER)
    client.get(sent.click(1, 1), headers=READER)
    client.get(sent.open(2), headers={"User-Agent": "Mozilla/5.0"})
    client.head(sent.click(2, 0), headers=READER)
    client.post(sent.leave(2), data={"from": "page"})
    intake.take_hits()
    return sent


def words(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


def test_the_report_says_what_happened(read):
    found = queries.report(read.campaign.id)

    assert found.opens == queries.Engagement(human=1, machine=1, people=2)
    assert found.clicks == queries.Engagement(human=2, machine=1, people=1)
    assert [(link.human, link.machine, link.people) for link in found.links[:3]] == [
        (1, 1, 1), (1, 0, 1), (0, 0, 0),
    ]  # fmt: skip
    assert found.unsubscribes == 1
    assert (found.complaints, found.bounces.hard) == (0, 0)
    assert found.delivered == 3


def test_numbers_follow_within_two_seconds(client, sent):
    started = time.monotonic()
    client.get(sent.open(0), headers=READER)
    intake.take_hits()

    assert queries.report(sent.campaign.id).opens.people == 1
    assert time.monotonic() - started < 2


def test_a_campaign_without_anything_has_a_report(alice):
    sent = send(alice.account)

    found = queries.report(sent.campaign.id)

    assert found.opens == found.clicks == queries.Engagement()
    assert queries.hours(sent.campaign.id) == []
    assert queries.report(999_999).receipt.intended == 0


def test_bounces_and_complaints_are_counted_and_listed(client, alice, sent):
    with transaction() as session:
        events = [
            Event(campaign_id=sent.campaign.id, delivery_id=sent.deliveries[0].id,
                  contact_id=sent.contacts[0].id, kind="bounce", verdict="hard", reason="unknown"),
            Event(campaign_id=sent.campaign.id, delivery_id=sent.deliveries[1].id,
                  contact_id=sent.contacts[1].id, kind="complaint"),
        ]  # fmt: skip
        session.add_all(events)
        session.flush()
        returns.count_returns(events)
    client.sign_in(alice)

    found = queries.report(sent.campaign.id)
    page = client.get(f"/campaigns/{sent.campaign.id}/report/people/bounced")

    assert (found.bounces.hard, found.bounces.soft, found.complaints) == (1, 0, 1)
    assert found.delivered == 2
    assert sent.contacts[0].email in page.text
    assert "for good: unknown" in words(page)


def test_failures_are_told_with_their_reasons(client, alice, sent):
    with transaction() as session:
        session.add(Tally(campaign_id=sent.campaign.id, state="failed", reason="recipient", n=7))
    client.sign_in(alice)

    page = client.get(f"/campaigns/{sent.campaign.id}/report")

    assert queries.report(sent.campaign.id).failures == {"recipient": 7}
    assert "7 refused: recipient" in words(page)


def test_the_page_shows_people_and_machines_apart(client, alice, read):
    client.sign_in(alice)

    page = client.get(f"/campaigns/{read.campaign.id}/report")

    assert page.status_code == 200
    said = words(page)
    assert "2 66.7 %" in said
    assert "1 time by people, 1 time by machines" in said
    assert "https://shop.example/bread" in said
    assert "<title" in page.text
    assert "<desc" in page.text
    assert 'role="img"' in page.text
    assert "The same as a table" in said
    assert "style=" not in page.text


def test_the_fragment_asks_again_while_numbers_come_and_rests_later(client, alice, sent):
    client.sign_in(alice)
    url = f"/campaigns/{sent.campaign.id}/report"

    fresh = client.htmx("GET", url)
    with transaction():
        sent.campaign.finished_at = now() - timedelta(days=3)
    calm = client.htmx("GET", url)

    assert "<html" not in fresh.text
    assert 'hx-trigger="load delay:' in fresh.text
    assert "hx-trigger" not in calm.text
    assert f'id="campaign-{sent.campaign.id}-report"' in calm.text


def test_the_people_behind_the_numbers(client, alice, read):
    client.sign_in(alice)
    base = f"/campaigns/{read.campaign.id}/report/people"

    opened, clicked = client.get(f"{base}/opened"), client.get(f"{base}/clicked")
    left = client.get(f"{base}/left")

    assert read.contacts[0].email in opened.text
    assert read.contacts[1].email in opened.text
    assert read.contacts[2].email not in opened.text
    assert read.contacts[1].email in clicked.text
    assert read.contacts[0].email not in clicked.text
    assert read.contacts[2].email in left.text
    assert "on the page" in left.text
    assert client.get(f"{base}/nonsense").status_code == 404


def test_who_came_back_is_not_listed_as_gone(client, alice, read):
    client.post(read.back(2))
    client.sign_in(alice)

    left = client.get(f"/campaigns/{read.campaign.id}/report/people/left")

    assert read.contacts[2].email not in left.text
    assert queries.report(read.campaign.id).unsubscribes == 0


@pytest.mark.parametrize("mode", ["aggregate", "none"])
def test_without_persons_no_list_of_people_exists(client, alice, mode):
    sent = send(alice.account, tracking=mode)
    client.sign_in(alice)

    page = client.get(f"/campaigns/{sent.campaign.id}/report")

    assert page.status_code == 200
    assert "/people/opened" not in page.text
    base = f"/campaigns/{sent.campaign.id}/report/people"
    assert client.get(f"{base}/opened").status_code == 404
    assert client.get(f"{base}/left").status_code == 200


def test_lists_of_people_are_cut_into_pages(client, alice):
    sent = send(alice.account, people=60)
    for person in range(60):
        client.get(sent.open(person), headers=READER)
    intake.take_hits()
    client.sign_in(alice)

    first = client.get(f"/campaigns/{sent.campaign.id}/report/people/opened")
    older = re.search(r'rel="next" href="([^"]+)"', first.text)
    second = client.get(older[1].replace("&amp;", "&"))

    assert first.text.count("@example.com") == 50
    assert second.text.count("@example.com") == 10


def test_a_stranger_sees_nothing(client, charlie, read):
    client.sign_in(charlie)

    for path in ("report", "report.csv", "report/people/opened"):
        assert client.get(f"/campaigns/{read.campaign.id}/{path}").status_code == 404
    assert read.campaign.name not in client.get("/reports").text


def test_the_csv_has_every_number_and_no_formula(client, alice, read):
    with transaction():
        read.campaign.name = "=cmd|' /C calc'!A0"
    client.sign_in(alice)

    answer = client.get(f"/campaigns/{read.campaign.id}/report.csv")
    lines = list(csv.reader(io.StringIO(answer.text)))

    assert answer.mimetype == "text/csv"
    assert ["opens", "people", "2"] in lines
    assert ["clicks", "machine", "1"] in lines
    assert ["link human", "https://shop.example/bread", "1"] in lines
    assert ["unsubscribes", "", "1"] in lines
    assert lines[1][1].startswith("'=")


def test_the_overview_lists_every_campaign_that_went_out(client, alice, read):
    send(alice.account, name="June news", tracking="none")
    client.sign_in(alice)

    page = client.get("/reports")

    said = words(page)
    assert "May news" in said
    assert "June news" in said
    assert "2 66.7 %" in said
    assert "not counted" in said


def test_an_account_without_campaigns_has_an_overview(client, alice):
    client.sign_in(alice)

    assert "No report yet" in client.get("/reports").text


def test_the_average_is_that_of_the_other_campaigns(alice, read):
    other = send(alice.account, people=10, name="June news")

    found = queries.average(alice.account, without=other.campaign.id)

    assert found.campaigns == 1
    assert round(found.opened, 1) == 66.7
    assert queries.average(alice.account, without=read.campaign.id).opened == 0


def test_reading_a_report_counts_no_rows(read):
    statements = []

    def note(_connection, _cursor, statement, *_rest):
        statements.append(statement.lower())

    sa.event.listen(db.engine, "before_cursor_execute", note)
    try:
        queries.report(read.campaign.id)
        queries.hours(read.campaign.id)
        queries.average(read.account)
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", note)

    assert statements
    assert not [text for text in statements if "from event" in text or "from reader" in text]
    assert not [text for text in statements if "from delivery" in text or "count(" in text]


def test_the_curve_shows_quiet_hours_too():
    start = datetime(2026, 5, 3, 10, tzinfo=UTC)
    found = charts.curve(
        [Hour(start, opens=7, clicks=2), Hour(start + timedelta(hours=4), opens=3)],
        ZoneInfo("Europe/Vienna"),
    )

    assert found.unit == "hour"
    assert [step.opens for step in found.steps] == [7, 0, 0, 0, 3]
    assert found.steps[0].label.endswith("12:00")
    assert found.top == 10


def test_a_long_curve_goes_by_days_and_survives_the_change_of_clocks():
    start = datetime(2026, 10, 20, 22, tzinfo=UTC)
    hours = [Hour(start + timedelta(hours=12 * n), opens=1) for n in range(30)]

    by_day = charts.curve(hours, ZoneInfo("Europe/Vienna"))
    by_hour = charts.curve(
        [Hour(datetime(2026, 10, 25, n, tzinfo=UTC), opens=1) for n in range(6)],
        ZoneInfo("Europe/Vienna"),
    )

    assert by_day.unit == "day"
    assert sum(step.opens for step in by_day.steps) == 30
    assert sum(step.opens for step in by_hour.steps) == 6


def test_no_hits_make_no_curve():
    assert charts.curve([], ZoneInfo("UTC")) is None


def test_a_contacts_history_is_newest_first(read):
    entries = timeline.page(read.contacts[1], only="mails").items
    read_by = timeline.page(read.contacts[1], only="reading").items

    assert [entry.kind for entry in read_by] == ["click", "click"]
    assert read_by[0].text == "Link 1"
    assert read_by[0].verdict == "human"
    assert read_by[0].campaign is not None
    assert read_by[0].campaign.name == "May news"
    assert [entry.kind for entry in entries] == ["sent"]
    left = timeline.page(read.contacts[2], only="mails").items
    assert [entry.kind for entry in left] == ["unsubscribe", "sent"]
