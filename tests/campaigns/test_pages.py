"""The pages of campaigns, as a browser without JavaScript and as htmx sees them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts.models import AuditEntry
from app.campaigns.models import Campaign
from app.contacts.models import ContactList
from app.core.clock import now
from app.core.db import db, transaction
from tests.campaigns.conftest import add_list, add_people, add_sender
from tests.conftest import Client, Person

Draft = Callable[..., Campaign]


def read(campaign_id: int) -> Campaign:
    db.session.expire_all()
    campaign = db.session.get(Campaign, campaign_id)
    assert campaign is not None
    return campaign


def written(campaign: Campaign, **changes: object) -> dict[str, object]:
    names = ("name", "subject", "preheader", "from_email", "from_name", "reply_to", "format",
             "body", "text_body", "version")  # fmt: skip
    return {**{name: getattr(campaign, name) for name in names}, **changes}


def test_the_list_is_empty_at_first(client: Client, alice: Person) -> None:
    client.sign_in(alice)

    assert "Your campaigns will be here" in client.get("/campaigns").text


def test_a_new_campaign_starts_with_the_last_ones_sender_and_lists(
    client: Client, alice: Person, draft: Draft
) -> None:
    before = draft()
    client.sign_in(alice)

    answer = client.post("/campaigns")

    assert answer.status_code == 303
    made = read(before.id + 1)
    assert made.from_email == "news@bakery.example"
    assert [row.list_id for row in made.audience] == [row.list_id for row in before.audience]
    assert (made.subject, made.body) == ("", "")


def test_every_stop_of_a_draft_can_be_seen(client: Client, alice: Person, draft: Draft) -> None:
    campaign = draft()
    client.sign_in(alice)

    for stop in ("write", "look", "people", "send", "findings", "numbers"):
        page = client.get(f"/campaigns/{campaign.id}/{stop}")
        assert page.status_code == 200, stop
        assert "Spring" in page.text, stop
    for fragment in ("findings", "numbers", "look/people?q=an"):
        page = client.htmx("GET", f"/campaigns/{campaign.id}/{fragment}")
        assert page.status_code == 200, fragment
        assert "<html" not in page.text


def test_saving_works_without_javascript(client: Client, alice: Person, draft: Draft) -> None:
    campaign = draft()
    client.sign_in(alice)

    answer = client.post(
        f"/campaigns/{campaign.id}/write", data=written(campaign, subject="Rolls", body="New")
    )

    assert answer.status_code == 303
    assert (read(campaign.id).subject, read(campaign.id).body) == ("Rolls", "New")


def test_autosave_says_when_and_hands_out_the_next_version(
    client: Client, alice: Person, draft: Draft
) -> None:
    campaign = draft()
    shown = campaign.version
    client.sign_in(alice)

    answer = client.htmx(
        "POST", f"/campaigns/{campaign.id}/write", data=written(campaign, subject="Rolls")
    )

    assert answer.status_code == 200
    assert "saved" in answer.text
    assert f'value="{shown + 1}"' in answer.text


def test_a_lost_update_is_refused_and_both_texts_are_shown(
    client: Client, alice: Person, draft: Draft
) -> None:
    campaign = draft()
    client.sign_in(alice)
    old = written(campaign)
    client.post(f"/campaigns/{campaign.id}/write", data={**old, "subject": "Theirs"})

    page = client.post(f"/campaigns/{campaign.id}/write", data={**old, "subject": "Mine"})
    fragment = client.htmx("POST", f"/campaigns/{campaign.id}/write", data={**old, "subject": "M"})

    assert page.status_code == fragment.status_code == 409
    assert "Theirs" in page.text
    assert "Mine" in page.text
    assert "Save mine over theirs" in fragment.text
    assert read(campaign.id).subject == "Theirs"


@pytest.mark.parametrize(
    "subject",
    ["a\nBcc: v@example.org", "=?utf-8?q?a=0D=0ABcc:_v@example.org?=", "a\x0bb", "a\u2028b"],
)
def test_a_header_trick_is_refused_and_kept_in_the_form(
    client: Client, alice: Person, draft: Draft, subject: str
) -> None:
    campaign = draft()
    client.sign_in(alice)

    page = client.post(f"/campaigns/{campaign.id}/write", data=written(campaign, subject=subject))

    assert page.status_code == 422
    assert "The subject must" in page.text
    assert read(campaign.id).subject == "Fresh bread"


def test_a_strangers_list_cannot_be_chosen(
    client: Client, alice: Person, charlie: Person, draft: Draft
) -> None:
    campaign, theirs = draft(), add_list(charlie.account, "Theirs")
    client.sign_in(alice)

    page = client.post(
        f"/campaigns/{campaign.id}/people",
        data={"version": campaign.version, "lists": theirs.id, "exclude": theirs.id},
    )

    assert page.status_code == 422
    assert "Theirs" not in page.text


def test_a_stranger_sees_nothing(client: Client, charlie: Person, draft: Draft) -> None:
    campaign = draft()
    client.sign_in(charlie)

    for path in ("", "/write", "/look", "/people", "/send", "/preview", "/findings", "/numbers",
                 "/look/people"):  # fmt: skip
        assert client.get(f"/campaigns/{campaign.id}{path}").status_code == 404, path
    for path in ("/write", "/people", "/send", "/tracking", "/delete", "/duplicate", "/rename",
                 "/take-back", "/pause", "/resume", "/cancel", "/test"):  # fmt: skip
        assert client.post(f"/campaigns/{campaign.id}{path}").status_code == 404, path
    assert "Spring" not in client.get("/campaigns").text


def test_the_diary_says_who_paused_let_go_on_and_stopped(
    client: Client, alice: Person, draft: Draft
) -> None:
    campaign = draft()
    client.sign_in(alice)
    client.post(f"/campaigns/{campaign.id}/send", data={"when": "now", "hold": "0"})
    assert read(campaign.id).state == "sending"

    for verb in ("pause", "resume", "cancel"):
        assert client.post(f"/campaigns/{campaign.id}/{verb}").status_code == 303

    page = client.get(f"/campaigns/{campaign.id}").text
    stopped, went_on, paused = (
        page.index(f"Alice Baker {words}")
        for words in ("stopped it for good.", "let it go on.", "paused it.")
    )
    assert stopped < went_on < paused


def test_the_page_of_a_campaign_has_its_numbers_at_once(
    client: Client, vera: Person, draft: Draft
) -> None:
    campaign = draft()
    with transaction():
        read(campaign.id).move("draft", to="sending", started_at=now(), planned_at=now())
        read(campaign.id).move("sending", to="sent", finished_at=now())
    client.sign_in(vera)

    page = client.get(f"/campaigns/{campaign.id}").text

    assert "Still to go" in page
    assert "hx-get" not in page.partition('aria-label="Progress"')[0].rpartition("<section")[2]
    assert page.count(f'href="/campaigns/{campaign.id}/receipt"') == 1


def test_somebody_elses_contact_cannot_be_previewed(
    client: Client, alice: Person, charlie: Person, draft: Draft
) -> None:
    campaign = draft()
    (stranger,) = add_people(charlie.account, add_list(charlie.account), "Zoe")
    client.sign_in(alice)

    url = f"/campaigns/{campaign.id}/look?contact={stranger.id}"
    assert client.get(url).status_code == 404
    assert "zoe@" not in client.htmx("GET", f"/campaigns/{campaign.id}/look/people?q=zoe").text


def test_a_viewer_looks_and_changes_nothing(client: Client, vera: Person, draft: Draft) -> None:
    campaign = draft()
    client.sign_in(vera)

    assert client.get(f"/campaigns/{campaign.id}").status_code == 200
    assert client.get(f"/campaigns/{campaign.id}/write").status_code == 200
    assert client.post(f"/campaigns/{campaign.id}/send").status_code == 403
    assert client.post("/campaigns").status_code == 403


def test_the_preview_is_sandboxed_and_filled_in(
    client: Client, alice: Person, draft: Draft
) -> None:
    campaign = draft(body="Hi {{ contact.first_name }}<script>alert(1)</script>", format="html")
    client.sign_in(alice)

    page = client.get(f"/campaigns/{campaign.id}/preview")
    look = client.get(f"/campaigns/{campaign.id}/look").text

    assert "Hi Anna" in page.text
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "script-src" not in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert '<iframe class="preview__frame" sandbox title=' in look
    assert "Seen by Anna" in look


def test_sending_waits_a_minute_in_which_it_can_be_taken_back(
    client: Client, alice: Person, draft: Draft
) -> None:
    campaign = draft()
    client.sign_in(alice)
    assert "Send to 3 people" in client.get(f"/campaigns/{campaign.id}/send").text

    answer = client.post(
        f"/campaigns/{campaign.id}/send",
        data={"when": "now", "hold": "60", "version": campaign.version},
    )

    assert answer.status_code == 303
    assert read(campaign.id).state == "held"
    assert client.get(f"/campaigns/{campaign.id}").status_code == 200
    assert db.session.scalar(sa.select(AuditEntry.verb)) == "campaign.send"
    client.post(f"/campaigns/{campaign.id}/take-back")
    assert read(campaign.id).state == "draft"


def test_what_blocks_is_told_and_nothing_is_sent(
    client: Client, alice: Person, draft: Draft
) -> None:
    campaign = draft(subject="")
    client.sign_in(alice)

    page = client.post(f"/campaigns/{campaign.id}/send", data={"when": "now", "hold": "60"})

    assert page.status_code == 422
    assert "There is no subject." in page.text
    assert read(campaign.id).state == "draft"


def test_a_change_after_the_page_was_opened_is_not_sent_unseen(
    client: Client, alice: Person, draft: Draft
) -> None:
    campaign = draft()
    seen = campaign.version
    client.sign_in(alice)
    client.post(f"/campaigns/{campaign.id}/write", data=written(campaign, body="Other"))

    answer = client.post(
        f"/campaigns/{campaign.id}/send", data={"when": "now", "hold": "0", "version": seen}
    )

    assert answer.status_code == 303
    assert read(campaign.id).state == "draft"


def test_twenty_presses_of_send_are_one_run(app: Flask, alice: Person, draft: Draft) -> None:
    campaign = draft()
    app.test_client_class = Client
    clients = []
    for _ in range(20):
        client = app.test_client()
        assert isinstance(client, Client)
        client.sign_in(alice)
        clients.append(client)
    db.session.remove()
    data = {"when": "now", "hold": "60", "version": campaign.version}

    url = f"/campaigns/{campaign.id}/send"

    def press(one: Client) -> int:
        with app.app_context():
            return one.post(url, data=data).status_code

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(press, clients))

    assert set(answers) == {303}
    assert read(campaign.id).state == "held"
    sends = db.session.scalar(
        sa.select(sa.func.count()).select_from(AuditEntry).where(AuditEntry.verb == "campaign.send")
    )
    assert sends == 1


def test_a_time_is_read_in_the_accounts_zone(client: Client, alice: Person, draft: Draft) -> None:
    campaign = draft()
    with transaction():
        alice.account.zone_name = "Europe/Berlin"
    client.sign_in(alice)
    year = campaign.created_at.year + (campaign.created_at.month > 5)

    answer = client.post(
        f"/campaigns/{campaign.id}/send",
        data={"when": "later", "at": f"{year}-07-01T09:30", "hold": "60"},
    )

    assert answer.status_code == 303
    due = read(campaign.id).due_at
    assert due is not None
    assert (due.hour, due.minute) == (7, 30)


def test_a_draft_can_be_copied_and_deleted(client: Client, alice: Person, draft: Draft) -> None:
    campaign = draft()
    client.sign_in(alice)

    client.post(f"/campaigns/{campaign.id}/duplicate")
    client.post(f"/campaigns/{campaign.id}/delete")

    names = list(db.session.scalars(sa.select(Campaign.name)))
    assert names == ["Spring (copy)"]


def test_the_list_finds_by_words_and_state(client: Client, alice: Person, draft: Draft) -> None:
    draft(name="Spring")
    draft(name="Winter", subject="Gingerbread")
    client.sign_in(alice)

    assert "Winter" in client.htmx("GET", "/campaigns?q=ginger").text
    assert "Spring" not in client.htmx("GET", "/campaigns?q=ginger").text
    assert "Nothing like that" in client.get("/campaigns?state=sent").text


def test_the_sender_must_be_confirmed(
    client: Client, alice: Person, newsletter: ContactList, draft: Draft
) -> None:
    add_sender(alice.account, "new@bakery.example", confirmed=False)
    campaign = draft(from_email="new@bakery.example")
    client.sign_in(alice)

    assert "not confirmed" in client.htmx("GET", f"/campaigns/{campaign.id}/findings").text
