"""What workers and the tick do for campaigns."""

from __future__ import annotations

from collections.abc import Sequence

from app.core import stopping
from app.core.jobs import enqueue, is_waiting
from app.delivery import hosting, sending, starting, sweeping


def plan_campaign(campaign_id: int) -> None:
    """Write the recipients, wake workers, and begin: a small campaign waits for nobody else."""
    starting.plan(campaign_id)
    first, *others = sweeping.waiting_batches(campaign_id) or [0]
    wake(others)
    if first and not stopping.asked():
        send_batch(first)


def send_batch(batch_id: int) -> None:
    """Send for some seconds; then somebody else's campaign may have its turn."""
    more = sending.send_batch(batch_id, is_wanted=lambda: is_waiting("work"))
    if more and not stopping.asked():
        wake(sweeping.waiting_like(batch_id)[:1])


def start_due_campaigns() -> None:
    """Start what is due."""
    for campaign_id in starting.start_due():
        enqueue(plan_campaign, campaign_id, key=f"plan-{campaign_id}", on="sending")


def sweep() -> None:
    """Find what was left behind."""
    wake(sweeping.sweep())


def look_up_providers() -> int:
    """Called by the tick: whose mailboxes those are that wait for a slowed provider."""
    return hosting.look_up()


def sweep_now() -> None:
    """Have what a cancelled campaign left behind settled at once, not at the next round."""
    enqueue(sweep, key="sweep-now", on="sending")


def wake(batch_ids: Sequence[int]) -> None:
    """Have workers take these batches.

    The name of a job counts the runs of its batch: one that is still there under the name of an
    earlier run, finished or killed, keeps nobody waiting.
    """
    for batch_id, runs in sweeping.runs_of(batch_ids):
        enqueue(send_batch, batch_id, key=f"batch-{batch_id}-{runs}", on="sending")
