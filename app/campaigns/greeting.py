"""The welcome mail of a form: written by the owner, compiled and sent as campaigns are.

Behind it stands a Campaign of the kind *welcome*, so that it is signed, paced, bounces, is left
and is counted like any other mail. Its content is fixed once it went out: another text is another
Campaign. Who is to get it stands in FormEntry; `delivery.greeting` makes Deliveries of it.
"""

from __future__ import annotations

from app.accounts.models import Account
from app.campaigns import checks, composing
from app.campaigns.models import Campaign, CampaignAudience, Greeting
from app.contacts.models import SignUpForm
from app.core.clock import now
from app.core.db import db

NAME = "Welcome: {form}"


def of(form: SignUpForm) -> Greeting:
    """What is written so far; an empty one, not stored, where nothing is."""
    found = db.session.get(Greeting, form.id)
    return found or Greeting(
        form_id=form.id, account_id=form.account_id, is_on=False, from_email="", subject="", body=""
    )


def write(
    form: SignUpForm, *, from_email: str, subject: str, body: str, is_on: bool, by: int | None
) -> Greeting:
    """Keep the text; where it is on, it goes out from now on. Raises NotReady, Invalid.

    Who came before gets nothing.
    """
    greeting = of(form)
    before = (greeting.from_email, greeting.subject, greeting.body)
    campaign = _draft(form, from_email=from_email, subject=subject, body=body, by=by)
    greeting.from_email, greeting.subject = campaign.from_email, campaign.subject
    greeting.body, greeting.is_on = campaign.body, is_on
    form.greets = is_on
    db.session.add(greeting)
    if is_on and (greeting.campaign_id is None or before != _of(campaign)):
        _send_from_now_on(greeting, campaign)
    db.session.flush()
    return greeting


def draft(form: SignUpForm, greeting: Greeting) -> Campaign:
    """The mail as it is written now, for checks and tests; not stored."""
    return _draft(
        form, from_email=greeting.from_email, subject=greeting.subject, body=greeting.body, by=None
    )


def _of(campaign: Campaign) -> tuple[str, str, str]:
    return campaign.from_email, campaign.subject, campaign.body


def _draft(
    form: SignUpForm, *, from_email: str, subject: str, body: str, by: int | None
) -> Campaign:
    account = db.session.get_one(Account, form.account_id)
    with db.session.no_autoflush:
        campaign = composing.written(
            account,
            composing.Draft(
                name=NAME.format(form=form.name[:180]), subject=subject, from_email=from_email,
                from_name=account.name, body=body, format="markdown", tracking="individual",
            ),
        )  # fmt: skip
    campaign.kind, campaign.created_by_id = "welcome", by
    return campaign


def _send_from_now_on(greeting: Greeting, campaign: Campaign) -> None:
    checks.demand_content(campaign)
    moment = now()
    # Over at once: it wakes for each person who comes, and rests again.
    campaign.state, campaign.planned_at = "sent", moment
    campaign.started_at = campaign.finished_at = moment
    db.session.add(campaign)
    db.session.flush()
    greeting.campaign_id = campaign.id


def aim(campaign: Campaign, list_ids: set[int]) -> None:
    """People of these lists may get it; who has left them all is skipped."""
    here = {row.list_id for row in campaign.audience}
    for list_id in sorted(list_ids - here):
        campaign.audience.append(CampaignAudience(list_id=list_id))
