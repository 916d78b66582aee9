"""Links for somebody outside: one report or one preview, for a while, and nobody's name in it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.accounts.models import AuditEntry
from app.core import tokens
from app.core.clock import now
from app.core.db import db, transaction
from app.core.tokens import Purpose
from app.sharing import outsiders
from app.sharing.models import ShareLink
from app.trust import forgetting, suspending
from tests.conftest import Client, Person
from tests.sharing.conftest import Send

FORM = {"kind": "report", "days": "7", "label": "The board"}


def make(client: Client, alice: Person, send: Send, **form: str) -> tuple[str, ShareLink]:
    """The path of a new link."""
    campaign = send(choice="no")
    client.sign_in(alice)
    answer = client.post(f"/campaigns/{campaign.id}/share-links", data={**FORM, **form})
    assert answer.status_code == 303, answer.text
    client.delete_cookie("leadersend")
    link = db.session.scalar(sa.select(ShareLink).order_by(ShareLink.id.desc()))
    assert link is not None
    return outsiders.address(link).removeprefix("http://localhost"), link


def test_an_outsider_sees_the_report_and_nothing_else(
    client: Client, alice: Person, send: Send
) -> None:
    path, link = make(client, alice, send)

    page = client.get(path)

    assert page.status_code == 200
    assert "From sent to followed" in page.text
    assert 'href="/privacy/of/bakery-' in page.text
    assert page.headers["Cache-Control"] == "private, no-store"
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert f"/campaigns/{link.campaign_id}" not in page.text
    assert client.get(f"{path}/mail").status_code == 404
    db.session.refresh(link)
    assert link.opened == 1


def test_a_preview_is_neutral_and_caged(client: Client, alice: Person, send: Send) -> None:
    path, _ = make(client, alice, send, kind="preview")

    page, mail = client.get(path), client.get(f"{path}/mail")

    assert "<iframe" in page.text
    assert "Hello friend" in mail.text
    assert mail.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")


def test_a_password_is_asked_once_in_a_browser(client: Client, alice: Person, send: Send) -> None:
    path, link = make(client, alice, send, kind="preview", password="crumbs and jam")
    assert (link.password_hash or "").startswith("scrypt:")

    asked = client.get(path)
    assert "This page has a password" in asked.text
    assert "Fresh bread" not in asked.text
    assert client.get(f"{path}/mail").status_code == 404
    assert client.post(path, data={"password": "wrong"}).status_code == 422
    db.session.refresh(link)
    assert link.opened == 0

    right = client.post(path, data={"password": "crumbs and jam"})
    assert (right.status_code, right.location) == (303, path)
    assert "HttpOnly" in right.headers["Set-Cookie"]
    assert "Fresh bread" in client.get(path).text
    assert client.get(f"{path}/mail").status_code == 200
    with transaction():
        other = ShareLink(
            account_id=link.account_id, campaign_id=link.campaign_id, kind="report", nonce=5,
            expires_at=link.expires_at, password_hash=link.password_hash,
        )  # fmt: skip
        db.session.add(other)
    client.set_cookie(f"shared-{other.id}", outsiders.unlocked(link), path="/s/")
    assert "password" in client.get(f"/s/{outsiders.token(other)}").text


@pytest.mark.parametrize("how", ["revoked", "expired", "suspended"])
def test_a_link_ends(client: Client, alice: Person, olga: Person, send: Send, how: str) -> None:
    path, link = make(client, alice, send)
    with transaction():
        if how == "expired":
            link.expires_at = now() - timedelta(seconds=1)
        elif how == "suspended":
            suspending.suspend(alice.account, olga.member, kind="sending", reason="Complaints.")
    if how == "revoked":
        client.sign_in(alice)
        client.post(f"/share-links/{link.id}/revoke")
        client.delete_cookie("leadersend")

    for answer in (client.get(path), client.get(f"{path}/mail"), client.post(path)):
        assert answer.status_code == 410
        assert "This link is over" in answer.text


def test_ended_links_are_forgotten_by_themselves(client: Client, alice: Person, send: Send) -> None:
    _, link = make(client, alice, send)
    with transaction():
        assert outsiders.forget_old(now()) == 0
        link.expires_at = now() - timedelta(days=40)

    assert forgetting.keep("share_links") == 1
    assert db.session.scalar(sa.select(sa.func.count(ShareLink.id))) == 0


def test_links_are_listed_and_noted(client: Client, alice: Person, send: Send) -> None:
    path, link = make(client, alice, send, password="crumbs and jam")
    client.get(path)
    client.sign_in(alice)

    for page in (f"/campaigns/{link.campaign_id}/share", "/settings/archive"):
        shown = client.get(page).text
        assert "The board" in shown
        assert "with a password" in shown
        assert path in shown
    client.post(f"/share-links/{link.id}/revoke", data={"from": "settings"})
    assert "The board" not in client.get("/settings/archive").text
    assert db.session.scalars(
        sa.select(AuditEntry.verb).where(AuditEntry.verb.startswith("share")).order_by(AuditEntry.id)
    ).all() == ["share.make", "share.revoke"]  # fmt: skip


def test_nobody_guesses_or_bends_a_link(client: Client, alice: Person, send: Send) -> None:
    path, link = make(client, alice, send)

    for token in (
        tokens.sign(Purpose.SHARE, link.id, link.nonce + 1), tokens.sign(Purpose.SHARE, link.id),
        tokens.sign(Purpose.BROWSER, link.id, link.nonce), path[3:-1], "x" * 30,
    ):  # fmt: skip
        assert client.get(f"/s/{token}").status_code == 404
    assert re.fullmatch(r"/s/[\w-]{35,}", path)


def test_what_is_too_short_or_unknown_is_refused(client: Client, alice: Person, send: Send) -> None:
    campaign = send()
    client.sign_in(alice)

    for bad in ({"password": "short"}, {"kind": "people"}, {"days": "9999"}):
        answer = client.post(f"/campaigns/{campaign.id}/share-links", data={**FORM, **bad})
        assert answer.status_code == 422
    for long in ("label", "password"):
        answer = client.post(
            f"/campaigns/{campaign.id}/share-links", data={**FORM, long: "x" * 201}
        )
        assert (answer.status_code, "Use at most 200 characters." in answer.text) == (422, True)
    assert db.session.scalar(sa.select(sa.func.count(ShareLink.id))) == 0
