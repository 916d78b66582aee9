"""From a planned campaign to rows that say what became of everybody."""

import os
import ssl
import time
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.accounts import relays
from app.campaigns import scheduling
from app.campaigns.models import Campaign
from app.contacts import suppressions
from app.contacts.models import Contact
from app.core import stopping
from app.core.clock import now
from app.core.db import db, transaction
from app.delivery import claiming, deciding, progress, sending, starting, sweeping, tallying
from app.delivery.models import Batch, Delivery, DiaryEntry, Outage
from app.mailer.smtp import RelaySettings
from app.reports import desk
from tests import certificates
from tests.delivery.conftest import check, make_due, states, work

KINDS = ("ok", "grey", "r5", "p5", "r4", "full", "d4", "d5", "cut0", "amb", "ambrej", "multi")


def some(n, kind="ok"):
    return [f"{kind}.{i}@example.com" for i in range(n)]


def test_everybody_gets_one_mail_and_the_campaign_ends(campaign_to, to_server):
    campaign = campaign_to(some(300))

    receipt = work(campaign)

    assert (receipt.intended, receipt.sent, receipt.pending) == (300, 300, 0)
    assert sorted(to_server.recipients()) == sorted(some(300))
    assert campaign.state == "sent"
    assert campaign.finished_at is not None


@pytest.mark.skipif(
    os.environ.get("LEADERSEND_TEST_DATABASE") != "postgresql", reason="SQLite never reads them all"
)
def test_a_chunk_of_mails_does_not_read_all_contacts(campaign_to):
    campaign = campaign_to(some(5000))
    starting.plan(campaign.id)
    ids = db.session.scalars(sa.select(Delivery.id).limit(1000)).all()
    query = sending._people_of("postgresql", with_fields=False)
    with transaction():
        db.session.execute(sa.text("ANALYZE contact, delivery"))
    steps = db.session.connection()

    plain = query.compile(steps.engine)
    rows = steps.exec_driver_sql(f"EXPLAIN {plain}", plain.construct_params({"ids": list(ids)}))
    plan = "\n".join(rows.scalars())

    assert "Index Scan using pk_contact" in plan
    assert "Seq Scan on contact" not in plan


def test_each_fault_ends_in_the_state_that_it_deserves(campaign_to, to_server):
    everybody = [address for kind in KINDS for address in some(10, kind)]
    campaign = campaign_to(everybody)

    receipt = work(campaign)

    expected = {
        "ok": "sent", "multi": "sent", "grey": "deferred", "r4": "deferred", "full": "deferred",
        "d4": "deferred", "cut0": "deferred", "r5": "failed", "p5": "failed", "d5": "failed",
        "amb": "uncertain", "ambrej": "uncertain",
    }  # fmt: skip
    for address, state in states(campaign).items():
        kind = address.split(".")[0]
        assert state == expected[kind] or (kind == "grey" and state == "sent"), address
    assert receipt.intended == 120
    assert len(set(to_server.recipients())) == len(to_server.recipients())
    assert campaign.state == "sending"


def test_only_a_verdict_about_the_mailbox_keeps_anybody_out(campaign_to, to_server, alice):
    campaign = campaign_to([*some(3, "r5"), *some(3, "p5"), *some(3, "d5"), *some(3, "full")])

    work(campaign)

    kept_out = [a for a in states(campaign) if suppressions.find(alice.account.id, a)]
    assert sorted(kept_out) == some(3, "r5")


def test_a_mistyped_address_that_bounced_is_mended_but_not_of_who_left(
    campaign_to, to_server, alice
):
    campaign = campaign_to(["r5.v@gmial.com", "r5.w@gmial.com"])
    work(campaign)
    with transaction():
        suppressions.add(alice.account.id, "r5.w@gmial.com", reason="unsubscribed")
    with transaction():
        assert desk.mend_all(campaign) == (1, 1)

    again = campaign_to(["ok.other@example.com"])
    with transaction():
        db.session.get(Campaign, again.id).audience[0].list_id = campaign.audience[0].list_id
    starting.plan(again.id)

    assert list(states(again)) == ["r5.v@gmail.com"]


def test_greylisted_mails_go_out_at_the_second_try(campaign_to, to_server):
    campaign = campaign_to(some(20, "grey"))

    first = work(campaign)
    wait = [row.next_try_at - row.claimed_at for row in db.session.scalars(sa.select(Delivery))]
    make_due(campaign)
    sweeping.sweep()
    second = work(campaign)

    assert first.sent == 0
    # The server said 300 seconds.
    assert all(295 < one.total_seconds() < 305 for one in wait)
    assert second.sent == 20
    assert campaign.state == "sent"


def test_the_receipt_tells_how_many_went_encrypted(
    campaign_to, to_server, tmp_path, monkeypatch, client, alice
):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificates.make(tmp_path / "both.pem"))
    to_server.faults.tls = tls
    settings = RelaySettings.from_url(to_server.url.replace("=none", "=opportunistic"))
    monkeypatch.setattr(relays, "for_sender", lambda account_id, email: settings)
    campaign = campaign_to([*some(97), "amb.0@example.com", *some(2, "grey")])
    work(campaign)
    to_server.faults.offer_starttls = False
    make_due(campaign)
    sweeping.sweep()
    work(campaign)
    with transaction():
        # How that one went is noted, but it proves nothing, so it is not counted.
        deciding.treat_as_sent(campaign)
    receipt = check(campaign)

    assert (receipt.sent, receipt.encrypted, receipt.in_clear) == (100, 97, 2)
    assert sum(bool(entry["tls"]) for entry in to_server.accepted) == 98
    client.sign_in(alice)
    page = client.get(f"/campaigns/{campaign.id}/receipt").text
    assert "97 % of them went to the mail server over an encrypted connection" in page
    assert "2 mails in clear" in page


def test_who_leaves_after_planning_gets_nothing(campaign_to, to_server, alice):
    campaign = campaign_to(some(40))
    starting.plan(campaign.id)
    with transaction():
        for address in some(5):
            suppressions.add(alice.account.id, address, reason="unsubscribed")
        suppressions.add(alice.account.id, "ok.7@example.com", reason="account")
        db.session.execute(sa.delete(Contact).where(Contact.address == "ok.9@example.com"))

    receipt = work(campaign)

    assert receipt.skipped == {"unsubscribed": 5, "suppressed": 1, "erased": 1}
    assert receipt.sent == 33
    assert not set(some(5)) & set(to_server.recipients())


def test_who_leaves_while_it_is_sent_gets_nothing_a_second_later(
    campaign_to, to_server, alice, monkeypatch
):
    to_server.faults.late_s = 0.4
    campaign = campaign_to(some(60, "late"))
    starting.plan(campaign.id)
    left_at = {}

    def asked():
        # Called between turns: somebody leaves each time.
        if len(left_at) < 20:
            address = f"late.{59 - len(left_at)}@example.com"
            if address not in to_server.recipients():
                with transaction():
                    suppressions.add(alice.account.id, address, reason="unsubscribed")
                left_at[address] = time.time()
        return False

    monkeypatch.setattr(stopping, "asked", asked)
    for batch_id in sweeping.waiting_batches(campaign.id):
        sending.send_batch(batch_id)

    assert len(left_at) >= 2
    late = [
        entry
        for entry in to_server.accepted
        if float(str(entry["data_at"])) > left_at.get(str(entry["rcpt"]), float("inf")) + 1
    ]
    assert late == []
    monkeypatch.undo()
    receipt = check(campaign)
    assert receipt.sent + receipt.skipped["unsubscribed"] + receipt.pending == 60
    assert receipt.pending <= len(left_at)


def test_a_pause_stops_within_seconds_and_resume_sends_the_rest(
    campaign_to, to_server, monkeypatch
):
    to_server.faults.late_s = 0.2
    campaign = campaign_to(some(200, "late"))
    starting.plan(campaign.id)
    turns = []

    def asked():
        turns.append(1)
        if len(turns) == 3:
            with transaction():
                scheduling.pause(campaign, "a word")
        return False

    monkeypatch.setattr(stopping, "asked", asked)
    began = time.monotonic()
    for batch_id in sweeping.waiting_batches(campaign.id):
        sending.send_batch(batch_id)
    paused = check(campaign)

    assert time.monotonic() - began < 5
    assert 0 < paused.sent < 200
    assert sweeping.waiting_batches(campaign.id) == []

    with transaction():
        scheduling.resume(campaign)
    to_server.faults.late_s = 0

    assert work(campaign).sent == 200
    assert len(set(to_server.recipients())) == len(to_server.recipients()) == 200


def test_what_a_cancelled_campaign_had_not_sent_is_skipped(campaign_to, to_server):
    campaign = campaign_to(some(50))
    starting.plan(campaign.id)
    with transaction():
        scheduling.cancel(campaign)

    sweeping.sweep()

    assert check(campaign).skipped == {"cancelled": 50}
    assert to_server.accepted == []


def test_the_owner_is_told_that_a_mail_server_says_nothing(campaign_to):
    campaign = campaign_to(some(10))
    starting.plan(campaign.id)
    with transaction():
        book = tallying.Book(campaign.id)
        book.note("pending", "sending", 10)
        book.write()

    at_first = progress.progress(campaign).waiting_for
    with transaction():
        campaign.planned_at = now() - timedelta(seconds=40)
    later = progress.progress(campaign).waiting_for

    assert at_first == ""
    assert later.startswith("The mail server has not answered for 4")


def test_a_mail_server_that_is_away_blames_nobody(campaign_to, to_server):
    to_server.faults.refuse = True
    campaign = campaign_to(some(30))

    starting.plan(campaign.id)
    for batch_id in sweeping.waiting_batches(campaign.id):
        assert not sending.send_batch(batch_id)
    waiting = check(campaign)

    assert (waiting.pending, waiting.failed) == (30, 0)
    assert "Waiting for the mail server" in progress.progress(campaign).waiting_for
    diary = db.session.scalars(sa.select(DiaryEntry.text)).all()
    assert any("Waiting for the mail server" in text for text in diary)

    to_server.faults.refuse = False
    with transaction():
        # Before `until` nobody knocks.
        db.session.execute(sa.update(Outage).values(until=now() - timedelta(seconds=1)))

    assert work(campaign).sent == 30
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Outage)) == 0


def test_a_mail_too_large_for_the_server_pauses_with_one_clear_reason(campaign_to, to_server):
    to_server.faults.size = 1500
    campaign = campaign_to(some(30))

    work(campaign)

    db.session.expire_all()
    assert campaign.state == "paused"
    assert "takes 1,500 at most" in campaign.pause_reason
    assert to_server.accepted == []


def test_a_batch_that_two_work_on_is_sent_once(campaign_to, to_server):
    campaign = campaign_to(some(20))
    starting.plan(campaign.id)
    (batch_id,) = sweeping.waiting_batches(campaign.id)
    with transaction():
        assert claiming.take_batch(batch_id, "one")
    with transaction():
        assert not claiming.take_batch(batch_id, "two")

    assert not sending.send_batch(batch_id)
    assert to_server.accepted == []


def test_planning_and_sending_twice_changes_nothing(campaign_to, to_server):
    campaign = campaign_to(some(20))

    work(campaign)
    starting.plan(campaign.id)
    for batch in db.session.scalars(sa.select(Batch)).all():
        sending.send_batch(batch.id)

    assert len(to_server.accepted) == 20
    assert check(campaign).sent == 20


def test_a_campaign_to_nobody_is_over_at_once(campaign_to, to_server):
    campaign = campaign_to(["a@example.com"])
    with transaction():
        suppressions.add(campaign.account_id, "a@example.com", reason="account")

    receipt = work(campaign)

    assert receipt.intended == 0
    db.session.expire_all()
    assert campaign.state == "sent"


def test_uncertain_mails_wait_for_proof_or_the_owner(campaign_to, to_server):
    campaign = campaign_to(some(6, "amb"))
    work(campaign)
    uncertain = list(db.session.scalars(sa.select(Delivery.id).order_by(Delivery.id)))
    db.session.expire_all()
    assert campaign.state == "sent"

    with transaction():
        assert deciding.prove_arrival(uncertain[0])
        assert not deciding.prove_arrival(uncertain[0])
    assert check(campaign).uncertain == 5

    with transaction():
        assert deciding.send_again(campaign) == 5
    work(campaign)
    assert check(campaign).uncertain == 5
    assert len(to_server.accepted) == 11

    with transaction():
        assert deciding.treat_as_sent(campaign) == 5
    assert check(campaign).sent == 6


@pytest.mark.parametrize(("tries", "seconds"), [(1, 300), (2, 501), (3, 836), (6, 3896), (7, 4200)])
def test_the_retry_table(tries, seconds):
    from app.delivery import recording

    assert recording.wait_s(tries) == seconds
    total = sum(recording.wait_s(n) for n in range(1, recording.MAX_TRIES))
    assert 4 * 86_400 < total < 5 * 86_400


def test_a_row_whose_person_vanished_while_it_was_planned_is_skipped(campaign_to, to_server):
    campaign = campaign_to(some(10))
    starting.plan(campaign.id)
    with transaction():
        campaign.audience.clear()  # nobody's subscription tells that the person is gone
        row = db.session.scalars(sa.select(Delivery).limit(1)).one()
        row.contact_id = 10**9

    receipt = work(campaign)

    assert receipt.skipped == {"erased": 1}
    assert receipt.sent == 9


def test_a_run_makes_room_for_a_campaign_that_nobody_works_on(campaign_to, to_server, monkeypatch):
    monkeypatch.setattr(sending, "LEAST_S", 0.5)
    monkeypatch.setattr(sending, "LARGEST_CHUNK", 20)
    to_server.faults.late_s = 0.05
    large, small = campaign_to(some(400, "late")), campaign_to(some(10))
    for campaign in (large, small):
        starting.plan(campaign.id)

    more = sending.send_batch(sweeping.waiting_batches(large.id)[0])

    assert more
    assert 0 < check(large).sent < 400
    assert work(small).sent == 10
    # Now that nobody waits it goes on to its end.
    assert sending.send_batch(sweeping.waiting_batches(large.id)[0]) is False
    assert check(large).sent == 400


def test_an_international_sender_goes_only_where_the_server_takes_it(campaign_to, to_server):
    to_server.faults.smtputf8 = False
    campaign = campaign_to(["v@example.com"], from_email="bäcker@bakery.example")
    assert (work(campaign).failed, to_server.accepted) == (1, [])

    to_server.faults.smtputf8 = True
    again = campaign_to(["w@example.com"], from_email="bäcker@bakery.example")
    assert work(again).sent == 1
