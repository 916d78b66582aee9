"""Bounces and complaints, on real ones."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.mailer import dsn

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture
def data() -> Path:
    """Collected bounces and complaints with what each means."""
    if not DATA.exists():
        pytest.skip(f"no sample mails: {DATA.name} is not beside this checkout")
    return DATA


def addresses(text: str) -> set[str]:
    return {one.lower() for one in text.replace(",", ";").split(";") if one}


def rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="") as file:
        yield from csv.DictReader(file)


def test_real_bounces_name_who_failed_for_good_and_who_for_now(data: Path) -> None:
    wrong = []
    for row in rows(data / "bounces" / "expected.csv"):
        found = dsn.classify((data / "bounces" / "messages" / row["file"]).read_bytes())
        told = {one.address.lower() for one in found if one.verdict != "none"}
        if told != addresses(row["permanent_recipients"]) | addresses(row["temporary_recipients"]):
            wrong.append(row["file"])

    assert wrong == []


def test_delays_are_never_hard(data: Path) -> None:
    for row in rows(data / "bounces" / "expected.csv"):
        found = dsn.classify((data / "bounces" / "messages" / row["file"]).read_bytes())
        hard = {one.address.lower() for one in found if one.verdict == "hard"}

        assert not hard & addresses(row["temporary_recipients"]), row["file"]


def test_complaints_count_only_where_the_reader_complained(data: Path) -> None:
    for row in rows(data / "complaints" / "expected.csv"):
        found = dsn.classify((data / "complaints" / row["file"]).read_bytes())
        verdicts = {one.verdict for one in found}
        silent = row["feedback_type"] in ("not-spam", "auth-failure") or (
            row["file"] == "ordinary_mail_quoting_a_report.eml"
        )

        assert verdicts == ({"none"} if silent else {"complaint"}), row["file"]


def report(status: str, words: str, action: str = "failed") -> bytes:
    return (
        "From: MAILER-DAEMON@mx.example\r\nTo: b@mail.test\r\nSubject: Undelivered\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n"
        "--x\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n"
        "--x\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; reader@example.com\r\nAction: {action}\r\n"
        f"Status: {status}\r\nDiagnostic-Code: smtp; {words}\r\n\r\n--x--\r\n"
    ).encode()


@pytest.mark.parametrize(
    ("status", "words", "verdict"),
    [
        ("5.1.1", "550 5.1.1 User unknown", "hard"),
        ("5.0.0", "550 5.1.1 No such user here", "hard"),
        ("5.2.2", "552 5.2.2 Mailbox full", "soft"),
        ("5.7.1", "550 5.7.1 Message rejected as spam by content filter", "sender"),
        ("5.7.515", "550 5.7.515 Access denied, sending domain does not meet the level", "sender"),
        ("5.7.26", "550 5.7.26 Unauthenticated email is not accepted due to DMARC", "sender"),
        ("5.7.1", "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked", "sender"),
        ("5.3.4", "552 5.3.4 Message size exceeds fixed limit", "sender"),
        ("4.2.1", "450 4.2.1 The user is receiving mail at a rate that prevents", "sender"),
    ],
)
def test_only_verdicts_about_the_mailbox_are_hard(status: str, words: str, verdict: str) -> None:
    (found,) = dsn.classify(report(status, words))

    assert (found.address, found.verdict) == ("reader@example.com", verdict)


def test_a_report_of_success_is_no_bounce() -> None:
    (found,) = dsn.classify(report("2.0.0", "250 2.0.0 Ok", action="relayed"))

    assert found.verdict == "none"


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied",
        "Subject: Out of office: back on Monday",
        "Precedence: auto_reply",
        "X-Autoreply: yes",
    ],
)
def test_an_auto_reply_is_never_a_bounce(header: str) -> None:
    mail = (
        f"From: reader@example.com\r\n{header}\r\n\r\nI am away. My old address "
        "<old@example.com> does not work any more: 550 5.1.1 user unknown\r\n"
    )

    assert [one.verdict for one in dsn.classify(mail.encode())] == ["none"]


@given(st.binary(max_size=2000))
@settings(max_examples=300, deadline=None)
def test_any_bytes_get_an_answer(data: bytes) -> None:
    assert dsn.classify_bytes(data)


@given(st.integers(0, 900), st.binary(max_size=6))
@settings(max_examples=300, deadline=None)
def test_a_report_cut_or_spoilt_anywhere_gets_an_answer(at: int, noise: bytes) -> None:
    whole = report("5.1.1", "550 5.1.1 User unknown")

    assert dsn.classify_bytes(whole[:at] + noise)
    assert dsn.classify_bytes((whole[:at] + noise + whole[at:]).replace(b"\r\n", b"\r"))


def test_a_mark_of_byte_order_before_the_header_hides_nothing() -> None:
    (found,) = dsn.classify_bytes(b"\xef\xbb\xbf" + report("5.1.1", "550 5.1.1 User unknown"))

    assert found["verdict"] == "hard"


def test_a_mail_of_empty_lines_is_read_within_seconds() -> None:
    began = time.monotonic()

    dsn.classify_bytes(b"From: MAILER-DAEMON@x.example\r\nSubject: failed\r\n" + b"\r\n" * 500_000)

    assert time.monotonic() - began < 4


def test_deep_nesting_and_huge_mails_are_read_in_bounded_time() -> None:
    nested = b"Content-Type: message/rfc822\r\n\r\n" * 2000
    many = (
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
        + b"--x\r\nContent-Type: text/plain\r\n\r\nhi\r\n" * 10_000
    )

    for mail in (nested, many, b"a" * 50_000_000, report("5.1.1", "550 x" * 1_000_000)):
        assert dsn.classify_bytes(mail)
