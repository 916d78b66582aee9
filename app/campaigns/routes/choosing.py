"""The third stop: who gets it, how many that are, and what is wrong so far."""

from __future__ import annotations

from flask import Response, make_response, render_template, request
from flask.typing import ResponseReturnValue
from wtforms import SelectChoice

from app.auth.current import current_account
from app.campaigns import checks, composing, forms, jobs, numbers, queries
from app.campaigns.models import Campaign
from app.campaigns.routes.blueprint import bp
from app.campaigns.routes.stops import at_stop, campaign_of, refused, save
from app.core.fragments import page_or_fragment


@bp.get("/<int:campaign_id>/people")
def people(campaign_id: int) -> ResponseReturnValue:
    campaign = campaign_of(campaign_id)
    return _people_page(campaign, _people_form(campaign))


@bp.post("/<int:campaign_id>/people")
def save_people(campaign_id: int) -> ResponseReturnValue:
    campaign = campaign_of(campaign_id)
    form = _people_form(campaign)
    if not form.validate():
        return refused(campaign, form, lambda: _people_page(campaign, form, status=422))
    draft = composing.Draft(
        lists=form.lists.data,
        segments=form.segments.data,
        exclude=form.exclude.data,
        exclude_segments=form.exclude_segments.data,
    )
    return save(campaign, draft, form, "people")


def _people_form(campaign: Campaign) -> forms.PeopleForm:
    form = forms.PeopleForm(
        version=campaign.version,
        lists=list_ids(campaign, excluded=False),
        segments=_segment_ids(campaign, excluded=False),
        exclude=list_ids(campaign, excluded=True),
        exclude_segments=_segment_ids(campaign, excluded=True),
    )
    # What was chosen before and is archived now stays visible, so that it can be taken away.
    chosen = queries.owned_lists(
        campaign.account_id, [row.list_id for row in campaign.audience if row.list_id]
    )
    lists = {row.id: row for row in (*queries.lists(current_account()), *chosen)}
    form.lists.choices = form.exclude.choices = [
        SelectChoice(row.id, row.name) for row in lists.values()
    ]
    form.segments.choices = form.exclude_segments.choices = [
        SelectChoice(row.id, row.name) for row in queries.segments(campaign.account_id)
    ]
    return form


def list_ids(campaign: Campaign, *, excluded: bool) -> list[int]:
    """Lists that it goes to, or leaves out."""
    return [row.list_id for row in campaign.audience if row.list_id and row.excluded == excluded]


def _segment_ids(campaign: Campaign, *, excluded: bool) -> list[int]:
    found = [row for row in campaign.audience if row.excluded == excluded]
    return [row.segment_id for row in found if row.segment_id]


def _people_page(campaign: Campaign, form: forms.PeopleForm, status: int = 200) -> Response:
    ids = [choice.value for choice in form.lists.choices]
    lists = {row.id: row for row in queries.owned_lists(campaign.account_id, ids)}
    page = render_template(
        "campaigns/people.html", **at_stop(campaign, "people"), form=form, lists=lists
    )
    return make_response(page, status)


def reached_so_far(campaign: Campaign) -> numbers.Numbers | None:
    """As far as it is known; a worker is asked for the rest, and the page looks in again."""
    found = numbers.shown(campaign)
    if found is None or found.is_old:
        jobs.wake_count(campaign.id, campaign.version)
    return found


@bp.get("/<int:campaign_id>/numbers")
def show_numbers(campaign_id: int) -> ResponseReturnValue:
    """Counting may take a moment with very many people, so pages load this by itself."""
    campaign = campaign_of(campaign_id)
    reached = reached_so_far(campaign)
    if request.args.get("then") == "refresh":
        # The page that waits shows the number in several places.
        page = make_response(render_template("campaigns/_counting.html", campaign=campaign))
        if reached is not None:
            page.headers["HX-Refresh"] = "true"
        return page
    return page_or_fragment(
        "campaigns/numbers.html", "campaigns/_numbers.html", campaign=campaign,
        numbers=reached, words=checks.OUT_WORDS,
    )  # fmt: skip


@bp.get("/<int:campaign_id>/findings")
def findings(campaign_id: int) -> ResponseReturnValue:
    campaign = campaign_of(campaign_id)
    reached_so_far(campaign)
    return page_or_fragment(
        "campaigns/findings.html", "campaigns/_findings.html", campaign=campaign,
        findings=checks.preflight(campaign),
    )  # fmt: skip
