from __future__ import annotations

import re
import socket
from typing import Any

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from app.accounts import api_tokens, auditing, mail_servers, relays, senders
from app.accounts.models import ApiToken, AuditEntry, Relay, Sender
from app.config import CHECKOUT
from app.core import tokens
from app.core.db import db, transaction
from app.core.errors import Invalid
from tests.auth.helpers import kinds, link
from tests.conftest import Client, Person
from tests.servers import free_port

SERVER = {
    "host": "smtp.example.com", "port": "587", "tls": "starttls",
    "username": "bakery", "password": "secret of the server",
}  # fmt: skip


def test_the_business_can_be_changed(client: Client, alice: Person):
    client.sign_in(alice)

    answer = client.post(
        "/settings/business",
        data={"name": "Bakery & Sons", "address": "2 Low Street", "website": "",
              "zone_name": "Europe/Vienna", "mail_language": "de"},
    )  # fmt: skip

    assert answer.status_code == 303
    db.session.refresh(alice.account)
    assert (alice.account.name, alice.account.zone_name) == ("Bakery & Sons", "Europe/Vienna")
    assert alice.account.mail_language == "de"
    assert db.session.scalar(sa.select(AuditEntry.about)) == "name, address, zone, language"


def test_a_made_up_time_zone_is_refused(client: Client, alice: Person):
    client.sign_in(alice)
    data = {"name": "Bakery", "address": "x", "zone_name": "Mars/Base"}

    assert client.post("/settings/business", data=data).status_code == 422
    data |= {"zone_name": "UTC", "mail_language": "tlh"}
    assert client.post("/settings/business", data=data).status_code == 422


# Senders


def add_sender(client: Client, email: str = "News@Bakery.example") -> Sender:
    assert client.post("/settings/senders", data={"email": email}).status_code == 303
    return db.session.scalars(sa.select(Sender).order_by(Sender.id.desc())).first()


def test_a_sender_counts_after_its_mailbox_agreed_by_a_button(client: Client, alice: Person):
    client.sign_in(alice)
    sender = add_sender(client)
    path = link("sender_confirm")
    client.post("/sign-out")

    assert client.get(path).status_code == 200
    db.session.refresh(sender)
    assert sender.confirmed_at is None, "a scanner that opens links confirms nothing"

    assert client.post(path).status_code == 200
    db.session.refresh(sender)
    assert (sender.email, sender.name) == ("news@bakery.example", "Bakery")
    assert sender.confirmed_at is not None
    assert client.get(path).status_code == 410


def test_a_newer_mail_replaces_the_older_link(client: Client, alice: Person):
    client.sign_in(alice)
    sender = add_sender(client)
    old = link("sender_confirm")
    client.post(f"/settings/senders/{sender.id}/resend")

    assert client.post(old).status_code == 410
    assert client.post(link("sender_confirm")).status_code == 200


def test_a_sender_is_added_once_and_can_be_removed(client: Client, alice: Person):
    client.sign_in(alice)
    sender = add_sender(client)
    again = client.post("/settings/senders", data={"email": "news@bakery.EXAMPLE"})
    assert again.status_code == 422

    client.post(f"/settings/senders/{sender.id}/remove")

    assert db.session.scalar(sa.select(Sender)) is None


def test_a_bad_address_is_explained(client: Client, alice: Person):
    client.sign_in(alice)

    answer = client.post("/settings/senders", data={"email": "news@bakery..example"})

    assert answer.status_code == 422
    assert b"dot" in answer.data
    assert kinds() == []


def test_senders_of_others_are_not_found(client: Client, alice: Person, charlie: Person):
    client.sign_in(alice)
    sender = add_sender(client)
    client.sign_in(charlie)

    for verb in ("resend", "remove"):
        assert client.post(f"/settings/senders/{sender.id}/{verb}").status_code == 404


# Mail server


def test_the_password_of_a_server_is_sealed_and_never_shown(client: Client, alice: Person):
    client.sign_in(alice)

    assert client.post("/settings/mail-server", data=SERVER).status_code == 303

    relay = db.session.scalar(sa.select(Relay))
    assert "secret" not in relay.sealed_password
    assert b"secret of the server" not in client.get("/settings/mail-server").data


def test_an_empty_password_keeps_the_stored_one_only_for_the_same_server(
    client: Client, alice: Person
):
    client.sign_in(alice)
    client.post("/settings/mail-server", data=SERVER)
    relay = db.session.scalar(sa.select(Relay))
    url = f"/settings/mail-server/{relay.id}"
    client.post(url, data={**SERVER, "password": "", "port": "2525"})
    db.session.refresh(relay)
    assert (relay.port, bool(relay.sealed_password)) == (2525, True)

    client.post(url, data={**SERVER, "password": "", "host": "mx.evil.example"})

    db.session.refresh(relay)
    assert relay.sealed_password is None


def test_all_senders_use_the_accounts_server_and_go_back(
    client: Client, alice: Person, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(mail_servers, "public_address", lambda host, port: "192.0.2.1")
    client.sign_in(alice)
    add_sender(client)
    client.post("/settings/mail-server", data=SERVER)
    add_sender(client, "sales@bakery.example")

    for email in ("news@bakery.example", "sales@bakery.example"):
        found = relays.for_sender(alice.account.id, email)
        assert (found.host, found.pinned, found.password) == (
            "smtp.example.com", "192.0.2.1", "secret of the server",
        )  # fmt: skip

    relay = db.session.scalar(sa.select(Relay))
    client.post(f"/settings/mail-server/{relay.id}/remove")
    assert relays.for_sender(alice.account.id, "news@bakery.example") == relays.operator()


@pytest.mark.parametrize("port", ["22", "80", "6379", "8000"])
def test_a_customers_server_listens_on_a_mail_port(client: Client, alice: Person, port: str):
    client.sign_in(alice)

    answer = client.post("/settings/mail-server", data={**SERVER, "port": port})

    assert answer.status_code == 422
    assert b"25, 465, 587 or 2525" in answer.data


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "10.0.0.5", "169.254.169.254", "192.168.1.1", "0.0.0.0",  # noqa: S104
 "::1",
     "::ffff:127.0.0.1", "fe80::1", "fd00::1", "64:ff9b::7f00:1", "2002:7f00:1::", "100.64.0.1",
     "2130706433", "0x7f.1", "224.0.0.1"],
)  # fmt: skip
def test_a_customers_server_is_a_public_one(app, host: str):
    with pytest.raises(mail_servers.Unreachable):
        mail_servers.public_address(host, 587)


def test_a_name_that_changes_its_mind_leads_nowhere_else(
    app, alice: Person, monkeypatch: pytest.MonkeyPatch
):
    answers = iter(["8.8.8.8", "127.0.0.1"])

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with transaction():
        relay = mail_servers.set_up(
            alice.account, alice.member, host="mx.evil.example", port=587, tls="starttls"
        )

    assert mail_servers.connection(relay, vouched=False).pinned == "8.8.8.8"
    with pytest.raises(mail_servers.Unreachable):
        mail_servers.connection(relay, vouched=False)


class Keeper:
    """Lets in who knows the password; takes mail from the bakery only."""

    mails: list[str]

    def __init__(self) -> None:
        self.mails = []

    def __call__(self, _server: Any, _session: Any, _envelope: Any, _mech: str, data: Any) -> Any:
        return AuthResult(success=data.password == b"right", handled=False)

    async def handle_MAIL(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if not address.endswith("@bakery.example"):
            return "553 5.7.1 Sender not yours"
        envelope.mail_from = address
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append(envelope.rcpt_tos[0])
        return "250 OK"


@pytest.fixture
def keeper(alice: Person) -> Any:
    """A server that wants a password, and an account that may use one of its own machine."""
    box = Keeper()
    server = Controller(
        box, hostname="127.0.0.1", port=free_port(), authenticator=box, auth_require_tls=False,
        auth_required=True,
    )  # fmt: skip
    server.start()
    with transaction():
        alice.account.vouched = True
    yield box, server.port
    server.stop()


def tried(client: Client, **server: Any) -> str:
    data = {"host": "127.0.0.1", "tls": "none", "username": "u", "password": "right", **server}
    assert client.post("/settings/mail-server", data=data).status_code == 303
    relay = db.session.scalar(sa.select(Relay).order_by(Relay.id.desc()))
    client.post(f"/settings/mail-server/{relay.id}/test")
    return client.get("/settings/mail-server").text


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_the_test_button_sends_a_mail(client: Client, alice: Person, keeper: Any):
    box, port = keeper
    client.sign_in(alice)

    assert "It works" in tried(client, port=port)
    assert box.mails == ["alice@bakery.example"]


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_the_test_button_says_in_plain_words_what_is_wrong(
    client: Client, alice: Person, keeper: Any
):
    _, port = keeper
    client.sign_in(alice)

    assert "did not accept user name and password" in tried(client, port=port, password="wrong")
    assert "Nobody answers at" in tried(client, port=free_port())
    assert "offers no encryption" in tried(client, port=port, tls="starttls")
    assert "wants a user name and a password" in tried(client, port=port, username="", password="")
    with transaction():
        alice.member.email = "alice@elsewhere.example"
    assert "does not let you send from this address" in tried(client, port=port)


def test_the_test_button_names_a_wrong_name(
    client: Client, alice: Person, monkeypatch: pytest.MonkeyPatch
):
    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    client.sign_in(alice)

    assert "no server named nowhere.example" in tried(client, host="nowhere.example", port=587)


# Tokens


def test_a_token_is_shown_once_and_stored_as_a_hash(client: Client, alice: Person):
    client.sign_in(alice)
    boxes = re.findall('<input[^>]*name="scopes"[^>]*>', client.get("/settings/api-tokens").text)
    assert len(boxes) == len(api_tokens.SCOPES)
    assert not any("checked" in box or "required" in box for box in boxes)
    page = client.post(
        "/settings/api-tokens", data={"name": "Shop", "scopes": ["contacts:read"]}
    ).text
    plain = page.split('id="new-token">')[1].split("<")[0]

    token = db.session.scalar(sa.select(ApiToken))
    assert token.token_hash == tokens.hashed(plain)
    assert (token.scopes, token.hint) == (["contacts:read"], plain[-4:])
    assert plain not in client.get("/settings/api-tokens").text


def test_a_token_works_until_it_is_revoked(client: Client, alice: Person):
    with transaction():
        token, plain = api_tokens.make(
            alice.account, alice.member, name="Shop", scopes=["contacts:read"]
        )
    headers = {"Authorization": f"Bearer {plain}"}
    assert client.get("/api/v1/lists", headers=headers).status_code == 200
    client.sign_in(alice)

    client.post(f"/settings/api-tokens/{token.id}/revoke")

    assert client.get("/api/v1/lists", headers=headers).status_code == 401


def test_a_made_up_scope_is_refused(app, alice: Person):
    with pytest.raises(Invalid), transaction():
        api_tokens.make(alice.account, alice.member, name="x", scopes=["everything"])


def test_tokens_of_others_are_not_found(client: Client, alice: Person, charlie: Person):
    with transaction():
        token, _ = api_tokens.make(alice.account, None, name="x", scopes=["contacts:read"])
    client.sign_in(charlie)

    assert client.post(f"/settings/api-tokens/{token.id}/revoke").status_code == 404


def test_the_audit_says_who_changed_what(client: Client, alice: Person):
    client.sign_in(alice)
    add_sender(client)
    client.post("/settings/mail-server", data=SERVER)

    page = client.get("/settings/audit").text

    assert page.index("set a mail server") < page.index("added a sender")
    assert "Alice Baker" in page
    assert "secret of the server" not in page


def test_the_audit_of_others_stays_theirs(client: Client, alice: Person, charlie: Person):
    with transaction():
        senders.add(alice.account, alice.member, email="news@bakery.example")
    client.sign_in(charlie)

    assert "added a sender" not in client.get("/settings/audit").text


def test_everything_that_is_noted_has_words():
    used = {
        verb
        for path in CHECKOUT.glob("app/**/*.py")
        for line in re.findall(r"auditing\.note\([^)]*", path.read_text())
        for verb in re.findall(r'"([a-z_]+\.[a-z_]+)"', line)
    }

    assert len(used) > 20
    assert used <= set(auditing.WORDS)


def test_several_servers_with_shares_limits_and_an_order(client: Client, alice: Person):
    client.sign_in(alice)
    client.post("/settings/mail-server", data=SERVER)
    more = {"host": "two.example.com", "weight": "0", "per_hour": "500",
            "from_domains": "@Shop.example"}  # fmt: skip
    client.post("/settings/mail-server", data={**SERVER, **more})

    first, second = mail_servers.all_of_account(alice.account.id)
    assert (second.weight, second.per_hour, second.from_domains) == (0, 500, "shop.example")
    page = client.get("/settings/mail-server").text
    assert "10 connections, 500 an hour" in " ".join(page.split())
    assert "bakery at two.example.com" in client.get("/settings/warm-up").text
    assert "only while the others are out" in page
    assert "two.example.com" in client.get(f"/settings/mail-server/{second.id}").text

    client.post(f"/settings/mail-server/{second.id}/earlier")
    db.session.expire_all()
    assert [one.id for one in mail_servers.all_of_account(alice.account.id)] == [
        second.id, first.id,
    ]  # fmt: skip


def test_a_domain_that_is_none_is_refused_beside_its_field(client: Client, alice: Person):
    client.sign_in(alice)

    answer = client.post("/settings/mail-server", data={**SERVER, "from_domains": "shop"})

    assert answer.status_code == 422
    assert "shop is no domain" in answer.text
