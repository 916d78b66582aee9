from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.accounts.models import Sender
from app.campaigns.models import Campaign
from app.config import Config
from app.core import queue_server
from app.core.clock import now
from app.core.db import db, transaction
from app.delivery.models import DiaryEntry
from tests.api.conftest import Program
from tests.api.test_contacts import make_contact, make_list
from tests.api.test_schema import matches
from tests.conftest import Person
from tests.servers import MailSink

Ready = dict[str, Any]


@pytest.fixture
def ready(program: Program, alice: Person) -> Ready:
    """What a campaign that may go out is made of."""
    news = make_list(program)
    make_contact(program, first_name="Vera", lists=[news])
    with transaction():
        db.session.add(
            Sender(account_id=alice.account.id, email="news@bakery.example", confirmed_at=now())
        )
    return {
        "name": "May", "subject": "It is May", "from_name": "Bakery",
        "from_email": "news@bakery.example",
        "markdown": "Hello [you](https://example.com/may)", "lists": [news],
    }  # fmt: skip


def make(program: Program, body: Ready) -> int:
    answer = program("POST", "/campaigns", body)
    assert answer.status_code == 201, answer.get_json()
    return int(answer.get_json()["id"])


def state(program: Program, campaign: int) -> str:
    db.session.expire_all()
    return str(program("GET", f"/campaigns/{campaign}").get_json()["state"])


def test_a_campaign_is_written_and_revised(program: Program, ready: Ready) -> None:
    more = {"preheader": "Read", "reply_to": "alice@bakery.example", "text": "Plain",
            "tracking": "aggregate", "exclude": ready["lists"]}  # fmt: skip
    campaign = make(program, {**ready, **more})

    changed = program("PATCH", f"/campaigns/{campaign}", {"subject": "June", "html": "<p>J</p>"})

    seen = program("GET", f"/campaigns/{campaign}").get_json()
    assert changed.status_code == 200
    assert changed.get_json() == seen
    assert (seen["subject"], seen["html"], seen["markdown"]) == ("June", "<p>J</p>", None)
    assert (seen["lists"], seen["exclude"]) == (ready["lists"], ready["lists"])
    assert (seen["text"], seen["tracking"], seen["state"]) == ("Plain", "aggregate", "draft")
    assert seen["reply_to"] == "alice@bakery.example"


def test_somebody_elses_change_is_not_overwritten(program: Program, ready: Ready) -> None:
    campaign = make(program, ready)
    program("PATCH", f"/campaigns/{campaign}", {"subject": "June", "version": 1})

    answer = program("PATCH", f"/campaigns/{campaign}", {"subject": "July", "version": 1})

    assert answer.status_code == 409
    assert program("GET", f"/campaigns/{campaign}").get_json()["subject"] == "June"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"blocks": []}, "blocks"),
        ({"html": "x", "mjml": "y"}, "html"),
        ({"subject": "a\nBcc: x@example.com"}, "subject"),
        ({"from_email": "nobody"}, "from_email"),
        ({"lists": [99]}, "lists"),
        ({"segments": [99]}, "segments"),
        ({"exclude": [99]}, "exclude"),
        ({"tracking": "everything"}, "tracking"),
        ({"name": ""}, "name"),
    ],
)
def test_what_breaks_a_rule_is_named(
    program: Program, ready: Ready, change: Ready, field: str
) -> None:
    base = {key: value for key, value in ready.items() if key != "markdown"}

    answer = program("POST", "/campaigns", {**base, **change})

    assert answer.status_code == 422
    assert answer.get_json()["errors"][field]


def test_sending_wakes_a_worker_at_once(program: Program, ready: Ready) -> None:
    campaign = make(program, ready)

    answer = program("POST", f"/campaigns/{campaign}/send", {})

    assert answer.status_code == 202, answer.get_json()
    assert answer.get_json()["state"] == "sending"
    assert queue_server.client().exists(f"rq:job:plan-{campaign}")


def test_sending_needs_no_body(program: Program, ready: Ready) -> None:
    campaign = make(program, ready)

    assert program("POST", f"/campaigns/{campaign}/send").status_code == 202


def test_sending_twice_is_refused_or_answered_alike(program: Program, ready: Ready) -> None:
    campaign, key = make(program, ready), {"Idempotency-Key": "go"}

    first = program("POST", f"/campaigns/{campaign}/send", {}, headers=key)
    again = program("POST", f"/campaigns/{campaign}/send", {}, headers=key)
    without = program("POST", f"/campaigns/{campaign}/send", {})

    assert (first.status_code, again.status_code, without.status_code) == (202, 202, 409)
    assert first.get_data() == again.get_data()


def test_later_and_held(program: Program, ready: Ready) -> None:
    later, held = make(program, ready), make(program, ready)
    at = (now() + timedelta(days=1)).isoformat()

    scheduled = program("POST", f"/campaigns/{later}/send", {"at": at})
    waiting = program("POST", f"/campaigns/{held}/send", {"hold_seconds": 60})

    assert (scheduled.status_code, scheduled.get_json()["state"]) == (202, "scheduled")
    assert (waiting.status_code, waiting.get_json()["state"]) == (202, "held")
    assert program("POST", f"/campaigns/{held}/cancel").get_json()["state"] == "cancelled"


def test_a_time_that_is_none_or_over_is_refused(program: Program, ready: Ready) -> None:
    campaign = make(program, ready)
    path = f"/campaigns/{campaign}/send"

    for at in ("tomorrow", "2030-05-01T09:00:00", "2001-05-01T09:00:00Z", "2030-02-31T09:00:00Z"):
        answer = program("POST", path, {"at": at})
        assert answer.status_code == 422, at
        assert answer.get_json()["errors"]["at"]
    assert program("POST", path, {"hold_seconds": -1}).status_code == 422
    assert state(program, campaign) == "draft"


def test_an_unconfirmed_sender_blocks_with_findings(program: Program, ready: Ready) -> None:
    campaign = make(program, {**ready, "from_email": "boss@bakery.example"})

    answer = program("POST", f"/campaigns/{campaign}/send", {})

    assert answer.status_code == 422
    findings = answer.get_json()["findings"]
    assert findings
    assert all(finding["level"] == "block" for finding in findings)
    assert "boss@bakery.example" in str(findings)
    assert matches(answer.get_json(), "Problem") == {}
    assert state(program, campaign) == "draft"


def test_findings_do_not_use_the_key_up(program: Program, ready: Ready) -> None:
    campaign, key = make(program, {**ready, "subject": ""}), {"Idempotency-Key": "go"}

    assert program("POST", f"/campaigns/{campaign}/send", {}, headers=key).status_code == 422
    program("PATCH", f"/campaigns/{campaign}", {"subject": "Now"})

    assert program("POST", f"/campaigns/{campaign}/send", {}, headers=key).status_code == 202


def test_pause_resume_and_cancel(program: Program, ready: Ready) -> None:
    campaign = make(program, ready)
    program("POST", f"/campaigns/{campaign}/send", {})

    def move(verb: str) -> tuple[int, str]:
        answer = program("POST", f"/campaigns/{campaign}/{verb}")
        return answer.status_code, answer.get_json().get("state", "")

    assert move("resume") == (409, "")
    assert move("pause") == (202, "paused")
    assert move("resume") == (202, "sending")
    assert move("cancel") == (202, "cancelled")
    assert move("pause") == (409, "")
    assert db.session.scalars(sa.select(DiaryEntry.text).order_by(DiaryEntry.id)).all() == [
        "A program paused it.", "A program let it go on.", "A program stopped it for good.",
    ]  # fmt: skip


def test_what_was_sent_is_not_changed(program: Program, ready: Ready) -> None:
    campaign = make(program, ready)
    program("POST", f"/campaigns/{campaign}/send", {})

    assert program("PATCH", f"/campaigns/{campaign}", {"subject": "Late"}).status_code == 409


def test_empty_numbers_have_their_shape(program: Program, ready: Ready) -> None:
    campaign = make(program, ready)

    receipt = program("GET", f"/campaigns/{campaign}/receipt").get_json()
    report = program("GET", f"/campaigns/{campaign}/report").get_json()
    deliveries = program("GET", f"/campaigns/{campaign}/deliveries?state=failed").get_json()

    assert receipt == {
        "intended": 0, "sent": 0, "failed": 0, "uncertain": 0, "pending": 0, "skipped": {},
    }  # fmt: skip
    assert matches(receipt, "ReceiptOut") == {}
    assert matches(report, "ReportOut") == {}
    assert deliveries == {"items": [], "cursor": None}


def test_sending_needs_its_own_scope(program: Program, ready: Ready, program_with: Any) -> None:
    campaign = make(program, ready)

    answer = program_with("campaigns:write")("POST", f"/campaigns/{campaign}/send", {})

    assert answer.status_code == 403
    assert db.session.scalar(sa.select(Campaign.state)) == "draft"


def test_a_stranger_sends_nothing(program: Program, strange_program: Program, ready: Ready) -> None:
    campaign = make(program, ready)

    for verb in ("send", "pause", "resume", "cancel"):
        assert strange_program("POST", f"/campaigns/{campaign}/{verb}", {}).status_code == 404
    body = {"to": ["c@example.com"]}
    assert strange_program("POST", f"/campaigns/{campaign}/test", body).status_code == 404
    assert state(program, campaign) == "draft"


@pytest.fixture
def sink(settings: Config, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailSink]:
    """A mail server that takes everything."""
    if MailSink.program() is None:
        pytest.skip("smtp-sink is not installed: apt-get install postfix")
    with MailSink() as server:
        monkeypatch.setattr("app.core.settings._current", [replace(settings, SMTP_URL=server.url)])
        yield server


def test_a_test_goes_to_the_addresses(program: Program, ready: Ready, sink: MailSink) -> None:
    campaign = make(program, ready)

    answer = program("POST", f"/campaigns/{campaign}/test", {"to": ["Vera@example.com"]})

    assert answer.status_code == 200, answer.get_json()
    assert matches(answer.get_json(), "TestOut") == {}


def test_no_test_goes_out_in_an_unconfirmed_name(program: Program, ready: Ready) -> None:
    campaign = make(program, {**ready, "from_email": "boss@bank.example"})

    answer = program("POST", f"/campaigns/{campaign}/test", {"to": ["vera@example.com"]})

    assert answer.status_code == 422
    assert "boss@bank.example" in answer.get_json()["detail"]
