"""What campaigns came to: the overview, one report, the people behind a number, CSV."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, render_template, request, stream_with_context
from flask.typing import ResponseReturnValue

from app.auth.current import current_account, demand, may, needs
from app.campaigns import queries as campaign_queries
from app.campaigns.models import Campaign
from app.contacts import queries as contact_queries
from app.core.clock import now
from app.core.db import transaction
from app.core.errors import DomainError
from app.core.fragments import page_or_fragment, see_other
from app.core.templating import count
from app.preferences import reasons
from app.reports import charts, desk, exporting, papers, people, queries

bp = Blueprint("reports", __name__)

#: A report asks for itself again so often while the campaign is young.
FRESH_S = 5
CALM_S = 30
YOUNG = timedelta(hours=1)
ALIVE = timedelta(hours=48)


@bp.get("/reports")
def index() -> ResponseReturnValue:
    account = current_account()
    return render_template(
        "reports/index.html",
        page=queries.overview(account, cursor=request.args.get("cursor")),
        average=queries.average(account),
    )


@bp.get("/campaigns/<int:campaign_id>/report")
def show(campaign_id: int) -> ResponseReturnValue:
    """As a fragment it asks again by itself while numbers still come."""
    campaign = campaign_queries.campaign(current_account(), campaign_id)
    return page_or_fragment("reports/show.html", "reports/_numbers.html", **_context(campaign))


@bp.get("/campaigns/<int:campaign_id>/report/people/<what>")
def show_people(campaign_id: int, what: str) -> ResponseReturnValue:
    campaign = campaign_queries.campaign(current_account(), campaign_id)
    demand("contacts.read")
    return render_template(
        "reports/people.html",
        campaign=campaign,
        what=what,
        page=people.who(campaign, what, cursor=request.args.get("cursor")),
        title=people.TITLES[what],
    )


@bp.get("/campaigns/<int:campaign_id>/report/people/<what>.csv")
@needs("contacts.export")
def people_csv(campaign_id: int, what: str) -> ResponseReturnValue:
    """Each time that it happened, streamed."""
    campaign = campaign_queries.campaign(current_account(), campaign_id)
    lines = exporting.events(campaign, what)
    response = Response(stream_with_context(lines), mimetype="text/csv")
    name = f"{_file_name(campaign)}-{what}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@bp.get("/campaigns/<int:campaign_id>/bounces")
def bounces(campaign_id: int) -> ResponseReturnValue:
    """The bounce desk; `reason` shows the people behind one of its groups."""
    campaign = campaign_queries.campaign(current_account(), campaign_id)
    chosen = request.args.get("reason", "")
    if chosen:
        demand("contacts.read")
    cursor = request.args.get("cursor")
    return render_template(
        "reports/bounces.html",
        campaign=campaign,
        groups=desk.groups(campaign),
        whose=desk.WHOSE,
        repairs=[] if chosen or not may("contacts.read") else desk.repairs(campaign),
        chosen=desk.KINDS.get(chosen),
        page=desk.people(campaign, chosen, cursor=cursor) if chosen else None,
    )


@bp.post("/campaigns/<int:campaign_id>/bounces/mend/<int:contact_id>")
@needs("contacts.change")
def mend(campaign_id: int, contact_id: int) -> ResponseReturnValue:
    account = current_account()
    campaign = campaign_queries.campaign(account, campaign_id)
    contact = contact_queries.contact(account, contact_id)
    before = contact.email
    try:
        with transaction():
            right = desk.mend(contact)
    except DomainError as error:
        words = f"{before} stays as it is. {error}"
        return see_other("reports.bounces", campaign_id=campaign.id, notice=words, kind="bad")
    words = f"{before} is {right} now, and is mailed from the next campaign on."
    return see_other("reports.bounces", campaign_id=campaign.id, notice=words)


@bp.post("/campaigns/<int:campaign_id>/bounces/mend")
@needs("contacts.change")
def mend_all(campaign_id: int) -> ResponseReturnValue:
    campaign = campaign_queries.campaign(current_account(), campaign_id)
    with transaction():
        mended, left = desk.mend_all(campaign)
    words = f"{count(mended, 'address is', 'addresses are')} mended."
    if left:
        words += (
            f" {count(left, 'stays', 'stay')} as before: the right address is among your contacts "
            "already, or must not be mailed."
        )
    kind = "warn" if left else "done"
    return see_other("reports.bounces", campaign_id=campaign.id, notice=words, kind=kind)


@bp.get("/campaigns/<int:campaign_id>/report.csv")
def download(campaign_id: int) -> ResponseReturnValue:
    campaign = campaign_queries.campaign(current_account(), campaign_id)
    text = papers.as_csv(campaign, queries.report(campaign.id), queries.hours(campaign.id))
    response = Response(text, mimetype="text/csv")
    name = f"{_file_name(campaign)}-report.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _file_name(campaign: Campaign) -> str:
    return re.sub(r"[^a-z0-9]+", "-", campaign.name.lower()).strip("-") or "campaign"


def _context(campaign: Campaign) -> dict[str, Any]:
    return {
        "campaign": campaign,
        "report": queries.report(campaign.id),
        "average": queries.average(campaign.account, without=campaign.id),
        "curve": charts.curve(queries.hours(campaign.id), campaign.account.zone),
        "again_s": _again_s(campaign),
        "said": reasons.of_campaign(campaign.id),
        "reason_words": reasons.WORDS,
        "quotes": reasons.in_words(campaign_id=campaign.id),
    }


def _again_s(campaign: Campaign) -> int:
    """Seconds until the page asks again; 0 when hardly anything comes any more."""
    if campaign.state in ("sending", "paused"):
        return FRESH_S
    age = now() - (campaign.finished_at or campaign.started_at or campaign.updated_at)
    if campaign.state != "sent" or age > ALIVE:
        return 0
    return FRESH_S if age < YOUNG else CALM_S
