"""What one can do while it is on its way."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response
from flask.typing import ResponseReturnValue

from app.accounts import auditing
from app.auth.current import current_account, current_member, needs
from app.campaigns import scheduling
from app.campaigns.models import Campaign
from app.campaigns.routes.blueprint import bp
from app.campaigns.routes.stops import campaign_of
from app.core.db import transaction
from app.core.fragments import see_other
from app.delivery import jobs as delivery_jobs
from app.delivery import steering


@bp.post("/<int:campaign_id>/take-back")
@needs("campaigns.send")
def take_back(campaign_id: int) -> ResponseReturnValue:
    campaign = campaign_of(campaign_id)
    with transaction():
        scheduling.take_back(campaign)
        _note(campaign, "take_back")
    notice = "Taken back: it is a draft again, and nobody got it."
    return see_other("campaigns.send", campaign_id=campaign.id, notice=notice)


@bp.post("/<int:campaign_id>/pause")
@needs("campaigns.send")
def pause(campaign_id: int) -> ResponseReturnValue:
    return _steer(steering.pause, campaign_of(campaign_id), "Paused.")


@bp.post("/<int:campaign_id>/resume")
@needs("campaigns.send")
def resume(campaign_id: int) -> ResponseReturnValue:
    return _steer(steering.resume, campaign_of(campaign_id), "It goes on.")


@bp.post("/<int:campaign_id>/cancel")
@needs("campaigns.send")
def cancel(campaign_id: int) -> ResponseReturnValue:
    notice = "Stopped. What had not left stays here; the receipt shows who got it."
    answer = _steer(steering.cancel, campaign_of(campaign_id), notice)
    delivery_jobs.sweep_now()
    return answer


def _steer(verb: Callable[[Campaign, str], None], campaign: Campaign, notice: str) -> Response:
    with transaction():
        verb(campaign, current_member().name or current_member().email)
        _note(campaign, verb.__name__)
    return see_other("campaigns.show", campaign_id=campaign.id, notice=notice)


def _note(campaign: Campaign, verb: str) -> None:
    auditing.note(
        current_account(), current_member(), f"campaign.{verb}", f"campaign {campaign.id}"
    )
