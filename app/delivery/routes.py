"""How far a campaign is, its receipt, and what became of each recipient."""

from __future__ import annotations

import re

from flask import Blueprint, Response, render_template, request, stream_with_context
from flask.typing import ResponseReturnValue

from app.accounts import auditing
from app.auth.current import current_account, current_member, demand, may, needs
from app.campaigns import queries as campaign_queries
from app.campaigns.models import Campaign
from app.core import fragments
from app.core.db import transaction
from app.delivery import deciding, jobs, progress, reading, receipts

bp = Blueprint("delivery", __name__, url_prefix="/campaigns/<int:campaign_id>")


def _campaign(campaign_id: int) -> Campaign:
    return campaign_queries.campaign(current_account(), campaign_id)


@bp.get("/progress")
def show_progress(campaign_id: int) -> ResponseReturnValue:
    """How far it is; as a fragment it asks again by itself until the campaign rests."""
    campaign = _campaign(campaign_id)
    return fragments.page_or_fragment(
        "delivery/progress.html",
        "delivery/_progress.html",
        campaign=campaign,
        **progress.panel(campaign),
    )


@bp.get("/receipt")
def receipt(campaign_id: int) -> ResponseReturnValue:
    campaign = _campaign(campaign_id)
    return render_template(
        "delivery/receipt.html",
        campaign=campaign,
        receipt=receipts.receipt(campaign.id),
        diary=reading.diary(campaign),
    )


@bp.get("/recipients")
def recipients(campaign_id: int) -> ResponseReturnValue:
    campaign = _campaign(campaign_id)
    demand("contacts.read")
    state = request.args.get("state", "")
    reason = request.args.get("reason", "")
    return render_template(
        "delivery/recipients.html",
        campaign=campaign,
        receipt=receipts.receipt(campaign.id),
        page=reading.recipients(
            campaign, state=state, reason=reason, cursor=request.args.get("cursor")
        ),
        state=state,
        reason=reason,
    )


@bp.get("/recipients.csv")
@needs("contacts.export")
def recipients_csv(campaign_id: int) -> ResponseReturnValue:
    """Every recipient with the outcome, streamed."""
    campaign = _campaign(campaign_id)
    name = re.sub(r"[^a-z0-9]+", "-", campaign.name.lower()).strip("-") or "campaign"
    response = Response(stream_with_context(reading.as_csv(campaign)), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}-recipients.csv"'
    return response


@bp.get("/uncertain")
def uncertain(campaign_id: int) -> ResponseReturnValue:
    campaign = _campaign(campaign_id)
    return render_template(
        "delivery/uncertain.html",
        campaign=campaign,
        receipt=receipts.receipt(campaign.id),
        page=reading.recipients(campaign, state="uncertain", cursor=request.args.get("cursor"))
        if may("contacts.read")
        else None,
    )


@bp.post("/uncertain/send-again")
def send_again(campaign_id: int) -> ResponseReturnValue:
    campaign = _campaign(campaign_id)
    with transaction():
        deciding.send_again(campaign)
        _note(campaign, "send_again")
    jobs.wake(campaign_id)
    return fragments.see_other(
        "delivery.show_progress", campaign_id=campaign_id, notice="They are being sent again."
    )


@bp.post("/uncertain/treat-as-sent")
def treat_as_sent(campaign_id: int) -> ResponseReturnValue:
    campaign = _campaign(campaign_id)
    with transaction():
        deciding.treat_as_sent(campaign)
        _note(campaign, "treat_as_sent")
    return fragments.see_other(
        "delivery.receipt", campaign_id=campaign_id, notice="They count as sent now."
    )


def _note(campaign: Campaign, verb: str) -> None:
    account, member = current_account(), current_member()
    auditing.note(account, member, f"campaign.{verb}", f"campaign {campaign.id}")
