"""The policy as a living thing: an inventory, a draft, versions that stay, who hears of them."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from xml.etree import ElementTree

import html5lib
import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts import notices
from app.accounts.models import Member, Notice
from app.core import clock, keeping
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import DomainError, Invalid
from app.desk.models import Ticket
from app.privacy import consenting, figures, following, inventory, jobs, policy, publishing
from app.privacy.models import PolicyFollower, PolicyVersion
from app.staff.promises import FIGURES
from app.staff.purposes import PURPOSES
from app.trust import forgetting
from tests.conftest import Client, Person, at_once
from tests.privacy.conftest import OWN, passages, published

ATOM = "{http://www.w3.org/2005/Atom}"


def seen(client: Client) -> str:
    found = re.search(r'name="seen"[^>]*value="([0-9a-f]{64})"', client.get("/staff/policy").text)
    assert found
    return found[1]


def whole(page: str) -> str:
    html5lib.HTMLParser(strict=True).parse(page)
    return page


def test_the_policy_is_written_from_the_inventory_with_the_figures_of_the_code(app: Flask):
    sections = {one["id"]: one for one in policy.text(app.config["SETTINGS"])}
    said = " ".join(inventory.passages(sections["inventory"]))

    for kept in keeping.everything():
        assert kept.how_long.lower() in said.lower(), kept.rule.key
    lasting = " ".join(" ".join(one["paragraphs"]) for one in sections.values()) + said
    for name, length in FIGURES.items():
        assert figures.words(length) in lasting, name
    for purpose in PURPOSES:
        assert purpose in lasting


def test_what_only_a_rule_of_retention_names_is_listed_by_itself(
    app: Flask, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(inventory, "OURS", ())

    for kept, entry in zip(keeping.everything(), inventory.in_words(), strict=True):
        assert entry.title == kept.rule.what
        assert entry.keeps.lower() == f"{kept.how_long}.".lower()


def test_what_the_operator_chooses_to_keep_longer_is_in_the_text_at_once(service: Client):
    before = publishing.current()

    service.post("/staff/keeping/readings", data={"days": "365"})
    page = service.get("/privacy").text

    assert "1 year" in page
    after = publishing.current()
    assert (after.number, after.follows) == (before.number + 1, before.number)
    assert "What is kept" in after.summary


def test_staff_change_the_inventory_look_at_the_draft_and_publish(service: Client, sam: Person):
    publishing.current()
    service.post("/staff/policy/inventory/new", data=OWN)
    service.post(
        "/staff/policy/inventory/enquiries",
        data={**OWN, "title": "Letters", "what": "Your letters.", "keeps": "For ever."},
    )
    service.post("/staff/policy/passages", data={"more": "Our officer is Vera.\n\nAsk her."})

    page = whole(service.get("/staff/policy").text)
    assert "<ins>Our officer is Vera.</ins>" in page
    assert "Paper files" not in service.get("/privacy").text
    assert "Paper files" in whole(service.get("/staff/policy/preview").text)
    assert "added by you" in whole(service.get("/staff/policy/inventory").text)
    answer = service.post(
        "/staff/policy/publish",
        data={"summary": "We say what is on paper.", "seen": seen(service), "matters": "y"},
    )

    assert answer.location == "/privacy/versions/2"
    page = whole(service.get("/privacy").text)
    for words in ("Paper files", "Ten years.", "Letters", "Our officer is Vera.", "version 2",
                  "We say what is on paper."):  # fmt: skip
        assert words in page
    # How long the program keeps something is not for words to change.
    assert "For ever." not in page
    row = publishing.version(2)
    assert (row.by_member_id, row.matters, row.follows) == (sam.member.id, True, 1)
    # Letters, paper files, and two passages of the operator's own.
    assert row.changes == 4
    service.post("/privacy/versions/2/accept")
    assert "The draft says what the policy says" in service.get("/staff/policy").text


def test_two_entries_cannot_have_one_name(service: Client, monkeypatch):
    service.post("/staff/policy/inventory/new", data=OWN)
    like_ours = {**OWN, "title": "QUESTIONS"}
    for data in ({**OWN, "title": "paper  FILES"}, like_ours):
        answer = service.post("/staff/policy/inventory/new", data=data)
        assert answer.status_code == 422
        assert "already" in answer.text
        assert OWN["what"] in answer.text
    answer = service.post("/staff/policy/inventory/enquiries", data=OWN)
    assert (answer.status_code, "“Paper files” already" in answer.text) == (422, True)
    [added] = inventory.draft()["entries"]
    # Its own name stays its own.
    same = service.post(f"/staff/policy/inventory/{added['key']}", data={**OWN, "what": "Bills."})
    assert same.status_code == 303

    monkeypatch.setattr(inventory, "MOST", 1)
    full = service.post("/staff/policy/inventory/new", data={**OWN, "title": "More"})
    assert (full.status_code, "Take one out first" in full.text) == (422, True)
    assert [row["what"] for row in inventory.draft()["entries"]] == ["Bills."]


def test_no_sign_turns_the_words_that_stand_beside(service: Client):
    turning = {"title": "Old \u202efiles\u2066", "what": "Kept \u202dwell.", "why": "\u202e"}
    empty = service.post("/staff/policy/inventory/new", data={**OWN, **turning})
    assert (empty.status_code, "Say what it is for." in empty.text) == (422, True)
    service.post("/staff/policy/inventory/new", data={**OWN, **turning, "why": "א\u200fב"})

    [added] = inventory.draft()["entries"]
    assert (added["title"], added["what"]) == ("Old files", "Kept well.")
    assert added["why"] == "א\u200fב"


def test_only_what_somebody_looked_at_is_published(service: Client, sue: Person):
    publishing.current()
    service.post("/staff/policy/inventory/new", data=OWN)
    looked_at = seen(service)
    service.post("/staff/policy/passages", data={"more": "Slipped in."})

    answer = service.post("/staff/policy/publish", data={"summary": "New.", "seen": looked_at})

    assert answer.status_code == 409
    assert publishing.current().number == 1
    refused = service.post("/staff/policy/publish", data={"summary": " ", "seen": seen(service)})
    assert refused.status_code == 422
    assert "Say in plain words what changes." in refused.text


def test_of_two_who_publish_at_once_one_is_told(
    whole_app: Flask, app: Flask, sam: Person, sue: Person
):
    """Each round, both look at the same draft and press the button together."""
    publishing.current()
    ids = [sam.member.id, sue.member.id]
    for number in range(2, 5):
        with transaction():
            inventory.write(None, {**OWN, "title": f"Paper files {number}"})
        looked_at = publishing.fingerprint(publishing.drafted())
        db.session.rollback()
        begin, answers = threading.Barrier(2), []

        def press(member_id, looked_at=looked_at, begin=begin, answers=answers):
            with whole_app.app_context():
                begin.wait()
                try:
                    with transaction():
                        by = db.session.get(Member, member_id)
                        publishing.publish_draft(
                            by, seen=looked_at, summary="New.", effective_at=None, matters=False
                        )
                    answers.append(303)
                except DomainError as error:
                    answers.append(error.status)
                db.session.remove()

        threads = [threading.Thread(target=press, args=(one,)) for one in ids]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(answers) in ([303, 409], [303, 422])  # 422: the other was quicker by far
        assert publishing.current().number == number
        db.session.rollback()


def test_nothing_new_is_not_published(service: Client):
    publishing.current()
    same = publishing.fingerprint(publishing.drafted())

    answer = service.post("/staff/policy/publish", data={"summary": "New.", "seen": same})

    assert answer.status_code == 422
    assert "nothing to publish" in answer.text


def test_a_changed_entry_takes_the_programs_words_again(service: Client):
    service.post("/staff/policy/inventory/audit", data={**OWN, "title": "Book"})
    assert "Take the program" in service.get("/staff/policy/inventory/audit").text

    service.post("/staff/policy/inventory/audit/undo")

    assert inventory.one("audit").title == "Audit"
    assert service.get("/staff/policy/inventory/nonsense").status_code == 404


@pytest.mark.parametrize("roles", [[], ["billing", "marketing", "support"]])
def test_the_draft_is_not_there_for_others(client: Client, alice: Person, roles: list[str]):
    with transaction():
        alice.member.staff_roles = roles
    client.sign_in(alice)

    for path in ("/staff/policy", "/staff/policy/inventory", "/staff/policy/preview"):
        assert client.get(path).status_code == 404
    assert client.post("/staff/policy/publish", data={"summary": "x"}).status_code == 404


def test_a_published_version_is_never_changed(app: Flask):
    publishing.current()

    for change in (
        sa.update(PolicyVersion).values(summary="Nothing happened."),
        sa.delete(PolicyVersion),
    ):
        with pytest.raises(sa.exc.DBAPIError, match="never changed"), transaction():
            db.session.execute(change)
    assert publishing.version(1).summary == "First version."


def test_a_version_counts_from_its_day(
    client: Client, sam: Person, alice: Person, monkeypatch: pytest.MonkeyPatch
):
    day = now() + timedelta(days=3)
    version = published(sam, effective_at=day, matters=True)
    client.sign_in(alice)

    page = whole(client.get("/privacy").text)
    assert "version 1<" in page
    assert "Another version counts from" in page
    assert "which counts from" in client.get("/privacy/versions/2").text
    banner = client.get("/settings/business")
    assert banner.status_code == 200  # asked for only once it counts
    assert f"changes on {day.day} {day:%B %Y}: {passages(version.changes)}" in banner.text

    later = day + timedelta(minutes=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    monkeypatch.setattr(publishing, "now", lambda: later)
    assert publishing.current().number == 2
    assert client.get("/settings/business").location.startswith("/privacy/accept?next=")


def test_who_publishes_for_an_earlier_day_has_the_last_word(
    client: Client, sam: Person, alice: Person, monkeypatch: pytest.MonkeyPatch
):
    day = now() + timedelta(days=30)
    published(sam, effective_at=day, matters=True)
    client.sign_in(alice)
    client.post("/privacy/versions/2/accept")

    published(sam, title="Paper in a safe", summary="It lies in a safe.")

    # Who accepted what was announced did not accept what came in its place.
    assert "It lies in a safe." in client.get("/settings/business").text
    assert "Another version counts" not in client.get("/privacy").text
    assert "which never counts" in client.get("/privacy/versions/2").text
    assert "version 3 took its place" in whole(client.get("/privacy/versions").text)
    assert client.post("/privacy/versions/2/accept").status_code == 404
    later = day + timedelta(minutes=1)
    for module in (clock, publishing, consenting):
        monkeypatch.setattr(module, "now", lambda: later)
    assert publishing.current().number == 3
    assert client.get("/settings/business").status_code == 200


def test_a_mistyped_year_is_not_published(sam: Person):
    with pytest.raises(Invalid, match="within a year"):
        published(sam, effective_at=now() + timedelta(days=400))


def test_settings_that_move_on_keep_what_people_wrote(client: Client, sam: Person):
    published(sam)

    with transaction():
        forgetting.choose(sam.member, "enquiries", 400)
    page = client.get("/privacy").text

    assert "version 3" in page
    assert "Paper files" in page


def test_the_banner_says_the_date_and_how_many_passages_changed(
    client: Client, sam: Person, alice: Person
):
    version = published(sam)
    client.sign_in(alice)

    page = client.get("/settings/business").text

    day = version.effective_at
    assert f"changed on {day.day} {day:%B %Y}: {passages(1)}. We keep paper too." in page
    client.post("/privacy/versions/2/accept")
    assert "We keep paper too." not in client.get("/settings/business").text


def test_a_page_asks_once_for_what_is_new(client: Client, sam: Person, alice: Person):
    published(sam)
    client.sign_in(alice)
    client.get("/settings/business")  # the process knows the version's text from now on
    asked = []

    def note(_connection, _cursor, statement, *_more):
        asked.extend([statement] * ("policy_version" in statement))

    sa.event.listen(db.engine, "before_cursor_execute", note)
    try:
        page = client.get("/settings/business").text
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", note)

    assert "We keep paper too." in page
    assert len(asked) == 1


def test_who_must_accept_is_asked_before_going_on_and_can_still_leave(
    client: Client, sam: Person, alice: Person
):
    published(sam, matters=True)
    client.sign_in(alice)

    asked = client.get("/contacts?q=x")
    assert asked.location == "/privacy/accept?next=/contacts?q%3Dx"
    page = whole(client.get(asked.location).text)
    assert "We keep paper too." in page
    # What they were writing is taken; everything can be taken along; nobody is kept in.
    assert client.post("/lists", data={"name": "News", "opt_in": "single"}).status_code == 303
    assert 'href="/settings/close"' in page
    for path in ("/settings/take-out", "/settings/close", "/settings/data", "/questions", "/help"):
        assert client.get(path).status_code == 200, path
    assert client.post("/sign-out").status_code == 303

    client.sign_in(alice)
    answer = client.post("/privacy/versions/2/accept", data={"next": "/contacts?q=x"})
    assert answer.location == "/contacts?q=x"
    assert client.get("/contacts?q=x").status_code == 200
    assert client.get("/privacy/accept").location == "/home"


def test_a_later_version_that_was_accepted_covers_the_one_that_matters(
    client: Client, sam: Person, alice: Person
):
    published(sam, matters=True)
    published(sam, title="More paper", summary="More.")
    client.sign_in(alice)
    assert client.get("/contacts").status_code == 303

    client.post("/privacy/versions/3/accept")

    assert client.get("/contacts").status_code == 200
    assert client.post("/privacy/versions/1/accept").status_code == 404


def test_a_version_between_does_not_stand_for_one_that_counts_later(
    client: Client, sam: Person, alice: Person, monkeypatch: pytest.MonkeyPatch
):
    day = now() + timedelta(days=3)
    published(sam, effective_at=day, matters=True)
    with transaction():
        forgetting.choose(sam.member, "enquiries", 400)
    client.sign_in(alice)
    assert "version 3" in client.get("/privacy").text
    client.post("/privacy/versions/3/accept")

    later = day + timedelta(minutes=1)
    monkeypatch.setattr(publishing, "now", lambda: later)
    assert client.get("/settings/business").location.startswith("/privacy/accept")

    # The text of the later one follows the settings by itself, and keeps its own words.
    monkeypatch.setattr(consenting, "now", lambda: later)
    number = publishing.current().number
    assert number == 4
    page = client.get("/privacy/accept?next=/contacts").text
    assert 'action="/privacy/versions/4/accept"' in page
    assert "We keep paper too." in page
    client.post(f"/privacy/versions/{number}/accept")
    assert client.get("/settings/business").status_code == 200


def test_the_comparison_has_anchors_and_a_page_for_printing(client: Client, sam: Person):
    published(sam)

    page = whole(client.get("/privacy/compare?from=1&to=2").text)

    anchor = re.search(r'href="#(inventory-\d+)"', page)
    assert anchor
    assert f'id="{anchor[1]}"' in page
    for path in ("/privacy/compare?from=1&to=2&paper=1", "/privacy?paper=1"):
        paper = whole(client.get(path).text)
        assert "data-print" in paper
        assert "<nav" not in paper


def test_a_question_is_tied_to_the_version(client: Client, sam: Person):
    published(sam)
    assert 'href="/contact?version=2"' in client.get("/privacy").text

    client.post(
        "/contact",
        data={"name": "Vera", "email": "v@b.example", "text": "Why paper?", "version": "2"},
    )

    assert db.session.scalar(sa.select(Ticket.policy_version)) == 2


def test_the_feed_has_an_entry_a_version(client: Client, sam: Person):
    published(sam, summary="Paper & <ink>.")

    answer = client.get("/privacy/feed.xml")

    assert answer.mimetype == "application/atom+xml"
    feed = ElementTree.fromstring(answer.text)  # noqa: S314
    entries = feed.findall(f"{ATOM}entry")
    assert [entry.findtext(f"{ATOM}id")[-11:] for entry in entries] == [
        "/versions/2",
        "/versions/1",
    ]
    assert entries[0].findtext(f"{ATOM}summary") == "Paper & <ink>. 1 passage changed."
    again = client.get("/privacy/feed.xml", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    assert 'type="application/atom+xml"' in client.get("/privacy").text


def follow(client: Client, email: str) -> str:
    """Ask, and give the way of the link in the mail."""
    assert client.post("/privacy/follow", data={"email": email}).status_code == 303
    text = db.session.scalar(
        sa.select(Notice.text).where(Notice.kind == "policy_follow").order_by(Notice.id.desc())
    )
    return "/" + text.partition("http://localhost/")[2].split()[0]


def mails(kind: str) -> list[Notice]:
    return list(db.session.scalars(sa.select(Notice).where(Notice.kind == kind).order_by("id")))


def test_following_is_asked_for_confirmed_and_left_with_one_click(client: Client, sam: Person):
    publishing.current()
    way = follow(client, "Reader@Shop.example")
    client.post("/privacy/follow", data={"email": "reader@shop.example"})
    assert len(mails("policy_follow")) == 1  # one question a day
    assert "shop.example" in whole(client.get(way).text)
    assert following.mail_news() == 0  # looking at the link is not yet a yes
    client.post(way)
    client.post(way)

    published(sam)
    assert jobs.tell() == 1
    assert jobs.tell() == 0

    (mail,) = mails("policy_news")
    assert mail.to_email == "reader@shop.example"
    assert "We keep paper too." in mail.text
    assert "/privacy/compare?from=1&to=2" in mail.text
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    leave = mail.headers["List-Unsubscribe"].strip("<>").removeprefix("http://localhost")
    assert client.get(leave).status_code == 200
    assert db.session.scalar(sa.select(PolicyFollower)) is not None
    assert client.post(leave, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert client.post(leave).status_code == 200
    assert db.session.scalar(sa.select(PolicyFollower)) is None
    assert client.get(way).status_code == 410
    published(sam, title="More paper")
    jobs.tell()
    assert len(mails("policy_news")) == 1


def test_who_follows_is_not_told_to_who_asks(client: Client):
    client.post(follow(client, "reader@shop.example"))

    for email in ("reader@shop.example", "other@shop.example"):
        assert client.post("/privacy/follow", data={"email": email}).location.endswith("/asked")
    assert [mail.to_email for mail in mails("policy_follow")] == [
        "reader@shop.example", "other@shop.example",
    ]  # fmt: skip
    assert client.post("/privacy/follow", data={"email": "reader@"}).status_code == 422


def test_who_never_confirms_is_forgotten(client: Client):
    follow(client, "reader@shop.example")
    with transaction():
        row = db.session.scalar(sa.select(PolicyFollower))
        row.asked_at = now() - following.LINK_LIFE - timedelta(minutes=1)
        assert following.forget_old() == 1


def test_who_presses_twice_at_once_is_asked_once(whole_app: Flask, app: Flask):
    for _ in range(2):
        assert not at_once(whole_app, 3, lambda: following.ask("reader@shop.example"))
        assert len(mails("policy_follow")) == 1
        with transaction():
            db.session.execute(sa.delete(Notice))
            row = db.session.scalars(sa.select(PolicyFollower)).one()
            row.asked_at = now() - following.ASK_AGAIN_AFTER
        db.session.rollback()


def test_many_ticks_mail_everybody_once(whole_app: Flask, app: Flask, sam: Person, monkeypatch):
    publishing.current()
    monkeypatch.setattr(following, "CHUNK", 3)
    with transaction():
        db.session.add_all(
            PolicyFollower(email=f"r{n}@shop.example", confirmed_at=now() - timedelta(days=1))
            for n in range(20)
        )
    published(sam)
    begin = threading.Barrier(3)

    def tick() -> None:
        with whole_app.app_context():
            begin.wait()
            for _ in range(12):
                following.mail_news()
            db.session.remove()

    threads = [threading.Thread(target=tick) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(mail.to_email for mail in mails("policy_news")) == sorted(
        f"r{n}@shop.example" for n in range(20)
    )
    assert "policy_news" in notices.ONCE_ONLY
