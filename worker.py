"""The workers: a parent that warms up and forks, RQ workers, and the tick.

Everything periodic stands in TICK, in one table. Each step is harmless when it runs twice, so
several machines may each have a tick. SIGTERM drains within 20 seconds; whoever dies is
started again.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, NoReturn

from flask import Flask
from rq import Queue, Worker
from rq.serializers import JSONSerializer

from app.config import BadSetting, Config, load
from app.core import bounded, heartbeat, queue_server, stopping
from app.core.db import db
from app.core.jobs import QUEUES, queue
from app.factory import create_app
from app.ops.parts import ready_file
from app.ops.process import die_with

log = logging.getLogger("worker")

#: What is done again and again, and how many seconds lie between; each in a thread of its own.
TICK: tuple[tuple[str, float], ...] = (
    ("app.tracking.jobs.take_hits", 0.3),
    ("app.accounts.jobs.send_due_notices", 0.5),
    ("app.analytics.jobs.take_views", 1),
    ("app.delivery.jobs.start_due_campaigns", 1),
    ("app.tracking.jobs.take_mail", 1),
    ("app.desk.jobs.take_letters", 1),
    ("app.tracking.jobs.take_reports", 1),
    ("app.contacts.jobs.sweep", 5),
    ("app.moving.jobs.sweep", 5),
    ("app.contacts.jobs.tend_forms", 5),
    ("app.contacts.jobs.ask_again", 5),
    ("app.contacts.jobs.count_segments", 10),
    ("app.tracking.jobs.sweep_looks", 5),
    ("app.contacts.jobs.keep_ledger", 10),
    ("app.privacy.jobs.tell", 5),
    ("app.privacy.jobs.clean_up", 3600),
    ("app.preferences.jobs.mail_links", 1),
    ("app.tracking.jobs.tell_owners", 5),
    ("app.tracking.jobs.answer_questions", 5),
    ("app.tracking.jobs.read_mailboxes", 15),
    ("app.delivery.jobs.greet", 2),
    ("app.delivery.jobs.sweep", 10),
    ("app.delivery.jobs.look_up_providers", 3),
    ("app.staff.jobs.answer_people", 2),
    ("app.staff.jobs.close_looks", 10),
    ("app.staff.jobs.follow_customers", 2),
    ("app.staff.jobs.walk_customers", 10),
    ("app.accounts.jobs.check_domains", 3600),
    ("app.accounts.jobs.keep_books", 30),
    ("app.accounts.jobs.keep_secrets", 30),
    ("app.accounts.jobs.warn_of_tokens", 3600),
    ("app.contacts.jobs.clean_up", 3600),
    ("app.billing.jobs.look", 3),
    ("app.billing.jobs.tend", 20),
    ("app.trust.jobs.keep_rules", 30),
    ("app.trust.jobs.look_at_results", 60),
    ("app.trust.jobs.close_accounts", 30),
    ("app.analytics.jobs.forget_salt", 3600),
    ("app.ops.jobs.back_up", 20),
)
#: After an error a step waits this much longer, so that a broken part does not fill the log.
AFTER_ERROR_S = 5.0
DRAIN_S = 9.0
LONGEST_PAUSE_S = 30.0
#: How much workers stand back behind the web server and the tick.
NICE = 15
#: Until all threads of the tick are there; where they are not, it ends and is started again.
START_S = 20.0


class BatchWorker(Worker):
    """An RQ worker whose jobs run inside the application."""

    app: Flask

    def perform_job(self, *args: Any, **options: Any) -> bool:
        with self.app.app_context():
            # The parent's connections belong to the parent.
            db.engine.dispose(close=False)
            try:
                return super().perform_job(*args, **options)
            finally:
                db.session.remove()

    def setup_work_horse_signals(self) -> None:
        """SIGTERM lets the job end at its next pause instead of cutting it off."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda _signal, _frame: stopping.ask())

    def handle_warm_shutdown_request(self) -> None:
        """Tell the job at hand that we would like to leave."""
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]
        if self.horse_pid:
            self.kill_horse(signal.SIGTERM)


def queues_for(number: int, workers: int) -> Sequence[str]:
    """Each looks at system mail first; the last of several prefers imports, so that a campaign
    never keeps somebody waiting for theirs."""
    system, sending, work = QUEUES
    if workers > 1 and number == workers - 1:
        return system, work, sending
    return system, sending, work


def run_worker(app: Flask, number: int, workers: int) -> None:
    """Work until SIGTERM."""
    connection = queue_server.patient_client()
    queues: list[Queue] = [queue(name, connection) for name in queues_for(number, workers)]
    BatchWorker.app = app
    worker = BatchWorker(
        queues,
        connection=connection,
        serializer=JSONSerializer,
        worker_ttl=30,
        job_monitoring_interval=5,
        maintenance_interval=15,
        log_job_description=False,
    )
    worker.work(logging_level="WARNING")


def run_tick(app: Flask) -> None:
    """Do everything in TICK until SIGTERM."""
    over = threading.Event()
    for sig in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sig, lambda _signal, _frame: over.set())
    threads = [
        threading.Thread(target=repeat, args=(app, name, every_s, over), name=name, daemon=True)
        for name, every_s in (*TICK, ("app.core.heartbeat.beat", heartbeat.EVERY_S))
    ]
    with bounded.at_most(START_S):
        for thread in threads:
            thread.start()
    while not over.wait(1.0):
        pass
    end = time.monotonic() + DRAIN_S
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))


def repeat(app: Flask, name: str, every_s: float, over: threading.Event) -> None:
    """One step, again and again. An error is logged, and the step tried again later."""
    try:
        step = find(name)
    except (ImportError, AttributeError):
        log.exception("%s cannot be found", name)
        return
    while not over.is_set():
        wait_s = every_s
        try:
            with app.app_context():
                step()
        except Exception:  # whatever it is, the other campaigns' mail must go on
            log.exception("%s failed; it is tried again", name)
            wait_s += AFTER_ERROR_S
        over.wait(wait_s)


def find(name: str) -> Callable[[], object]:
    """A function by its dotted name. Raises ImportError, AttributeError."""
    module, _, function = name.rpartition(".")
    found: Callable[[], object] = getattr(importlib.import_module(module), function)
    return found


class Crew:
    """The parent: forks the workers and the tick, and forks again whoever died."""

    def __init__(self, app: Flask, workers: int) -> None:
        self.app = app
        self.roles = [*range(workers), None]
        self.workers = workers
        self.pids: dict[int, int | None] = {}
        self.waiting: list[tuple[float, int | None]] = []
        self.pause_s = 0.2
        self.over = False

    def work(self) -> None:
        """Until SIGTERM or SIGINT; then drain."""
        for sig in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sig, self._ask_to_stop)
        # What was imported is shared with the children as long as nobody writes to it.
        gc.collect()
        gc.freeze()
        # Mails and rows hold no cycles; looking for some after every 700 took 5 % of sending.
        gc.set_threshold(100_000, 20, 100)
        for role in self.roles:
            self._fork(role)
        while not self.over:
            self._reap()
            self._fork_again()
            time.sleep(0.1)
        self._drain()

    def _ask_to_stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.over = True

    def _fork(self, role: int | None) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._live(role, parent)
        self.pids[pid] = role

    def _live(self, role: int | None, parent: int) -> NoReturn:
        code = 1
        try:
            for sig in (signal.SIGINT, signal.SIGTERM):
                signal.signal(sig, signal.SIG_DFL)
            die_with(parent)
            with self.app.app_context():
                db.engine.dispose(close=False)
            if role is None:
                run_tick(self.app)
            else:
                # Whoever looks at a page is served first.
                os.nice(NICE)
                run_worker(self.app, role, self.workers)
            code = 0
        except BaseException:
            log.exception("worker ends")
        finally:
            logging.shutdown()
            os._exit(code)

    def _reap(self) -> None:
        while self.pids:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                self.pause_s = max(0.2, self.pause_s * 0.999)
                return
            role = self.pids.pop(pid, None)
            name = "tick" if role is None else f"worker {role}"
            log.warning("%s ended; started again in %.1f s", name, self.pause_s)
            self.waiting.append((time.monotonic() + self.pause_s, role))
            self.pause_s = min(self.pause_s * 2, LONGEST_PAUSE_S)

    def _fork_again(self) -> None:
        due = [role for at, role in self.waiting if at <= time.monotonic()]
        self.waiting = [(at, role) for at, role in self.waiting if at > time.monotonic()]
        for role in due:
            self._fork(role)

    def _drain(self) -> None:
        self._tell_all_and_wait(DRAIN_S)
        # A second SIGTERM takes an RQ worker down together with the job that would not end.
        self._tell_all_and_wait(1.0)

    def _tell_all_and_wait(self, seconds: float) -> None:
        for pid in self.pids:
            os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + seconds
        while self.pids and time.monotonic() < end:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            self.pids.pop(pid, None)
            time.sleep(0.02)


def main() -> int:
    """Exit code 1 with the reason where the settings cannot work."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    try:
        config: Config = load()
    except BadSetting as error:
        sys.stderr.write(f"{error}\n")
        return 1
    app = create_app(config)
    for name, _ in TICK:
        # Imported once here, shared by everyone who is forked; the tick says what is missing.
        with contextlib.suppress(ImportError, AttributeError):
            find(name)
    ready = ready_file(config.LEADERSEND_HOME)
    ready.touch()
    Crew(app, config.WORKERS).work()
    ready.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
