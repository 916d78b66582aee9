"""What the logs and the queue server know after a whole story: no address and no secret link."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from app.accounts.models import Notice
from app.campaigns.models import Campaign
from app.contacts import importing, jobs
from app.contacts.models import Contact
from app.core import queue_server, tokens
from app.core.db import db
from app.core.tokens import Purpose
from app.delivery import jobs as delivery_jobs
from app.delivery import starting, sweeping
from app.delivery.models import Delivery
from app.tracking import intake
from tests.api.conftest import Program, make_token
from tests.conftest import Client, Person
from tests.faultserver import FaultServer

Make = Callable[..., Campaign]
READERS = ["Zoe.Zimmer@nowhere-garden.example", "r5@nowhere-garden.example"]


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that any part writes into the log, at the lowest level."""
    out = io.StringIO()
    handler, root = logging.StreamHandler(out), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield out
    root.removeHandler(handler)
    root.setLevel(level)


def in_the_queue_server() -> str:
    """Every key and value of it."""
    client, found = queue_server.client(), []
    for key in client.scan_iter("*"):
        found.append(repr(key))
        kind = client.type(key)
        read = {
            b"string": client.get, b"hash": client.hgetall, b"set": client.smembers,
            b"list": lambda k: client.lrange(k, 0, -1),
            b"zset": lambda k: client.zrange(k, 0, -1),
            b"stream": client.xrange,
        }.get(kind, lambda _k: "")  # fmt: skip
        found.append(repr(read(key)))
    return "\n".join(found)


@pytest.mark.flow
def test_a_whole_story_leaves_no_address_and_no_token(
    alice: Person, client: Client, campaign_to: Make, to_server: FaultServer,
    logged: io.StringIO,
) -> None:  # fmt: skip
    secret = make_token(alice.account)
    program = Program(client, secret)
    program("POST", "/contacts", {"email": "zora@nowhere-garden.example"})
    file = io.BytesIO(("email\n" + "\n".join(READERS) + "\nbroken@@nowhere-garden\n").encode())
    import_ = importing.stage(alice.account, file, "people.csv", basis="Till")
    jobs.wake(import_.id)
    jobs.run_import(import_.id)
    campaign = campaign_to(["zack@nowhere-garden.example", "r5@refused-garden.example"])
    starting.plan(campaign.id)
    delivery_jobs.wake(campaign.id)
    in_line = in_the_queue_server()
    for batch_id in sweeping.waiting_batches(campaign.id):
        delivery_jobs.send_batch(batch_id)
    delivery_id = db.session.scalars(sa.select(Delivery.id)).first() or 0
    leave = tokens.sign(Purpose.UNSUBSCRIBE, delivery_id)
    client.get(f"/o/{tokens.sign(Purpose.OPEN, delivery_id)}.gif")
    client.get(f"/u/{leave}")
    client.post(f"/u/{leave}")
    client.post("/sign-in", data={"email": "alice@bakery.example", "password": "wrong password"})
    client.post("/password/forgot", data={"email": "alice@bakery.example"})
    before = in_the_queue_server()
    intake.take_hits()

    mails = " ".join(db.session.scalars(sa.select(Notice.text)))
    links = [word.rpartition("/")[2] for word in mails.split() if "/password/" in word]
    assert db.session.scalar(sa.select(sa.func.count(Contact.id)))
    assert links
    told = logged.getvalue() + in_line + before + in_the_queue_server()
    for trace in ("nowhere-garden", "refused-garden", "bakery.example", secret, leave, *links,
                  "wrong password"):  # fmt: skip
        assert trace.lower() not in told.lower(), trace
