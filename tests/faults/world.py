"""A LeaderSend of real processes around a mail server that misbehaves, all ours to kill.

A World has a database, a queue server, crews of workers and, where asked, a web server. Each of
its campaigns has readers under a domain of its own, so the mail server's log says who got what.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import psutil
import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Account, Member, Membership, Sender
from app.campaigns import scheduling
from app.campaigns.models import Campaign, CampaignAudience
from app.config import CHECKOUT, load
from app.contacts.models import Contact, ContactList, Subscription
from app.core.clock import now
from app.core.db import db, transaction
from app.core.migrating import upgrade
from app.delivery.models import Delivery
from app.delivery.receipts import Receipt, receipt
from app.factory import create_app
from tests.faultserver import Faults, FaultServer
from tests.ops.running import PROGRAM, Running, alive
from tests.servers import QueueServer, wait_until

CONNECTIONS = 5
SECRET = "a secret of the fault tests, long enough 0123456789"
BODY = """
Hello {{ contact.first_name | default: "friend" }},

fresh [rolls](https://bakery.example/rolls) every morning.
"""
Found = TypeVar("Found")


@dataclass
class Sums:
    """What a campaign's rows and the mail server's log say together."""

    recipients: int
    receipt: Receipt
    lost: int
    doubled: int
    uncertain: int
    wrong: list[str]
    """Accepted by the server, and yet shown as failed, skipped or waiting; or the other way."""


class Crew:
    """worker.py: a parent, its workers, the tick; in a session of its own."""

    def __init__(self, env: dict[str, str]) -> None:
        self.env = env
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.crew"],
            cwd=CHECKOUT, env=self.env, start_new_session=True,
        )  # fmt: skip

    def workers(self) -> list[psutil.Process]:
        """RQ's parents, and the tick."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self.process.pid).children()
        return []

    def horses(self) -> list[psutil.Process]:
        """Processes that work a job just now."""
        found: list[psutil.Process] = []
        for one in self.workers():
            with contextlib.suppress(psutil.NoSuchProcess):
                found += [child for child in one.children() if alive(child)]
        return found

    def family(self) -> list[psutil.Process]:
        """All of it."""
        with contextlib.suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self.process.pid)
            return [parent, *parent.children(recursive=True)]
        return []

    def kill(self) -> None:
        """kill -9 for all of it at once."""
        for one in self.family():
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        self.process.wait()

    def stop(self) -> None:
        """SIGTERM, as at an update."""
        family = self.family()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()


class World:
    """`with World(folder) as world:`; then world.campaign(...), world.crew(), and a fault."""

    def __init__(
        self,
        folder: Path,
        *,
        database_url: str = "",
        shorter: dict[str, float] | None = None,
        faults: Faults | None = None,
        smtp_options: str = "",
        **settings: str,
    ) -> None:
        self.home = folder / "home"
        self.home.mkdir(parents=True, exist_ok=True)
        self.database_url = database_url or f"sqlite:///{self.home / 'leadersend.sqlite'}"
        self.queue = QueueServer()
        self.server = FaultServer(faults or Faults(late_s=0.05))
        self.crews: list[Crew] = []
        self.webs: list[Running] = []
        self.shorter = {
            "app.delivery.planning.BATCH_SIZE": 100,
            "app.delivery.sending.KNOCK_AGAIN": 3,
            **(shorter or {}),
        }
        self.settings = {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.queue.url,
            "SMTP_URL": f"{self.server.url}&connections={CONNECTIONS}{smtp_options}",
            "SECRET_KEY": SECRET,
            "BASE_URL": "http://localhost",
            "MAIL_DOMAIN": "mail.test",
            "WORKERS": "2",
            **settings,
        }

    def __enter__(self) -> Self:
        upgrade(self.database_url)
        self.queue.start()
        self.server.__enter__()
        self.app: Flask = create_app(load({**self.settings, "LEADERSEND_HOME": str(self.home)}))
        self._context = self.app.app_context()
        self._context.push()
        self._make_account()
        return self

    def __exit__(self, *_: object) -> None:
        for crew in self.crews:
            crew.kill()
        for web in self.webs:
            web.__exit__()
        db.session.remove()
        db.engine.dispose()
        self._context.pop()
        self.server.__exit__()
        self.queue.kill()

    @property
    def env(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "TMPDIR")}
        return {
            **kept, **self.settings, "LEADERSEND_HOME": str(self.home),
            "FAULTS_SHORTER": json.dumps(self.shorter),
        }  # fmt: skip

    # Starting.

    def crew(self, **env: str) -> Crew:
        """Two workers and a tick, started; ready within some seconds."""
        crew = Crew({**self.env, **env})
        self.crews.append(crew)
        return crew

    def start_web(self, **settings: str) -> Running:
        """The web server alone."""
        web = Running(self.home, command=(PROGRAM, "web"), **{**self.settings, **settings})
        self.webs.append(web)
        web.start()
        return web

    def _make_account(self) -> None:
        with transaction():
            account = Account(
                name="Bakery",
                address="1 High Street, 12345 Town",
                state="active",
                vouched=True,  # what DNS says of its domain is no matter here
            )
            member = Member(email="alice@bakery.example", name="Alice Baker", staff_roles=[])
            db.session.add_all([account, member])
            db.session.flush()
            db.session.add(Membership(account_id=account.id, member_id=member.id, role="owner"))
            db.session.add(
                Sender(account_id=account.id, email="alice@bakery.example", confirmed_at=now())
            )
        self.account_id = account.id

    def campaign(
        self, n: int, *, name: str, kinds: Sequence[str] = ("late",), **values: Any
    ) -> Campaign:
        """A draft to `n` readers under `name`.example, their kinds taken in turn."""
        rows = [
            {
                "account_id": self.account_id, "email": address, "address": address,
                "first_name": f"Reader {i}", "fields": {},
            }
            for i in range(n)
            for address in [f"{kinds[i % len(kinds)]}.{i}@{name}.example"]
        ]  # fmt: skip
        with transaction():
            chosen = ContactList(account_id=self.account_id, name=name)
            db.session.add(chosen)
            db.session.flush()
            ids = db.session.scalars(sa.insert(Contact).returning(Contact.id), rows).all()
            db.session.execute(
                sa.insert(Subscription),
                [
                    {"contact_id": one, "list_id": chosen.id, "account_id": self.account_id}
                    for one in ids
                ],
            )
            campaign = Campaign(
                account_id=self.account_id, name=name, subject="Rolls", body=BODY,
                from_name="Bakery", from_email="alice@bakery.example", **values,
            )  # fmt: skip
            campaign.audience.append(CampaignAudience(list_id=chosen.id))
            db.session.add(campaign)
        return campaign

    def send(self, n: int, *, name: str, kinds: Sequence[str] = ("late",)) -> Campaign:
        """Make a campaign and press send."""
        campaign = self.campaign(n, name=name, kinds=kinds)
        with transaction():
            scheduling.schedule(campaign)
        return campaign

    # Looking.

    def read(self, ask: Callable[[], Found]) -> Found:
        """Ask the database; a connection that a fault cut is replaced."""
        for _ in range(3):
            with contextlib.suppress(sa.exc.DBAPIError):
                db.session.rollback()
                return ask()
            with contextlib.suppress(sa.exc.DBAPIError):
                db.session.remove()
            time.sleep(0.2)
        return ask()

    def receipt(self, campaign: Campaign) -> Receipt:
        return self.read(lambda: receipt(campaign.id))

    def state(self, campaign: Campaign) -> str:
        """The campaign's own."""
        query = sa.select(Campaign.state).where(Campaign.id == campaign.id)
        return self.read(lambda: db.session.scalar(query)) or ""

    def arrived(self, name: str) -> Counter[str]:
        """How often each reader of a campaign was accepted."""
        return Counter(one for one in self.server.recipients() if one.endswith(f"@{name}.example"))

    def wait_for_mails(self, name: str, n: int, *, seconds: float = 60) -> None:
        """Until at least `n` readers have theirs."""
        wait_until(lambda: len(self.arrived(name)) >= n, seconds=seconds, what=f"{n} mails")

    def seconds_to_next(
        self, *, seconds: float = 90, more: int = 1, campaign: Campaign | None = None
    ) -> float:
        """How long until the mail server gets so many more mails, or the campaign has none left."""
        began, before = time.monotonic(), len(self.server.accepted)

        def goes_on() -> bool:
            if len(self.server.accepted) >= before + more:
                return True
            found = self.receipt(campaign) if campaign else None
            return found is not None and found.intended > 0 and found.pending == 0

        wait_until(goes_on, seconds=seconds, what="it to go on")
        return time.monotonic() - began

    def wait_until_over(
        self, campaign: Campaign, *, seconds: float = 120, open_at_end: int = 0
    ) -> float:
        """Until nothing is pending (or only so many are); returns how long it took."""
        began = time.monotonic()

        def is_over() -> bool:
            found = self.receipt(campaign)
            return found.intended > 0 and found.pending <= open_at_end

        try:
            wait_until(is_over, seconds=seconds, what="the end")
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.receipt(campaign)}") from None
        return time.monotonic() - began

    def sums(self, campaign: Campaign, n: int) -> Sums:
        """R1 and R2: the rows, the kept counters and the mail server's log must agree."""
        rows = self.read(
            lambda: db.session.execute(
                sa.select(Contact.address, Delivery.state)
                .outerjoin(Contact, Contact.id == Delivery.contact_id)
                .where(Delivery.campaign_id == campaign.id)
            ).all()
        )
        kept, counted = self.receipt(campaign), Counter(row.state for row in rows)
        assert kept.intended == len(rows)
        assert (kept.sent, kept.failed, kept.uncertain) == (
            counted["sent"], counted["failed"], counted["uncertain"],
        )  # fmt: skip
        assert kept.left_out == counted["skipped"]
        # RFC 5322 2.1.1, 2.3: no line too long, CR and LF only together.
        assert all(one["bare"] == 0 and int(str(one["longest"])) <= 998
                   for one in self.server.accepted)  # fmt: skip
        got = self.arrived(campaign.name)
        state = {row.address: row.state for row in rows if row.address}
        wrong = [a for a in got if a in state and state[a] not in ("sent", "uncertain")]
        never = [a for a, one in state.items() if one == "sent" and a not in got]
        return Sums(
            recipients=n,
            receipt=kept,
            lost=n - len(rows) + kept.pending - counted["deferred"] + len(never),
            doubled=sum(times > 1 for times in got.values()),
            uncertain=kept.uncertain,
            wrong=wrong,
        )
