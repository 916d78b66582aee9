"""From the mail that really arrived: people read, follow links and leave, by every way there is."""

from __future__ import annotations

import email
import random
import re
import socket
import threading
import time
from email import policy
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from werkzeug.serving import make_server

from app.contacts import suppressions
from app.contacts.models import Contact, Suppression
from app.core import spool
from app.core.db import db, transaction
from app.core.tokens import Purpose, sign
from app.delivery import sending, starting, sweeping
from app.delivery.models import Delivery
from app.reports import queries
from app.tracking import hits, inbound, intake, links
from tests.delivery.conftest import campaign_to, check, server, to_server, work
from tests.tracking.mails import READER

__all__ = ["campaign_to", "server", "to_server"]

pytestmark = pytest.mark.flow


@pytest.fixture(autouse=True)
def fresh_memory():
    intake.forget()
    links.forget()
    hits.forget()


@pytest.fixture
def box(to_server):
    """Every mail that arrived, by recipient."""
    to_server.faults.keep = True

    def read():
        found = {}
        for entry, raw in zip(to_server.accepted, to_server.messages, strict=True):
            found[entry["rcpt"]] = email.message_from_bytes(raw, policy=policy.default)
        return found

    return read


def addresses(n, name="ok"):
    return [f"{name}.{i}@example.com" for i in range(n)]


def path_of(url):
    parts = urlsplit(url)
    return parts.path


def links_of(mail):
    """Every address of ours in both parts and the headers, and the beacon."""
    html = mail.get_body(("html",)).get_content()
    text = mail.get_body(("plain",)).get_content()
    found = re.findall(r"http://localhost/[^\s\"'<>)]+", html + " " + text)
    return list(dict.fromkeys(path_of(url) for url in [*found, *header_ways(mail)[:1]]))


def header_ways(mail):
    """(https address, mailto address) of List-Unsubscribe."""
    return re.findall(r"<(?:mailto:)?([^>]+)>", mail["List-Unsubscribe"].replace("\r\n", ""))


def an_hour_later(campaign):
    """As if the mails had arrived some time ago: nobody reads at once."""
    with transaction() as session:
        session.execute(
            sa.update(Delivery)
            .where(Delivery.campaign_id == campaign.id)
            .values(sent_at=sa.null())
            .execution_options(synchronize_session=False)
        )


def test_a_reader_opens_clicks_and_leaves_with_what_stands_in_the_mail(client, campaign_to, box):
    campaign = campaign_to(addresses(4), names=["Ann", "Ben", "Cleo", "Dan"])
    work(campaign)
    an_hour_later(campaign)
    mails = box()
    mail = mails["ok.1@example.com"]
    ours = links_of(mail)

    (beacon,) = [path for path in ours if path.startswith("/o/")]
    clicks = [path for path in ours if path.startswith("/c/")]
    client.get(beacon, headers=READER)
    targets = [client.get(path, headers=READER).headers["Location"] for path in clicks[:1]]
    way, by_mail = header_ways(mail)
    answer = client.post(path_of(way), data={"List-Unsubscribe": "One-Click"})
    intake.take_hits()

    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert targets == ["https://bakery.example/rolls?a=1&b=2"]
    assert answer.status_code == 200
    assert by_mail.split("?")[0].endswith("@mail.test")
    found = queries.report(campaign.id)
    assert (found.opens.people, found.clicks.people, found.unsubscribes) == (1, 1, 1)
    left = db.session.scalars(sa.select(Suppression.address)).all()
    assert left == ["ok.1@example.com"]


def test_a_link_with_a_merge_tag_leads_each_reader_to_their_own_page(client, campaign_to, box):
    campaign = campaign_to(addresses(2), names=["Ann", "Ben & Co/#?"])
    work(campaign)

    seen = {}
    for rcpt, mail in box().items():
        clicks = [path for path in links_of(mail) if path.startswith("/c/")]
        seen[rcpt] = [client.get(path).headers["Location"] for path in clicks]

    assert "https://bakery.example/for/Ann" in seen["ok.0@example.com"]
    (own,) = [url for url in seen["ok.1@example.com"] if "/for/" in url]
    assert urlsplit(own).netloc == "bakery.example"
    assert urlsplit(own).path == "/for/Ben%20%26%20Co%2F%23%3F"


def test_a_scanner_that_asks_for_every_link_of_every_mail_takes_nobody_out(
    client, campaign_to, box
):
    campaign = campaign_to(addresses(100))
    work(campaign)
    an_hour_later(campaign)

    for mail in box().values():
        for path in links_of(mail):
            client.head(path, headers=READER)
            assert client.get(path, headers=READER).status_code in (200, 302)
    intake.take_hits()

    found = queries.report(campaign.id)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Suppression)) == 0
    assert found.unsubscribes == 0
    assert found.clicks.people == 0
    assert found.clicks.machine > 0


def test_leaving_by_mail_works_from_the_header(campaign_to, box, home):
    campaign = campaign_to(addresses(3))
    work(campaign)
    by_mail = header_ways(box()["ok.2@example.com"])[1].split("?")[0]

    raw = b"From: reader@example.com\r\nSubject: unsubscribe\r\n\r\n\r\n"
    spool.write(home / "inbound", "ok.2@example.com", [by_mail], raw, durable=True)
    inbound.take_mail()

    assert db.session.scalars(sa.select(Suppression.address)).all() == ["ok.2@example.com"]


def test_a_bounce_to_the_envelopes_address_is_counted(campaign_to, to_server, home):
    campaign = campaign_to(addresses(2))
    work(campaign)
    bounce_to = next(e["from"] for e in to_server.accepted if e["rcpt"] == "ok.0@example.com")
    notice = (
        b"From: MAILER-DAEMON@example.com\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="x"\r\n\r\n'
        b"--x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.com"
        b"\r\n\r\nFinal-Recipient: rfc822; ok.0@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        b"\r\n--x--\r\n"
    )
    for _ in range(2):
        spool.write(home / "inbound", "", [bounce_to], notice, durable=False)
    inbound.take_mail()

    found = queries.report(campaign.id)
    assert found.bounces.hard == 1
    assert found.delivered == 1


def test_view_in_browser_shows_the_mail_without_counting(client, campaign_to, box):
    campaign = campaign_to(addresses(1), names=["Ann <b>"])
    work(campaign)
    (view,) = [path for path in links_of(box()["ok.0@example.com"]) if path.startswith("/v/")]

    page = client.get(view, headers=READER)

    assert page.status_code == 200
    assert "sandbox" in page.headers["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in page.headers["Content-Security-Policy"]
    assert "Hello Ann &lt;b&gt;" in page.text
    assert "/o/" not in page.text
    assert "/c/" not in page.text
    assert "https://bakery.example/rolls" in page.text


def test_an_open_settles_an_uncertain_mail(client, campaign_to, to_server):
    to_server.faults.keep = True
    campaign = campaign_to(addresses(1, "amb"))
    receipt = work(campaign)
    assert receipt.uncertain == 1
    delivery = db.session.scalars(sa.select(Delivery)).one()
    an_hour_later(campaign)
    beacon = f"/o/{sign(Purpose.OPEN, delivery.id)}.gif"
    client.head(beacon, headers=READER)
    intake.take_hits()
    assert check(campaign).uncertain == 1
    client.get(beacon, headers=READER)
    intake.take_hits()

    receipt = check(campaign)
    assert (receipt.sent, receipt.uncertain) == (1, 0)


def test_who_leaves_while_it_is_sent_gets_nothing_a_second_later(
    whole_app, client, campaign_to, to_server
):
    """One-click POSTs, pages and mails at random moments while a campaign goes out."""
    to_server.faults.late_s = 0.15
    campaign = campaign_to(addresses(400, "late"))
    starting.plan(campaign.id)
    rows = db.session.execute(
        sa.select(Delivery.id, Delivery.contact_id).where(Delivery.campaign_id == campaign.id)
    ).all()
    db.session.rollback()
    sender = threading.Thread(target=_send, args=(whole_app, campaign.id))
    chosen = random.Random(7).sample(rows, 60)  # noqa: S311
    left_at, slowest = {}, 0.0

    sender.start()
    for delivery_id, contact_id in chosen:
        started = time.time()
        assert client.post(_leave_path(delivery_id)).status_code == 200
        left_at[contact_id] = time.time()
        slowest = max(slowest, left_at[contact_id] - started)
        time.sleep(0.01)
    sender.join(60)

    receipt = check(campaign)
    names = _addresses_of(left_at)
    too_late = [
        entry
        for entry in to_server.accepted
        if entry["rcpt"] in names and float(str(entry["data_at"])) > names[entry["rcpt"]] + 1
    ]
    assert too_late == []
    assert slowest < 1
    assert receipt.pending == 0
    assert receipt.sent + sum(receipt.skipped.values()) == 400
    assert receipt.skipped.get("unsubscribed", 0) > 0
    assert suppressions.find(campaign.account_id, next(iter(names))) is not None


def _leave_path(delivery_id):
    return f"/u/{sign(Purpose.UNSUBSCRIBE, delivery_id)}"


def _send(whole_app, campaign_id):
    with whole_app.app_context():
        for batch_id in sweeping.waiting_batches(campaign_id):
            sending.send_batch(batch_id)
        db.session.remove()


def _addresses_of(left_at):
    rows = db.session.execute(
        sa.select(Contact.id, Contact.address).where(Contact.id.in_(left_at))
    ).all()
    return {row.address: left_at[row.id] for row in rows}


def test_the_answer_to_one_click_needs_nothing_but_the_post(whole_app, campaign_to, box, client):
    """Byte by byte, as a mail provider's robot writes it: no cookie, no other header."""
    campaign = campaign_to(addresses(1))
    work(campaign)
    way = path_of(header_ways(box()["ok.0@example.com"])[0])
    port, stop = _serve(whole_app)
    try:
        body = b"List-Unsubscribe=One-Click"
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(
                f"POST {way} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                "Content-Type: application/x-www-form-urlencoded\r\n"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
    finally:
        stop()

    head = answer.split(b"\r\n\r\n")[0].lower()
    assert b" 200 " in head.splitlines()[0]
    assert b"location:" not in head
    assert b"set-cookie:" not in head
    db.session.rollback()
    assert db.session.scalars(sa.select(Suppression.address)).all() == ["ok.0@example.com"]


def _serve(whole_app):
    running = make_server("127.0.0.1", 0, whole_app, threaded=True)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()

    def stop():
        running.shutdown()
        thread.join(5)
        running.server_close()

    return running.server_port, stop
