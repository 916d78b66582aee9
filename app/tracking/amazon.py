"""What Amazon SNS wants besides: its certificate is fetched, its question answered.

Both lead to addresses that a report names, so they are judged first (`mailer.providers.ses`) and
reached only by `core.outside`.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.accounts.models import ReportHook
from app.core import outside
from app.core.clock import now
from app.core.db import db, transaction
from app.mailer.providers import ses
from app.mailer.providers.common import Refused, Unavailable
from app.tracking.models import ProviderReport

log = logging.getLogger(__name__)

#: A question is asked for so long; Amazon's tokens are good for three days.
QUESTION_WAIT = timedelta(minutes=1)
QUESTION_ENDS = timedelta(days=3)


class Certificates:
    """Amazon's certificates, each fetched once in a process. One at a time is asked for.

    Only good ones are kept: one that was cut off on its way would refuse all reports until the
    next start. And one that cannot be had, which may be anybody's invention, keeps nobody from
    another.
    """

    KEPT = 20
    AFTER_PROBLEM_S = 20.0
    MOST_PROBLEMS = 1000
    LARGEST = 64_000

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._rest_until: dict[str, float] = {}

    def get(self, url: str) -> bytes:
        """The file at an address that was judged before. Raises Unavailable."""
        if url in self._known:
            return self._known[url]
        is_resting = time.monotonic() < self._rest_until.get(url, 0.0)
        if is_resting or not self._lock.acquire(blocking=False):
            raise Unavailable
        try:
            found = outside.get(url, largest=self.LARGEST)
            self._keep(url, found)
        except outside.CannotFetch as error:
            log.warning("a certificate of Amazon's cannot be had: %s", error)
            self._rest(url)
            raise Unavailable from None
        finally:
            self._lock.release()
        return found

    def _keep(self, url: str, found: bytes) -> None:
        try:
            ses.certificate(found, now())
        except Refused:
            return
        if len(self._known) >= self.KEPT:
            self._known.clear()
        self._known[url] = found

    def _rest(self, url: str) -> None:
        if len(self._rest_until) >= self.MOST_PROBLEMS:
            self._rest_until.clear()
        self._rest_until[url] = time.monotonic() + self.AFTER_PROBLEM_S

    def forget(self) -> None:
        """As in a new process."""
        self._known.clear()
        self._rest_until.clear()


certificates = Certificates()


def answer_questions() -> int:
    """Confirm subscriptions of SNS that wait for it; returns how many were confirmed."""
    due = db.session.scalars(
        sa.select(ProviderReport.id)
        .where(ProviderReport.due_at <= now(), ProviderReport.is_question.is_(True))
        .order_by(ProviderReport.due_at)
        .limit(10)
    ).all()
    db.session.rollback()
    return sum(_answer(number) for number in due)


def _answer(number: int) -> bool:
    report = _claim(number)
    if report is None:
        return False
    problem, is_last = "", report.at < now() - QUESTION_ENDS
    try:
        # Whatever it answers but 200 is a problem; what it says does not matter.
        outside.get(ses.question(report.body))
    except outside.CannotFetch as error:
        then = "Let Amazon SNS ask again." if is_last else "It is tried again."
        problem = f"The subscription could not be confirmed: {error} {then}"
    with transaction():
        if is_last or not problem:
            db.session.execute(sa.delete(ProviderReport).where(ProviderReport.id == number))
        confirmed: datetime | None = None if problem else now()
        db.session.execute(
            sa.update(ReportHook)
            .where(ReportHook.id == report.hook_id)
            .values(confirmed_at=confirmed, problem=problem[:200])
            .execution_options(synchronize_session=False)
        )
    return not problem


def _claim(number: int) -> ProviderReport | None:
    """Nobody else asks for a while, longer after each try."""
    with transaction():
        moment = now()
        claimed = db.session.execute(
            sa.update(ProviderReport)
            .where(ProviderReport.id == number, ProviderReport.due_at <= moment)
            .values(tries=ProviderReport.tries + 1, due_at=moment + QUESTION_WAIT)
            .returning(ProviderReport.id)
            .execution_options(synchronize_session=False)
        ).first()
        if claimed is None:
            return None
        report = db.session.get_one(ProviderReport, number, populate_existing=True)
        report.due_at = moment + QUESTION_WAIT * min(report.tries, 60)
        return report
