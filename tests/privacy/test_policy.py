from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask

from app.config import Config
from app.contacts import suppressions, writing
from app.core import settings as process_settings
from app.core.db import db, transaction
from app.privacy import comparing, policy, publishing
from app.privacy.models import Acceptance, MemberConsent, PolicyVersion
from tests.conftest import Client, Person

ANCHORS = [
    "overview", "collection", "use", "sharing", "beacons", "links", "security", "questions",
    "changes", "contact",
]  # fmt: skip


@pytest.fixture
def changed(settings: Config) -> Iterator[Config]:
    """The operator sends through a relay of somebody else from now on."""
    other = dataclasses.replace(
        settings, SMTP_URL="smtp://smtp.provider.example:587", OPERATOR_ADDRESS="1 Main Street"
    )
    process_settings.configure(other)
    yield other
    process_settings.configure(settings)


def test_everybody_reads_the_policy_by_sections(client: Client):
    page = client.get("/privacy").text

    for anchor in ANCHORS:
        assert f'id="{anchor}"' in page
        assert f'href="#{anchor}"' in page
    assert "info (at) mail.test" in page
    assert "info@mail.test" not in page


def test_every_page_leads_to_it(client: Client, alice: Person):
    assert 'href="/privacy"' in client.get("/").text
    client.sign_in(alice)
    for path in ("/home", "/contacts", "/settings/business", "/help"):
        assert 'href="/privacy"' in client.get(path).text, path


def test_the_date_is_that_of_the_version(client: Client):
    page = client.get("/privacy").text

    published = db.session.scalar(sa.select(PolicyVersion.published_at))
    assert f'<time datetime="{published.date().isoformat()}">' in page


def test_a_version_is_published_once(client: Client):
    for _ in range(3):
        client.get("/privacy")

    assert db.session.scalars(sa.select(PolicyVersion.number)).all() == [1]


def test_changed_settings_publish_a_new_version_and_leave_the_old_one(
    client: Client, settings: Config
):
    client.get("/privacy")
    before = db.session.scalar(sa.select(PolicyVersion.sections))
    other = dataclasses.replace(settings, SMTP_URL="smtp://smtp.provider.example:587")
    process_settings.configure(other)
    try:
        page = client.get("/privacy").text
    finally:
        process_settings.configure(settings)

    assert "smtp.provider.example" in page
    rows = db.session.scalars(sa.select(PolicyVersion).order_by(PolicyVersion.number)).all()
    assert [row.number for row in rows] == [1, 2]
    assert rows[0].sections == before
    assert rows[1].summary == "Changed: Sharing and disclosure."
    assert "an earlier one" in client.get("/privacy/versions/1").text


def test_two_processes_publish_one_version(whole_app: Flask, app):
    begin, numbers = threading.Barrier(2), []

    def publish() -> None:
        with whole_app.app_context():
            begin.wait()
            numbers.append(publishing.current().number)
            db.session.remove()

    threads = [threading.Thread(target=publish) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert numbers == [1, 1]
    assert db.session.scalar(sa.select(sa.func.count(PolicyVersion.id))) == 1


def test_two_versions_are_compared_word_by_word(client: Client, settings: Config):
    sections = policy.text(settings)
    with transaction():
        publishing.publish(sections)
        sections[0]["paragraphs"][0] = sections[0]["paragraphs"][0].replace("collects", "gathers")
        publishing.publish(sections)

    page = client.get("/privacy/compare?from=1&to=2").text

    assert "<ins> gathers</ins>" in page
    assert "<del> collects</del>" in page
    assert 'id="overview"' in page
    assert 'id="security"' not in page


def test_comparing_knows_new_and_gone_passages():
    old = [{"id": "a", "title": "A", "paragraphs": ["one", "two"]}]
    new = [{"id": "a", "title": "A", "paragraphs": ["one"]},
           {"id": "b", "title": "B", "paragraphs": ["three"]}]  # fmt: skip

    parts = comparing.compare(old, new)

    assert [(part.id, part.changes) for part in parts] == [("a", 1), ("b", 1)]
    assert parts[0].passages[1][0] == comparing.Piece("del", "two")
    assert parts[1].passages[0][0] == comparing.Piece("ins", "three")
    assert comparing.changed_titles(old, old) == []


def test_an_unknown_version_is_not_found(client: Client):
    assert client.get("/privacy/versions/99").status_code == 404
    assert client.get("/privacy/compare?from=1&to=99").status_code == 404


def test_the_text_follows_the_settings(app: Flask, settings: Config, changed: Config):
    def joined(config: Config) -> str:
        return " ".join(" ".join(part["paragraphs"]) for part in policy.text(config))

    assert "on our own machine" in joined(settings)
    assert "smtp.provider.example" in joined(changed)
    assert "1 Main Street" in joined(changed)
    secure = dataclasses.replace(settings, BASE_URL="https://news.example.com")
    assert "served encrypted" in joined(secure)
    more = dataclasses.replace(
        settings, BILLING=True, STRIPE_SECRET_KEY="sk", BACKUP_TO="/backups", OIDC_NAME="Campus",
        OIDC_ISSUER="https://id.campus.example", TRACKER_NAME="Counter", TRACKER_SCRIPT="https://c",
    )  # fmt: skip
    for words in ("paid for on pages of Stripe", "brought back for a rehearsal", "the counter of",
                  "signs in through Campus", "the service Counter"):  # fmt: skip
        assert words in joined(more)
        assert words not in joined(settings)
    assert "without encryption" in joined(settings)


def test_signed_in_people_are_told_until_they_accept(client: Client, alice: Person):
    client.sign_in(alice)
    assert "I have read it and accept" in client.get("/settings/business").text

    answer = client.post("/privacy/versions/1/accept")
    client.post("/privacy/versions/1/accept")

    assert answer.status_code == 303
    assert "I have read it and accept" not in client.get("/settings/business").text
    rows = db.session.scalars(sa.select(Acceptance)).all()
    assert [(row.version.number, row.account_id) for row in rows] == [(1, alice.account.id)]


def test_accepting_leads_back_to_where_one_was(client: Client, alice: Person):
    client.sign_in(alice)
    assert 'name="next" value="/contacts?q=x"' in client.get("/contacts?q=x").text

    for target, place in (("/contacts?q=x", "/contacts?q=x"), ("//evil.example", "/settings/data")):
        answer = client.post("/privacy/versions/1/accept", data={"next": target})
        assert answer.headers["Location"] == place


def test_only_the_version_in_force_can_be_accepted(client: Client, alice: Person):
    client.sign_in(alice)

    assert client.post("/privacy/versions/7/accept").status_code == 404


def test_consents_are_given_and_taken_back_and_all_is_kept(client: Client, vera: Person):
    client.sign_in(vera)
    client.post("/settings/consents/marketing_post", data={"granted": "yes"})
    assert "agreed" in client.get("/settings/data").text

    client.post("/settings/consents/marketing_post", data={"granted": "no"})

    assert "taken back" in client.get("/settings/data").text
    rows = db.session.scalars(sa.select(MemberConsent).order_by(MemberConsent.id)).all()
    assert [row.granted for row in rows] == [True, False]
    assert all(row.wording and row.network for row in rows)


def test_a_declaration_is_not_taken_back(client: Client, alice: Person):
    client.sign_in(alice)

    assert client.post("/settings/consents/business", data={"granted": "no"}).status_code == 422
    assert client.post("/settings/consents/nonsense", data={"granted": "yes"}).status_code == 404


def test_the_two_boxes_of_data_are_shown_with_counts(
    client: Client, alice: Person, charlie: Person
):
    with transaction():
        for n, owner in enumerate((alice, alice, charlie)):
            writing.create(owner.account, email=f"p{n}@x.example")
        suppressions.add(alice.account.id, "gone@x.example", reason="bounced")
    client.sign_in(alice)

    page = client.get("/settings/data").text

    assert "Account data" in page
    assert "Contact data you supply" in page
    assert '<dt>People and organisations</dt><dd class="num">2</dd>' in page
    assert '<dt>Who left or bounced</dt><dd class="num">1</dd>' in page
