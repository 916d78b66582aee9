"""Twenty thousand recipients, two worker processes, one of them killed in the middle.

A real PostgreSQL, a real queue server, Postfix's sink with a file for each mail. Afterwards nobody
is missing, nobody got two, and what is uncertain is at most what was in flight. Says how fast it
was beside Postfix's own smtp-source into the same kind of sink.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Account, Sender
from app.campaigns import scheduling
from app.campaigns.models import Campaign, CampaignAudience
from app.config import CHECKOUT, Config, load
from app.contacts.models import Contact, ContactList, Subscription
from app.core.clock import now
from app.core.db import db, transaction
from app.core.migrating import upgrade
from app.delivery.models import Delivery
from app.delivery.receipts import Receipt, receipt
from app.factory import create_app
from tests.servers import MailSink, PostgresServer, QueueServer, wait_until

pytestmark = [pytest.mark.flow, pytest.mark.postgres]

RECIPIENTS = 20_000
CONNECTIONS = 10
TEXT = "Fresh rolls every morning, from seven, as long as there are some. " * 40
BODY = f"""
Hello {{{{ contact.first_name }}}},

{TEXT}

[Rolls](https://bakery.example/rolls), [bread](https://bakery.example/bread),
[cake](https://bakery.example/cake).
"""


class Worker:
    """worker.py with one worker, in a session of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "worker.py"], cwd=CHECKOUT, env=environment, start_new_session=True
        )

    def family(self) -> list[psutil.Process]:
        """The parent and everything below it."""
        try:
            parent = psutil.Process(self.process.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def memory(self) -> int:
        """Bytes that the largest of them holds for itself."""
        sizes = []
        for one in self.family():
            try:
                sizes.append(one.memory_full_info().uss)
            except psutil.Error:
                continue
        return max(sizes, default=0)

    def kill(self) -> None:
        """kill -9 for all of it at once."""
        for one in self.family():
            try:
                one.kill()
            except psutil.NoSuchProcess:
                continue
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()


@pytest.fixture
def mails() -> Iterator[Path]:
    """A folder that the sink may write into as nobody; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="ls-mails-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def sink(mails: Path) -> Iterator[MailSink]:
    if MailSink.program() is None:
        pytest.skip("smtp-sink is not installed: apt-get install postfix")
    with MailSink(dump=mails / "got") as running:
        yield running


@pytest.fixture
def environment(
    postgres: PostgresServer, sink: MailSink, tmp_path: Path
) -> Iterator[dict[str, str]]:
    url = postgres.database("two_workers")
    upgrade(url)
    with QueueServer() as queue:
        yield {
            **os.environ,
            "LEADERSEND_HOME": str(tmp_path / "home"),
            "DATABASE_URL": url,
            "REDIS_URL": queue.url,
            "SMTP_URL": f"{sink.url}&connections={CONNECTIONS}",
            "SECRET_KEY": "a secret of the flow test, long enough 0123456789",
            "BASE_URL": "http://localhost",
            "MAIL_DOMAIN": "mail.test",
            "WORKERS": "1",
            "SENDING_LADDER": "off",
        }


@pytest.fixture
def big_app(environment: dict[str, str]) -> Iterator[Flask]:
    config: Config = load(environment)
    app = create_app(config)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def make_campaign() -> Campaign:
    with transaction():
        account = Account(name="Bakery", address="1 High Street, 12345 Town", state="active")
        db.session.add(account)
        db.session.flush()
        db.session.add(
            Sender(account_id=account.id, email="alice@bakery.example", confirmed_at=now())
        )
        chosen = ContactList(account_id=account.id, name="Friends")
        db.session.add(chosen)
        db.session.flush()
        contacts = [
            {
                "account_id": account.id, "email": f"r{i}@example.com", "fields": {},
                "address": f"r{i}@example.com", "first_name": f"Reader {i}",
            }
            for i in range(RECIPIENTS)
        ]  # fmt: skip
        ids = db.session.scalars(sa.insert(Contact).returning(Contact.id), contacts).all()
        db.session.execute(
            sa.insert(Subscription),
            [{"contact_id": i, "list_id": chosen.id, "account_id": account.id} for i in ids],
        )
        campaign = Campaign(
            account_id=account.id, name="News", subject="Rolls for {{ contact.first_name }}",
            from_name="Bakery", from_email="alice@bakery.example", body=BODY,
        )  # fmt: skip
        campaign.audience.append(CampaignAudience(list_id=chosen.id))
        db.session.add(campaign)
    return campaign


def state_of(campaign_id: int) -> str:
    db.session.rollback()
    return db.session.get_one(Campaign, campaign_id, populate_existing=True).state


def fresh_receipt(campaign_id: int) -> Receipt:
    db.session.rollback()
    return receipt(campaign_id)


def arrived(folder: Path) -> Counter[str]:
    """How often each address was accepted, from what the sink wrote."""
    found: Counter[str] = Counter()
    for path in folder.iterdir():
        with path.open("rb") as file:
            for line in file:
                if line.startswith(b"X-Rcpt-Args:"):
                    found[line.decode().partition("<")[2].partition(">")[0]] += 1
    return found


def reference_rate(folder: Path) -> float:
    """Mails a second of smtp-source, as large as ours, into the same kind of sink."""
    source = shutil.which("smtp-source") or "/usr/sbin/smtp-source"
    with MailSink(dump=folder) as sink:
        began = time.monotonic()
        subprocess.run(  # noqa: S603
            [
                source, "-d", "-s", str(CONNECTIONS), "-l", "6000", "-m", str(RECIPIENTS),
                "-f", "a@example.com", "-t", "b@example.org", f"127.0.0.1:{sink.port}",
            ],
            check=True,
        )  # fmt: skip
        return RECIPIENTS / (time.monotonic() - began)


@pytest.mark.parametrize("kill", [False, True], ids=["undisturbed", "killed"])
def test_nobody_is_missing_and_nobody_gets_two(
    kill: bool,
    big_app: Flask,
    environment: dict[str, str],
    sink: MailSink,
    mails: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    campaign = make_campaign()
    with transaction():
        scheduling.schedule(campaign)
    workers = [Worker(environment) for _ in range(2)]
    memory, begun_at = 0, 0.0
    try:
        wait_until(lambda: fresh_receipt(campaign.id).sent > 0, seconds=60, what="first mails")
        begun_at = time.monotonic()
        first = fresh_receipt(campaign.id).sent
        if kill:
            wait_until(
                lambda: fresh_receipt(campaign.id).sent > RECIPIENTS // 4, seconds=60, what="some"
            )
            workers[0].kill()
            workers[0] = Worker(environment)
        while fresh_receipt(campaign.id).pending and time.monotonic() - begun_at < 120:
            memory = max(memory, *(worker.memory() for worker in workers))
            time.sleep(0.2)
        took_s = time.monotonic() - begun_at
        wait_until(lambda: state_of(campaign.id) == "sent", what="the end of the last run")
    finally:
        for worker in workers:
            worker.stop()

    end = fresh_receipt(campaign.id)
    got = arrived(mails / "got")
    uncertain = set(
        db.session.scalars(
            sa.select(Contact.address)
            .join(Delivery, Delivery.contact_id == Contact.id)
            .where(Delivery.campaign_id == campaign.id, Delivery.state == "uncertain")
        )
    )
    with capsys.disabled():
        own = (RECIPIENTS - first) / took_s
        reference = reference_rate(mails / "reference")
        sys.stdout.write(
            f"\n{'killed' if kill else 'undisturbed'}: {own:,.0f} recipients/s, smtp-source "
            f"{reference:,.0f}/s, ratio {own / reference:.2f}; {len(uncertain)} uncertain; "
            f"largest worker {memory / 1e6:.0f} MB\n"
        )
    assert end.intended == RECIPIENTS
    assert end.sent + end.uncertain == RECIPIENTS
    assert max(got.values()) == 1
    assert {f"r{i}@example.com" for i in range(RECIPIENTS)} - set(got) <= uncertain
    assert len(uncertain) <= (CONNECTIONS if kill else 0)
