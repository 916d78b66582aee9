"""Mail to u+… and b+…: acted upon once, forged ones never."""

from __future__ import annotations

import json
import os
import threading

import pytest
import sqlalchemy as sa

from app.contacts.models import Suppression
from app.core import spool
from app.core.db import db
from app.core.tokens import Purpose, sign_for_address
from app.delivery.models import Event
from app.tracking import inbound
from app.tracking.models import Intake
from tests.tracking.mails import score

HUMAN = b"From: Reader <may0@example.com>\r\nSubject: unsubscribe\r\n\r\n\r\n"


@pytest.fixture
def folder(home):
    folder = home / "inbound"
    for path in folder.rglob("*.eml*"):
        path.unlink()
    folder.mkdir(exist_ok=True)
    return folder


def by_mail(sent, person=0, purpose=Purpose.UNSUBSCRIBE):
    kind = "u" if purpose == Purpose.UNSUBSCRIBE else "b"
    return f"{kind}+{sign_for_address(purpose, sent.deliveries[person].id)}@mail.test"


def drop(folder, to, data=HUMAN, sender="may0@example.com"):
    return spool.write(folder, sender, [to] if isinstance(to, str) else to, data, durable=False)


def suppressed():
    db.session.rollback()
    return db.session.scalars(sa.select(Suppression.address).order_by(Suppression.id)).all()


def test_a_mail_to_the_unsubscribe_address_takes_the_person_out(sent, folder):
    drop(folder, by_mail(sent))

    assert inbound.take_mail() == 1
    assert inbound.take_mail() == 0

    assert suppressed() == ["may0@example.com"]
    assert score(sent, "unsubscribe", "") == (1, 1)
    assert db.session.scalars(sa.select(Event.reason)).all() == ["mail"]
    assert not list(folder.glob("*.eml*"))
    assert not db.session.scalars(sa.select(Intake)).all()


def test_an_address_in_upper_case_and_a_second_mail_do_no_harm(sent, folder):
    drop(folder, by_mail(sent).upper())
    drop(folder, by_mail(sent))

    assert inbound.take_mail() == 2

    assert score(sent, "unsubscribe", "") == (1, 1)


@pytest.mark.parametrize(
    ("sender", "head"),
    [("", b""), ("<>", b""), ("a@example.com", b"Auto-Submitted: auto-replied\r\n"),
     ("a@example.com", b"auto-submitted:  AUTO-GENERATED (vacation)\r\n")],
)  # fmt: skip
def test_what_a_program_wrote_takes_nobody_out(sent, folder, sender, head):
    drop(folder, by_mail(sent), head + HUMAN, sender=sender)

    assert inbound.take_mail() == 1

    assert suppressed() == []


def test_an_honest_mail_says_no_to_automatic(sent, folder):
    drop(folder, by_mail(sent), b"Auto-Submitted: no\r\n" + HUMAN)

    inbound.take_mail()

    assert len(suppressed()) == 1


@pytest.mark.parametrize("kind", ["u", "b"])
def test_forged_addresses_change_nothing_and_are_counted(sent, folder, kind):
    other = Purpose.BOUNCE if kind == "u" else Purpose.UNSUBSCRIBE
    token = sign_for_address(other, sent.deliveries[0].id)
    for forged in (token, token[:-1], "aaaa", "ä", "", token[:5] + "7777" + token[9:]):
        drop(folder, f"{kind}+{forged}@mail.test")

    inbound.take_mail()

    assert suppressed() == []
    assert not db.session.scalars(sa.select(Event)).all()
    assert int(db.session.get(Intake, "forged").cursor) >= 5


@pytest.mark.parametrize(
    "raw",
    [b"", b"\n", b"no json\nx", b"{}\n", b"[]\nx", b'{"to": 5}\nx', b"\xff\x00\xfe" * 1000,
     b'{"from": null, "to": [null]}\n\xff\xff', b'{"from":"a","to":["x@mail.test"]}\nhello'],
)  # fmt: skip
def test_whatever_lies_there_is_set_aside(app, folder, raw):
    (folder / "strange.eml").write_bytes(raw)

    assert inbound.take_mail() == 1

    assert (folder / "odd" / "strange.eml").read_bytes() == raw
    assert not list(folder.glob("*.eml*"))


def test_strange_bytes_to_a_good_address_still_take_the_person_out(sent, folder):
    drop(folder, by_mail(sent), b"\xff\x00\nSubject \xe4: =?bad?\r\n" + bytes(range(256)) * 100)

    inbound.take_mail()

    assert len(suppressed()) == 1


def test_what_is_set_aside_is_bounded(app, folder, monkeypatch):
    monkeypatch.setattr(inbound, "MOST_ODD", 3)
    for n in range(10):
        (folder / f"{n}.eml").write_bytes(b"odd")

    inbound.take_mail()

    assert len(list((folder / "odd").iterdir())) == 3


def test_two_at_once_act_once(whole_app, sent, folder):
    for _ in range(20):
        drop(folder, by_mail(sent))
    taken = []

    def take():
        with whole_app.app_context():
            taken.append(inbound.take_mail())
            db.session.remove()

    takers = [threading.Thread(target=take) for _ in range(3)]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()

    assert sum(taken) == 20
    assert score(sent, "unsubscribe", "") == (1, 1)


def test_a_mail_whose_worker_died_is_taken_again_and_acted_upon_once(sent, folder, monkeypatch):
    path = drop(folder, by_mail(sent))
    monkeypatch.setattr(spool, "STALE_S", -1)
    path.rename(path.with_name(f"{path.name}.{os.getpid()}-dead"))

    assert inbound.take_mail() == 1
    assert len(suppressed()) == 1


def test_one_mail_for_several_people_takes_all_of_them_out(sent, folder):
    drop(folder, [by_mail(sent, 0), by_mail(sent, 1), "u+forged@mail.test"])

    inbound.take_mail()

    assert len(suppressed()) == 2


def test_a_bounce_reaches_delivery_and_the_counters(sent, folder):
    notice = (
        b"From: MAILER-DAEMON@example.com\r\nSubject: failure\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="x"\r\n\r\n'
        b"--x\r\nContent-Type: text/plain\r\n\r\nNo such user.\r\n"
        b"--x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.com"
        b"\r\n\r\nFinal-Recipient: rfc822; may0@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        b"\r\n--x--\r\n"
    )
    drop(folder, by_mail(sent, purpose=Purpose.BOUNCE), notice, sender="")

    assert inbound.take_mail() == 1

    assert score(sent, "bounce", "hard") == (1, 1)
    assert suppressed() == ["may0@example.com"]


def test_the_envelope_is_json(folder):
    path = drop(folder, "u+x@mail.test")

    assert json.loads(path.read_bytes().splitlines()[0])["to"] == ["u+x@mail.test"]
