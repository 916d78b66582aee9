"""The welcome mail of a form: written by the owner, compiled and sent as campaigns are.

Behind it stands a Campaign of the kind *welcome*, so that it is signed, paced, bounces, is left
and is counted like any other mail. Its content is fixed once it went out: another text is another
Campaign. Who is to get it stands in FormEntry; `delivery.greeting` makes Deliveries of it.

Where the account asks for approval, a new text waits until somebody else than its writer has
approved it; the one before goes out meanwhile.
"""

from __future__ import annotations

import hashlib

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
    """Keep the text; where it is on, it goes out from now on, or `waits` for approval.

    Who came before gets nothing. Raises NotReady, Invalid.
    """
    greeting = of(form)
    before = (greeting.from_email, greeting.subject, greeting.body)
    campaign = _draft(form, from_email=from_email, subject=subject, body=body, by=by)
    greeting.from_email, greeting.subject = campaign.from_email, campaign.subject
    greeting.body, greeting.is_on = campaign.body, is_on
    if before != _of(campaign):
        greeting.written_by_id = by
    db.session.add(greeting)
    if waits(greeting):
        checks.demand_content(campaign)
        if not campaign.account.needs_approval:
            send_from_now_on(greeting, campaign)
    form.greets = is_on and greeting.campaign_id is not None
    db.session.flush()
    return greeting


def waits(greeting: Greeting) -> bool:
    """Whether it is on, and what is written is not what goes out."""
    if not greeting.is_on:
        return False
    live = db.session.get(Campaign, greeting.campaign_id) if greeting.campaign_id else None
    return live is None or _of(live) != (greeting.from_email, greeting.subject, greeting.body)


def mark(greeting: Greeting) -> str:
    """Of the text, so that what was looked at is what is approved."""
    text = "\n".join((greeting.from_email, greeting.subject, greeting.body))
    return hashlib.sha256(text.encode()).hexdigest()


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


def send_from_now_on(greeting: Greeting, campaign: Campaign) -> None:
    """A new text in the place of the one before."""
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
