"""Setting up a provider's reports: the pages of Settings, and who sees them."""

from __future__ import annotations

import base64
import re
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.accounts import report_hooks
from app.accounts.models import AuditEntry, ReportHook
from app.core import tokens
from app.core.db import db, transaction
from app.core.errors import Invalid
from tests.amazon import TOPIC
from tests.conftest import Client, Person

PAGES = "/settings/provider-reports"


def verification_key() -> str:
    raw = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )  # fmt: skip
    return base64.b64encode(raw).decode()


KEYS = {"ses": TOPIC, "mailgun": "key-0123456789abcdef0123456789", "sendgrid": verification_key()}
WRONG = {"ses": "arn:aws:sqs:eu-west-1:1:x", "mailgun": "short", "sendgrid": "SG.abc"}


def add(client: Client, provider: str) -> str:
    answer = client.post(PAGES, data={"provider": provider})
    assert answer.status_code == 303
    return str(answer.location)


@pytest.mark.parametrize("provider", ["ses", "postmark", "sendgrid", "mailgun"])
def test_the_owner_gets_an_address_and_steps(client: Client, alice: Person, provider: str):
    client.sign_in(alice)

    page = client.get(add(client, provider)).text

    hook = db.session.scalars(sa.select(ReportHook)).one()
    assert report_hooks.url(hook) in page
    assert page.count("<li>") >= 3
    assert "none yet" in page
    assert db.session.scalar(sa.select(AuditEntry.about)) == f"{provider} {hook.id}"
    assert ('name="key"' in page) == (provider != "postmark")


@pytest.mark.parametrize("provider", list(KEYS))
def test_the_key_is_checked_sealed_and_never_shown_again(
    client: Client, alice: Person, provider: str
):
    client.sign_in(alice)
    place = add(client, provider)

    wrong = client.post(f"{place}/key", data={"key": WRONG[provider]})
    assert wrong.status_code == 422
    assert "Copy" in wrong.text
    assert client.post(f"{place}/key", data={"key": ""}).status_code == 422
    assert client.post(f"{place}/key", data={"key": f" {KEYS[provider]}\n"}).status_code == 303

    hook = db.session.scalars(sa.select(ReportHook)).one()
    assert report_hooks.key_of(hook) == KEYS[provider]
    assert KEYS[provider] not in (hook.sealed_key or "")
    page = client.get(place).text
    assert "<h2>Change the" in page
    if provider == "mailgun":
        assert KEYS[provider] not in page


def test_postmarks_address_holds_a_password_of_its_own(client: Client, alice: Person):
    client.sign_in(alice)
    first, second = (client.get(add(client, "postmark")).text for _ in range(2))

    urls = {re.findall(r"http://leadersend:[\w-]+@localhost/hooks/[\w-]+", p)[0]
            for p in (first, second)}  # fmt: skip

    assert len({urlsplit(url).password for url in urls}) == 2
    assert all(len(urlsplit(url).password or "") >= 32 for url in urls)
    hook = report_hooks.of_account(alice.account)[0]
    with pytest.raises(Invalid), transaction():
        report_hooks.set_key(alice.account, alice.member, hook, "a password of mine")


def test_removing_says_what_will_happen_and_ends_it(client: Client, alice: Person):
    client.sign_in(alice)
    place = add(client, "mailgun")

    page = client.get(f"{place}/remove").text
    assert "stops working at once" in page
    assert db.session.scalar(sa.select(ReportHook.id))
    assert client.post(f"{place}/remove").status_code == 303

    assert db.session.scalar(sa.select(ReportHook.id)) is None
    assert client.get(place).status_code == 404


def test_only_the_owner_comes_here(client: Client, alice: Person, bob: Person, charlie: Person):
    client.sign_in(alice)
    place = add(client, "sendgrid")

    client.sign_in(bob)
    assert client.get(PAGES).status_code == 403
    assert client.get(place).status_code == 403
    client.sign_in(charlie)
    for path in (place, f"{place}/remove"):
        assert client.get(path).status_code == 404
    for path in (f"{place}/key", f"{place}/remove"):
        assert client.post(path, data={"key": KEYS["sendgrid"]}).status_code == 404


def test_the_operators_are_not_an_accounts(client: Client, alice: Person):
    with transaction():
        hook = report_hooks.make(None, None, provider="postmark")
    client.sign_in(alice)

    assert client.get(f"{PAGES}/{hook.id}").status_code == 404
    assert report_hooks.url(hook) not in client.get(PAGES).text


def test_a_made_up_provider_and_too_many_are_refused(client: Client, alice: Person):
    client.sign_in(alice)
    assert client.post(PAGES, data={"provider": "pigeon"}).status_code == 422
    for _ in range(report_hooks.AT_MOST):
        add(client, "mailgun")

    answer = client.post(PAGES, data={"provider": "mailgun"})

    assert (answer.status_code, "enough" in answer.text) == (422, True)


def test_an_address_cannot_be_guessed_from_another(app: object, alice: Person):
    with transaction():
        hooks = [
            report_hooks.make(alice.account, alice.member, provider="mailgun") for _ in range(2)
        ]
    first, second = (report_hooks.url(hook).rpartition("/")[2] for hook in hooks)

    assert first[-16:] != second[-16:]
    assert report_hooks.by_token(first).id == hooks[0].id
    mixed = second[:3] + first[3:]
    with pytest.raises(tokens.DomainError):
        report_hooks.by_token(mixed)


def test_after_a_new_secret_key_it_can_still_be_removed(client: Client, alice: Person):
    client.sign_in(alice)
    place = add(client, "postmark")
    with transaction():
        db.session.execute(sa.update(ReportHook).values(sealed_key="sealed with another key"))

    page = client.get(place, follow_redirects=True).text

    assert "cannot be read any more" in page
    assert "Remove the address" in page
