"""Mails that left carry signatures that other people's programs find right."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import dkim as verifier
import pytest
import sqlalchemy as sa

from app.accounts import signing_keys
from app.accounts.models import SigningKey
from app.campaigns.models import Campaign
from app.core.db import db, transaction
from app.delivery import testing
from tests.conftest import Person
from tests.delivery.conftest import work
from tests.dnsserver import DnsServer
from tests.faultserver import FaultServer

Campaigns = Callable[..., Campaign]


@pytest.fixture
def keys(alice: Person) -> list[SigningKey]:
    """An active pair for the bakery."""
    with transaction():
        made = list(signing_keys.make(alice.account, alice.member, "bakery.example"))
        for key in made:
            signing_keys.activate(alice.account, alice.member, key)
    return made


@pytest.fixture
def caught(to_server: FaultServer) -> list[bytes]:
    to_server.faults.keep = True
    return to_server.messages


def verdicts(mail: bytes) -> list[bool]:
    """What dkimpy says of each signature."""

    def find(name: bytes, timeout: int = 5) -> bytes | None:
        selector, _, domain = name.decode().rstrip(".").partition("._domainkey.")
        record = db.session.scalar(
            sa.select(SigningKey.record).where(
                SigningKey.selector == selector, SigningKey.domain == domain
            )
        )
        return record.encode() if record else None

    number = mail.partition(b"\r\n\r\n")[0].lower().count(b"dkim-signature:")
    return [bool(verifier.DKIM(mail).verify(idx=i, dnsfunc=find)) for i in range(number)]


def tags(mail: bytes) -> list[dict[str, str]]:
    head = mail.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").decode()
    fields = [line for line in head.split("\r\n") if line.startswith("DKIM-Signature: ")]
    return [
        {
            name.strip(): "".join(value.split())
            for name, _, value in (tag.partition("=") for tag in field[15:].split(";"))
        }
        for field in fields
    ]


def test_each_mail_of_a_campaign_carries_two_good_signatures(
    campaign_to: Campaigns, caught: list[bytes], keys: list[SigningKey]
) -> None:
    names = ["Jörg", "日本", ".", "a  b", "x" * 190]
    campaign = campaign_to([f"reader{i}@example.com" for i in range(5)], names=names)

    assert work(campaign).sent == 5

    assert len(caught) == 5
    for mail in caught:
        assert verdicts(mail) == [True, True]
        for signature in tags(mail):
            covered = signature["h"].split(":")
            assert signature["d"] == "bakery.example"
            assert "l" not in signature
            for name in ("list-unsubscribe", "list-unsubscribe-post", "from", "subject"):
                assert covered.count(name) == 2, name
    assert [one["a"] for one in tags(caught[0])] == ["rsa-sha256", "ed25519-sha256"]


def test_test_mails_are_signed_too(
    campaign_to: Campaigns, caught: list[bytes], keys: list[SigningKey]
) -> None:
    testing.send_test(campaign_to(["vera@example.com"]), ["bob@bakery.example"])

    assert [verdicts(mail) for mail in caught] == [[True, True]]


def test_without_an_active_key_nothing_is_signed(
    campaign_to: Campaigns, caught: list[bytes], alice: Person
) -> None:
    with transaction():
        signing_keys.make(alice.account, alice.member, "bakery.example")

    work(campaign_to(["vera@example.com"]))

    assert b"DKIM-Signature" not in caught[0]


def test_keys_of_one_business_never_sign_for_another(
    campaign_to: Campaigns, caught: list[bytes], charlie: Person
) -> None:
    with transaction():
        for key in signing_keys.make(charlie.account, charlie.member, "bakery.example"):
            signing_keys.activate(charlie.account, charlie.member, key)

    work(campaign_to(["vera@example.com"]))

    assert b"DKIM-Signature" not in caught[0]


@pytest.fixture
def opendkim(tmp_path: Path, keys: list[SigningKey]) -> Iterator[Callable[[bytes], str]]:
    """opendkim(mail) → what OpenDKIM has against it; it asks a name server that has the keys.

    It only asks the machine's resolver, so it runs in a mount namespace with another one.
    """
    program = shutil.which("opendkim-testmsg") or shutil.which("opendkim-testmsg", path="/usr/sbin")
    if program is None:
        pytest.skip("OpenDKIM is not installed: apt-get install opendkim-tools")
    if os.getuid() != 0:
        pytest.skip("OpenDKIM needs root to be shown another name server")
    a, b, c = secrets.token_bytes(3)
    host = f"127.{a}.{b}.{max(2, c - 1)}"
    (tmp_path / "resolv.conf").write_text(f"nameserver {host}\n")
    look = 'mount --bind "$1" /etc/resolv.conf && exec "$2"'
    command = ["unshare", "-m", "sh", "-c", look, "sh", str(tmp_path / "resolv.conf"), program]
    with DnsServer(host, 53) as server:
        for key in keys:
            server.txt(f"{key.selector}._domainkey.{key.domain}", key.record)

        def ask(mail: bytes) -> str:
            done = subprocess.run(command, input=mail, capture_output=True, timeout=60)  # noqa: S603
            assert done.returncode == 0 or done.stderr, done
            return done.stderr.decode()

        yield ask


def test_opendkim_finds_each_signature_right(
    campaign_to: Campaigns, caught: list[bytes], opendkim: Callable[[bytes], str]
) -> None:
    work(campaign_to(["vera@example.com"], names=["Jörg"]))

    both = caught[0]
    ed25519 = both.partition(b"DKIM-Signature: ")[2].partition(b"DKIM-Signature: ")
    ed25519_only = b"DKIM-Signature: " + ed25519[2]

    assert opendkim(both) == ""
    assert b"a=ed25519-sha256" in ed25519_only
    assert opendkim(ed25519_only) == ""
    for mail in (both, ed25519_only):
        assert "Bad signature" in opendkim(mail.replace(b"Fresh", b"Stale"))
        assert "Bad signature" in opendkim(mail.replace(b"One-Click", b"Two-Click"))
