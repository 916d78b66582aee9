"""Several relays of an account: shares, domains, stand-ins, limits that all workers share."""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import timedelta

import pytest

from app.accounts import mail_servers, relays
from app.accounts.models import Relay
from app.core.clock import now
from app.core.db import db, transaction
from app.delivery import allowing, sending, starting, sweeping
from app.delivery.models import DiaryEntry, Outage, RelayUse
from app.delivery.receipts import receipt
from app.mailer.smtp import RelaySettings


@pytest.fixture
def vouched(alice):
    with transaction():
        alice.account.vouched = True
        db.session.merge(alice.account)
    return alice


def add(person, host, port=2525, **terms):
    with transaction():
        return mail_servers.set_up(
            person.account, person.member, host=host, port=port, tls="none",
            terms=mail_servers.Terms(**terms),
        )  # fmt: skip


def turns(person, email="news@bakery.example", n=300):
    return Counter(relays.for_sender(person.account.id, email).host for _ in range(n))


def test_each_has_its_share_and_stand_ins_none(vouched):
    add(vouched, "a.example", weight=3)
    add(vouched, "b.example", weight=1)
    add(vouched, "c.example", weight=0)

    found = turns(vouched, n=400)

    assert set(found) == {"a.example", "b.example"}
    assert 230 < found["a.example"] < 360
    order = [relay.host for relay in relays.in_turn(vouched.account.id, "x@y.example")]
    assert order[-1] == "c.example"


def test_a_server_for_a_domain_gets_its_mail_and_no_other(vouched):
    add(vouched, "a.example")
    add(vouched, "b.example", from_domains="@Shop.example, other.example")

    assert set(turns(vouched)) == {"a.example"}
    assert set(turns(vouched, "news@shop.example")) == {"b.example"}


def test_mail_that_no_server_is_for_leaves_through_the_operators(vouched):
    add(vouched, "b.example", from_domains="shop.example")

    assert relays.for_sender(vouched.account.id, "news@bakery.example") == relays.operator()
    assert relays.keys_for(vouched.account.id, "news@bakery.example") == [relays.operator().key]


def test_an_outage_of_one_account_is_not_anothers(vouched, charlie):
    with transaction():
        charlie.account.vouched = True
        db.session.merge(charlie.account)
    add(vouched, "a.example")
    add(charlie, "a.example")

    keys = {relays.for_sender(p.account.id, "x@y.example").key for p in (vouched, charlie)}

    assert len(keys) == 2


def test_a_stand_in_takes_over_while_the_first_is_out(vouched, server, campaign_to):
    add(vouched, "127.0.0.1", port=1, weight=1)
    add(vouched, "127.0.0.1", port=server.port, weight=0)
    campaign = campaign_to([f"v{n}@example.com" for n in range(30)])
    starting.plan(campaign.id)

    for _ in range(5):
        for batch_id in sweeping.waiting_batches(campaign.id):
            sending.send_batch(batch_id, seconds=5)

    db.session.rollback()
    assert receipt(campaign.id).sent == 30
    told = [row.text for row in db.session.query(DiaryEntry).all()]
    assert [text for text in told if "is out. Nobody answers at" in text]
    assert not [text for text in told if "Waiting" in text]


def test_the_settings_say_which_server_is_out_until_a_test_works(client, vouched, server):
    relay = add(vouched, "127.0.0.1", port=server.port)
    with transaction():
        db.session.add(Outage(relay=mail_servers.key(relay), until=now(), reason="It hung up."))
    client.sign_in(vouched)

    before = client.get("/settings/mail-server").text
    client.post(f"/settings/mail-server/{relay.id}/test")
    after = client.get("/settings/mail-server").text

    assert "Out since" in before
    assert "It hung up." in before
    assert "Out since" not in after


def test_limits_hold_over_an_hour_and_the_rest_waits(vouched, server, campaign_to):
    add(vouched, "127.0.0.1", port=server.port, per_hour=12)
    campaign = campaign_to([f"v{n}@example.com" for n in range(30)])
    starting.plan(campaign.id)

    for _ in range(4):
        for batch_id in sweeping.waiting_batches(campaign.id):
            sending.send_batch(batch_id, seconds=5)

    db.session.rollback()
    found = receipt(campaign.id)
    assert (found.sent, found.pending) == (12, 18)
    notes = [row.text for row in db.session.query(DiaryEntry).all()]
    assert len([text for text in notes if "as its limits allow" in text]) == 1

    with transaction():
        db.session.query(RelayUse).one().hour -= 1
    for batch_id in sweeping.waiting_batches(campaign.id):
        sending.send_batch(batch_id, seconds=5)
    db.session.rollback()
    assert receipt(campaign.id).sent == 24


def test_so_many_a_second_is_kept(vouched, server, campaign_to):
    add(vouched, "127.0.0.1", port=server.port, per_second=10)
    campaign = campaign_to([f"v{n}@example.com" for n in range(30)])
    starting.plan(campaign.id)
    began = time.monotonic()

    while receipt(campaign.id).sent < 30 and time.monotonic() < began + 20:
        for batch_id in sweeping.waiting_batches(campaign.id):
            sending.send_batch(batch_id, seconds=10)
        db.session.rollback()

    # A second's worth may go at once; the rest comes due one after the other.
    assert time.monotonic() - began >= 1.8
    assert receipt(campaign.id).sent == 30


def test_workers_at_once_never_get_more_than_there_is(whole_app, app):
    relay = RelaySettings("mx.example", per_hour=100)
    given = []

    def worker():
        with whole_app.app_context():
            for _ in range(10):
                with transaction():
                    given.append(allowing.take(relay, 7))
            db.session.remove()

    workers = [threading.Thread(target=worker) for _ in range(4)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()

    assert sum(given) == 100
    assert allowing.rests_until(relay) > now()


def test_what_was_allowed_and_not_needed_comes_back(app):
    relay = RelaySettings("mx.example", per_day=10)
    with transaction():
        assert allowing.take(relay, 50) == 10
        allowing.give_back(relay, 4)
        assert allowing.take(relay, 50) == 4
    assert allowing.rests_until(relay) - now() <= timedelta(days=1)


def test_every_relay_out_means_waiting_not_failing(vouched, campaign_to):
    add(vouched, "127.0.0.1", port=1)
    campaign = campaign_to(["v@example.com"])
    starting.plan(campaign.id)
    key = relays.for_sender(vouched.account.id, campaign.from_email).key
    with transaction():
        db.session.add(Outage(relay=key, until=now() + timedelta(seconds=60)))

    for batch_id in sweeping.waiting_batches(campaign.id):
        assert not sending.send_batch(batch_id)

    assert receipt(campaign.id).pending == 1
    assert db.session.query(Relay).count() == 1


def test_what_a_second_does_not_allow_yet_is_not_asked_for_all_the_time(
    vouched, server, campaign_to, monkeypatch
):
    add(vouched, "127.0.0.1", port=server.port, per_second=1)
    campaign = campaign_to([f"v{n}@example.com" for n in range(30)])
    starting.plan(campaign.id)
    visits = []
    visit = sending._Run._visit
    monkeypatch.setattr(
        sending._Run, "_visit", lambda run, want: visits.append(want) or visit(run, want)
    )

    for batch_id in sweeping.waiting_batches(campaign.id):
        sending.send_batch(batch_id, seconds=2)

    assert 2 <= receipt(campaign.id).sent <= 4
    assert len(visits) < 60


def test_mails_that_never_left_take_nothing_from_the_day(vouched, server, campaign_to):
    add(vouched, "127.0.0.1", port=1, per_day=12)
    campaign = campaign_to([f"v{n}@example.com" for n in range(30)])
    starting.plan(campaign.id)

    for batch_id in sweeping.waiting_batches(campaign.id):
        sending.send_batch(batch_id, seconds=5)

    db.session.rollback()
    assert receipt(campaign.id).pending == 30
    assert db.session.query(RelayUse).one().in_day == 0
    notes = [row.text for row in db.session.query(DiaryEntry).all()]
    assert not [text for text in notes if "as its limits allow" in text]
    assert [text for text in notes if "Waiting for the mail server" in text]
