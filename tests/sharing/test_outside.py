"""Ways to sites of others: marked, announced, and all of them listed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.accounts.models import Relay
from app.config import CHECKOUT
from app.contacts import handles
from app.core import integrations
from app.core.db import db, transaction
from tests.conftest import Client, Person

ADDRESS = re.compile(r"""(?:href|action|src)=["']https?://([^/"'{]+)""")


@pytest.mark.parametrize("service", integrations.INTEGRATIONS, ids=lambda one: one.key)
def test_each_service_says_who_it_is_and_where_its_policy_lies(
    service: integrations.Integration,
) -> None:
    assert service.policy.startswith("https://")
    assert service.kind in integrations.KINDS
    assert service.url.startswith("https://")
    assert service.purpose.endswith(".")
    assert service.gets.endswith(".")


def test_no_template_leads_to_a_site_that_is_not_listed() -> None:
    known = set(integrations.hosts())
    for path in Path(CHECKOUT / "templates").rglob("*.html"):
        for host in ADDRESS.findall(path.read_text()):
            assert host in known, f"{path} leads to {host}: add it to core.integrations"


def test_addresses_within_words_are_marked_where_they_lead_elsewhere(
    client: Client, alice: Person
) -> None:
    with transaction():
        account = db.session.merge(alice.account)
        account.website = "https://bakery.example/?a=1&b=<i>"

    page = client.get(f"/privacy/of/{handles.handle(account)}").text

    outside = re.search(r'<a class="outside" href="([^"]+)" rel="external noopener[^>]*>', page)
    assert outside
    assert outside[1].startswith("https://bakery.example/?a=1&amp;b=")
    assert "<i>" not in page
    assert '<a href="http://localhost/privacy">http://localhost/privacy</a>' in page


def test_the_list_names_every_service_its_host_and_its_policy(client: Client) -> None:
    page = client.get("/outside").text

    for service in integrations.INTEGRATIONS:
        assert service.name in page
        assert f'href="{service.policy}" rel="external noopener noreferrer' in page
    for host in integrations.hosts():
        assert f'<span class="mono">{host}</span>' in page


def test_the_notice_names_the_site_and_its_policy_before_one_leaves(client: Client) -> None:
    answer = client.get("/outside/google")

    assert answer.status_code == 200
    assert "contacts.google.com" in answer.text
    assert "https://policies.google.com/privacy" in answer.text
    assert (
        "form-action 'self' https://contacts.google.com"
        in (answer.headers["Content-Security-Policy"])
    )


def test_the_choice_not_to_see_it_is_kept_and_can_be_taken_back(client: Client) -> None:
    once = client.post("/outside/google")
    assert (once.status_code, once.location) == (303, "https://contacts.google.com/")
    assert client.get("/outside/google").status_code == 200

    client.post("/outside/google", data={"remember": "1"})
    assert client.get("/outside/google").location == "https://contacts.google.com/"

    client.post("/outside")
    assert client.get("/outside/google").status_code == 200


def test_the_site_itself_can_be_passed_on(client: Client) -> None:
    about = client.get("/about").text

    for service in integrations.of_kind("share"):
        assert f'href="/outside/{service.key}"' in about
        assert "localhost" in client.post(f"/outside/{service.key}").location


@pytest.mark.parametrize("made_up", ["evil.example", "https:evil", "..%2f"])
def test_nobody_is_led_to_a_site_of_the_address(client: Client, made_up: str) -> None:
    assert client.get(f"/outside/{made_up}").status_code == 404
    assert client.get(f"/outside/google?to=https://evil.example/&url={made_up}").status_code == 200
    assert client.post(f"/outside/{made_up}").status_code == 404


def test_a_mail_server_is_known_by_its_host() -> None:
    assert integrations.mail_server("email-smtp.eu-west-1.amazonaws.com").name == "Amazon SES"
    own = integrations.mail_server("smtp.bakery.example")
    assert (own.name, own.policy) == ("smtp.bakery.example", "")
    assert integrations.by_host("notamazonaws.com") is None


def test_a_bucket_is_shown_by_its_endpoint() -> None:
    place = integrations.backup_place("s3://b/f?endpoint=https://s3.store.example")

    assert place is not None
    assert place.host == "s3.store.example"
    assert integrations.backup_place("/mnt/disk") is None


def test_pages_show_the_card_before_anything_is_connected(client: Client, alice: Person) -> None:
    with transaction():
        relay = Relay(account_id=alice.account.id, name="R", host="smtp.sendgrid.net", port=587)
        db.session.add(relay)
    client.sign_in(alice)

    own_server = client.get("/settings/mail-server").text
    reports = client.get("/settings/provider-reports").text
    upload = client.get("/imports/new").text
    assert "by their own privacy policy" in client.get("/settings/mailboxes").text

    assert own_server.count("https://www.twilio.com/legal/privacy") == 2
    for one in integrations.of_kind("mail"):
        assert one.policy in reports
    for one in integrations.of_kind("import"):
        assert one.policy in upload
        assert f"/outside/{one.key}" in upload
