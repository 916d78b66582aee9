"""Abuse: what people report, and what the numbers of an account say."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from app.accounts import auditing, notices
from app.accounts.models import Account, Member
from app.campaigns.models import Campaign
from app.core import settings
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid, NotFound, WrongState
from app.core.tokens import BadToken, Purpose
from app.delivery import braking
from app.delivery.braking import Standing
from app.mailer import address as addresses
from app.tracking import leaving
from app.tracking.leaving import Visit
from app.trust.models import AbuseReport

KINDS = {
    "spam": "I never asked for this mail",
    "phishing": "It asks for passwords or bank data in somebody else's name",
    "fraud": "It sells or promises something that is not true",
    "illegal": "What it shows or offers is against the law",
    "other": "Something else",
}
OUTCOMES = {
    "acted": "We acted on it",
    "nothing": "Nothing was against the rules",
    "elsewhere": "It did not come from here",
}
#: Without letters and digits that look alike.
LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
AT_MOST = 50
#: So many reports a day are confirmed to one address: nobody's mailbox is flooded by strangers.
CONFIRMED_A_DAY = 3


def mail_of(token: str) -> Visit | None:
    """The mail that a reporter came from; None where the link is not whole or the mail is gone."""
    for purpose in (Purpose.PREFERENCES, Purpose.UNSUBSCRIBE, Purpose.BROWSER):
        try:
            return leaving.visit(purpose, token)
        except (BadToken, NotFound):
            continue
    return None


def report(*, kind: str, text: str, email: str = "", url: str = "", token: str = "") -> AbuseReport:
    """Keep a report and send its number to the reporter. Raises Invalid."""
    if kind not in KINDS:
        raise Invalid("Choose what it is about.", {"kind": ["Choose what it is about."]})
    text, email = text.strip(), email.strip()
    if not text:
        raise Invalid("Say what happened.", {"text": ["Say in a sentence what happened."]})
    if email:
        try:
            email = addresses.parse(email).email
        except addresses.BadAddress as error:
            raise Invalid(str(error), {"email": [str(error)]}) from None
    guest = mail_of(token) if token else None
    row = AbuseReport(
        reference=_reference(), kind=kind, text=text[:10_000], url=url.strip()[:2_000],
        email=email, account_id=guest.account.id if guest else None,
        campaign_id=guest.campaign.id if guest else None,
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    _confirm(row)
    return row


def _reference() -> str:
    letters = "".join(secrets.choice(LETTERS) for _ in range(8))
    return f"A-{letters[:4]}-{letters[4:]}"


def _confirm(row: AbuseReport) -> None:
    operator = settings.get()
    if row.email and _from(row.email) <= CONFIRMED_A_DAY:
        _write(row, f"We have your report {row.reference}", [
            f"Thank you. {operator.OPERATOR_NAME} reads it and writes to you what came of it.",
            f"It has the number {row.reference}.",
        ])  # fmt: skip
    notices.queue(
        "standing", operator.OPERATOR_EMAIL, person="",
        title=f"Abuse report {row.reference}",
        lines=["Somebody reported abuse. It waits at the abuse desk."],
        url=f"{operator.BASE_URL}/staff/abuse", label="Read it",
    )  # fmt: skip


def _from(email: str) -> int:
    """How many reports of today name that address."""
    return db.session.scalar(
        sa.select(sa.func.count()).where(
            sa.func.lower(AbuseReport.email) == email.lower(),
            AbuseReport.at > now() - timedelta(days=1),
        )
    ) or 0  # fmt: skip


def _write(row: AbuseReport, title: str, lines: list[str]) -> None:
    notices.queue(
        "standing", row.email, person="", title=title, lines=lines, url="", label=""
    )  # fmt: skip


def open_reports(limit: int = AT_MOST) -> Sequence[AbuseReport]:
    """Of all accounts, oldest first."""
    return db.session.scalars(
        sa.select(AbuseReport)
        .where(AbuseReport.answered_at.is_(None))
        .order_by(AbuseReport.id)
        .limit(limit)
    ).all()


def reports_of(account: Account, limit: int = AT_MOST) -> Sequence[AbuseReport]:
    """Newest first."""
    return db.session.scalars(
        sa.select(AbuseReport)
        .where(AbuseReport.account_id == account.id)
        .order_by(AbuseReport.id.desc())
        .limit(limit)
    ).all()


def find(report_id: int) -> AbuseReport:
    """Raises NotFound."""
    found = db.session.get(AbuseReport, report_id)
    if found is None:
        raise NotFound("That report")
    return found


def answer(row: AbuseReport, by: Member, *, outcome: str, text: str) -> None:
    """Close a report; the reporter gets the answer. Raises Invalid, WrongState."""
    if outcome not in OUTCOMES:
        raise Invalid("Choose what came of it.", {"outcome": ["Choose what came of it."]})
    text = text.strip()[:5_000]
    done = db.session.execute(
        sa.update(AbuseReport)
        .where(AbuseReport.id == row.id, AbuseReport.answered_at.is_(None))
        .values(outcome=outcome, answer=text, answered_at=now(), answered_by_id=by.id)
        .returning(AbuseReport.id)
        .execution_options(synchronize_session=False)
    ).scalar()
    if done is None:
        raise WrongState("That report has been answered already.")
    account = db.session.get(Account, row.account_id) if row.account_id else None
    auditing.note(account, by, "abuse.answer", f"report {row.id}: {outcome}")
    if row.email:
        _write(row, f"About your report {row.reference}",
               [f"{OUTCOMES[outcome]}.", *([text] if text else []),
                "What we did in particular stays between us and the sender."])  # fmt: skip


@dataclass(frozen=True)
class Shown:
    """A campaign and what came of it, without anybody's address."""

    campaign: Campaign
    standing: Standing


def campaigns_of(account: Account, limit: int = 10) -> list[Shown]:
    """The newest that went out, with complaints and bounces."""
    campaigns = db.session.scalars(
        sa.select(Campaign)
        .where(
            Campaign.account_id == account.id, Campaign.started_at.is_not(None),
            Campaign.is_sample.is_(False), Campaign.is_archive.is_(False),
        )
        .order_by(Campaign.id.desc())
        .limit(limit)
    ).all()  # fmt: skip
    return [Shown(campaign, braking.standing(campaign.id)) for campaign in campaigns]
