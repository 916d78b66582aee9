"""Is it alive, is it ready, and how much is it doing: for supervisors and monitoring."""

from __future__ import annotations

import ipaddress
import shutil
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import Blueprint, Response, jsonify, request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from rq import Queue, Worker
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer

from app.accounts.models import Notice
from app.api import keys
from app.auth.current import public
from app.campaigns.models import Campaign
from app.contacts.models import Import
from app.core import heartbeat, settings
from app.core.clock import now
from app.core.db import db
from app.core.queue_server import AWAY, client
from app.delivery.models import Tally

bp = Blueprint("health", __name__)

#: An idle worker shows itself every 15 seconds, a busy one every 5.
FRESH = timedelta(seconds=60)
#: As in core.jobs, which only the edges that enqueue may know; a test compares the two.
QUEUES = ("system", "sending", "work")
#: Due work that nobody has begun after this long means that nobody is working.
LATE_S = 120.0
LEAST_FREE_BYTES = 200_000_000


@bp.get("/healthz")
@public
def healthz() -> Response:
    """Answers as soon as the process serves."""
    return jsonify(status="ok")


@bp.get("/readyz")
@public
def readyz() -> Response:
    """200 when everything that is needed works; 503 with what is wrong."""
    wrong = {name: words for name, check in CHECKS.items() if (words := check())}
    checks = {name: wrong.get(name, "ok") for name in CHECKS}
    response = jsonify(status="not ready" if wrong else "ready", checks=checks)
    response.status_code = 503 if wrong else 200
    return response


@bp.get("/metrics")
@public
def metrics() -> Response:
    """In the Prometheus text format; for this machine, or a token with metrics:read."""
    if not _from_this_machine():
        keys.sign_in("metrics:read")
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Numbers())
    return Response(generate_latest(registry), content_type="text/plain; version=0.0.4")


def _from_this_machine() -> bool:
    """Whether somebody on this machine asks, not a proxy on this machine for somebody else."""
    headers = request.headers
    if "X-Forwarded-For" in headers or "Forwarded" in headers or "Via" in headers:
        return False
    host = urlsplit(f"//{request.host}").hostname or ""
    if host not in ("localhost", "127.0.0.1", "::1"):
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def _database() -> str:
    try:
        db.session.execute(sa.select(1))
    except sa.exc.SQLAlchemyError as error:
        db.session.rollback()
        return f"does not answer ({type(error).__name__})"
    return ""


def _redis() -> str:
    try:
        client().ping()
    except AWAY as error:
        return f"does not answer ({type(error).__name__})"
    return ""


def _workers() -> str:
    try:
        alive, tick = workers_alive(), heartbeat.age_s()
    except AWAY:
        return "unknown: the queue server is away"
    if not alive:
        return "no worker has shown itself lately"
    if tick is None or tick > heartbeat.FRESH_S:
        return "nobody does the timed work: no tick has shown itself lately"
    return ""


def _queue_age() -> str:
    try:
        age = age_of_due_work()
    except AWAY:
        return "unknown: the queue server is away"
    except sa.exc.SQLAlchemyError:
        db.session.rollback()
        return "unknown: the database is away"
    return f"work has been due for {age:.0f} seconds and nobody has begun" if age > LATE_S else ""


def _disk() -> str:
    free = shutil.disk_usage(settings.get().LEADERSEND_HOME).free
    return "" if free >= LEAST_FREE_BYTES else f"only {free // 1_000_000} MB are free"


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "redis": _redis,
    "workers": _workers,
    "queue": _queue_age,
    "disk": _disk,
}


def workers_alive() -> int:
    """Workers that have shown themselves lately."""
    found = Worker.all(connection=client(), serializer=JSONSerializer)
    oldest = now() - FRESH
    return sum(1 for one in found if one.last_heartbeat and _aware(one.last_heartbeat) > oldest)


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def age_of_due_work() -> float:
    """Seconds that the oldest thing has been due which a living system begins at once.

    Long campaigns keep jobs waiting for hours and mean nothing bad; so what counts is system
    mail, campaigns whose time has come, and the head of the system queue.
    """
    moment = now()
    due: list[datetime | None] = [
        db.session.scalar(sa.select(sa.func.min(Notice.due_at)).where(Notice.state == "pending")),
        db.session.scalar(
            sa.select(sa.func.min(Campaign.due_at)).where(Campaign.state.in_(("scheduled", "held")))
        ),
        head_of("system"),
    ]
    return max(0.0, *((moment - at).total_seconds() for at in due if at), 0.0)


def head_of(name: str) -> datetime | None:
    """When the next job of a queue was put there."""
    ids = _queue(name).get_job_ids(0, 1)
    if not ids:
        return None
    try:
        job = Job.fetch(ids[0], connection=client(), serializer=JSONSerializer)
    except NoSuchJobError:
        return None
    return job.enqueued_at


def _queue(name: str) -> Queue:
    return Queue(name, connection=client(), serializer=JSONSerializer)


class Numbers(Collector):
    """Read when asked: the web runs in several processes, so nothing is counted in one."""

    def collect(self) -> Iterable[Metric]:
        """Every number; what cannot be reached is left out, and `leadersend_up` says so."""
        yield self._up()
        yield from self._from_database()
        yield from self._from_queue()
        free = GaugeMetricFamily("leadersend_disk_free_bytes", "Free space of the data folder")
        free.add_metric([], shutil.disk_usage(settings.get().LEADERSEND_HOME).free)
        yield free

    def _up(self) -> Metric:
        up = GaugeMetricFamily(
            "leadersend_up", "1 where a check of /readyz holds", labels=["check"]
        )
        for name, check in CHECKS.items():
            up.add_metric([name], 0 if check() else 1)
        return up

    def _from_database(self) -> Iterable[Metric]:
        counted = (
            ("leadersend_deliveries", "Deliveries by state", Tally.state, sa.func.sum(Tally.n)),
            ("leadersend_campaigns", "Campaigns by state", Campaign.state, sa.func.count()),
            ("leadersend_imports", "Imports by state", Import.state, sa.func.count()),
            ("leadersend_notices", "System mails by state", Notice.state, sa.func.count()),
        )
        for name, text, label, number in counted:
            family = GaugeMetricFamily(name, text, labels=["state"])
            try:
                rows = db.session.execute(sa.select(label, number).group_by(label)).all()
            except sa.exc.SQLAlchemyError:
                db.session.rollback()
                return
            for state, n in rows:
                family.add_metric([state], int(n))
            yield family

    def _from_queue(self) -> Iterable[Metric]:
        jobs = GaugeMetricFamily("leadersend_jobs", "Jobs waiting", labels=["queue"])
        workers = GaugeMetricFamily(
            "leadersend_workers", "Workers that have shown themselves lately"
        )
        late = GaugeMetricFamily("leadersend_due_seconds", "Age of the oldest due work")
        try:
            for name in QUEUES:
                jobs.add_metric([name], _queue(name).count)
            workers.add_metric([], workers_alive())
            late.add_metric([], age_of_due_work())
        except (*AWAY, sa.exc.SQLAlchemyError):
            return
        yield jobs
        yield workers
        yield late
