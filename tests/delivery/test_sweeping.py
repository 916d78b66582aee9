"""What a dead run leaves: settled from its journal, nobody lost, nobody twice."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from datetime import timedelta

import pytest
import sqlalchemy as sa
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from app.core.clock import now
from app.core.db import db, transaction
from app.core.jobs import queue
from app.core.queue_server import client
from app.delivery import claiming, jobs, journal, starting, sweeping, tallying
from app.delivery.models import Batch, Delivery
from app.mailer.smtp import Outcome
from tests.delivery.conftest import check, states, work
from tests.servers import wait_until


def some(n, kind="ok"):
    return [f"{kind}.{i}@example.com" for i in range(n)]


@pytest.fixture
def claimed(campaign_to, to_server):
    """A campaign of ten, all claimed by a run named "gone"; returns it and the delivery ids."""
    campaign = campaign_to(some(10))
    starting.plan(campaign.id)
    (batch_id,) = sweeping.waiting_batches(campaign.id)
    with transaction():
        assert claiming.take_batch(batch_id, "gone")
        book = tallying.Book(campaign.id)
        aim = claiming.Aim.of(campaign)
        taken = claiming.claim(book, aim, batch_id, "gone", limit=10)
        book.write()
    return campaign, [number for number, _ in taken]


def test_a_dead_run_is_settled_from_its_journal(claimed, to_server):
    campaign, ids = claimed
    written = journal.Journal("gone")
    written.intend(ids[:5])
    written.answer([Outcome(one, "accepted", 250) for one in ids[:3]])
    written.answer([Outcome(ids[3], "refused", 550, "5.1.1", "No such user", "rcpt")])
    written.close()

    sweeping.sweep()

    receipt = check(campaign)
    assert (receipt.sent, receipt.failed, receipt.uncertain, receipt.pending) == (3, 1, 1, 5)
    assert not (journal.folder() / "gone").exists()
    assert work(campaign).sent == 8
    assert len(to_server.accepted) == 5


def test_the_job_of_a_killed_worker_keeps_no_batch_waiting(campaign_to, to_server):
    campaign = campaign_to(some(10))
    starting.plan(campaign.id)
    (batch_id,) = sweeping.waiting_batches(campaign.id)
    jobs.wake(campaign.id)
    jobs.wake(campaign.id)
    assert queue("sending").count == 1, "one that waits is enough"
    # A worker takes it, takes the batch and is killed: to the queue server it still runs.
    (name,) = queue("sending").get_job_ids()
    client().delete("rq:queue:sending")
    Job.fetch(name, connection=client(), serializer=JSONSerializer).set_status(JobStatus.STARTED)
    with transaction():
        claiming.take_batch(batch_id, "gone")
    journal.Journal("gone").close()

    jobs.sweep()

    assert queue("sending").count == 1


def test_a_run_that_lives_is_left_alone_however_late_it_is(claimed):
    campaign, _ = claimed
    written = journal.Journal("gone")
    expire()

    try:
        sweeping.sweep()
        assert check(campaign).pending == 10
        assert set(states(campaign).values()) == {"sending"}
    finally:
        written.remove()


def test_without_a_journal_everything_claimed_is_uncertain(claimed):
    campaign, _ = claimed

    sweeping.sweep()
    assert set(states(campaign).values()) == {"sending"}

    expire()
    sweeping.sweep()
    assert check(campaign).uncertain == 10


def test_after_a_restart_of_the_machine_the_journal_is_not_trusted_to_be_whole(
    claimed, monkeypatch
):
    campaign, ids = claimed
    written = journal.Journal("gone")
    written.intend(ids[:2])
    written.answer([Outcome(ids[0], "accepted", 250)])
    written.close()
    monkeypatch.setattr(journal, "boot_id", lambda: "another")

    sweeping.sweep()

    receipt = check(campaign)
    assert (receipt.sent, receipt.uncertain) == (1, 9)


def test_a_late_answer_of_a_run_that_was_given_up_still_counts(claimed):
    from app.delivery import recording

    campaign, ids = claimed
    expire()
    sweeping.sweep()

    with transaction():
        book = tallying.Book(campaign.id)
        recording.record(book, "gone", [Outcome(ids[0], "accepted", 250)], {})
        recording.record(book, "gone", [Outcome(ids[0], "accepted", 250)], {})
        recording.record(book, "other", [Outcome(ids[1], "accepted", 250)], {})
        book.write()

    receipt = check(campaign)
    assert (receipt.sent, receipt.uncertain) == (1, 9)


def test_two_sweeps_settle_once(claimed):
    campaign, ids = claimed
    written = journal.Journal("gone")
    written.intend(ids)
    written.close()

    sweeping.sweep()
    sweeping.sweep()

    assert check(campaign).uncertain == 10


def expire():
    long_ago = now() - timedelta(minutes=10)
    with transaction():
        db.session.execute(sa.update(Batch).values(lease_until=long_ago))
        db.session.execute(sa.update(Delivery).values(claimed_at=long_ago))


RUN = """
    import sys
    from app.accounts import relays
    from app.config import load
    from app.delivery import sending
    from app.factory import create_app
    from app.mailer.smtp import RelaySettings
    url, batch = sys.argv[1], int(sys.argv[2])
    relays.for_sender = lambda account_id, email: RelaySettings.from_url(url)
    with create_app(load()).app_context():
        sending.send_batch(batch)
"""


@pytest.mark.parametrize("after", [3, 40, 111])
def test_kill_9_in_the_middle_costs_only_time(campaign_to, to_server, settings, after):
    to_server.faults.late_s = 0.03
    campaign = campaign_to(some(200, "late"))
    starting.plan(campaign.id)
    (batch_id,) = sweeping.waiting_batches(campaign.id)
    env = {
        **os.environ, "LEADERSEND_HOME": str(settings.LEADERSEND_HOME),
        "DATABASE_URL": settings.DATABASE_URL, "REDIS_URL": settings.REDIS_URL,
        "SECRET_KEY": settings.SECRET_KEY, "MAIL_DOMAIN": settings.MAIL_DOMAIN,
    }  # fmt: skip
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", textwrap.dedent(RUN), to_server.url, str(batch_id)], env=env
    )
    wait_until(lambda: len(to_server.accepted) >= after, what="some mails")
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(0.2)

    sweeping.sweep()
    killed = check(campaign)
    receipt = work(campaign)

    assert killed.uncertain <= 10
    assert receipt.uncertain == killed.uncertain
    assert receipt.sent + receipt.uncertain == 200
    assert len(set(to_server.recipients())) == len(to_server.recipients())
    missing = set(some(200, "late")) - set(to_server.recipients())
    uncertain = {address for address, state in states(campaign).items() if state == "uncertain"}
    assert missing <= uncertain


def take_away(campaign):
    """As a sweep on another machine would, at the moment of a claim."""
    with transaction():
        claiming.let_go("gone")
    assert set(states(campaign).values()) == {"sending"}


def test_mails_whose_batch_was_given_up_in_the_moment_of_the_claim_are_found(claimed, to_server):
    campaign, ids = claimed
    written = journal.Journal("gone")
    written.intend(ids[:2])
    written.answer([Outcome(ids[0], "accepted", 250)])
    take_away(campaign)
    sweeping.sweep()
    expire()
    sweeping.sweep()
    assert set(states(campaign).values()) == {"sending"}, "it lives"

    written.close()
    sweeping.sweep()

    receipt = check(campaign)
    assert (receipt.sent, receipt.uncertain, receipt.pending) == (1, 1, 8)
    assert work(campaign).sent == 9
    assert len(to_server.accepted) == 8


def test_they_are_uncertain_where_nobody_knows_what_became_of_them(claimed):
    campaign, _ = claimed
    take_away(campaign)

    sweeping.sweep()
    assert set(states(campaign).values()) == {"sending"}

    expire()
    sweeping.sweep()
    assert check(campaign).uncertain == 10


def test_a_run_takes_nothing_from_a_batch_that_it_lost(claimed):
    campaign, _ = claimed
    with transaction():
        db.session.execute(sa.update(Delivery).values(state="pending", lease=None))
        claiming.let_go("gone")
    (batch_id,) = sweeping.waiting_batches(campaign.id)

    with transaction():
        aim, book = claiming.Aim.of(campaign), tallying.Book(campaign.id)
        assert claiming.claim(book, aim, batch_id, "gone", limit=10) == []
        assert claiming.take_batch(batch_id, "next")
        assert claiming.claim(book, aim, batch_id, "gone", limit=10) == []
        assert len(claiming.claim(book, aim, batch_id, "next", limit=10)) == 10


def test_mails_that_wait_in_a_batch_that_is_done_are_found(campaign_to, to_server):
    campaign = campaign_to(some(10))
    starting.plan(campaign.id)
    with transaction():
        db.session.execute(sa.update(Batch).values(state="done"))

    assert len(sweeping.sweep()) == 1
    assert work(campaign).sent == 10


def test_retries_of_a_paused_campaign_do_not_stand_before_those_of_others(
    campaign_to, to_server, monkeypatch
):
    monkeypatch.setattr(sweeping, "CHUNK", 1)
    paused, going = campaign_to(some(30, "a")), campaign_to(some(3, "b"))
    for campaign, hours in ((paused, 2), (going, 1)):
        starting.plan(campaign.id)
        put_off(campaign, hours)
    with transaction():
        paused.state = "paused"
        db.session.merge(paused)

    sweeping.sweep()
    sweeping.sweep()

    assert len(sweeping.waiting_batches(going.id)) == 1


def put_off(campaign, hours):
    """All of it was deferred, and has been due for so long."""
    with transaction():
        db.session.execute(
            sa.update(Delivery)
            .where(Delivery.campaign_id == campaign.id)
            .values(state="deferred", next_try_at=now() - timedelta(hours=hours))
        )
        db.session.execute(
            sa.update(Batch).where(Batch.campaign_id == campaign.id).values(state="done")
        )


def steps(work):
    """How many steps of its own SQLite takes for some work."""
    taken = []
    connection = db.session.connection().connection.dbapi_connection
    connection.set_progress_handler(lambda: taken.append(1), 50)
    try:
        work()
    finally:
        connection.set_progress_handler(None, 0)
    return len(taken)


@pytest.mark.skipif(
    os.environ.get("LEADERSEND_TEST_DATABASE") == "postgresql", reason="counts SQLite's steps"
)
def test_what_is_left_of_a_large_campaign_costs_no_more_for_each(
    campaign_to, to_server, monkeypatch
):
    monkeypatch.setattr(sweeping, "CHUNK", 2)
    cost = {}
    for n in (100, 400):
        campaign = campaign_to(some(n, f"of{n}"))
        starting.plan(campaign.id)
        with transaction():
            campaign.state = "cancelled"
            db.session.merge(campaign)
        cost[n] = steps(lambda: sweeping.skip_rest(campaign.id))  # noqa: B023
        assert check(campaign).skipped == {"cancelled": n}

    assert cost[400] < 6 * cost[100]
