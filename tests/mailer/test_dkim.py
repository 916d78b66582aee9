"""DKIM signatures, verified by somebody else's implementation."""

from __future__ import annotations

import dkim as verifier
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.mailer import dkim

MAIL = (
    b"From: Bakery <news@bakery.example>\r\nTo: reader@example.com\r\n"
    b"Subject: Fresh  bread\r\n and rolls\r\nDate: Tue, 03 Mar 2026 10:00:00 +0000\r\n"
    b"Message-ID: <d7@mail.test>\r\nList-Unsubscribe: <https://mail.test/u/x>,\r\n"
    b" <mailto:u+x@mail.test>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nHello \t there  \r\n\r\n.dot\r\n\r\n\r\n"
)
SIGNERS = [
    dkim.Signer.from_pem("bakery.example", "rsa1", dkim.make_key("rsa")),
    dkim.Signer.from_pem("bakery.example", "ed1", dkim.make_key("ed25519")),
]


def records(name: bytes, timeout: int = 5) -> bytes | None:
    """A name server that knows the two keys."""
    for signer in SIGNERS:
        if name.decode().rstrip(".") == f"{signer.selector}._domainkey.{signer.domain}":
            return signer.record().encode()
    return None


def verdicts(mail: bytes) -> list[bool]:
    """What an independent verifier says of each signature."""
    return [verified(mail, index) for index in range(2)]


def verified(mail: bytes, index: int) -> bool:
    try:
        return bool(verifier.DKIM(mail).verify(idx=index, dnsfunc=records))
    except verifier.ValidationError:
        return False


def test_both_signatures_verify() -> None:
    signed = dkim.sign(MAIL, SIGNERS)

    assert verdicts(signed) == [True, True]
    assert max(len(line) for line in signed.split(b"\r\n")) <= 78


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Hello", b"Hallo"),
        (b"Fresh", b"Stale"),
        (b"<https://mail.test/u/x>", b"<https://evil.example/u>"),
        (b"From: Bakery", b"From: Evil <evil@example.com>\r\nFrom: Bakery"),
        (b"Subject: Fresh", b"Subject: Other\r\nSubject: Fresh"),
    ],
)
def test_a_changed_mail_does_not_verify(old: bytes, new: bytes) -> None:
    signed = dkim.sign(MAIL, SIGNERS).replace(old, new, 1)

    assert not all(verdicts(signed))


def test_changes_that_relays_make_are_borne() -> None:
    signed = dkim.sign(MAIL, SIGNERS).replace(b"Hello \t there", b"Hello there")

    assert verdicts(signed) == [True, True]


@given(st.lists(st.text("abc .\t=", max_size=30), max_size=12))
@settings(max_examples=50, deadline=None)
def test_any_body_verifies(lines: list[str]) -> None:
    body = "".join(line + "\r\n" for line in lines).encode()
    head, _, _ = MAIL.partition(b"\r\n\r\n")
    signed = dkim.sign(head + b"\r\n\r\n" + body, SIGNERS)

    assert verdicts(signed) == [True, True]


def test_weak_or_foreign_keys_are_refused() -> None:
    with pytest.raises(dkim.BadKey):
        dkim.Signer.from_pem("bakery.example", "x", b"no key at all")
