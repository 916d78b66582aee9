"""Telling people from programs without asking anybody else: time, work, a trap.

A form carries a signed time stamp, good once. The browser proves some work for it, in the format
that Altcha documents: a number whose SHA-256 behind a salt is the challenge. Where no proof can
come (no JavaScript, or a form on somebody's own page, which has no stamp at all), a page of ours
asks for one more press after some seconds, and far fewer of these are let in an hour.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.contacts.models import UsedStamp
from app.core import settings, tokens
from app.core.clock import now
from app.core.db import db, insert
from app.core.tokens import BadToken, Purpose

#: Nobody reads and fills in a form more quickly; a page that lay open for longer is asked anew.
QUICKEST_S, OLDEST_S = 2, 86_400
#: On the second page: how long to wait where no work was proved.
WAIT_S, OLDEST_MORE_S = 5, 3_600
#: Numbers to try: half of them on average, about a second of a telephone.
MOST = 50_000
ALGORITHM = "SHA-256"
#: A field that people do not see, named as programs like it.
TRAP = "website"
FIRST, MORE = 0, 1


@dataclass(frozen=True)
class Stamp:
    """When which page of a form was shown."""

    form_id: int
    at: int
    """Unix time."""
    nonce: int
    kind: int
    """FIRST or MORE."""

    def sign(self) -> str:
        """As it stands in the page."""
        return tokens.sign(Purpose.FORM, self.form_id, self.at, self.nonce, self.kind)

    @property
    def name(self) -> str:
        """The nonce as the salt and the table have it."""
        return f"{self.nonce:016x}"


@dataclass(frozen=True)
class Verdict:
    """What to do with a form that was sent in."""

    outcome: str
    """in; more: ask for one more press; program: answer as if all were well, and do nothing."""
    stamp: Stamp | None = None
    is_proved: bool = False
    """Work was proved; where it was not, tighter limits hold."""
    is_hasty: bool = False
    """The second page was sent before its time."""


def fresh(form_id: int, kind: int = FIRST) -> Stamp:
    """A stamp for a page that is being shown."""
    return Stamp(form_id, int(now().timestamp()), secrets.randbits(62), kind)


def challenge(stamp: Stamp) -> dict[str, Any]:
    """Work for the browser, in Altcha's format."""
    # The last sign keeps digits of the number from being moved over into the salt.
    salt = f"{stamp.name}?form={stamp.form_id}&expires={stamp.at + OLDEST_S}&"
    wanted = _digest(salt, secrets.randbelow(MOST + 1))
    return {
        "algorithm": ALGORITHM,
        "challenge": wanted,
        "maxnumber": MOST,
        "salt": salt,
        "signature": _signature(wanted),
    }


def judge(form_id: int, given: Mapping[str, str]) -> Verdict:
    """Reads only; `use` spends the stamp."""
    if given.get(TRAP, "").strip():
        return Verdict("program")
    stamp = _read(form_id, given.get("stamp", ""))
    if stamp is None:
        return Verdict("more")
    age = int(now().timestamp()) - stamp.at
    is_proved = _is_solved(stamp, given.get("altcha", ""))
    if stamp.kind == FIRST:
        is_good = is_proved and QUICKEST_S <= age <= OLDEST_S
        return Verdict("in" if is_good else "more", stamp, is_proved)
    if age > OLDEST_MORE_S:
        return Verdict("more")
    if is_proved or age >= WAIT_S:
        return Verdict("in", stamp, is_proved)
    return Verdict("more", is_hasty=True)


def use(stamp: Stamp) -> bool:
    """Spend a stamp; False when that was done already."""
    until = datetime.fromtimestamp(stamp.at, UTC) + timedelta(seconds=OLDEST_S)
    row = insert(UsedStamp).values(nonce=stamp.name, until=until)
    statement = row.on_conflict_do_nothing().returning(UsedStamp.nonce)
    return db.session.execute(statement).first() is not None


def forget_used() -> int:
    """Stamps that are too old to be used again anyway; returns how many."""
    gone = db.session.execute(sa.delete(UsedStamp).where(UsedStamp.until < now()))
    return int(gone.rowcount)  # type: ignore[attr-defined]


def _read(form_id: int, text: str) -> Stamp | None:
    try:
        numbers = tokens.read(Purpose.FORM, text)
    except BadToken:
        return None
    if len(numbers) != 4 or numbers[0] != form_id or numbers[3] not in (FIRST, MORE):
        return None
    return Stamp(*numbers)


def _is_solved(stamp: Stamp, payload: str) -> bool:
    """Whether work was done for this very stamp."""
    try:
        told = json.loads(base64.b64decode(payload[:2_000], validate=True))
        salt, number = str(told["salt"]), int(told["number"])
        wanted, signature = str(told["challenge"]), str(told["signature"])
        is_ours = told["algorithm"] == ALGORITHM
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return False
    return (
        is_ours
        and salt.isascii()
        and 0 <= number <= MOST
        and salt.startswith(f"{stamp.name}?form={stamp.form_id}&")
        and salt.endswith("&")
        and hmac.compare_digest(_signature(wanted).encode(), signature.encode())
        and hmac.compare_digest(_digest(salt, number).encode(), wanted.encode())
    )


def _digest(salt: str, number: int) -> str:
    return hashlib.sha256(f"{salt}{number}".encode()).hexdigest()


def _signature(wanted: str) -> str:
    key = tokens.derive_key(settings.get().SECRET_KEY, "form work")
    return hmac.digest(key, wanted.encode(), "sha256").hex()
