"""What the four stops of composing have in common: loading, saving, and saying what is wrong."""

from __future__ import annotations

from flask import Response, make_response, render_template
from flask.typing import ResponseReturnValue

from app.auth.current import current_account, current_member, may
from app.campaigns import composing, forms, queries
from app.campaigns.models import Campaign
from app.core.clock import now
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.fragments import page_or_fragment, see_other, wants_fragment

STOPS = (("write", "Write"), ("look", "Look"), ("people", "People"), ("send", "Send"))
WRITTEN = ("name", "subject", "preheader", "from_email", "from_name", "reply_to", "format",
           "body", "text_body")  # fmt: skip


def campaign_of(campaign_id: int) -> Campaign:
    """One of the account that is looked at. Raises NotFound."""
    return queries.campaign(current_account(), campaign_id)


def at_stop(campaign: Campaign, stop: str) -> dict[str, object]:
    """What the template of a stop is given."""
    return {"campaign": campaign, "stop": stop, "stops": STOPS, "locked": _locked(campaign)}


def _locked(campaign: Campaign) -> bool:
    return campaign.state != "draft" or not may("campaigns.write")


def save(
    campaign: Campaign, draft: composing.Draft, form: forms.Versioned, stop: str
) -> ResponseReturnValue:
    """Write a draft; the answer is a line beside the form, or the page again."""
    try:
        with transaction():
            # A form that does not say what it was made from must not overwrite anything.
            version = form.version.data or 0
            composing.revise(campaign, draft, version, by=current_member().id)
    except composing.Conflict:
        return _conflict(campaign.id, draft, form, stop)
    if wants_fragment():
        return render_template(
            "campaigns/_saved.html", campaign=campaign, at=now(), problems=[], stop=stop
        )
    return see_other(f"campaigns.{stop}", campaign_id=campaign.id, notice="Saved.")


def _conflict(
    campaign_id: int, draft: composing.Draft, form: forms.Versioned, stop: str
) -> Response:
    theirs = campaign_of(campaign_id)
    mine = {
        name: value for name in WRITTEN if isinstance(value := getattr(draft, name), str)
    } if stop == "write" else {}  # fmt: skip
    differing = [name for name, value in mine.items() if value != getattr(theirs, name)]
    return page_or_fragment(
        "campaigns/conflict.html", "campaigns/_conflict.html", status=409,
        campaign=theirs, version=form.version.data, mine=mine, differing=differing, stop=stop,
    )  # fmt: skip


def refused(campaign: Campaign, form: forms.Versioned, page: object) -> ResponseReturnValue:
    """Autosave says what is wrong in its line; without JavaScript the form comes again."""
    if not wants_fragment():
        return page()  # type: ignore[operator,no-any-return]
    problems = [str(message) for messages in form.errors.values() for message in messages]
    shown = render_template(
        "campaigns/_saved.html", campaign=campaign, at=None, problems=problems,
        version=form.version.data,
    )  # fmt: skip
    return make_response(shown, 422)


def blame(form: forms.Versioned, error: Invalid) -> None:
    """Put the messages of a verb beside their fields."""
    for name, messages in error.errors.items():
        if name in form:
            form[name].errors = [*form[name].errors, *messages]
    if not form.errors:
        raise error
