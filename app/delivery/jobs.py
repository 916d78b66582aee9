"""What workers and the tick do for campaigns."""

from __future__ import annotations

from app.core import stopping
from app.core.jobs import enqueue, is_waiting, stands_in_line, workers
from app.delivery import greeting, hosting, sending, starting, sweeping


def plan_campaign(campaign_id: int) -> None:
    """Write the recipients, wake workers, and begin: a small campaign waits for nobody else."""
    starting.plan(campaign_id)
    first, *others = sweeping.waiting_batches(campaign_id) or [0]
    _wake(others)
    if first and not stopping.asked():
        send_batch(first)


def send_batch(batch_id: int) -> None:
    """Send for some seconds; then somebody else's campaign may have its turn."""
    more = sending.send_batch(batch_id, or_another=True, is_wanted=lambda: is_waiting("work"))
    if more and not stopping.asked():
        _go_on(batch_id)


def start_due_campaigns() -> None:
    """Start what is due."""
    for campaign_id in starting.start_due():
        enqueue(plan_campaign, campaign_id, key=f"plan-{campaign_id}", on="sending")


def greet() -> None:
    """Called by the tick: people who came by a form get its welcome mail."""
    _wake(greeting.greet())


def sweep() -> None:
    """Find what was left behind."""
    _wake(sweeping.sweep())


def look_up_providers() -> int:
    """Called by the tick: whose mailboxes those are that wait for a slowed provider."""
    return hosting.look_up()


def sweep_now() -> None:
    """Have what a cancelled campaign left behind settled at once, not at the next round."""
    enqueue(sweep, key="sweep-now", on="sending")


def wake(campaign_id: int) -> None:
    """Have the batches of a campaign worked that wait."""
    _wake(sweeping.waiting_batches(campaign_id))


def _wake(batch_ids: list[int]) -> None:
    """As many jobs for each campaign as there are workers: each takes up what waits by then, and
    more would only stand before the first of somebody else's."""
    for campaign_id, batches in sweeping.by_campaign(batch_ids).items():
        names = _names()
        for batch_id in batches[: len(names) - 1]:
            _enqueue(campaign_id, batch_id, names)


def _go_on(batch_id: int) -> None:
    """Back to the end of the queue."""
    for campaign_id in sweeping.by_campaign([batch_id]):
        _enqueue(campaign_id, batch_id, _names())


def _names() -> list[int]:
    """One more than there are workers: a job that is running, or was killed a moment ago, still
    has its name and keeps nobody waiting."""
    return list(range(workers() + 1))


def _enqueue(campaign_id: int, batch_id: int, names: list[int]) -> None:
    """Under the first of these names that is free, unless a job stands in line under it already;
    names that were tried are used up."""
    while names:
        key = f"send-{campaign_id}-{names.pop(0)}"
        if enqueue(send_batch, batch_id, key=key, on="sending") or stands_in_line(key, "sending"):
            return
