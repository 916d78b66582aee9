"""Jobs that were queued by the version before must still be found and still fit."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import worker
from app.config import CHECKOUT

#: Every job with its parameters, as they wait in queues or stand in the tick. A new parameter
#: comes last and has a default; a name that goes stays for one version as a forwarder.
JOBS = {
    "app.accounts.jobs.check_domains": [],
    "app.accounts.jobs.keep_books": [],
    "app.accounts.jobs.keep_secrets": [],
    "app.accounts.jobs.warn_of_tokens": [],
    "app.accounts.jobs.send_due_notices": [],
    "app.billing.jobs.look": [],
    "app.billing.jobs.tend": [],
    "app.analytics.jobs.forget_salt": [],
    "app.analytics.jobs.take_views": [],
    "app.campaigns.jobs.count_people": ["campaign_id"],
    "app.contacts.jobs.ask_again": [],
    "app.contacts.jobs.clean_up": [],
    "app.contacts.jobs.count_segment": ["count_id"],
    "app.contacts.jobs.count_segments": [],
    "app.contacts.jobs.run_bulk": ["action_id"],
    "app.contacts.jobs.check_import": ["import_id"],
    "app.contacts.jobs.read_import": ["import_id"],
    "app.contacts.jobs.run_import": ["import_id"],
    "app.contacts.jobs.run_undo": ["import_id"],
    "app.contacts.jobs.sweep": [],
    "app.contacts.jobs.tend_forms": [],
    "app.delivery.jobs.greet": [],
    "app.contacts.jobs.keep_ledger": [],
    "app.delivery.jobs.look_up_providers": [],
    "app.desk.jobs.take_letters": [],
    "app.delivery.jobs.plan_campaign": ["campaign_id"],
    "app.delivery.jobs.send_batch": ["batch_id"],
    "app.delivery.jobs.start_due_campaigns": [],
    "app.delivery.jobs.sweep": [],
    "app.preferences.jobs.mail_links": [],
    "app.privacy.jobs.clean_up": [],
    "app.privacy.jobs.tell": [],
    "app.ops.jobs.back_up": [],
    "app.moving.jobs.read_takein": ["takein_id"],
    "app.moving.jobs.sweep": [],
    "app.moving.jobs.write_takeout": ["takeout_id"],
    "app.staff.jobs.answer_people": [],
    "app.staff.jobs.close_looks": [],
    "app.staff.jobs.follow_customers": [],
    "app.staff.jobs.walk_customers": [],
    "app.tracking.jobs.answer_questions": [],
    "app.tracking.jobs.look_through": ["account_id"],
    "app.tracking.jobs.sweep_looks": [],
    "app.tracking.jobs.take_hits": [],
    "app.tracking.jobs.read_mailboxes": [],
    "app.tracking.jobs.take_mail": [],
    "app.tracking.jobs.take_reports": [],
    "app.tracking.jobs.tell_owners": [],
    "app.trust.jobs.close_accounts": [],
    "app.trust.jobs.keep_rules": [],
    "app.trust.jobs.look_at_results": [],
}
#: Lies beside jobs and is none: called by edges, never queued.
HELPERS = {
    "app.campaigns.jobs.wake_count",
    "app.contacts.jobs.wake",
    "app.contacts.jobs.wake_bulk",
    "app.contacts.jobs.wake_count",
    "app.contacts.jobs.wake_undo",
    "app.delivery.jobs.sweep_now",
    "app.delivery.jobs.wake",
    "app.moving.jobs.wake_in",
    "app.moving.jobs.wake_out",
    "app.tracking.jobs.wake_look",
}


def found() -> Iterator[tuple[str, Callable[..., Any]]]:
    for path in sorted((CHECKOUT / "app").glob("*/jobs.py")):
        if path.parent.name == "core":
            continue
        module = importlib.import_module(f"app.{path.parent.name}.jobs")
        for name, function in vars(module).items():
            is_own = inspect.isfunction(function) and function.__module__ == module.__name__
            if is_own and not name.startswith("_"):
                yield f"{module.__name__}.{name}", function


def test_the_jobs_are_those_that_are_listed() -> None:
    jobs = {
        name: list(inspect.signature(function).parameters)
        for name, function in found()
        if name not in HELPERS
    }

    assert jobs == JOBS


def test_jobs_carry_ids_only() -> None:
    for name, function in found():
        if name in HELPERS:
            continue
        for parameter in inspect.signature(function).parameters.values():
            assert str(parameter.annotation) in ("int", "int | None"), name


def test_the_tick_names_jobs_that_exist() -> None:
    for name, every_s in worker.TICK:
        assert callable(worker.find(name)), name
        assert JOBS[name] == []
        assert every_s > 0


def test_every_job_without_parameters_is_in_the_tick() -> None:
    assert {name for name, parameters in JOBS.items() if not parameters} == {
        name for name, _ in worker.TICK
    }
