"""Reports of mail providers: proven, kept, then worked like everything that comes back.

A report is a row before its provider hears 200. The tick works rows in short transactions that
also note how far they got, so that each piece of news counts once whatever dies. Which mail it is
about stands, signed, in what our mails carry; whatever else a report names changes nothing.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.accounts import report_hooks
from app.accounts.models import ReportHook
from app.core.clock import now
from app.core.db import db, insert, transaction
from app.core.errors import NotFound
from app.core.tokens import hashed
from app.delivery.models import Event
from app.mailer.providers import PROVIDERS, ses
from app.mailer.providers.common import Posted, Refused, Told
from app.tracking import amazon, marking, returns
from app.tracking.models import Intake, ProviderReport

log = logging.getLogger(__name__)

#: Somebody waits for the answer, and comes again when it is none.
PATIENCE_S = 5.0
#: Pieces of news worked in one transaction, and reports that they may come from.
AT_ONCE = 100
REPORTS_AT_ONCE = 50
#: One call ends after this, so that other work of the tick has its turn.
LONGEST_S = 10.0
#: Row of the intake whose lock lets one work at a time.
MARK = "reports"
#: What cannot be worked is tried again so often, an hour later each time.
MOST_TRIES = 5
LATER = timedelta(hours=1)


def receive(hook: ReportHook, posted: Posted) -> bool:
    """Keep a report until the tick works it; False where it had come before.

    Raises Refused for what is not its provider's, and counts it; Unavailable and
    sealing.Unreadable where that cannot be told just now.
    """
    hook_id, is_ses = hook.id, hook.provider == "ses"
    provider, key = PROVIDERS[hook.provider], report_hooks.key_of(hook)
    db.session.rollback()  # no transaction is open while we wait for a network
    try:
        if not key:
            raise Refused("Its key is not entered here yet.")
        name = provider.check(posted, key, at=now(), fetch=amazon.certificates.get)
        provider.read(posted.body)
        is_question = is_ses and bool(ses.question(posted.body))
    except Refused as error:
        refuse(hook_id, str(error))
        raise
    return _keep(hook_id, name, posted.body, is_question=is_question)


def refuse(hook_id: int, words: str) -> None:
    """Count a report that was not taken, so that its owner sees why."""
    with transaction(patience_s=PATIENCE_S):
        _change(hook_id, refused=ReportHook.refused + 1, refused_at=now(), refusal=words[:200])


def _keep(hook_id: int, name: str, body: bytes, *, is_question: bool) -> bool:
    try:
        with transaction(patience_s=PATIENCE_S):
            if not marking.is_first(f"post {hashed(f'{hook_id} {name}')}"):
                return False
            db.session.add(ProviderReport(hook_id=hook_id, body=body, is_question=is_question))
    except sa.exc.IntegrityError:
        raise NotFound("This address for reports") from None  # removed in this very moment
    return True


@dataclass
class Sums:
    """What a transaction adds to the numbers of an address."""

    taken: int = 0
    others: int = 0
    refused: int = 0
    last_at: datetime | None = None
    has_ended: bool = False

    def add(self, other: Sums) -> None:
        """What another report brought."""
        self.taken += other.taken
        self.others += other.others
        self.refused += other.refused
        self.last_at = other.last_at or self.last_at
        self.has_ended |= other.has_ended

    def values(self) -> dict[str, object]:
        """The columns that change."""
        found: dict[str, object] = {
            "taken": ReportHook.taken + self.taken, "others": ReportHook.others + self.others,
        }  # fmt: skip
        if self.last_at:
            found["last_at"] = self.last_at
        if self.refused:
            words = "It could not be worked. The operator's log says why."
            found |= {"refused": ReportHook.refused + self.refused, "refused_at": now(),
                      "refusal": words}  # fmt: skip
        if self.has_ended:
            words = "Amazon says that the subscription was ended. Subscribe this address again."
            found |= {"confirmed_at": None, "problem": words}
        return found


def take_reports() -> int:
    """Work what has come in; returns how many pieces of news. Several at once do no harm."""
    done, end = 0, time.monotonic() + LONGEST_S
    while time.monotonic() < end and _is_any_due():
        with transaction(patience_s=PATIENCE_S, bulk=True):
            reports = _due() if _is_our_turn() else []
            done += _work(reports)
        if not reports:
            break
    return done


def _is_our_turn() -> bool:
    """One works at a time, until its transaction ends: two would wait for each other's people."""
    db.session.execute(
        insert(Intake).values(name=MARK, cursor="", at=now()).on_conflict_do_nothing()
    )
    mine = sa.select(Intake.name).where(Intake.name == MARK).with_for_update(skip_locked=True)
    return db.session.scalar(mine) is not None


def _is_any_due() -> bool:
    """Looks without a lock: nearly always there is nothing."""
    found = db.session.scalar(sa.select(sa.exists().where(*_is_due())))
    db.session.rollback()
    return bool(found)


def _due() -> Sequence[ProviderReport]:
    return db.session.scalars(
        sa.select(ProviderReport)
        .where(*_is_due())
        .order_by(ProviderReport.due_at, ProviderReport.id)
        .limit(REPORTS_AT_ONCE)
        .execution_options(populate_existing=True)
    ).all()


def _is_due() -> tuple[sa.ColumnElement[bool], ...]:
    return ProviderReport.due_at <= now(), ProviderReport.is_question.is_(False)


def _work(reports: Sequence[ProviderReport]) -> int:
    """Counters are written once, at the end and in a fixed order, so that two never deadlock."""
    sums: defaultdict[int, Sums] = defaultdict(Sums)
    events: list[Event] = []
    left = AT_ONCE
    for report in reports:
        if left > 0:
            hook_id = report.hook_id
            found, n = _work_safely(report, left, events)
            sums[hook_id].add(found)
            left -= n
    returns.finish(events)
    for hook_id in sorted(sums):
        _change(hook_id, **sums[hook_id].values())
    return AT_ONCE - left


def _work_safely(report: ProviderReport, most: int, events: list[Event]) -> tuple[Sums, int]:
    """In a transaction inside the others': one that breaks us does not hold up the rest."""
    number, new = report.id, list[Event]()
    try:
        with db.session.begin_nested():
            found = _work_alone(report, most, new)
    except sa.exc.OperationalError:
        raise
    except Exception:
        log.exception("report %d cannot be worked", number)
        return _put_off(number), 1
    events += new
    return found, max(1, found.taken + found.others)


def _put_off(number: int) -> Sums:
    report = db.session.get_one(ProviderReport, number, populate_existing=True)
    report.tries += 1
    report.due_at = now() + LATER * report.tries
    is_over = report.tries >= MOST_TRIES
    if is_over:
        db.session.delete(report)
    db.session.flush()
    return Sums(refused=int(is_over))


def _work_alone(report: ProviderReport, most: int, events: list[Event]) -> Sums:
    """Work up to `most` pieces of news; with the last one the report is gone."""
    hook = db.session.get_one(ReportHook, report.hook_id)
    news = PROVIDERS[hook.provider].read(report.body)
    part = news[report.done : report.done + most]
    ours = _act(hook, part, events)
    report.done += len(part)
    if report.done >= len(news):
        db.session.delete(report)
    db.session.flush()
    has_ended = hook.provider == "ses" and not news and ses.is_end(report.body)
    return Sums(ours, len(part) - ours, last_at=report.at, has_ended=has_ended)


def _act(hook: ReportHook, part: Sequence[Told], events: list[Event]) -> int:
    """Act on pieces of news; returns how many were about mails of ours."""
    numbers = [returns.marked_delivery(one.token, one.marks) for one in part]
    known = returns.deliveries({number for number in numbers if number}, hook.account_id)
    ours = 0
    for one, number in zip(part, numbers, strict=True):
        if (delivery := known.get(number or 0)) is not None:
            ours += 1
            returns.hear(delivery, one, f"hook {hook.id} {one.name}", events)
    return ours


def _change(hook_id: int, **values: object) -> None:
    db.session.execute(
        sa.update(ReportHook)
        .where(ReportHook.id == hook_id)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
