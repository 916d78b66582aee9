"""A campaign through a real Postfix, with encryption and a password, and its bounces back again.

We hand everything to Postfix, which hands it to the other side; that one does not know some
people, so Postfix writes notices to our bounce addresses, which come in by our own door. In the
end Postfix's log, the other side, our receipt and our contacts must tell one story.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.accounts import signing_keys
from app.accounts.models import Account, Member
from app.campaigns.models import Campaign
from app.contacts.models import Contact, Suppression
from app.core.db import db, transaction
from app.core.tokens import Purpose, read_from_address
from app.delivery.models import Delivery, Event
from app.mailer.smtp import Outcome, RelaySettings, send_one
from tests import certificates
from tests.delivery.test_signing import verdicts
from tests.faults.world import World
from tests.ops.test_catcher import Catcher
from tests.postfix import HOST, USER, Postfix
from tests.servers import wait_until

pytestmark = pytest.mark.flow

#: So few are unknown that the brake, which pulls at 5 % of the first hundred, never has a reason,
#: however early their notices come back.
PEOPLE, UNKNOWN = 300, 4
KINDS = ("r5", *["ok"] * 74)


@dataclass
class Way:
    """Workers → Postfix → the other side (`world.server`); notices → our own door."""

    world: World
    postfix: Postfix


@pytest.fixture
def way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    if missing := Postfix.missing():
        pytest.skip(missing)
    if os.environ.get("LEADERSEND_TEST_DATABASE") == "postgresql":
        pytest.skip("only on SQLite: on PostgreSQL the relay would be no other")
    world = World(tmp_path)
    kept = {k: v for k, v in world.settings.items() if k in ("DATABASE_URL", "SECRET_KEY")}
    door = Catcher(world.home, CATCHER="off", **kept)
    postfix = Postfix(world.server.port, returns_domain="mail.test", returns_port=door.port)
    world.server.faults.keep = True
    world.settings["SMTP_URL"] = f"{postfix.url}&connections=5"
    world.settings["SSL_CERT_FILE"] = str(postfix.certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(postfix.certificate))
    with world, door, postfix:
        yield Way(world, postfix)


def test_nothing_gets_in_without_encryption_and_the_right_password(
    way: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = RelaySettings.from_url(way.postfix.url)

    in_clear = send(replace(relay, tls="none", username="", password=""))
    by_nobody = send(replace(relay, username="", password=""))
    by_a_stranger = send(replace(relay, password="a guess"))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.make(tmp_path / "another.pem")))
    to_a_stranger = send(relay)

    assert (in_clear.kind, in_clear.code) == ("refused", 530)
    assert "must issue a starttls" in in_clear.text.lower()
    assert (by_nobody.kind, by_nobody.code) == ("refused", 554)
    assert by_a_stranger.kind == "never_left"
    assert "user name and password" in by_a_stranger.text
    assert to_a_stranger.kind == "never_left"
    assert "certificate" in to_a_stranger.text
    assert way.world.server.accepted == []


def send(relay: RelaySettings) -> Outcome:
    return send_one(relay, "alice@bakery.example", "ok.1@example.com", b"Subject: x\r\n\r\nx\r\n",
                    patience_s=5)  # fmt: skip


def test_the_log_of_the_relay_and_our_receipt_tell_one_story(way: Way) -> None:
    world, postfix = way.world, way.postfix
    make_keys(world)
    world.crew()
    campaign = world.send(PEOPLE, name="guests", kinds=KINDS)
    world.wait_until_over(campaign, seconds=60)
    wait_until(lambda: bounced(world, campaign) >= UNKNOWN, seconds=40, what="the notices")
    wait_until(lambda: len(world.server.messages) == PEOPLE - UNKNOWN, what="the other side")
    wait_until(lambda: is_over(postfix), what="Postfix to end")

    passages = postfix.passages()
    ours = {one.message_id: one for one in passages.values() if one.user}
    rows = world.read(lambda: rows_of(campaign))
    told = {
        read_from_address(Purpose.MESSAGE, name.partition(".")[2].partition("@")[0])[0]: one
        for name, one in ours.items()
    }
    assert len(ours) == sum(bool(one.user) for one in passages.values()) == PEOPLE
    assert {one.user for one in ours.values()} == {f"{USER}@{HOST}"}
    assert {row.id: row.address for row in rows} == {
        number: next(iter(one.status)) for number, one in told.items()
    }

    # Whoever Postfix could not reach has a hard bounce and is not mailed any more; nobody else.
    unknown = {number for number, one in told.items() if "bounced" in one.status.values()}
    assert len(unknown) == UNKNOWN
    assert all(set(told[row.id].status.values()) == {"sent"} for row in rows
               if row.id not in unknown)  # fmt: skip
    assert {row.id for row in rows if row.verdict} == unknown
    assert {row.verdict for row in rows} == {None, "hard"}
    assert all("5.1.1" in row.reason for row in rows if row.verdict)
    assert {row.id for row in rows if row.suppressed == "bounced"} == unknown
    for number in unknown:
        notice = passages[told[number].notice]
        (to,) = notice.status
        assert (notice.sender, notice.status[to]) == ("", "sent")
        assert read_from_address(Purpose.BOUNCE, to.partition("+")[2].partition("@")[0]) == (
            number,
        )

    receipt = world.receipt(campaign)
    assert (receipt.intended, receipt.sent, receipt.failed) == (PEOPLE, PEOPLE, 0)
    # The run that sent the last ones still says goodbye to Postfix.
    wait_until(lambda: world.state(campaign) == "sent", what="the end of the run")
    assert max(world.arrived("guests").values()) == 1
    mails = [mail.replace(b"\r\n..", b"\r\n.") for mail in world.server.messages]
    encrypted = sum(b"using TLSv1" in mail.partition(b"Message-ID:")[0] for mail in mails)
    assert encrypted == len(mails)
    assert (receipt.encrypted, receipt.in_clear, receipt.encrypted_percent) == (PEOPLE, 0, 100)
    assert all(verdicts(mail) == [True, True] for mail in mails)


def make_keys(world: World) -> None:
    """The bakery signs."""
    with transaction():
        account = db.session.get_one(Account, world.account_id)
        member = db.session.scalars(sa.select(Member)).one()
        for key in signing_keys.make(account, member, "bakery.example"):
            signing_keys.activate(account, member, key)


def bounced(world: World, campaign: Campaign) -> int:
    query = sa.select(sa.func.count()).where(Event.campaign_id == campaign.id)
    return world.read(lambda: db.session.scalar(query)) or 0


def is_over(postfix: Postfix) -> bool:
    """Whether all that it took has left it again."""
    return all(one.status for one in postfix.passages().values() if one.message_id)


def rows_of(campaign: Campaign) -> Sequence[Any]:
    """Everybody with what came back and whether they are kept out."""
    query = (
        sa.select(
            Delivery.id, Contact.address, Event.verdict, Event.reason,
            Suppression.reason.label("suppressed"),
        )
        .join(Contact, Contact.id == Delivery.contact_id)
        .outerjoin(Event, Event.delivery_id == Delivery.id)
        .outerjoin(Suppression, Suppression.address == Contact.address)
        .where(Delivery.campaign_id == campaign.id)
    )  # fmt: skip
    return db.session.execute(query).all()
