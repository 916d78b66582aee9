"""The door for mail, talked to by SMTP."""

from __future__ import annotations

import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core import spool
from app.ops.catcher import Door
from tests.ops.running import environment
from tests.servers import Server, free_port, wait_until

MAIL = b"Subject: Hello\r\n\r\nOne\r\n..two\r\n"


class Catcher(Server):
    """The process of its own."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.home = home
        self.port = free_port()
        ours = {"INBOUND": f"127.0.0.1:{self.port}", "MAIL_DOMAIN": "mail.test"}
        self.env = environment(home, **ours, **settings)

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-m", "app.ops.catcher"], env=self.env)
        wait_until(self.is_up, what="catcher")

    def is_up(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def client(self) -> smtplib.SMTP:
        return smtplib.SMTP("127.0.0.1", self.port, timeout=10)


@pytest.fixture
def catcher(tmp_path: Path) -> Iterator[Catcher]:
    with Catcher(tmp_path / "home") as catcher:
        yield catcher


def inbound(catcher: Catcher) -> list[spool.Spooled]:
    folder = catcher.home / "inbound"
    return [spool.read(folder / f"{name}.eml") for name in spool.names(folder)]


def caught(catcher: Catcher) -> list[spool.Spooled]:
    folder = catcher.home / "mail"
    return [spool.read(folder / f"{name}.eml") for name in spool.names(folder)]


def test_mail_is_kept_byte_for_byte_with_its_envelope(catcher: Catcher) -> None:
    with catcher.client() as smtp:
        smtp.sendmail("alice@bakery.example", ["bob@bakery.example", "v@bakery.example"], MAIL)

    (mail,) = caught(catcher)
    assert mail.content == MAIL
    assert mail.sender == "alice@bakery.example"
    assert mail.to == ["bob@bakery.example", "v@bakery.example"]


def test_bounces_and_unsubscribes_are_spooled_apart(catcher: Catcher) -> None:
    with catcher.client() as smtp:
        smtp.sendmail("", ["b+abc@mail.test", "bob@bakery.example"], MAIL)
        smtp.sendmail("bob@bakery.example", ["U+xyz@MAIL.test"], MAIL)

    assert [mail.to for mail in inbound(catcher)] == [["b+abc@mail.test"], ["U+xyz@MAIL.test"]]
    assert [mail.to for mail in caught(catcher)] == [["bob@bakery.example"]]
    assert inbound(catcher)[0].sender == ""


def test_with_the_catcher_off_only_our_own_mail_is_taken(tmp_path: Path) -> None:
    with Catcher(tmp_path / "home", CATCHER="off") as catcher, catcher.client() as smtp:
        smtp.sendmail("", ["b+abc@mail.test"], MAIL)
        smtp.mail("a@example.com")

        assert smtp.rcpt("bob@bakery.example") == (550, b"5.7.1 This server does not relay")
        assert smtp.rcpt("b+abc@elsewhere.example")[0] == 550
        assert len(inbound(catcher)) == 1


def test_bounces_can_be_tried_by_address(catcher: Catcher) -> None:
    with catcher.client() as smtp:
        smtp.ehlo()
        smtp.mail("a@example.com")

        assert smtp.rcpt("bounce+hard@example.com")[0] == 550
        assert smtp.rcpt("bounce+soft@example.com")[0] == 451
        assert smtp.rcpt("bounce@example.com")[0] == 250


def test_it_offers_what_campaigns_use(catcher: Catcher) -> None:
    with catcher.client() as smtp:
        smtp.ehlo()

        assert {"pipelining", "8bitmime", "smtputf8", "size"} <= set(smtp.esmtp_features)
        smtp.sendmail("a@example.com", ["jürgen@bücher.example"], MAIL, ["SMTPUTF8"])

    assert caught(catcher)[0].to == ["jürgen@bücher.example"]


def test_a_whole_mail_may_come_in_one_packet(catcher: Catcher) -> None:
    with socket.create_connection(("127.0.0.1", catcher.port), timeout=10) as client:
        replies = client.makefile("rb")
        replies.readline()
        one = b"MAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\nSubject: 1\r\n\r\n.\r\n"
        client.sendall(b"EHLO x\r\n" + one + one + b"QUIT\r\n")
        said = replies.read()

    assert said.count(b"\r\n250 2.0.0 Kept\r\n") == 2
    assert len(caught(catcher)) == 2


def test_a_mail_that_is_too_large_is_refused(catcher: Catcher) -> None:
    with catcher.client() as smtp, pytest.raises(smtplib.SMTPResponseException) as refused:
        smtp.sendmail("a@example.com", ["b@example.com"], b"x" * 79 + b"\r\n" * 20_000_000)

    assert refused.value.smtp_code == 552
    assert caught(catcher) == []


def test_the_folder_does_not_grow_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.ops.catcher.KEEP", 50)
    config = Catcher(tmp_path / "home").env
    from app.config import load

    door = Door(load(config))
    names = []
    for _ in range(200):
        names.append(spool.write(door.caught, "", ["a@x.example"], MAIL, durable=False).stem)
        door._forget_oldest()

    kept = spool.names(door.caught)
    assert 50 <= len(kept) <= 56
    assert kept == names[-len(kept) :]


def test_a_small_campaign_is_caught_in_no_time(catcher: Catcher) -> None:
    began = time.monotonic()
    with catcher.client() as smtp:
        for n in range(500):
            smtp.sendmail("a@example.com", [f"p{n}@example.com"], MAIL)

    assert len(caught(catcher)) == 500
    assert time.monotonic() - began < 10, "fewer than 3,000 a minute"


def test_complaints_are_taken_even_with_the_catcher_off(tmp_path: Path) -> None:
    with Catcher(tmp_path / "home", CATCHER="off") as catcher, catcher.client() as smtp:
        smtp.sendmail("fbl@isp.example", ["abuse@mail.test", "FBL@mail.test"], MAIL)

        (mail,) = inbound(catcher)
        assert mail.to == ["abuse@mail.test", "FBL@mail.test"]
